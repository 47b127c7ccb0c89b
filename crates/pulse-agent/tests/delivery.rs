//! Delivery: what is sent, what happens when the server is away, refuses, or asks for a pause.

#![allow(clippy::expect_used, clippy::panic)] // helpers are outside #[test], where clippy.toml allows it

mod support;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use support::{Agent, Sink, accepted, server, status};

#[test]
fn requests_look_like_those_of_a_v5_agent_and_share_a_connection() {
    let sink = server(|_, request| accepted(request));
    let agent = Agent::start(&sink.url(), &["--hostname", "my box"]);
    let reports = sink.reports(4);
    for report in &reports {
        assert_eq!(report.path, "/api/agents/host/report");
        assert_eq!(report.header("authorization"), Some("Bearer secret-token"));
        assert_eq!(report.header("x-api-token"), Some("secret-token"));
        assert_eq!(report.header("content-type"), Some("application/json"));
        assert!(
            report
                .header("user-agent")
                .is_some_and(|name| name.starts_with("pulse-host-agent/"))
        );
        assert_eq!(report.header("transfer-encoding"), None);
    }
    let asked = sink.wait(|request| request.method == "GET", 3);
    assert_eq!(asked[0].path, "/api/agents/host/lookup?hostname=my%20box");
    assert_eq!(
        asked[0].header("user-agent"),
        Some("pulse-agent-config-client")
    );
    // Unknown at first, so by its own id; after the first report by the id the server gave.
    assert!(asked[1].path.ends_with("/config"));
    assert_eq!(asked[2].path, "/api/agents/host/host-1/config");
    assert_eq!(sink.connections(), 1);
    assert!(
        agent
            .log()
            .iter()
            .all(|message| !message.contains("secret-token"))
    );
    assert_eq!(
        agent
            .state_file("agent-id")
            .map(|id| id.trim().to_owned())
            .as_deref(),
        reports[0].body["agent"]["id"].as_str()
    );
}

#[test]
fn reports_of_an_outage_are_delivered_after_the_live_one_oldest_first() {
    let mut sink = server(|_, request| accepted(request));
    let agent = Agent::start(&sink.url(), &["--interval", "100ms"]);
    let before = sink.reports(3).len();
    sink.go_away();
    agent.wait_for_log("cannot be reached");
    std::thread::sleep(Duration::from_secs(2)); // the outage: reports are built meanwhile
    sink.come_back();
    agent.wait_for_log("kept reports delivered");
    let after = sink.reports(before + 10);
    let times: Vec<&str> = after.iter().map(support::Request::timestamp).collect();
    let live = times.windows(2).position(|pair| pair[1] < pair[0]);
    let live = live.expect("the live report comes before older ones");
    let kept: Vec<&str> = times
        .iter()
        .skip(live + 1)
        .take_while(|time| **time < times[live])
        .copied()
        .collect();
    assert!(kept.len() >= 5, "{kept:?}");
    assert!(kept.is_sorted(), "{kept:?}");
    // Only the report whose answer was cut off may come twice.
    let all: HashSet<&str> = after.iter().map(support::Request::timestamp).collect();
    assert!(all.len() + 1 >= after.len(), "reports came twice");
    let log = agent.log();
    assert_eq!(
        log.iter()
            .filter(|message| message.contains("cannot be reached"))
            .count(),
        1,
        "{log:#?}"
    );
    assert!(
        log.iter()
            .any(|message| message.contains("delivered again"))
    );
}

#[test]
fn at_most_sixty_reports_are_kept_and_the_oldest_go() {
    // Seventy failures, then success.
    let sink = server(|number, request| {
        if number < 70 {
            status(500, "", "")
        } else {
            accepted(request)
        }
    });
    let agent = Agent::start(&sink.url(), &["--interval", "100ms"]);
    let reports = sink.reports(131);
    let live = reports[70].timestamp();
    let kept: Vec<&str> = reports[71..131]
        .iter()
        .map(support::Request::timestamp)
        .collect();
    let failed: Vec<&str> = reports[10..70]
        .iter()
        .map(support::Request::timestamp)
        .collect();
    assert_eq!(kept, failed);
    assert!(kept.iter().all(|time| *time < live));
    agent.wait_for_log("10 old reports were dropped");
}

#[test]
fn a_missing_scope_is_explained_once_and_nothing_is_kept() {
    let sink = server(|number, request| match number {
        0..3 => status(
            403,
            "",
            r#"{"error":"missing_scope","requiredScope":"host-agent:report"}"#,
        ),
        _ => accepted(request),
    });
    let agent = Agent::start(&sink.url(), &[]);
    let reports = sink.reports(5);
    // Each pause is longer than the one before: 0.2 s, 0.4 s, 0.8 s.
    let gap = |from: usize| reports[from + 1].at.duration_since(reports[from].at);
    assert!(
        gap(2) > gap(0) && gap(2) >= Duration::from_millis(800),
        "{:?} {:?}",
        gap(0),
        gap(2)
    );
    let times: Vec<&str> = reports.iter().map(support::Request::timestamp).collect();
    assert!(times.is_sorted(), "nothing old is sent");
    let log = agent.log();
    let explained: Vec<&String> = log
        .iter()
        .filter(|message| message.contains("scope"))
        .collect();
    assert_eq!(explained.len(), 1, "{log:#?}");
    assert!(explained[0].contains("host-agent:report"));
}

