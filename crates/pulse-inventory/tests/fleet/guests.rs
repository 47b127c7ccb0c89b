//! Where guests are, when they are unknown, and when they are gone.

use pulse_core::{Bytes, MemorySource, Timestamp, Unknown};
use pulse_inventory::Renamed;

use crate::facts::backups;
use crate::world::{GIB, World};

fn two_nodes() -> World {
    let mut world = World::new()
        .cluster("prod", &["a", "b"])
        .guests("prod", &["101@a", "102@b", "ct103@b"]);
    world.run(60);
    world
}

#[test]
fn guests_of_a_dead_node_are_unknown_without_numbers_but_with_their_name() {
    let mut world = two_nodes();
    world.power_off("b");
    world.run(120);
    assert_eq!(
        world.guest_list(),
        "101@a running, 102@b unknown stale, 103@b unknown stale"
    );
    let guest = world.find_guest(102);
    assert_eq!(guest.name, "guest-102");
    assert_eq!(guest.tags, ["web"]);
    assert_eq!(
        (guest.memory.used, guest.memory.total),
        (Bytes(0), Bytes(8 * GIB))
    );
    assert_eq!(guest.memory.source, MemorySource::Unknown);
    assert_eq!(guest.disk.used.reason(), Some(Unknown::SourceOffline));
    assert_eq!(guest.disk.total, Bytes(32 * GIB));
    assert_eq!(guest.rates.net_in.reason(), Some(Unknown::SourceOffline));
    // It was last seen when the node was.
    assert_eq!(world.now.since(guest.seen), 120_000);
    world.power_on("b");
    world.run(10);
    assert_eq!(
        world.guest_list(),
        "101@a running, 102@b running, 103@b running"
    );
}

#[test]
fn guests_that_pve_stops_listing_with_their_dead_node_are_kept_for_a_day() {
    let mut world = two_nodes();
    world.power_off("b");
    world.only().guests.retain(|_, guest| guest.node == "a");
    world.run(120);
    let shown = "101@a running, 102@b unknown stale, 103@b unknown stale";
    assert_eq!(world.guest_list(), shown);
    world.run(23 * 3600);
    assert_eq!(world.guest_list(), shown);
    world.run(3600);
    assert_eq!(world.guest_list(), "101@a running");
}

#[test]
fn a_guest_that_its_online_node_does_not_list_is_gone_at_once() {
    let mut world = two_nodes();
    world.only().guests.remove(&101);
    world.run(10);
    assert_eq!(world.guest_list(), "102@b running, 103@b running");
    // Also the last one of its node.
    world.only().guests.clear();
    world.run(10);
    assert_eq!(world.guest_list(), "");
}

#[test]
fn failed_polls_make_guests_unknown_and_never_forget_them() {
    let mut world = two_nodes();
    world.polls_fail();
    world.run(55);
    assert_eq!(
        world.guest_list(),
        "101@a running stale, 102@b running stale, 103@b running stale"
    );
    world.run(5);
    let unknown = "101@a unknown stale, 102@b unknown stale, 103@b unknown stale";
    assert_eq!(world.guest_list(), unknown);
    let guest = world.find_guest(101);
    assert_eq!(guest.disk.used.reason(), Some(Unknown::SourceOffline));
    assert_eq!((guest.cpu.get(), guest.uptime), (0.0, 0));
    // A failing source never empties what is known.
    world.run(48 * 3600);
    assert_eq!(world.guest_list(), unknown);
}

#[test]
fn a_part_that_was_not_answered_leaves_guests_as_they_are() {
    let mut world = two_nodes();
    world.only().no_guests = true;
    world.run(30);
    assert_eq!(
        world.guest_list(),
        "101@a running, 102@b running, 103@b running"
    );
    world.run(10);
    assert_eq!(
        world.guest_list(),
        "101@a running stale, 102@b running stale, 103@b running stale"
    );
    // Their node is online: the numbers are old, the status is not in doubt.
    world.run(300);
    assert!(world.guest_list().contains("101@a running stale"));
}

#[test]
fn a_migration_renames_and_keeps_the_last_backup() {
    let mut world = two_nodes();
    let backup = Timestamp::from_secs(1_700_000_000);
    world.run(10);
    world.facts("prod", vec![backups("nas", None, &[(101, 1_700_000_000)])]);
    world.guest(101).node = "b".to_owned();
    world.run(10);
    assert_eq!(
        world.applied.renamed,
        [Renamed {
            vm: true,
            from: "prod:a:101".to_owned(),
            to: "prod:b:101".to_owned(),
        }]
    );
    let guest = world.find_guest(101);
    assert_eq!(
        (guest.id.as_str(), guest.last_backup),
        ("prod:b:101", Some(backup))
    );
    assert_eq!(
        world.guest_list(),
        "101@b running, 102@b running, 103@b running"
    );
    // Once.
    world.run(10);
    assert!(world.applied.renamed.is_empty());
}

#[test]
fn a_guest_that_is_moved_off_a_dead_node_is_one_guest() {
    let mut world = two_nodes();
    world.power_off("b");
    world.run(120);
    // High availability restarts it elsewhere.
    world.guest(102).node = "a".to_owned();
    world.guest(102).lost = false;
    world.run(10);
    assert_eq!(
        world.guest_list(),
        "101@a running, 102@a running, 103@b unknown stale"
    );
    assert_eq!(world.applied.renamed.len(), 1);
}

#[test]
fn equal_vmids_of_two_instances_stay_apart() {
    let mut world = World::new()
        .standalone("home", "pve")
        .guests("home", &["100@pve"])
        .standalone("work", "pve")
        .guests("work", &["100@pve"]);
    world.run(20);
    let snapshot = world.snapshot();
    let ids: Vec<_> = snapshot.guests().map(|g| g.id.as_str()).collect();
    assert_eq!(ids, ["home:pve:100", "work:pve:100"]);
    // The one that leaves does not take the other along.
    world.pve("home").guests.clear();
    world.run(10);
    assert_eq!(world.find_guest(100).instance, "work");
}

#[test]
fn only_what_was_observed_is_handed_on_for_recording() {
    let mut world = two_nodes();
    world.power_off("b");
    world.run(120);
    assert_eq!(world.applied.nodes.len(), 1);
    assert_eq!(world.applied.guests.len(), 1);
    world.polls_fail();
    world.run(10);
    assert!(world.applied.nodes.is_empty() && world.applied.guests.is_empty());
}
