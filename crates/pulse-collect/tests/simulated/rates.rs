//! Bytes a second, from counters that move, reset, stand still and change places.

use std::collections::BTreeMap;

use pulse_core::rates::Rates;
use pulse_core::{BytesPerSecond, Unknown};
use pulse_sim::{Effect, Fault, Fleet, PowerState};

use crate::lab::{Lab, Setup, guest};

fn net_in(rates: Rates) -> Option<f64> {
    rates.net_in.known().map(BytesPerSecond::get)
}

/// No rate of a simulated guest comes near: that would be a whole counter taken as growth.
const SPIKE: f64 = 2e8;

#[track_caller]
fn no_spike(rates: Rates) {
    for rate in [
        rates.net_in,
        rates.net_out,
        rates.disk_read,
        rates.disk_write,
    ] {
        let rate = rate.known().map_or(0.0, BytesPerSecond::get);
        assert!((0.0..SPIKE).contains(&rate), "{rates:?}");
    }
}

/// Counters by vmid as the lists that the collector reads give them.
fn counters(lab: &Lab) -> BTreeMap<u32, u64> {
    let mut rows = lab.truth("/cluster/resources?type=vm");
    rows.retain(|r| r["type"] == "lxc");
    for name in lab.sim.nodes(0) {
        rows.extend(lab.truth(&format!("/nodes/{name}/qemu?full=1")));
    }
    rows.iter()
        .filter(|r| r["status"] == "running")
        .map(|r| {
            (
                r["vmid"].as_u64().unwrap() as u32,
                r["netin"].as_u64().unwrap(),
            )
        })
        .collect()
}

#[tokio::test]
async fn rates_are_the_growth_of_the_simulated_counters() {
    let mut lab = Setup::of(Fleet::M).build().await;
    let first = lab.poll().await;
    for found in first
        .guests
        .iter()
        .flatten()
        .filter(|g| g.status.is_running())
    {
        assert_eq!(found.rates.net_in.reason(), Some(Unknown::FirstSample));
    }
    let before = counters(&lab);
    lab.pass(10);
    let second = lab.poll().await;
    let after = counters(&lab);
    let mut compared = 0;
    for (vmid, now) in &after {
        let found = guest(&second, *vmid);
        if found.template {
            continue;
        }
        let expected = (now - before[vmid]) as f64 / 10.0;
        let rate = net_in(found.rates).unwrap();
        assert!(
            (rate - expected).abs() < 0.5,
            "{vmid}: {rate} is not {expected}"
        );
        compared += 1;
    }
    assert!(compared > 100, "{compared}");
    assert!(
        second
            .guests
            .iter()
            .flatten()
            .any(|g| net_in(g.rates) > Some(0.0))
    );
}

#[tokio::test]
async fn counters_that_reset_and_guests_that_restart_make_no_spike() {
    let mut lab = Lab::small().await;
    let (vm, _) = lab.some("qemu");
    let (container, _) = lab.some("lxc");
    lab.poll().await;
    lab.pass(10);
    lab.poll().await;
    for order in [
        |vmid| Fault::ResetCounters { vmid },
        |vmid| Fault::Restart { vmid },
    ] {
        lab.pass(4);
        lab.fault(order(vm));
        lab.fault(order(container));
        for _ in 0..4 {
            lab.pass(6);
            let report = lab.poll().await;
            no_spike(guest(&report, vm).rates);
            no_spike(guest(&report, container).rates);
        }
    }
    let report = lab.poll().await;
    assert!(net_in(guest(&report, vm).rates).is_some());
}

#[tokio::test]
async fn a_guest_that_stops_has_no_traffic_and_starts_anew() {
    let mut lab = Lab::small().await;
    let (vmid, _) = lab.some("lxc");
    lab.poll().await;
    lab.fault(Fault::Power {
        vmid,
        state: PowerState::Stopped,
    });
    lab.pass(10);
    let report = lab.poll().await;
    let stopped = guest(&report, vmid);
    assert_eq!(stopped.status.as_str(), "stopped");
    assert_eq!((net_in(stopped.rates), stopped.cpu.get()), (Some(0.0), 0.0));
    lab.fault(Fault::Power {
        vmid,
        state: PowerState::Running,
    });
    lab.pass(10);
    let report = lab.poll().await;
    let reason = guest(&report, vmid).rates.net_in.reason();
    assert_eq!(reason, Some(Unknown::FirstSample));
}

#[tokio::test]
async fn a_migration_gives_a_new_id_and_no_spike() {
    let mut lab = Lab::small().await;
    for kind in ["qemu", "lxc"] {
        let (vmid, from) = lab.some(kind);
        let to = lab.sim.nodes(0).into_iter().find(|n| *n != from).unwrap();
        lab.poll().await;
        lab.pass(10);
        lab.poll().await;
        lab.fault(Fault::Migrate {
            vmid,
            to: to.clone(),
        });
        for cycle in 0..3 {
            lab.pass(10);
            let report = lab.poll().await;
            let found = guest(&report, vmid);
            assert_eq!(found.id, format!("lab:{to}:{vmid}"));
            no_spike(found.rates);
            assert_eq!(net_in(found.rates).is_some(), cycle > 0);
        }
        let guests = lab.poll().await.guests.unwrap();
        assert_eq!(guests.iter().filter(|g| g.vmid == vmid).count(), 1);
    }
}

#[tokio::test]
async fn a_missing_vm_list_for_one_cycle_makes_no_spike() {
    let mut lab = Lab::small().await;
    let (vmid, place) = lab.some("qemu");
    lab.poll().await;
    lab.pass(10);
    lab.poll().await;
    lab.bend(
        &format!("/nodes/{place}/qemu"),
        Effect::Status {
            code: 500,
            reason: "got timeout".to_owned(),
        },
    );
    for healed in [false, true, true] {
        if healed {
            lab.sim.heal();
        }
        lab.pass(10);
        let report = lab.poll().await;
        no_spike(guest(&report, vmid).rates);
    }
    lab.pass(10);
    let report = lab.poll().await;
    assert!(net_in(guest(&report, vmid).rates).is_some());
}
