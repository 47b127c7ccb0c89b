//! The scheduler's health, against what was recorded of version 5.

use crate::deviations::Found;
use crate::recorded::{Names, Server, TOKEN};
use crate::replay::{entries, id, replay};

const RECORDED: &str = include_str!("../fixtures/reference-api/diagnostics.json");

#[tokio::test(flavor = "multi_thread")]
async fn scheduler() {
    let server = Server::ready().await;
    let mut names = Names::default();
    names.0.insert("<token-26>".to_owned(), TOKEN.to_owned());
    let mut found = Found::new("scheduler");
    let mut replayed = 0;
    for entry in entries(RECORDED) {
        // Without nodes; with nodes see `push.rs`, whose instances answer.
        if id(&entry) == "scheduler" {
            replay(&server, &names, &entry, &[], &mut found).await;
            replayed += 1;
        }
    }
    assert_eq!(replayed, 1);
    found.check();
    server.stop().await;
}
