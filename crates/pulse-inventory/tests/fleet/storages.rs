//! Storages: shared ones, and what stays of those whose node does not answer.

use crate::world::World;

fn world() -> World {
    let mut world = World::new()
        .cluster("prod", &["a", "b"])
        .storages("prod", &["local@a", "local@b", "nfs@a+b"]);
    world.run(60);
    world
}

const ALL: &str = "local@a available, local@b available, nfs@cluster available";

#[test]
fn storages_of_a_node_that_does_not_answer_stay_inactive_for_ten_minutes() {
    let mut world = world();
    assert_eq!(world.storage_list(), ALL);
    world.power_off("b");
    world.run(10);
    let kept = "local@a available, local@b inactive stale, nfs@cluster available";
    assert_eq!(world.storage_list(), kept);
    let snapshot = world.snapshot();
    let local = snapshot.storages.iter().find(|s| s.node == "b").unwrap();
    // The last known numbers, marked as such.
    assert!(!local.active && local.used.get() > 0);
    world.run(580);
    assert_eq!(world.storage_list(), kept);
    world.run(10);
    assert_eq!(
        world.storage_list(),
        "local@a available, nfs@cluster available"
    );
    world.power_on("b");
    world.run(10);
    assert_eq!(world.storage_list(), ALL);
}

#[test]
fn a_shared_storage_is_kept_while_no_node_answers_for_it() {
    let mut world = world();
    world.power_off("a");
    world.run(10);
    assert_eq!(
        world.storage_list(),
        "local@a inactive stale, local@b available, nfs@cluster available"
    );
    world.power_off("b");
    world.run(10);
    assert_eq!(
        world.storage_list(),
        "local@a inactive stale, local@b inactive stale, nfs@cluster inactive stale"
    );
}

#[test]
fn a_storage_that_an_answering_node_does_not_list_is_gone() {
    let mut world = world();
    world.only().storages.retain(|s| s.name != "nfs");
    world.run(10);
    assert_eq!(world.storage_list(), "local@a available, local@b available");
}

#[test]
fn failed_polls_make_storages_stale_and_then_inactive_but_keep_them() {
    let mut world = world();
    world.polls_fail();
    world.run(120);
    assert_eq!(world.storage_list(), ALL);
    world.run(80);
    let stale = "local@a inactive stale, local@b inactive stale, nfs@cluster inactive stale";
    assert_eq!(world.storage_list(), stale);
    world.run(24 * 3600);
    assert_eq!(world.storage_list(), stale);
    world.polls_work();
    world.run(10);
    assert_eq!(world.storage_list(), ALL);
}

#[test]
fn a_poll_without_storages_leaves_them() {
    let mut world = world();
    world.only().no_storages = true;
    world.run(60);
    assert_eq!(world.storage_list(), ALL);
}

#[test]
fn shared_storages_of_two_clusters_of_one_name_have_ids_of_their_own() {
    let mut world = World::new()
        .watched_as("one", Some("cluster1"), &["n1", "n2"])
        .storages("one", &["nfs@n1+n2"])
        .watched_as("two", Some("cluster1"), &["m1", "m2"])
        .storages("two", &["nfs@m1+m2"]);
    world.run(30);
    let snapshot = world.snapshot();
    let mut ids: Vec<_> = snapshot.storages.iter().map(|s| s.id.clone()).collect();
    assert_eq!(ids.len(), 2);
    ids.dedup();
    assert_eq!(ids.len(), 2, "{ids:?}");
    // They keep them: history is stored under them.
    world.run(30);
    let again: Vec<_> = world
        .snapshot()
        .storages
        .iter()
        .map(|s| s.id.clone())
        .collect();
    assert_eq!(ids, again);
}
