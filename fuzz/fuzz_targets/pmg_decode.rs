//! Whatever a server on the PMG port sends, decoding ends in a value or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pulse_proxmox::decode;
use pulse_proxmox::pmg::{read_queue, read_shape, types as t};

macro_rules! decode_as {
    ($body:expr; $($name:ident),* $(,)?) => {$(
        let _ = decode::list::<t::$name>($body);
        let _ = decode::object::<t::$name>($body);
    )*};
}

fuzz_target!(|body: &[u8]| {
    decode_as!(
        body;
        Version, ClusterNode, NodeEntry, NodeStatus, Backup, MailStatistics, MailCount, SpamScore,
        QuarantineStatus,
    );
    let _ = read_queue(body);
    let _ = read_shape(body);
});
