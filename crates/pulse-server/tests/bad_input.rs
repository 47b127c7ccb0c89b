//! Input that no client should send: a clear 4xx, never a 5xx, and a server that goes on.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod recorded;

use std::io::Write as _;

use proptest::prelude::*;
use recorded::{Server, TOKEN};
use serde_json::{Value, json};

const REPORT: &str = "/api/agents/host/report";

struct Lab {
    server: Server,
    http: reqwest::Client,
}

impl Lab {
    async fn new() -> Self {
        let server = Server::ready().await;
        let lab = Self {
            server,
            http: reqwest::Client::new(),
        };
        // What has to be there still when all is over.
        let good = report("good", |_| ());
        assert_eq!(lab.send("POST", REPORT, &[], good).await.0, 200);
        let node = json!({
            "type": "pbs", "name": "good", "host": "https://good.invalid:8007",
            "user": "u@pbs", "password": "p", "verifySSL": false,
        });
        let added = lab
            .send("POST", "/api/config/nodes", &[], node.to_string())
            .await;
        assert_eq!(added.0, 201, "{}", added.1);
        lab
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> (u16, String) {
        let url = format!("http://{}{path}", self.server.address);
        let mut request = self
            .http
            .request(method.parse().unwrap(), url)
            .header("x-api-token", TOKEN)
            .header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        // A handler that panics closes the connection: that is an error here.
        let response = request.body(body).send().await.unwrap();
        let status = response.status().as_u16();
        (status, response.text().await.unwrap())
    }

    async fn refused(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Vec<u8>) {
        let start = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        let (status, text) = self.send(method, path, headers, body).await;
        assert!(
            (400..500).contains(&status),
            "{method} {path} {start:?}: {status} {text}"
        );
        assert!(
            !text.trim().is_empty(),
            "{method} {path} {start:?}: nothing said"
        );
    }

    /// As [`Self::refused`], for a body whose sender may not get to read the answer: the server
    /// does not wait for the rest of what it will not take.
    async fn cut_off(&self, method: &str, path: &str, body: String) {
        let sent = self
            .http
            .request(
                method.parse().unwrap(),
                format!("http://{}{path}", self.server.address),
            )
            .header("x-api-token", TOKEN)
            .body(body)
            .send()
            .await;
        match sent {
            Ok(response) => {
                let status = response.status();
                assert!(status.is_client_error(), "{method} {path}: {status}");
            }
            Err(error) => assert!(error.is_request(), "{error:?}"),
        }
    }

    /// GET with a query exactly as given.
    async fn ask(&self, path: &str) -> u16 {
        self.send("GET", path, &[], "").await.0
    }

    /// Everything is as it was.
    async fn ends_well(self) {
        assert_eq!(self.ask("/api/health").await, 200);
        let (status, state) = self.send("GET", "/api/state", &[], "").await;
        assert_eq!(status, 200);
        let state: Value = serde_json::from_str(&state).unwrap();
        let hosts = state["hosts"].as_array().unwrap();
        let good = hosts.iter().find(|h| h["hostname"] == "good").unwrap();
        assert_eq!(good["status"], "online");
        let (_, nodes) = self.send("GET", "/api/config/nodes", &[], "").await;
        let nodes: Vec<Value> = serde_json::from_str(&nodes).unwrap();
        let good = nodes.iter().find(|n| n["name"] == "good").unwrap();
        assert_eq!(good["hasPassword"], true);
        let (_, stats) = self.send("GET", "/api/metrics-store/stats", &[], "").await;
        let stats: Value = serde_json::from_str(&stats).unwrap();
        assert_eq!(
            (&stats["enabled"], &stats["writeErrors"]),
            (&json!(true), &json!(0))
        );
        self.server.stop().await;
    }
}

/// A right report, changed.
fn report(hostname: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut report = json!({
        "agent": {"id": hostname, "version": "1", "intervalSeconds": 30},
        "host": {"hostname": hostname, "machineId": hostname, "uptimeSeconds": 1000},
        "metrics": {
            "cpuUsagePercent": 12.5,
            "memory": {"totalBytes": 1u64 << 33, "usedBytes": 1u64 << 32},
        },
        "disks": [{"mountpoint": "/", "filesystem": "ext4", "totalBytes": 1u64 << 40, "usedBytes": 1u64 << 39}],
        "network": [{"name": "eth0", "rxBytes": 1, "txBytes": 2}],
        "timestamp": "2031-01-01T00:00:00Z",
    });
    change(&mut report);
    report.to_string()
}

fn gzip(parts: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for part in parts {
        packed.write_all(&part).unwrap();
    }
    packed.finish().unwrap()
}

/// Bodies that are wrong for every route.
fn broken_bodies() -> Vec<Vec<u8>> {
    let mut bodies: Vec<Vec<u8>> = [
        "{",
        "[]]",
        "\"x\"",
        "1",
        "nul",
        "{\"a\":}",
        "{\"host\":NaN}",
        "{\"host\":1e999,\"hostId\":1e999,\"name\":1e999,\"enabled\":1e999}",
        "\u{feff}{}",
        "{'a':1}",
        "\0",
        "{\"name\":\"\\ud800\",\"enabled\":\"\\ud800\"}",
        "{\"host\":\"\\x\"}",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    bodies.push(b"{\"name\":\"\xff\xfe\",\"enabled\":\"\xff\",\"host\":\"\xc3\x28\"}".to_vec());
    bodies.push("[".repeat(200_000).into_bytes());
    bodies.push("{\"a\":".repeat(100_000).into_bytes());
    bodies.push(vec![b' '; 100_000]);
    bodies
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_not_json_are_refused() {
    let lab = Lab::new().await;
    for body in broken_bodies() {
        for (method, path) in [
            ("POST", REPORT),
            ("POST", "/api/agents/host/uninstall"),
            ("POST", "/api/agents/host/unlink"),
            ("POST", "/api/config/nodes"),
            ("POST", "/api/config/nodes/test-config"),
            ("POST", "/api/config/nodes/test-connection"),
            ("PUT", "/api/config/nodes/pbs-0"),
            ("POST", "/api/system/mock-mode"),
            ("POST", "/api/security/tokens"),
        ] {
            lab.refused(method, path, &[], body.clone()).await;
        }
    }
    lab.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_too_large_are_refused() {
    let lab = Lab::new().await;
    let large = |bytes: usize| {
        let filler = "x".repeat(bytes);
        json!({"hostId": filler, "name": filler, "host": {"hostname": filler}}).to_string()
    };
    for (method, path, bytes) in [
        ("POST", REPORT, 40 << 20),
        ("POST", "/api/agents/host/uninstall", 3 << 20),
        ("POST", "/api/config/nodes", 3 << 20),
        ("PUT", "/api/config/nodes/pbs-0", 3 << 20),
        ("POST", "/api/system/mock-mode", 3 << 20),
        ("POST", "/api/security/tokens", 3 << 20),
    ] {
        lab.cut_off(method, path, large(bytes)).await;
    }
    // 512 MiB of spaces in half a megabyte.
    let bomb = gzip((0..512).map(|_| vec![b' '; 1 << 20]));
    assert!(bomb.len() < 1 << 20);
    let packed = [("content-encoding", "gzip")];
    lab.refused("POST", REPORT, &packed, bomb).await;
    let whole = gzip(std::iter::once(report("zipped", |_| ()).into_bytes()));
    lab.refused("POST", REPORT, &packed, whole[..whole.len() / 2].to_vec())
        .await;
    lab.refused("POST", REPORT, &packed, b"not gzip".to_vec())
        .await;
    for encoding in ["br", "zstd", "gzip, gzip", "\u{e9}"] {
        let headers = [("content-encoding", encoding)];
        lab.refused("POST", REPORT, &headers, whole.clone()).await;
    }
    let (status, text) = lab.send("POST", REPORT, &packed, whole).await;
    assert_eq!(status, 200, "{text}");
    lab.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_of_the_wrong_shape_are_refused() {
    let lab = Lab::new().await;
    let wrong: [fn(&mut Value); 14] = [
        |r| *r = json!({}),
        |r| *r = json!([]),
        |r| r["host"] = Value::Null,
        |r| r["host"] = json!("name"),
        |r| r["host"]["hostname"] = json!(""),
        |r| r["host"]["hostname"] = json!(" \t\n "),
        |r| r["host"]["hostname"] = json!(5),
        |r| r["metrics"]["cpuUsagePercent"] = json!("much"),
        |r| r["metrics"]["memory"] = json!([1, 2]),
        |r| r["disks"] = json!({"a": 1}),
        |r| r["disks"] = json!(["sda"]),
        |r| r["network"] = json!(7),
        |r| r["sensors"] = json!("hot"),
        |r| r["timestamp"] = json!({"now": true}),
    ];
    for change in wrong {
        lab.refused("POST", REPORT, &[], report("wrong", change).into_bytes())
            .await;
    }
    let (_, state) = lab.send("GET", "/api/state", &[], "").await;
    assert!(
        !state.contains("\"wrong\""),
        "nothing of a refused report is shown"
    );
    lab.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_with_absurd_values_do_no_harm() {
    let lab = Lab::new().await;
    let long = "ü".repeat(1_000);
    let longest = "x".repeat(1_000_000);
    let strange = "a\u{0}b\u{202e}c\"</script><img src=x>\\\n\u{1f9ff}";
    let numbers = [
        json!(-1),
        json!(i64::MIN),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(1e300),
        json!(-1e300),
        json!(0.000_000_1),
        json!(1.5),
        json!("12"),
        Value::Null,
        json!(true),
    ];
    let places = [
        "/host/uptimeSeconds",
        "/host/hostname",
        "/host/machineId",
        "/agent/intervalSeconds",
        "/agent/id",
        "/metrics/cpuUsagePercent",
        "/metrics/memory/totalBytes",
        "/metrics/memory/usedBytes",
        "/disks/0/totalBytes",
        "/disks/0/usedBytes",
        "/disks/0/mountpoint",
        "/network/0/rxBytes",
        "/network/0/name",
        "/timestamp",
    ];
    let texts = [
        json!(long),
        json!(longest),
        json!(strange),
        json!(""),
        json!("2031-02-30T25:00:00Z"),
    ];
    for place in places {
        for value in numbers.iter().chain(&texts) {
            let body = report("absurd", |r| {
                if let Some(at) = r.pointer_mut(place) {
                    *at = value.clone();
                }
            });
            let (status, text) = lab.send("POST", REPORT, &[], body).await;
            let shown: String = value.to_string().chars().take(40).collect();
            assert!(
                matches!(status, 200 | 400),
                "{place} = {shown}: {status} {text}"
            );
        }
    }
    // Many of everything.
    let many = report("many", |r| {
        r["tags"] = (0..20_000).map(|i| json!(format!("tag-{i}"))).collect();
        r["disks"] = (0..5_000)
            .map(|i| json!({"mountpoint": format!("/m{i}"), "totalBytes": 5, "usedBytes": 9}))
            .collect();
        r["network"] = (0..5_000)
            .map(|i| json!({"name": format!("e{i}"), "rxBytes": u64::MAX, "txBytes": u64::MAX}))
            .collect();
    });
    let (status, text) = lab.send("POST", REPORT, &[], many).await;
    assert!(matches!(status, 200 | 400), "{status} {text}");
    // Everything that was taken can be read back, and no number is out of bounds.
    let (status, state) = lab.send("GET", "/api/state", &[], "").await;
    assert_eq!(status, 200);
    let state: Value = serde_json::from_str(&state).unwrap();
    for host in state["hosts"].as_array().unwrap() {
        let cpu = host["cpuUsage"].as_f64().unwrap_or(0.0);
        assert!((0.0..=100.0).contains(&cpu), "{}", host["cpuUsage"]);
        let memory = &host["memory"];
        assert!(memory["used"].as_i64().unwrap_or(0) >= 0);
        assert!(host["hostname"].as_str().unwrap().chars().count() <= 1_024);
        assert!(host["id"].as_str().unwrap().len() <= 64);
    }
    for path in ["/api/charts", "/metrics", "/api/metrics-store/stats"] {
        assert_eq!(lab.ask(path).await, 200, "{path}");
    }
    lab.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_with_absurd_fields_are_refused_or_harmless() {
    let lab = Lab::new().await;
    let base = json!({"type": "pbs", "name": "n", "host": "h.invalid", "user": "u@pbs", "password": "p", "verifySSL": false});
    let with = |field: &str, value: Value| {
        let mut body = base.clone();
        body[field] = value;
        body.to_string().into_bytes()
    };
    for (field, value) in [
        ("type", json!("esxi")),
        ("type", json!(1)),
        ("name", json!("")),
        ("name", json!(["a"])),
        ("name", json!("n".repeat(1_000))),
        ("name", json!("ü".repeat(1_000))),
        ("name", json!("a\u{0}b")),
        ("name", json!("a\nb")),
        ("name", json!("pulse-demo")),
        ("name", json!(" PULSE-Demo:x")),
        ("host", json!("")),
        ("host", json!("h".repeat(1_000))),
        ("host", json!("https://")),
        ("host", json!("file:///etc/passwd")),
        ("host", json!("https://user:pw@h.invalid")),
        ("host", json!("h.invalid:0")),
        ("host", json!("h.invalid:70000")),
        ("host", json!("[::1")),
        ("host", json!("1.2.3.400")),
        ("host", json!("häuser.invalid")),
        ("host", json!("h.invalid\r\nx-evil: 1")),
        ("user", json!({})),
        ("verifySSL", json!("yes")),
        ("physicalDiskPollingMinutes", json!(-1)),
        ("physicalDiskPollingMinutes", json!(1e300)),
    ] {
        lab.refused("POST", "/api/config/nodes", &[], with(field, value))
            .await;
    }
    // What has to be kept as it is: a name in any language.
    let (status, text) = lab
        .send(
            "POST",
            "/api/config/nodes",
            &[],
            with("name", json!("Bürö 🖥")),
        )
        .await;
    assert_eq!(status, 201, "{text}");
    let (_, list) = lab.send("GET", "/api/config/nodes", &[], "").await;
    assert!(list.contains("Bürö 🖥"), "{list}");
    let (_, list) = lab.send("GET", "/api/config/nodes", &[], "").await;
    assert_eq!(
        serde_json::from_str::<Vec<Value>>(&list).unwrap().len(),
        2,
        "{list}"
    );
    // Changing a node is no way around.
    for (field, value) in [
        ("name", json!("pulse-demo")),
        ("name", json!("n".repeat(1_000))),
        ("name", json!("a\nb")),
        ("host", json!("file:///etc/passwd")),
    ] {
        lab.refused("PUT", "/api/config/nodes/pbs-0", &[], with(field, value))
            .await;
    }
    lab.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_ids_are_not_found() {
    let lab = Lab::new().await;
    for (method, path) in [
        ("PUT", "/api/config/nodes/{}"),
        ("DELETE", "/api/config/nodes/{}"),
        ("POST", "/api/config/nodes/{}/test"),
        ("POST", "/api/config/nodes/{}/refresh-cluster"),
        ("DELETE", "/api/security/tokens/{}"),
        ("GET", "/api/no/such/{}"),
    ] {
        for id in [
            "pve-99",
            "pbs-18446744073709551616",
            "pve--1",
            "x",
            "%00",
            "%2e%2e%2fetc",
            "%F0%9F%A7%BF",
            "pve-0%27%3B%20DROP%20TABLE%20nodes%3B--",
            "%ff%fe",
            &"a".repeat(3_000),
        ] {
            lab.refused(method, &path.replace("{}", id), &[], b"{}".to_vec())
                .await;
        }
    }
    for id in ["", "%00", "%ff", "nobody", &"a".repeat(3_000)] {
        let status = lab
            .ask(&format!("/api/agents/host/lookup?id={id}&hostname=%20"))
            .await;
        assert!((400..500).contains(&status), "{id}: {status}");
        let (status, text) = lab
            .send("DELETE", &format!("/api/agents/host/{id}"), &[], "")
            .await;
        assert!(status < 500, "{id}: {status} {text}");
    }
    lab.ends_well().await;
}

/// Characters that matter in a query, and any others.
fn query_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>()
            .prop_map(|text| url::form_urlencoded::byte_serialize(text.as_bytes()).collect()),
        "[0-9]{0,25}(ms|s|m|h|d|w|y|)",
        "([0-9]{1,20}[smhdwy]){0,4}",
        "-?[0-9]{1,25}(\\.[0-9]{1,5})?(e[0-9]{1,4})?",
        "(%[0-9a-fA-F]{2}){0,8}",
        "[a-z0-9%=:;,+!*'()-]{0,30}",
        Just("99999999999999y".to_owned()),
        Just("292471208677y".to_owned()),
        Just("9223372036854775807".to_owned()),
        Just("NaN".to_owned()),
        Just("%ZZ".to_owned()),
        Just("%".to_owned()),
    ]
}

#[test]
fn any_query_is_answered() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let lab = runtime.block_on(Lab::new());
    let ask = |path: &str| runtime.block_on(lab.ask(path));
    for range in [
        "99999999999999y",
        "292471208677y",
        "500000000000y",
        "0s",
        "9223372036854775807",
        "1ms",
        "-1h",
    ] {
        for path in ["charts", "storage-charts", "storage/charts"] {
            assert_eq!(
                ask(&format!("/api/{path}?range={range}")),
                200,
                "{path} {range}"
            );
        }
        let path = format!(
            "/api/metrics-store/history?resourceType=host&resourceId=good&range={range}&points=18446744073709551615"
        );
        assert_eq!(ask(&path), 200, "{range}");
    }
    let config = ProptestConfig {
        cases: 150,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(a in query_text(), b in query_text(), c in query_text(), d in query_text())| {
        for path in [
            format!("/api/charts?range={a}"),
            format!("/api/storage-charts?range={a}&{b}={c}"),
            format!("/api/metrics-store/history?resourceType={a}&resourceId={b}&metric={c}&range={d}&points={a}"),
            format!("/api/metrics-store/history?resourceType=host&resourceId=good&range={a}&points={b}"),
            format!("/api/metrics-store/history?{a}&{b}"),
            format!("/api/agents/host/lookup?id={a}&hostname={b}"),
            format!("/api/state?{a}"),
        ] {
            let status = ask(&path);
            prop_assert!(status < 500, "{}: {}", path, status);
        }
    });
    runtime.block_on(lab.ends_well());
}
