//! Node configuration.

use serde_json::{Value, json};

use crate::deviations::Found;
use crate::recorded::{Answer, Names, Server, TOKEN};
use crate::replay::{entries, id, replay};
use crate::values;

const NODES: &str = include_str!("../fixtures/nodes-config.json");

/// The last exchange before those of agent installers and discovery, which come later.
const LAST: &str = "list-after-delete";

/// What was shortened when it was recorded.
fn restore(entry: &mut Value) {
    if id(entry) == "add-oversized" {
        entry["request"]["body"] = json!({"type": "pve", "name": "x".repeat(70 << 10)});
    }
}

/// Later exchanges count nodes: undo what version 5 accepted or refused otherwise.
async fn even_out(server: &Server, id: &str, answer: &Answer) {
    if ["add-digit-host", "add-temp-no-proxy"].contains(&id) && answer.status == 201 {
        let removed = server.call("DELETE", "/api/config/nodes/pve-0", None).await;
        assert_eq!(removed.status, 200, "{}", removed.text);
    }
    if id == "add-pbs-badchars" {
        let body = json!({
            "type": "pbs", "name": "lab", "host": "pbs.example",
            "user": "root@pam", "password": "pw",
        });
        let added = server.call("POST", "/api/config/nodes", Some(body)).await;
        assert_eq!(added.status, 201, "{}", added.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes() {
    let server = Server::ready().await;
    let mut names = Names::default();
    let mut found = Found::new("nodes");
    for mut entry in entries(NODES) {
        if let Some(placeholder) = entry["request"]["headers"]["X-API-Token"].as_str() {
            names.0.insert(placeholder.to_owned(), TOKEN.to_owned());
        }
        restore(&mut entry);
        let answer = replay(&server, &names, &entry, &[], &mut found).await;
        even_out(&server, id(&entry), &answer).await;
        if entry["response"]["status"] == answer.status {
            for difference in values::differences(&entry["response"]["body"], &answer.json()) {
                found.push(id(&entry), difference, "");
            }
        }
        if id(&entry) == LAST {
            break;
        }
    }
    found.check();
    server.stop().await;
}
