//! When a node counts as online, offline, gone.

use pulse_core::{Bytes, InstanceHealth, MemorySource};

use crate::world::{GIB, World};

fn two_nodes() -> World {
    let mut world = World::new()
        .cluster("prod", &["a", "b"])
        .guests("prod", &["101@a", "102@b"]);
    world.run(60);
    world
}

/// Runs a story in steps of `(seconds from its start, nodes)`.
#[track_caller]
fn expect_nodes(world: &mut World, steps: &[(i64, &str)]) {
    let start = world.elapsed;
    for (at, expected) in steps {
        let left = start + at - world.elapsed;
        world.run(left);
        assert_eq!(world.nodes(), *expected, "{at} s later");
    }
}

#[test]
fn a_node_stays_online_for_a_minute_after_pve_calls_it_offline() {
    let mut world = two_nodes();
    world.power_off("b");
    expect_nodes(
        &mut world,
        &[
            (10, "a online, b online"),
            (30, "a online, b online"),
            // Older than three intervals: shown, but marked.
            (40, "a online, b online stale"),
            (55, "a online, b online stale"),
            (60, "a online, b offline stale"),
            (600, "a online, b offline stale"),
        ],
    );
    // The connection itself is fine.
    assert_eq!(world.health("prod"), InstanceHealth::Healthy);
    world.power_on("b");
    expect_nodes(&mut world, &[(10, "a online, b online")]);
}

#[test]
fn within_the_grace_the_last_numbers_stay_and_after_it_there_are_none() {
    let mut world = two_nodes();
    world.power_off("b");
    world.run(30);
    let node = world.find_node("b");
    assert_eq!(
        (
            node.cpu.get(),
            node.memory.used,
            node.memory.total,
            node.uptime
        ),
        (0.25, Bytes(20 * GIB), Bytes(64 * GIB), 86_400)
    );
    world.run(40);
    let node = world.find_node("b");
    assert_eq!(
        (node.cpu.get(), node.memory.used, node.uptime, node.load),
        (0.0, Bytes(0), 0, None)
    );
    // Facts that do not age stay, and so does when it was last seen.
    assert_eq!(node.memory.total, Bytes(64 * GIB));
    assert_eq!(node.kernel_version, "6.8.12-9-pve");
    assert_eq!(node.disk.total, Bytes(100 * GIB));
    assert_eq!(world.now.since(node.seen), 70_000);
}

#[test]
fn a_node_that_is_offline_from_the_start_gets_no_grace() {
    let mut world = World::new().cluster("prod", &["a", "b"]);
    world.power_off("b");
    expect_nodes(&mut world, &[(10, "a online, b offline stale")]);
}

#[test]
fn a_node_that_blinks_within_the_grace_is_never_shown_offline() {
    let mut world = two_nodes();
    for _ in 0..6 {
        world.power_off("b");
        world.run(40);
        assert!(world.nodes().contains("b online"), "{}", world.nodes());
        world.power_on("b");
        world.run(10);
        assert_eq!(world.nodes(), "a online, b online");
    }
}

#[test]
fn polls_that_fail_change_nothing_for_a_minute_and_then_everything_is_offline() {
    let mut world = two_nodes();
    world.polls_fail();
    expect_nodes(
        &mut world,
        &[
            (10, "a online, b online"),
            (30, "a online, b online"),
            (40, "a online stale, b online stale"),
            (55, "a online stale, b online stale"),
            (60, "a offline stale, b offline stale"),
            (7200, "a offline stale, b offline stale"),
        ],
    );
    let node = world.find_node("a");
    assert_eq!((node.cpu.get(), node.uptime), (0.0, 0));
    assert_eq!(node.health, InstanceHealth::Error);
    assert_eq!(world.error("prod"), "no route to host");
    let snapshot = world.snapshot();
    assert_eq!(snapshot.connection_health.get("prod"), Some(&false));
    world.polls_work();
    expect_nodes(&mut world, &[(10, "a online, b online")]);
    assert_eq!(world.guest_list(), "101@a running, 102@b running");
    assert_eq!(world.health("prod"), InstanceHealth::Healthy);
    assert_eq!(world.error("prod"), "");
}

#[test]
fn an_outage_shorter_than_the_grace_leaves_no_trace() {
    let mut world = two_nodes();
    world.polls_fail();
    world.run(50);
    world.polls_work();
    expect_nodes(&mut world, &[(10, "a online, b online")]);
    // Failures do not add up over outages.
    world.polls_fail();
    world.run(50);
    assert_eq!(world.nodes(), "a online stale, b online stale");
}

#[test]
fn a_source_that_says_nothing_at_all_goes_offline_too() {
    let mut world = two_nodes();
    // The poller hangs: neither answers nor failures arrive.
    let silent = std::mem::take(&mut world.instances);
    expect_nodes(
        &mut world,
        &[
            (30, "a online, b online"),
            (50, "a online stale, b online stale"),
            (60, "a offline stale, b offline stale"),
        ],
    );
    assert_eq!(world.health("prod"), InstanceHealth::Error);
    world.instances = silent;
    expect_nodes(&mut world, &[(70, "a online, b online")]);
}

#[test]
fn an_empty_node_list_is_a_fault_of_the_answer() {
    let mut world = two_nodes();
    world.only().empty_node_list = true;
    world.only().guests.clear();
    world.run(10);
    assert_eq!(world.nodes(), "a online, b online");
    assert_eq!(world.guest_list(), "101@a running, 102@b running");
    assert_eq!(world.health("prod"), InstanceHealth::Error);
    assert!(world.error("prod").contains("empty node list"));
    let snapshot = world.snapshot();
    assert_eq!(snapshot.connection_health.get("prod"), Some(&false));
    world.run(70);
    assert_eq!(world.nodes(), "a offline stale, b offline stale");
    assert_eq!(
        world.guest_list(),
        "101@a unknown stale, 102@b unknown stale"
    );
}