#[test]
fn a_bad_token_is_explained() {
    let sink = server(|_, _| status(401, "", r#"{"error":"Authentication required"}"#));
    let agent = Agent::start(&sink.url(), &[]);
    let message = agent.wait_for_log("does not accept the API token");
    assert!(message.contains("--token-file"));
}

#[test]
fn retry_after_is_honoured_and_reports_are_kept() {
    let sink = server(|number, request| match number {
        0 => status(429, "Retry-After: 2\r\n", "Rate limit exceeded\n"),
        _ => accepted(request),
    });
    let _agent = Agent::start(&sink.url(), &[]);
    let reports = sink.reports(6);
    assert!(reports[1].at.duration_since(reports[0].at) >= Duration::from_secs(2));
    assert_eq!(
        reports[2].timestamp(),
        reports[0].timestamp(),
        "the refused report comes first"
    );
}

#[test]
fn what_the_server_rejects_for_good_is_not_sent_again() {
    let sink = server(|number, request| match number {
        0 => status(
            400,
            "",
            r#"{"error":"hostname is required","code":"invalid_report"}"#,
        ),
        1 => status(413, "", "<html>"),
        _ => accepted(request),
    });
    let agent = Agent::start(&sink.url(), &[]);
    let reports = sink.reports(5);
    let times: HashSet<&str> = reports.iter().map(support::Request::timestamp).collect();
    assert_eq!(times.len(), reports.len());
    agent.wait_for_log("hostname is required");
    agent.wait_for_log("too large");
}

#[test]
fn a_page_or_a_redirect_is_not_taken_for_success() {
    let sink = server(|number, request| match number {
        0 => status(200, "Content-Type: text/html\r\n", "<html>login</html>"),
        1 => status(
            301,
            "Location: https://pulse.example/api/agents/host/report\r\n",
            "",
        ),
        2 => status(204, "", ""),
        _ => accepted(request),
    });
    let agent = Agent::start(&sink.url(), &[]);
    let reports = sink.reports(7);
    agent.wait_for_log("not as a Pulse server");
    agent.wait_for_log("redirects to https://pulse.example");
    let times: Vec<&str> = reports.iter().map(support::Request::timestamp).collect();
    assert_eq!(times[4..7], times[0..3], "all three are sent again");
}

#[test]
fn a_profile_sets_the_interval() {
    let sink = Sink::start(|request| match request.method.as_str() {
        "POST" => accepted(request),
        _ if request.path.contains("lookup") => status(
            200,
            "",
            &json!({"success": true, "host": {"id": "known-id"}}).to_string(),
        ),
        _ => {
            let config = json!({"commandsEnabled": true, "settings": {"interval": "7s", "report_ip": "192.0.2.7"}});
            status(
                200,
                "",
                &json!({"success": true, "hostId": "known-id", "config": config}).to_string(),
            )
        }
    });
    let _agent = Agent::start(&sink.url(), &[]);
    let report = &sink.reports(1)[0];
    assert_eq!(report.body["agent"]["intervalSeconds"], 7);
    assert_eq!(report.body["agent"]["commandsEnabled"], json!(null));
    assert_eq!(report.body["host"]["reportIp"], "192.0.2.7");
    assert!(
        sink.wait(
            |request| request.path == "/api/agents/host/known-id/config",
            1
        )
        .len()
            == 1
    );
}

#[test]
fn sigterm_ends_the_agent_at_once_and_cleanly() {
    let sink = server(|_, request| accepted(request));
    let mut waiting = Agent::start(&sink.url(), &["--interval", "1h"]);
    sink.reports(1);
    sink.wait(|request| request.method == "GET", 3);
    std::thread::sleep(Duration::from_millis(300)); // the last answer is taken, the agent waits
    let started = Instant::now();
    kill(Pid::from_raw(waiting.id()), Signal::SIGTERM).expect("signal");
    assert!(waiting.wait().success());
    assert!(waiting.log().contains(&"stopped".to_owned()));

    // In the middle of a request that is never answered.
    let hanging = server(|_, _| {
        std::thread::sleep(Duration::from_secs(60));
        status(200, "", "")
    });
    let mut busy = Agent::start(&hanging.url(), &[]);
    hanging.wait(|request| request.method == "GET", 2);
    std::thread::sleep(Duration::from_millis(1500)); // now the report is under way
    kill(Pid::from_raw(busy.id()), Signal::SIGINT).expect("signal");
    assert!(busy.wait().success());
    assert!(started.elapsed() < Duration::from_secs(10));
}
