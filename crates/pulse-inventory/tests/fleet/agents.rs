//! Host agents: silence, links to nodes and guests, demo data.

use pulse_core::{InstanceKind, ReportBody, SourceReport};

use crate::world::World;

fn with_interval(seconds: u32) -> World {
    let mut world = World::new().agent("h1", "box");
    world.agents.get_mut("h1").unwrap().interval = seconds;
    world.report("h1");
    world.agents.get_mut("h1").unwrap().silent = true;
    world
}

/// `(interval, stale after, offline after)` in seconds.
#[test]
fn how_long_a_host_may_be_silent_follows_its_interval() {
    for (interval, stale_after, offline_after) in [
        (5, 30, 60),
        (10, 30, 60),
        (30, 90, 180),
        (60, 180, 360),
        (120, 360, 600),
        (600, 1800, 1200),
        // An agent that names no interval.
        (0, 30, 360),
    ] {
        let mut world = with_interval(interval);
        let mut last = String::new();
        let (mut went_stale, mut went_offline) = (None, None);
        for second in (5..4000).step_by(5) {
            world.run(5);
            let now = world.host_list();
            if now != last {
                if now.contains("stale") {
                    went_stale.get_or_insert(second);
                }
                if now.contains("offline") {
                    went_offline.get_or_insert(second);
                }
                last = now;
            }
        }
        assert_eq!(
            (went_stale, went_offline),
            (Some(stale_after + 5), Some(offline_after + 5)),
            "interval {interval}"
        );
    }
}

#[test]
fn a_host_that_reports_again_is_online_at_once() {
    let mut world = with_interval(10);
    world.run(600);
    assert_eq!(world.host_list(), "h1 offline stale");
    assert_eq!(
        world.snapshot().connection_health.get("host-h1"),
        Some(&false)
    );
    world.report("h1");
    assert_eq!(world.host_list(), "h1 online");
    assert_eq!(
        world.snapshot().connection_health.get("host-h1"),
        Some(&true)
    );
}

#[test]
fn an_older_report_does_not_replace_a_newer_one() {
    let mut world = World::new().agent("h1", "box");
    world.run(30);
    let version = world.snapshot().version;
    let mut late = world.agents["h1"].clone();
    late.hostname = "old-name".to_owned();
    let report = late.report("h1", world.now.plus_millis(-10_000));
    let applied = world.inventory.apply(report);
    assert!(applied.hosts.is_empty());
    let snapshot = world.snapshot();
    assert_eq!(snapshot.hosts[0].hostname, "box");
    assert_eq!(snapshot.version, version, "nothing changed");
}

#[test]
fn hosts_are_linked_by_a_unique_name() {
    let mut world = World::new()
        .cluster("prod", &["alpha", "beta"])
        .guests("prod", &["101@alpha"])
        .agent("h1", "ALPHA.example.org")
        .agent("h2", "guest-101")
        .agent("h3", "elsewhere");
    world.run(20);
    assert_eq!(
        world.links(),
        "h1→prod-alpha, h2→prod:alpha:101, h3→nothing"
    );
    // The link to a guest follows it.
    world.guest(101).node = "beta".to_owned();
    world.run(10);
    assert_eq!(world.links(), "h1→prod-alpha, h2→prod:beta:101, h3→nothing");
}

#[test]
fn where_two_nodes_share_a_name_an_address_decides_or_nothing_does() {
    let mut world = World::new()
        .standalone("home", "pve")
        .standalone("work", "pve")
        .agent("h1", "pve")
        .agent("h2", "pve");
    world.pve("home").nodes.get_mut("pve").unwrap().address = "10.1.0.1".to_owned();
    world.pve("work").nodes.get_mut("pve").unwrap().address = "10.2.0.1".to_owned();
    world.agents.get_mut("h1").unwrap().addresses = vec!["10.2.0.1".to_owned()];
    world.run(20);
    assert_eq!(world.links(), "h1→work-pve, h2→nothing");
}

#[test]
fn a_node_that_two_hosts_claim_goes_to_the_one_with_its_address() {
    let mut world = World::new()
        .standalone("home", "pve")
        .agent("h1", "pve")
        .agent("h2", "pve");
    world.agents.get_mut("h1").unwrap().addresses = vec!["10.0.0.1".to_owned()];
    world.run(20);
    assert_eq!(world.links(), "h1→home-pve, h2→nothing");
}

