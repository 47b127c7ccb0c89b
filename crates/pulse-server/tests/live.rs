//! Both WebSocket protocols against a running server.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod recorded;

use std::collections::HashMap;
use std::io::Read as _;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use recorded::{PASSWORD, Server, TOKEN};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const WITHIN: Duration = Duration::from_secs(20);
const DELTA: (&str, &str) = ("sec-websocket-protocol", "pulse.v1+delta");

struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

async fn connect(
    server: &Server,
    path: &str,
    headers: &[(&'static str, &str)],
) -> Result<Socket, u16> {
    let url = format!("ws://{}{path}", server.address);
    let mut request = url.into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    match connect_async(request).await {
        Ok((socket, _)) => Ok(Socket(socket)),
        Err(Error::Http(answer)) => Err(answer.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

impl Socket {
    /// The next message; `Err` has the close code, 1006 when the line just broke.
    async fn message(&mut self) -> Result<Value, u16> {
        loop {
            let next = tokio::time::timeout(WITHIN, self.0.next()).await.unwrap();
            match next {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Binary(frame))) => return Ok(unpack(&frame)),
                Some(Ok(Message::Close(frame))) => {
                    return Err(frame.map_or(1005, |frame| frame.code.into()));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(1006),
            }
        }
    }

    /// The next message of a type; others may come between.
    async fn of_type(&mut self, kind: &str) -> Value {
        loop {
            let message = self.message().await.unwrap();
            if message["type"] == kind {
                return message;
            }
        }
    }

    async fn closed(&mut self) -> u16 {
        loop {
            if let Err(code) = self.message().await {
                return code;
            }
        }
    }

    async fn say(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }
}

fn unpack(frame: &[u8]) -> Value {
    match frame.split_first().unwrap() {
        (0, json) => serde_json::from_slice(json).unwrap(),
        (1, packed) => {
            let mut json = String::new();
            flate2::read::DeflateDecoder::new(packed)
                .read_to_string(&mut json)
                .unwrap();
            serde_json::from_str(&json).unwrap()
        }
        (other, _) => panic!("encoding {other}"),
    }
}

async fn v5(server: &Server) -> Socket {
    connect(server, "/ws", &[("x-api-token", TOKEN)])
        .await
        .unwrap_or_else(|status| panic!("{status}"))
}

async fn delta(server: &Server) -> Socket {
    connect(server, "/ws", &[("x-api-token", TOKEN), DELTA])
        .await
        .unwrap_or_else(|status| panic!("{status}"))
}

async fn report(server: &Server, hostname: &str, cpu: f64) {
    let report = json!({
        "agent": {"id": hostname, "version": "6.0.0", "type": "unified", "intervalSeconds": 10},
        "host": {"id": hostname, "hostname": hostname, "uptimeSeconds": 1000},
        "metrics": {"cpuUsagePercent": cpu, "memory": {"totalBytes": 1_073_741_824, "usedBytes": 104_857_600}},
        "timestamp": "2026-11-24T12:00:00Z",
    });
    let answer = server
        .call("POST", "/api/agents/host/report", Some(report))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn v5_greets_sends_the_state_and_answers() {
    let server = Server::ready().await;
    let mut socket = v5(&server).await;
    let recorded = include_str!("fixtures/reference-api/websocket.jsonl");
    let frames: Vec<Value> = recorded
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["frame"].take())
        .filter(|frame| !frame.is_null())
        .collect();
    assert_eq!(socket.message().await.unwrap(), frames[0]);
    let initial = socket.message().await.unwrap();
    assert_eq!(initial["type"], "initialState");
    for key in frames[1]["data"].as_object().unwrap().keys() {
        assert!(initial["data"].get(key).is_some(), "{key}");
    }
    // What is not understood is ignored, the connection stays.
    for text in [
        "not json at all",
        "[\"array\"]",
        "",
        r#"{"type":"somethingElse","data":{"a":1}}"#,
        r#"{"type":"pong","data":{}}"#,
    ] {
        socket.say(text).await;
    }
    socket.say(r#"{"type":"ping"}"#).await;
    let pong = socket.message().await.unwrap();
    assert_eq!(pong["type"], "pong");
    assert!(pong["data"]["timestamp"].is_u64());
    socket.say(r#"{"type":"requestData"}"#).await;
    let data = socket.message().await.unwrap();
    assert_eq!(data["type"], "rawData");
    assert!(data["data"]["nodes"].is_array());
    // A change is pushed without being asked for.
    report(&server, "pushed", 5.0).await;
    let pushed = socket.of_type("rawData").await;
    assert_eq!(pushed["data"]["hosts"][0]["id"], "pushed");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_are_too_long_end_the_connection() {
    let server = Server::ready().await;
    for mut socket in [v5(&server).await, delta(&server).await] {
        socket.message().await.unwrap();
        socket.say(&"x".repeat(65 << 10)).await;
        // The connection is dropped, or closed as too big.
        assert!([1006, 1009].contains(&socket.closed().await));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_read_is_refused_before_the_upgrade() {
    let server = Server::ready().await;
    let status = async |path: &str, headers: &[(&'static str, &str)]| {
        connect(&server, path, headers).await.err()
    };
    assert_eq!(status("/ws", &[]).await, Some(401));
    assert_eq!(status("/ws", &[("x-api-token", "nope")]).await, Some(401));
    let agent = server.token(&["host-agent:report"]).await;
    assert_eq!(status("/ws", &[("x-api-token", &agent)]).await, Some(403));
    let reader = server.token(&["monitoring:read"]).await;
    assert_eq!(status("/ws", &[("x-api-token", &reader)]).await, None);
    assert_eq!(status(&format!("/ws?token={reader}"), &[]).await, None);
    for foreign in ["http://evil.example", "null"] {
        let headers = [("x-api-token", TOKEN), ("origin", foreign)];
        assert_eq!(status("/ws", &headers).await, Some(403), "{foreign}");
    }
    server.stop().await;
}

/// A server that looks at its sockets' credentials often.
async fn watchful() -> Server {
    Server::fresh_with(&[], Some(Duration::from_millis(50)))
        .await
        .set_up()
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_session_ends_its_sockets() {
    let server = watchful().await;
    let body = json!({"username": "op", "password": PASSWORD}).to_string();
    let login = server.send("POST", "/api/login", &[], Some(body)).await;
    let pairs: Vec<&str> = login
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|line| line.to_str().unwrap().split(';').next().unwrap())
        .collect();
    let jar = pairs.join("; ");
    let mut full = connect(&server, "/ws", &[("cookie", &jar)])
        .await
        .ok()
        .unwrap();
    let mut deltas = connect(&server, "/ws", &[("cookie", &jar), DELTA])
        .await
        .ok()
        .unwrap();
    full.of_type("initialState").await;
    deltas.of_type("snapshot").await;
    let csrf = pairs[1].split_once('=').unwrap().1;
    let headers = [("cookie", jar.as_str()), ("x-csrf-token", csrf)];
    let logout = server.send("POST", "/api/logout", &headers, None).await;
    assert_eq!(logout.status, 200, "{}", logout.text);
    assert_eq!(full.closed().await, 1008);
    assert_eq!(deltas.closed().await, 1008);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_ends_its_sockets() {
    let server = watchful().await;
    let body = json!({"name": "reader", "scopes": ["monitoring:read"]});
    let created = server
        .call("POST", "/api/security/tokens", Some(body))
        .await
        .json();
    let token = created["token"].as_str().unwrap();
    let mut socket = connect(&server, "/ws", &[("x-api-token", token)])
        .await
        .ok()
        .unwrap();
    socket.of_type("initialState").await;
    let id = created["record"]["id"].as_str().unwrap();
    let path = format!("/api/security/tokens/{id}");
    assert_eq!(server.call("DELETE", &path, None).await.status, 204);
    assert_eq!(socket.closed().await, 1008);
    server.stop().await;
}

/// What a delta client knows: the documented steps, nothing else.
struct Client {
    version: u64,
    state: Value,
    /// Handle → object, per collection.
    objects: HashMap<String, HashMap<u64, Value>>,
}

impl Client {
    fn of(snapshot: &Value) -> Self {
        let mut objects = HashMap::new();
        for (collection, handles) in snapshot["handles"].as_object().unwrap() {
            let items = snapshot["state"][collection].as_array().unwrap();
            let handles = handles.as_array().unwrap();
            assert_eq!(items.len(), handles.len(), "{collection}");
            let known = handles.iter().map(|h| h.as_u64().unwrap());
            objects.insert(
                collection.clone(),
                known.zip(items.iter().cloned()).collect(),
            );
        }
        Self {
            version: snapshot["version"].as_u64().unwrap(),
            state: snapshot["state"].clone(),
            objects,
        }
    }

    fn apply(&mut self, delta: &Value) {
        assert_eq!(delta["from"], self.version, "no version is left out");
        self.version = delta["version"].as_u64().unwrap();
        for (collection, objects) in &mut self.objects {
            let change = &delta[collection];
            for handle in change["del"].as_array().into_iter().flatten() {
                assert!(objects.remove(&handle.as_u64().unwrap()).is_some());
            }
            for put in change["put"].as_array().into_iter().flatten() {
                objects.insert(put[0].as_u64().unwrap(), put[1].clone());
            }
            for group in change["patch"].as_array().into_iter().flatten() {
                for (i, handle) in group["h"].as_array().unwrap().iter().enumerate() {
                    let object = objects.get_mut(&handle.as_u64().unwrap()).unwrap();
                    for (column, values) in group.as_object().unwrap() {
                        let value = values.get(i).unwrap_or(values);
                        match column.as_str() {
                            "cpu" if collection == "hosts" => object["cpuUsage"] = value.clone(),
                            "cpu" | "lastSeen" => object[column] = value.clone(),
                            _ => {}
                        }
                    }
                }
            }
        }
        for (key, value) in delta["set"].as_object().into_iter().flatten() {
            self.state[key] = value.clone();
        }
    }

    fn hosts(&self) -> HashMap<String, (f64, u64)> {
        self.objects["hosts"].values().map(key_facts).collect()
    }
}

fn key_facts(host: &Value) -> (String, (f64, u64)) {
    (
        host["id"].as_str().unwrap().to_owned(),
        (
            host["cpuUsage"].as_f64().unwrap_or_default(),
            host["lastSeen"].as_u64().unwrap(),
        ),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delta_client_ends_with_the_same_data_as_the_state() {
    let server = Server::ready().await;
    let mut socket = delta(&server).await;
    let hello = socket.message().await.unwrap();
    assert_eq!(hello["type"], "hello");
    assert!(hello["interval"].is_u64());
    let mut client = Client::of(&socket.message().await.unwrap());
    for (hostname, cpu) in [("a", 1.5), ("b", 2.5), ("a", 3.5), ("c", 4.5), ("b", 5.5)] {
        report(&server, hostname, cpu).await;
    }
    assert_eq!(
        server
            .call("DELETE", "/api/agents/host/c", None)
            .await
            .status,
        200
    );
    report(&server, "d", 6.5).await;
    let want = |client: &Client| {
        let hosts = client.hosts();
        hosts.len() == 3 && hosts.get("d").is_some_and(|host| host.0 > 0.0)
    };
    while !want(&client) {
        client.apply(&socket.of_type("delta").await);
    }
    let state = server.call("GET", "/api/state", None).await.json();
    let hosts: HashMap<String, (f64, u64)> = state["hosts"]
        .as_array()
        .unwrap()
        .iter()
        .map(key_facts)
        .collect();
    assert_eq!(client.hosts(), hosts);
    assert_eq!(client.state["connectionHealth"], state["connectionHealth"]);

    socket.say("not json").await;
    socket.say(r#"{"type":"ping","t":[1,"x"]}"#).await;
    let pong = socket.of_type("pong").await;
    assert_eq!(pong, json!({"type": "pong", "t": [1, "x"]}));
    socket.say(r#"{"type":"resync"}"#).await;
    let again = Client::of(&socket.of_type("snapshot").await);
    assert!(again.version >= client.version);
    assert_eq!(again.hosts(), hosts);
    report(&server, "a", 9.5).await;
    let mut client = again;
    while client.hosts()["a"].0 < 9.0 {
        client.apply(&socket.of_type("delta").await);
    }
    server.stop().await;
}

/// Ids of a client's objects, each with what is not a measured value.
fn facts<'a>(objects: impl IntoIterator<Item = &'a Value>) -> HashMap<String, Value> {
    let stable = |(key, value): (&String, &Value)| {
        let kept = value.is_string() || value.is_boolean() || key == "tags" || key == "lastSeen";
        kept.then(|| (key.clone(), value.clone()))
    };
    let mut facts = HashMap::new();
    for object in objects {
        let fields = object.as_object().unwrap();
        let id = fields["id"].as_str().unwrap().to_owned();
        let known: serde_json::Map<String, Value> = fields.iter().filter_map(stable).collect();
        assert!(facts.insert(id.clone(), known.into()).is_none(), "{id}");
    }
    facts
}

/// Receives until the client is where the state is, and compares them.
async fn converge(server: &Server, socket: &mut Socket, client: &mut Client) {
    loop {
        let version = server.app.inventory.snapshot().version;
        while client.version < version {
            client.apply(&socket.of_type("delta").await);
        }
        let state = server.call("GET", "/api/state", None).await.json();
        if client.version != version || server.app.inventory.snapshot().version != version {
            continue;
        }
        for (collection, objects) in &client.objects {
            let ours = facts(objects.values());
            let served = facts(state[collection].as_array().unwrap());
            assert_eq!(ours, served, "{collection}");
        }
        for key in ["connectionHealth", "activeAlerts"] {
            assert_eq!(client.state[key], state[key], "{key}");
        }
        return;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delta_client_follows_a_fleet_that_comes_and_goes() {
    let server = Server::ready().await;
    let mut socket = delta(&server).await;
    let mut client = Client::of(&socket.of_type("snapshot").await);
    pulse_server::demo::switch(&server.app, true).await.unwrap();
    while client.objects["vms"].len() < 20 || client.objects["hosts"].len() < 6 {
        client.apply(&socket.of_type("delta").await);
    }
    converge(&server, &mut socket, &mut client).await;
    assert!(client.objects["nodes"].len() >= 4);
    assert!(!client.objects["storage"].is_empty());
    pulse_server::demo::switch(&server.app, false)
        .await
        .unwrap();
    converge(&server, &mut socket, &mut client).await;
    assert!(client.objects.values().all(HashMap::is_empty));
    server.stop().await;
}

/// A client that asks and does not read is given up; it holds up nobody else.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_is_dropped() {
    let server = watchful().await;
    for number in 0..40 {
        report(&server, &format!("{number}-{}", "x".repeat(200)), 1.0).await;
    }
    let mut slow = v5(&server).await;
    slow.of_type("initialState").await;
    let state = server.call("GET", "/api/state", None).await.text;
    // More than what the two ends of a connection may buffer between them.
    for _ in 0..(32 << 20) / state.len() {
        if slow
            .0
            .send(Message::text(r#"{"type":"requestData"}"#))
            .await
            .is_err()
        {
            break;
        }
    }
    let live = &server.app.live;
    let dropped = async {
        while live.dropped_clients.load(Ordering::Relaxed) == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(WITHIN, dropped).await.unwrap();
    v5(&server).await.of_type("initialState").await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_the_server_is_said() {
    let server = Server::ready().await;
    let mut socket = delta(&server).await;
    socket.of_type("snapshot").await;
    server.app.live.close();
    assert_eq!(socket.closed().await, 1001);
    server.stop().await;
}
