//! Whatever a server on the PVE port sends, decoding ends in a value or an error.
//!
//! Seeds: `cargo +nightly fuzz run pve_decode corpus/pve_decode ../tests/fixtures/pve`
#![no_main]

use libfuzzer_sys::fuzz_target;
use pulse_proxmox::decode;
use pulse_proxmox::types as t;

macro_rules! decode_as {
    ($body:expr; $($name:ident),* $(,)?) => {$(
        let _ = decode::list::<t::$name>($body);
        let _ = decode::object::<t::$name>($body);
        let _ = decode::agent_list::<t::$name>($body);
        let _ = decode::agent_object::<t::$name>($body);
    )*};
}

fuzz_target!(|body: &[u8]| {
    decode_as!(
        body;
        Version, Permissions, NodeEntry, NodeStatus, ClusterStatus, Resource, HaStatus, GuestStatus, GuestConfig,
        Snapshot, AgentInterface, AgentFilesystem, AgentOs, AgentInfo, LxcInterface, RrdPoint, StorageDefinition,
        NodeStorage, StorageContent, Task, Disk, ZfsPool, ZfsPoolDetail, NetworkInterface, AptUpdate, Replication,
        BackupJob, Unprotected, CephStatus, CephPoolRow, CephOsdTree, CephDf, HaManagerStatus, HaResource, ClusterConfigNode,
        QDeviceStatus, AptVersion, Certificate, LvmThin,
    );
});