#[test]
fn a_node_that_left_the_cluster_is_dropped_after_five_minutes() {
    let mut world = two_nodes();
    world.only().nodes.remove("b");
    world.only().guests.remove(&102);
    expect_nodes(
        &mut world,
        &[(290, "a online, b offline stale"), (300, "a online")],
    );
    assert_eq!(world.guest_list(), "101@a running");
}

#[test]
fn a_node_that_is_not_listed_for_a_while_is_not_called_online() {
    let mut world = two_nodes();
    world.only().nodes.remove("b");
    expect_nodes(
        &mut world,
        &[
            (30, "a online, b online"),
            (40, "a online, b online stale"),
            (60, "a online, b offline stale"),
        ],
    );
}

#[test]
fn a_failed_status_call_keeps_facts_and_the_better_memory_figure() {
    let mut world = two_nodes();
    world.node("a").silent = true;
    world.run(10);
    let node = world.find_node("a");
    assert_eq!(node.memory.used, Bytes(20 * GIB));
    assert_eq!(node.memory.source, MemorySource::PreviousSnapshot);
    assert_eq!(node.load, Some([0.5, 0.4, 0.3]));
    assert_eq!(node.pve_version, "pve-manager/8.4.1");
    assert_eq!(world.nodes(), "a online, b online");
}

#[test]
fn a_second_connection_to_a_cluster_is_refused_and_takes_over_when_the_first_is_removed() {
    let mut world = World::new()
        .watched_as("one", Some("prod"), &["a", "b"])
        .guests("one", &["101@a"])
        .watched_as("two", Some("prod"), &["a", "b"])
        .guests("two", &["101@a"]);
    world.run(60);
    assert_eq!(world.guest_list(), "101@a running");
    assert_eq!(world.nodes(), "a online, b online");
    assert!(world.error("two").contains("already watched as one"));
    assert_eq!(world.error("one"), "");
    world
        .inventory
        .remove_instance(pulse_core::InstanceKind::Pve, "one");
    world.instances.remove("one");
    world.run(10);
    assert_eq!(world.find_guest(101).instance, "two");
    assert_eq!(world.error("two"), "");
}

#[test]
fn the_connection_that_answered_first_stays() {
    let mut world = World::new()
        .watched_as("one", Some("prod"), &["a"])
        .watched_as("two", Some("prod"), &["a"]);
    world.poll("two");
    world.run(60);
    assert!(world.error("one").contains("already watched as two"));
    assert_eq!(world.error("two"), "");
}

#[test]
fn connections_that_turn_out_to_be_one_cluster_later_leave_no_double_nodes() {
    let mut world = World::new()
        .watched_as("one", Some("prod"), &["a"])
        .guests("one", &["101@a"])
        .watched_as("two", Some("prod"), &["b"])
        .guests("two", &["102@b"])
        .storages("two", &["local@b"]);
    world.run(20);
    assert_eq!(world.nodes(), "a online, b online");
    // The clusters are joined: both connections list both nodes now.
    for name in ["one", "two"] {
        let other = World::new().watched_as(name, Some("prod"), &["a", "b"]);
        world
            .pve(name)
            .nodes
            .clone_from(&other.instances[name].nodes);
    }
    world.run(10);
    assert_eq!(world.nodes(), "a online, b online");
    assert!(world.error("two").contains("already watched as one"));
    assert_eq!(world.guest_list(), "101@a running");
    assert_eq!(world.storage_list(), "");
}

#[test]
fn different_clusters_of_one_name_are_both_watched() {
    let mut world = World::new()
        .watched_as("one", Some("cluster1"), &["n1", "n2"])
        .watched_as("two", Some("cluster1"), &["m1", "m2"]);
    world.run(20);
    assert_eq!(world.nodes(), "m1 online, m2 online, n1 online, n2 online");
}

#[test]
fn standalone_nodes_of_one_name_are_told_apart() {
    let mut world = World::new()
        .standalone("home", "pve")
        .standalone("work", "pve");
    world.run(20);
    let ids: Vec<_> = world
        .snapshot()
        .nodes
        .iter()
        .map(|n| n.id.clone())
        .collect();
    assert_eq!(ids, ["home-pve", "work-pve"]);
}

#[test]
fn names_that_would_give_two_nodes_one_id_are_reported() {
    // `lab` + `x-pve` and `lab-x` + `pve` are both `lab-x-pve`.
    let mut world = World::new()
        .standalone("lab", "x-pve")
        .standalone("lab-x", "pve");
    world.run(20);
    assert_eq!(world.nodes(), "x-pve online");
    assert!(
        world.error("lab-x").contains("another name"),
        "{}",
        world.error("lab-x")
    );
}

#[test]
fn an_instance_is_shown_before_it_answered_and_gone_when_removed() {
    let mut world = two_nodes();
    world
        .inventory
        .add_instance("new", pulse_core::InstanceKind::Pve, false);
    assert_eq!(world.health("new"), InstanceHealth::Pending);
    let snapshot = world.snapshot();
    assert!(!snapshot.connection_health.contains_key("new"));
    world.instances.clear();
    world
        .inventory
        .remove_instance(pulse_core::InstanceKind::Pve, "prod");
    world
        .inventory
        .remove_instance(pulse_core::InstanceKind::Pve, "new");
    let snapshot = world.snapshot();
    assert!(snapshot.nodes.is_empty() && snapshot.instances.is_empty());
    assert_eq!(snapshot.guests().count(), 0);
    assert!(snapshot.connection_health.is_empty());
}
