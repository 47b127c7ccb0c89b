//! Everything that can go wrong: the poll says so in words, what still works goes on, and
//! afterwards all is as before.

use std::time::{Duration, Instant};

use pulse_core::{InstanceHealth, MemorySource, PollFailure, Unknown};
use pulse_sim::{Effect, Fault, FleetSpec};

use crate::lab::{Lab, Setup, guest, node};

impl Lab {
    /// Ends all faults; the next poll is complete.
    async fn recovers(&mut self) {
        self.sim.heal();
        // Endpoints that were set aside are looked at again in the background.
        let limit = Instant::now() + Duration::from_secs(25);
        loop {
            self.pass(70);
            let report = self.try_poll().await;
            let well = report.as_ref().is_ok_and(|r| {
                r.notes.is_empty()
                    && r.health == InstanceHealth::Healthy
                    && r.nodes.iter().all(|n| n.online)
                    && r.storages_missing_nodes.is_empty()
            });
            if well {
                return;
            }
            assert!(Instant::now() < limit, "not recovered: {report:?}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

/// One case: everything answers with this; the poll fails with these words.
async fn whole_poll_fails(effect: Effect, words: &str, auth: bool) {
    let mut lab = Setup::of(FleetSpec::new(1, 2, 10))
        .deadline(700)
        .build()
        .await;
    lab.poll().await;
    lab.bend("*", effect);
    let failure: PollFailure = lab.try_poll().await.unwrap_err();
    assert!(failure.message.contains(words), "{}", failure.message);
    assert_eq!(failure.auth, auth, "{}", failure.message);
    let secret = &lab.server.api_token.secret;
    assert!(!failure.message.contains(secret.as_str()));
    lab.recovers().await;
}

#[tokio::test]
async fn an_answer_of_401_is_a_matter_of_credentials() {
    whole_poll_fails(Effect::Unauthorized, "answered 401", true).await;
}

#[tokio::test]
async fn an_answer_of_403_is_not() {
    let effect = Effect::Forbidden {
        privilege: Some("Sys.Audit".to_owned()),
    };
    whole_poll_fails(effect, "Sys.Audit", false).await;
}

#[tokio::test]
async fn a_web_page_is_not_an_api() {
    whole_poll_fails(
        Effect::Html,
        "check that the address is a Proxmox API",
        false,
    )
    .await;
}

#[tokio::test]
async fn half_an_answer_is_none() {
    whole_poll_fails(Effect::BrokenJson, "cannot be read", false).await;
}

#[tokio::test]
async fn a_body_of_a_hundred_megabytes_is_refused() {
    let began = Instant::now();
    whole_poll_fails(Effect::HugeBody { bytes: 100 << 20 }, "larger than", false).await;
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn no_answer_ends_at_the_deadline() {
    let began = Instant::now();
    whole_poll_fails(Effect::Hang, "within", false).await;
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn a_dropped_connection_is_told() {
    whole_poll_fails(Effect::Drop, "127.0.0.1", false).await;
}

#[tokio::test]
async fn a_server_error_is_told_in_the_words_of_the_server() {
    let reason = "cluster not ready - no quorum?".to_owned();
    whole_poll_fails(Effect::Status { code: 500, reason }, "no quorum", false).await;
}

/// Parts of a poll: the nodes and guests stay, and a note says what is missing.
async fn part_fails(path: &str, effect: Effect, note: &str) {
    let mut lab = Setup::of(FleetSpec::new(1, 3, 24))
        .deadline(700)
        .build()
        .await;
    let before = lab.poll().await;
    lab.bend(path, effect);
    lab.pass(70);
    let report = lab.poll().await;
    assert!(
        report.notes.iter().any(|line| line.contains(note)),
        "{path}: {:?}",
        report.notes
    );
    let names = |report: &pulse_core::PveReport| -> Vec<_> {
        report
            .nodes
            .iter()
            .map(|n| (n.id.clone(), n.online))
            .collect()
    };
    assert_eq!(names(&report), names(&before));
    let guests = |report: &pulse_core::PveReport| -> Vec<_> {
        let guests = report.guests.iter().flatten();
        guests.map(|g| (g.id.clone(), g.status.clone())).collect()
    };
    assert_eq!(guests(&report), guests(&before));
    lab.recovers().await;
}

fn forbidden(privilege: &str) -> Effect {
    Effect::Forbidden {
        privilege: Some(privilege.to_owned()),
    }
}

#[tokio::test]
async fn what_is_forbidden_is_noted_and_the_rest_goes_on() {
    part_fails("/nodes/*/status", forbidden("Sys.Audit"), "no status").await;
    part_fails("/nodes/*/qemu", forbidden("VM.Audit"), "no VM list").await;
    part_fails(
        "/nodes/*/storage",
        forbidden("Datastore.Audit"),
        "no storages",
    )
    .await;
}

#[tokio::test]
async fn parts_that_hang_break_or_are_no_json_are_noted_and_the_rest_goes_on() {
    part_fails("/nodes/*/status", Effect::Hang, "no status").await;
    part_fails("/nodes/*/qemu", Effect::BrokenJson, "no VM list").await;
    part_fails("/nodes/*/storage", Effect::Html, "no storages").await;
    part_fails(
        "/nodes/*/qemu",
        Effect::HugeBody { bytes: 100 << 20 },
        "no VM list",
    )
    .await;
    part_fails("/nodes/*/storage", Effect::Drop, "no storages").await;
}

#[tokio::test]
async fn a_status_that_is_forbidden_leaves_the_figures_of_the_list() {
    let mut lab = Lab::small().await;
    lab.bend("/nodes/*/status", forbidden("Sys.Audit"));
    let report = lab.poll().await;
    for found in &report.nodes {
        assert_eq!(found.memory.source, MemorySource::NodesEndpoint);
        assert!(found.memory.used.get() > 0 && found.disk.total.get() > 0);
    }
    // One line for all of them.
    assert_eq!(report.notes.len(), 1, "{:?}", report.notes);
}

#[tokio::test]
async fn a_missing_vm_list_keeps_what_the_agents_said() {
    let mut lab = Lab::small().await;
    let report = lab.run(9).await;
    let known = |report: &pulse_core::PveReport| -> Vec<u32> {
        let vms = report.guests.iter().flatten().filter(|g| {
            g.kind.is_vm() && g.disk.used.known().is_some() && !g.ip_addresses.is_empty()
        });
        vms.map(|g| g.vmid).collect()
    };
    let before = known(&report);
    assert!(before.len() > 5);
    lab.bend(
        "/nodes/*/qemu",
        Effect::Status {
            code: 596,
            reason: "timeout".to_owned(),
        },
    );
    lab.sim.reset_requests();
    lab.pass(10);
    let report = lab.poll().await;
    lab.settle().await;
    assert_eq!(known(&report), before);
    assert_eq!(lab.asked("/agent/"), 0, "nobody can be asked");
    // After ten minutes the figures are too old to be shown.
    lab.pass(600);
    let report = lab.poll().await;
    let reason = guest(&report, before[0]).disk.used.reason();
    assert_eq!(reason, Some(Unknown::NoStatus));
    lab.sim.heal();
    lab.run(15).await;
    let report = lab.poll().await;
    assert_eq!(known(&report), before);
}

#[tokio::test]
async fn one_hung_node_holds_up_nobody() {
    let mut lab = Setup::of(FleetSpec::new(1, 4, 40))
        .deadline(1_000)
        .build()
        .await;
    lab.poll().await;
    let sick = lab.sim.nodes(0)[1].clone();
    lab.bend(&format!("/nodes/{sick}/*"), Effect::Hang);
    lab.pass(70);
    let began = Instant::now();
    let report = lab.poll().await;
    // Its status, list and storages are waited for side by side, not one after the other.
    assert!(
        began.elapsed() < Duration::from_millis(2_500),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(report.notes.len(), 3, "{:?}", report.notes);
    assert!(
        report
            .notes
            .iter()
            .all(|note| note.starts_with(&format!("{sick}: ")))
    );
    for other in report.nodes.iter().filter(|n| n.name != sick) {
        assert_ne!(other.memory.source, MemorySource::NodesEndpoint);
    }
    assert_eq!(report.storages_missing_nodes, [sick]);
    lab.recovers().await;
}

#[tokio::test]
async fn storages_that_hang_are_waited_for_by_nobody() {
    let mut lab = Lab::small().await;
    lab.poll().await;
    let sick = lab.sim.nodes(0)[2].clone();
    lab.bend(
        &format!("/nodes/{sick}/storage"),
        Effect::Slow { ms: 7_000 },
    );
    lab.pass(61);
    let before = lab.asked("/nodes/{node}/storage");
    let report = lab.poll().await;
    // Known from the minute before.
    assert!(report.storages_missing_nodes.is_empty());
    assert!(
        report.notes.iter().any(|n| n.contains("slow")),
        "{:?}",
        report.notes
    );
    let began = Instant::now();
    lab.pass(10);
    lab.poll().await;
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "{:?}",
        began.elapsed()
    );
    // It is asked once, and its answer counts when it comes.
    let limit = Instant::now() + Duration::from_secs(15);
    loop {
        let report = lab.poll().await;
        if report.notes.is_empty() {
            break;
        }
        assert!(Instant::now() < limit, "{:?}", report.notes);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(lab.asked("/nodes/{node}/storage") - before, 4);
    lab.recovers().await;
}

#[tokio::test]
async fn a_node_that_is_off_is_offline_and_costs_nothing() {
    let mut lab = Lab::small().await;
    lab.poll().await;
    let off = lab.sim.nodes(0)[3].clone();
    lab.fault(Fault::NodeDown { node: off.clone() });
    lab.pass(60);
    let began = Instant::now();
    let report = lab.poll().await;
    assert!(began.elapsed() < Duration::from_secs(2));
    assert!(!node(&report, &off).online);
    assert_eq!(report.nodes.iter().filter(|n| n.online).count(), 3);
    assert_eq!(report.storages_missing_nodes, std::slice::from_ref(&off));
    assert_eq!(report.notes, [""; 0]);
    // Its guests are still listed.
    assert!(report.guests.iter().flatten().any(|g| g.node == off));
    lab.pass(400);
    let report = lab.poll().await;
    let unknown = |g: &&pulse_core::Guest| g.node == off && g.status.as_str() == "unknown";
    assert!(report.guests.iter().flatten().filter(unknown).count() > 0);
    lab.recovers().await;
}

#[tokio::test]
async fn a_node_whose_proxy_is_down_stays_online_with_a_note() {
    for hang in [false, true] {
        let mut lab = Lab::small().await;
        lab.poll().await;
        let sick = lab.sim.nodes(0)[1].clone();
        lab.fault(if hang {
            Fault::NodeHang { node: sick.clone() }
        } else {
            Fault::NodeRefused { node: sick.clone() }
        });
        lab.pass(70);
        let report = lab.poll().await;
        assert!(node(&report, &sick).online);
        assert!(
            report
                .notes
                .iter()
                .all(|n| n.starts_with(&format!("{sick}: ")))
        );
        assert!(report.notes.len() >= 2, "{:?}", report.notes);
        lab.recovers().await;
    }
}

#[tokio::test]
async fn a_refused_login_is_not_repeated_for_every_guest() {
    let mut lab = Lab::small().await;
    lab.poll().await;
    lab.bend("*", Effect::Unauthorized);
    lab.sim.reset_requests();
    lab.pass(10);
    assert!(lab.try_poll().await.unwrap_err().auth);
    for _ in 0..60 {
        lab.pass(1);
        lab.settle().await;
    }
    assert_eq!(lab.asked(""), 1);
    lab.recovers().await;
    lab.settle().await;
    assert!(lab.asked("/agent/") > 0);
}

#[tokio::test]
async fn a_login_that_is_refused_between_two_polls_is_not_repeated_either() {
    let mut lab = Lab::small().await;
    lab.poll().await;
    lab.bend("*", Effect::Unauthorized);
    lab.sim.reset_requests();
    lab.settle().await;
    // At most what was under way at once.
    assert!(lab.asked("") <= 8, "{}", lab.asked(""));
}

#[tokio::test]
async fn lying_types_read_as_what_they_stand_for() {
    let mut lab = Lab::small().await;
    let honest = lab.poll().await;
    lab.bend("*", Effect::LyingTypes);
    let lied = lab.poll().await;
    assert_eq!(lied.notes, honest.notes);
    for (a, b) in honest.nodes.iter().zip(&lied.nodes) {
        assert_eq!(a, b);
    }
    let (a, b) = (honest.guests.unwrap(), lied.guests.unwrap());
    assert_eq!(a.len(), b.len());
    for (a, b) in a.iter().zip(&b) {
        assert_eq!(a, b);
    }
}

#[tokio::test]
async fn an_empty_answer_is_reported_as_no_nodes() {
    let mut lab = Lab::small().await;
    lab.poll().await;
    lab.bend("/cluster/resources", Effect::Empty);
    lab.bend("/nodes", Effect::Empty);
    let report = lab.poll().await;
    // What that means is the inventory's matter.
    assert!(report.nodes.is_empty());
    lab.recovers().await;
}

#[tokio::test]
async fn a_slow_server_is_a_slow_poll() {
    let mut lab = Lab::small().await;
    lab.bend("/cluster/resources", Effect::Slow { ms: 800 });
    let began = Instant::now();
    let report = lab.poll().await;
    assert!(began.elapsed() >= Duration::from_millis(800));
    assert_eq!(report.nodes.len(), 4);
    lab.recovers().await;
}

#[tokio::test]
async fn a_new_certificate_is_told_with_both_fingerprints() {
    let mut lab = Lab::small().await;
    lab.poll().await;
    let pinned = lab.server.fingerprint.clone();
    lab.fault(Fault::NewCertificate { node: None });
    // Connections that are open go on; the next one is refused.
    lab.bend("*", Effect::Drop);
    for _ in 0..4 {
        lab.try_poll().await.unwrap_err();
    }
    lab.sim.heal();
    let failure = lab.try_poll().await.unwrap_err();
    let plain = failure.message.replace(':', "").to_lowercase();
    assert!(
        failure.message.contains("fingerprint changed"),
        "{}",
        failure.message
    );
    assert!(plain.contains(&pinned[..16]), "{}", failure.message);
    // Somebody may put the old one back: asked again, less and less often.
    assert!(!failure.auth && failure.transient);
}

#[tokio::test]
async fn an_endpoint_that_is_off_is_replaced_by_the_others() {
    let mut lab = Setup::of(FleetSpec::new(1, 4, 24))
        .own_addresses()
        .deadline(2_000)
        .build()
        .await;
    lab.poll().await;
    let off = lab.sim.nodes(0)[0].clone();
    lab.fault(Fault::NodeDown { node: off.clone() });
    for _ in 0..6 {
        lab.pass(10);
        let report = lab.poll().await;
        assert_eq!(report.nodes.len(), 4);
        assert!(!node(&report, &off).online);
        assert_eq!(report.nodes.iter().filter(|n| n.online).count(), 3);
    }
    assert_eq!(lab.poll().await.health, InstanceHealth::Degraded);
    lab.recovers().await;
}

#[tokio::test]
async fn an_endpoint_that_hangs_costs_one_deadline_and_no_poll() {
    let mut lab = Setup::of(FleetSpec::new(1, 4, 24))
        .own_addresses()
        .deadline(500)
        .build()
        .await;
    lab.poll().await;
    let sick = lab.sim.nodes(0)[0].clone();
    lab.fault(Fault::NodeHang { node: sick });
    let mut last = Duration::ZERO;
    for _ in 0..6 {
        lab.pass(10);
        let began = Instant::now();
        let report = lab.poll().await;
        last = began.elapsed();
        assert_eq!(report.nodes.len(), 4);
    }
    assert!(last < Duration::from_millis(450), "{last:?}");
    lab.recovers().await;
}

#[tokio::test]
async fn all_endpoints_off_is_told_by_name() {
    let mut lab = Setup::of(FleetSpec::new(1, 2, 6))
        .own_addresses()
        .deadline(500)
        .build()
        .await;
    lab.poll().await;
    for name in lab.sim.nodes(0) {
        lab.fault(Fault::NodeRefused { node: name });
    }
    // Open connections are answered 595 or closed; new ones are refused.
    lab.bend("*", Effect::Drop);
    let failure = lab.try_poll().await.unwrap_err();
    for node in &lab.server.nodes {
        let address = node.url.trim_start_matches("https://");
        assert!(failure.message.contains(address), "{}", failure.message);
    }
    assert!(failure.transient && !failure.auth);
    lab.recovers().await;
}

#[tokio::test]
async fn a_token_without_rights_is_told_apart_from_a_wrong_one() {
    let mut setup = Setup::of(FleetSpec::new(1, 2, 10));
    setup.token = Some(|sim| sim.no_acl_token().clone());
    let mut lab = setup.build().await;
    match lab.try_poll().await {
        Ok(report) => assert!(report.guests.unwrap().is_empty()),
        Err(failure) => assert!(!failure.auth, "{}", failure.message),
    }
    let mut setup = Setup::of(FleetSpec::new(1, 2, 10));
    setup.token = Some(|sim| {
        let mut token = sim.api_token().clone();
        token.secret = "00000000-0000-0000-0000-000000000000".into();
        token
    });
    let mut lab = setup.build().await;
    assert!(lab.try_poll().await.unwrap_err().auth);
}

#[tokio::test]
async fn an_auditor_sees_all_but_the_guest_agents() {
    let mut setup = Setup::of(FleetSpec::new(1, 2, 20));
    setup.token = Some(|sim| sim.auditor_token().clone());
    let mut lab = setup.build().await;
    let report = lab.run(9).await;
    let forbidden = report
        .guests
        .iter()
        .flatten()
        .filter(|g| g.disk.used.reason() == Some(Unknown::PermissionDenied))
        .count();
    assert!(forbidden > 0);
    assert_eq!(report.notes, [""; 0]);
}
