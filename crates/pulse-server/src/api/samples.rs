//! Resources for unit tests of handlers.
#![cfg(test)]

use pulse_core::rates::Rates;
use pulse_core::{Capacity, Guest, GuestKind, GuestStatus, Liveness, Memory, Ratio, Timestamp};

/// A running VM of instance `lab` on node `a`.
pub fn guest(vmid: u32) -> Guest {
    Guest {
        id: format!("lab:a:{vmid}"),
        instance: "lab".into(),
        node: "a".into(),
        vmid,
        kind: GuestKind::Qemu,
        name: format!("guest-{vmid}"),
        status: GuestStatus::Running,
        cpu: Ratio::default(),
        cpus: 1,
        memory: Memory::default(),
        disk: Capacity::default(),
        filesystems: Vec::new(),
        rates: Rates::zero(),
        uptime: 1,
        template: false,
        tags: Vec::new(),
        lock: String::new(),
        pool: String::new(),
        os_name: String::new(),
        os_version: String::new(),
        agent_version: String::new(),
        os_template: String::new(),
        ip_addresses: Vec::new(),
        interfaces: Vec::new(),
        agent_seen: None,
        last_backup: None,
        seen: Timestamp::default(),
        liveness: Liveness::Fresh,
    }
}
