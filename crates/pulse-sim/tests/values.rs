//! Values over time: the same for the same seed, counters that only grow and fit their rates.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use pulse_sim::{Clock, Datacenter, Fleet, FleetSpec, HostFleet};
use serde_json::Value;

const START: i64 = 1_795_600_000_000;

fn sim(fleet: Fleet, seed: u64) -> Datacenter {
    Datacenter::new(fleet, seed, Clock::manual(START))
}

fn running(sim: &Datacenter) -> Vec<Value> {
    let all = sim.get(0, "/cluster/resources?type=vm").json();
    let all = all["data"].as_array().unwrap().clone();
    all.into_iter()
        .filter(|g| g["status"] == "running")
        .collect()
}

#[test]
fn the_same_seed_gives_the_same_answers() {
    let (one, two, other) = (sim(Fleet::M, 5), sim(Fleet::M, 5), sim(Fleet::M, 6));
    for path in [
        "/cluster/resources",
        "/nodes/pve2/qemu?full=1",
        "/nodes/pve1/rrddata?timeframe=week",
        "/nodes/pve3/tasks",
        "/nodes/pve1/storage/pbs-main/content",
    ] {
        assert_eq!(one.get(0, path), two.get(0, path), "{path}");
        assert_ne!(one.get(0, path).body, other.get(0, path).body, "{path}");
    }
    assert_eq!(one.api_token(), two.api_token());
    let report = |sim: &Datacenter| HostFleet::of(sim, 5).host_report(3, START);
    assert_eq!(report(&one), report(&two));
}

#[test]
fn fleets_have_their_sizes() {
    for (fleet, clusters, nodes, guests) in [
        (Fleet::S, 1, 1, 15),
        (Fleet::M, 1, 4, 150),
        (Fleet::L, 1, 20, 800),
        (Fleet::Xl, 10, 100, 5_000),
        (Fleet::Xxl, 40, 400, 20_000),
    ] {
        let sim = sim(fleet, 1);
        assert_eq!(sim.clusters(), clusters);
        let all = 0..clusters;
        assert_eq!(
            all.clone().map(|c| sim.nodes(c).len()).sum::<usize>(),
            nodes
        );
        assert_eq!(all.map(|c| sim.guests(c).len()).sum::<usize>(), guests);
    }
    assert_eq!(sim(Fleet::S, 1).cluster_name(0), None);
    let status = sim(Fleet::S, 1).get(0, "/cluster/status").json();
    assert_eq!(status["data"].as_array().unwrap().len(), 1);
}

#[test]
fn the_mix_is_as_promised() {
    let sim = sim(Fleet::L, 1);
    let guests = sim.guests(0);
    let share = |count: usize| count as f64 / guests.len() as f64;
    let vms = share(guests.iter().filter(|g| g.kind == "qemu").count());
    let stopped = share(guests.iter().filter(|g| !g.running).count());
    assert!((0.35..0.45).contains(&vms), "{vms}");
    assert!((0.07..0.14).contains(&stopped), "{stopped}");
    assert!(guests.iter().any(|g| g.template));
    assert!(guests.iter().any(|g| !g.name.is_ascii()));
    let idle = running(&sim)
        .iter()
        .filter(|g| g["cpu"].as_f64() < Some(0.1))
        .count();
    assert!(share(idle) > 0.5);
    for node in sim.get(0, "/nodes").json()["data"].as_array().unwrap() {
        let mem = node["mem"].as_f64().unwrap() / node["maxmem"].as_f64().unwrap();
        assert!((0.05..0.99).contains(&mem), "{node}");
        assert!(node["cpu"].as_f64() < Some(0.97), "{node}");
    }
}

#[test]
fn counters_only_grow_while_uptime_does() {
    let sim = sim(Fleet::M, 3);
    let mut before = running(&sim);
    for step in 0..200 {
        sim.clock()
            .advance(Duration::from_millis(1_700 * (1 + step % 40)));
        let now = running(&sim);
        for (old, new) in before.iter().zip(&now) {
            assert_eq!(old["id"], new["id"]);
            // A restart of its own.
            if new["uptime"].as_u64() < old["uptime"].as_u64() {
                continue;
            }
            for key in ["netin", "netout", "diskread", "diskwrite"] {
                assert!(
                    new[key].as_u64() >= old[key].as_u64(),
                    "{key} of {}",
                    new["id"]
                );
            }
        }
        before = now;
    }
}

#[test]
fn counters_fit_the_rates_of_the_time_series() {
    let sim = sim(Fleet::M, 3);
    let vm = sim
        .guests(0)
        .into_iter()
        .find(|g| g.kind == "qemu" && g.running)
        .unwrap();
    let base = format!("/nodes/{}/qemu/{}", vm.node, vm.vmid);
    let count = || {
        sim.get(0, &format!("{base}/status/current")).json()["data"]["netin"]
            .as_f64()
            .unwrap()
    };
    let before = count();
    sim.clock().advance(Duration::from_secs(3_600));
    let grown = count() - before;
    let rows = sim.get(0, &format!("{base}/rrddata?timeframe=hour")).json();
    let rows = rows["data"].as_array().unwrap();
    let summed: f64 = rows
        .iter()
        .rev()
        .take(60)
        .map(|r| r["netin"].as_f64().unwrap() * 60.0)
        .sum();
    assert!(
        (summed / grown - 1.0).abs() < 0.25,
        "{summed} against {grown}"
    );
    assert_eq!(rows.len(), 70);
}

#[test]
fn values_move_but_do_not_jump() {
    let sim = sim(Fleet::M, 3);
    let cpu = || {
        sim.get(0, "/nodes").json()["data"][0]["cpu"]
            .as_f64()
            .unwrap()
    };
    let mut seen = vec![cpu()];
    for _ in 0..360 {
        sim.clock().advance(Duration::from_secs(10));
        let now = cpu();
        assert!((now - seen[seen.len() - 1]).abs() < 0.25);
        seen.push(now);
    }
    seen.dedup();
    assert!(seen.len() > 300);
}

#[test]
fn a_fast_clock_lets_time_pass_quicker() {
    let clock = Clock::fast_from(START, 10_000.0);
    let sim = Datacenter::new(FleetSpec::new(1, 1, 3), 1, clock);
    let uptime = || {
        sim.get(0, "/nodes").json()["data"][0]["uptime"]
            .as_u64()
            .unwrap()
    };
    let begun = (uptime(), std::time::Instant::now());
    while begun.1.elapsed() < Duration::from_millis(20) {
        std::hint::spin_loop();
    }
    let passed = uptime() - begun.0;
    assert!(passed >= 200, "{passed}");
}