#[test]
fn a_node_that_two_hosts_claim_goes_to_the_one_that_reports() {
    let mut world = World::new()
        .standalone("home", "pve")
        .agent("h1", "pve")
        .agent("h2", "pve");
    world.run(20);
    // A wrong link is worse than none.
    assert_eq!(world.links(), "h1→nothing, h2→nothing");
    // The agent was installed anew: its old entry falls silent.
    world.agents.get_mut("h1").unwrap().silent = true;
    world.run(120);
    assert_eq!(world.links(), "h1→nothing, h2→home-pve");
}

#[test]
fn nameless_guests_are_nobodys_host() {
    let mut world = World::new()
        .standalone("home", "pve")
        .guests("home", &["101@pve"])
        .agent("h1", ".local");
    world.guest(101).name = String::new();
    world.run(20);
    assert_eq!(world.links(), "h1→nothing");
}

#[test]
fn an_unlink_is_remembered() {
    let mut world = World::new().standalone("home", "pve").agent("h1", "pve");
    world.run(20);
    assert_eq!(world.links(), "h1→home-pve");
    assert!(world.inventory.unlink_host("h1"));
    assert_eq!(world.links(), "h1→nothing");
    world.run(60);
    assert_eq!(world.links(), "h1→nothing");
    // There is nothing to unlink any more, and nobody to unlink.
    assert!(!world.inventory.unlink_host("h1"));
    assert!(!world.inventory.unlink_host("unknown"));
}

#[test]
fn a_removed_host_is_gone_until_it_reports() {
    let mut world = World::new().standalone("home", "pve").agent("h1", "pve");
    world.run(20);
    assert!(world.inventory.remove_host("h1"));
    assert!(!world.inventory.remove_host("h1"));
    assert_eq!(world.host_list(), "");
    assert_eq!(world.find_node("pve").linked_host, None);
    assert!(!world.snapshot().connection_health.contains_key("host-h1"));
    world.run(10);
    assert_eq!(world.links(), "h1→home-pve");
}

/// A demo fleet beside a real one that has the same names.
fn with_demo() -> World {
    let mut world = World::new()
        .standalone("home", "pve")
        .guests("home", &["101@pve"])
        .agent("h1", "pve")
        .agent("h2", "guest-101")
        .watched_as("demo", Some("demo"), &["pve"])
        .guests("demo", &["101@pve", "102@pve"])
        .storages("demo", &["local@pve"])
        .agent("demo-h", "pve");
    world.pve("demo").demo = true;
    world.agents.get_mut("demo-h").unwrap().demo = true;
    world.run(20);
    world
}

#[test]
fn demo_data_changes_nothing_about_real_links() {
    let mut world = with_demo();
    assert_eq!(
        world.links(),
        "demo-h→demo-pve, h1→home-pve, h2→home:pve:101"
    );
}

#[test]
fn forgetting_the_demo_leaves_nothing_of_it_and_all_of_the_rest() {
    let mut world = with_demo();
    let mut alone = with_demo();
    alone.inventory = pulse_inventory::Inventory::default();
    alone.instances.remove("demo");
    alone.agents.remove("demo-h");
    alone.run(20);
    world.run(20);

    world.inventory.unlink_host("demo-h");
    world.inventory.forget_demo();
    let (left, never_had) = (world.snapshot(), alone.snapshot());
    assert_eq!(left.nodes, never_had.nodes);
    assert_eq!(left.vms, never_had.vms);
    assert_eq!(left.storages, never_had.storages);
    assert_eq!(left.hosts, never_had.hosts);
    assert_eq!(left.instances, never_had.instances);
    assert_eq!(left.connection_health, never_had.connection_health);
    assert!(!format!("{left:?}").contains("demo-"));
    // A second demo is like the first one.
    world.run(20);
    assert_eq!(
        world.links(),
        "demo-h→demo-pve, h1→home-pve, h2→home:pve:101"
    );
}

#[test]
fn a_mail_gateway_that_never_answered_says_so() {
    let mut world = World::new().standalone("home", "pve");
    world.run(20);
    world
        .inventory
        .add_instance("mail", InstanceKind::Pmg, false);
    world.inventory.apply(SourceReport {
        at: world.now,
        demo: false,
        body: ReportBody::PollFailed {
            instance: "mail".to_owned(),
            kind: InstanceKind::Pmg,
            failure: pulse_core::PollFailure {
                message: "refused".to_owned(),
                auth: false,
                transient: true,
            },
        },
    });
    let snapshot = world.snapshot();
    // It is shown, as offline.
    assert!(snapshot.pmg.iter().all(|gateway| !gateway.online));
    assert_eq!(snapshot.connection_health.get("pmg-mail"), Some(&false));
    let mail = snapshot.instances.iter().find(|i| i.name == "mail");
    assert_eq!(
        mail.and_then(|i| i.error.clone()),
        Some("refused".to_owned())
    );
}
