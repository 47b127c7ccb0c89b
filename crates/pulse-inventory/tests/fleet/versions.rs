//! A version says that something changed, and what did not change is the same value.

use std::sync::Arc;

use crate::world::World;

fn world() -> World {
    let mut world = World::new()
        .cluster("prod", &["a", "b"])
        .guests("prod", &["101@a", "102@b"])
        .standalone("home", "pve")
        .guests("home", &["100@pve"])
        .storages("home", &["local@pve"])
        .agent("h1", "box");
    world.run(30);
    world
}

#[test]
fn asking_again_gives_the_same_snapshot() {
    let mut world = world();
    let first = world.snapshot();
    assert!(Arc::ptr_eq(&first, &world.snapshot()));
    // Time alone changes nothing while sources are fresh.
    world.inventory.tick(world.now.plus_millis(4_000));
    assert!(Arc::ptr_eq(&first, &world.snapshot()));
}

#[test]
fn a_version_moves_only_when_something_changed() {
    let mut world = world();
    let before = world.snapshot().version;
    world.poll("home");
    let after = world.snapshot().version;
    assert_eq!(after, before + 1);
    // Everything is stale once; after that nothing changes any more.
    world.instances.clear();
    world.agents.clear();
    world.run(3600);
    let quiet = world.snapshot().version;
    world.run(3600);
    assert_eq!(world.snapshot().version, quiet);
}

#[test]
fn orders_that_do_nothing_make_no_version() {
    let mut world = world();
    let before = world.snapshot().version;
    world
        .inventory
        .remove_instance(pulse_core::InstanceKind::Pve, "unknown");
    assert!(!world.inventory.remove_host("unknown"));
    assert!(!world.inventory.unlink_host("h1"));
    world.inventory.forget_demo();
    world
        .inventory
        .add_instance("prod", pulse_core::InstanceKind::Pve, false);
    assert_eq!(world.snapshot().version, before);
}

#[test]
fn what_a_report_does_not_touch_keeps_its_value() {
    let mut world = world();
    let before = world.snapshot();
    world.poll("home");
    let after = world.snapshot();
    let same = |old: &[Arc<pulse_core::Guest>], new: &[Arc<pulse_core::Guest>], id: &str| {
        let find = |list: &[Arc<pulse_core::Guest>]| {
            list.iter().find(|g| g.id == id).map(Arc::clone).unwrap()
        };
        Arc::ptr_eq(&find(old), &find(new))
    };
    assert!(same(&before.vms, &after.vms, "prod:a:101"));
    assert!(same(&before.vms, &after.vms, "prod:b:102"));
    assert!(!same(&before.vms, &after.vms, "home:pve:100"));
    // Whole collections, too.
    assert!(Arc::ptr_eq(&before.hosts, &after.hosts));
    let prod = |s: &pulse_core::Snapshot| {
        s.instances
            .iter()
            .find(|i| i.name == "prod")
            .map(Arc::clone)
            .unwrap()
    };
    assert!(Arc::ptr_eq(&prod(&before), &prod(&after)));
    assert!(Arc::ptr_eq(
        &before.connection_health,
        &after.connection_health
    ));
}

#[test]
fn a_report_of_a_host_touches_nothing_else() {
    let mut world = world();
    let before = world.snapshot();
    world.report("h1");
    let after = world.snapshot();
    assert!(Arc::ptr_eq(&before.nodes, &after.nodes));
    assert!(Arc::ptr_eq(&before.vms, &after.vms));
    assert!(Arc::ptr_eq(&before.containers, &after.containers));
    assert!(Arc::ptr_eq(&before.storages, &after.storages));
    assert!(!Arc::ptr_eq(&before.hosts, &after.hosts));
}
