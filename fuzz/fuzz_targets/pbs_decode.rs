//! Whatever a server on the PBS port sends, decoding ends in a value or an error.
//!
//! Seeds: `cargo +nightly fuzz run pbs_decode corpus/pbs_decode ../tests/fixtures/pbs`
#![no_main]

use libfuzzer_sys::fuzz_target;
use pulse_proxmox::decode;
use pulse_proxmox::pbs::types as t;

macro_rules! decode_as {
    ($body:expr; $($name:ident),* $(,)?) => {$(
        let _ = decode::list::<t::$name>($body);
        let _ = decode::object::<t::$name>($body);
    )*};
}

fuzz_target!(|body: &[u8]| {
    decode_as!(
        body;
        Version, NodeStatus, DatastoreEntry, DatastoreUsage, DatastoreStatus, GcStatus, Namespace,
        Group, Snapshot, Job, GcJob, Task,
    );
});
