//! Switching demo mode.

use crate::deviations::Found;
use crate::recorded::{Names, Server, TOKEN};
use crate::replay::{entries, replay};

const SYSTEM: &str = include_str!("../fixtures/reference-api/system.json");

#[tokio::test(flavor = "multi_thread")]
async fn mock_mode() {
    let environment = [("ALLOWED_ORIGINS", "http://a.example")];
    let server = Server::fresh_with(&environment, None).await.set_up().await;
    let mut names = Names::default();
    for token in ["<token-19>", "<token-53>"] {
        names.0.insert(token.to_owned(), TOKEN.to_owned());
    }
    let mut found = Found::new("system");
    for entry in entries(SYSTEM) {
        replay(&server, &names, &entry, &[], &mut found).await;
    }
    found.check();
    server.stop().await;
}

const SETTINGS: &str = include_str!("../fixtures/reference-api/system-settings.json");

#[tokio::test(flavor = "multi_thread")]
async fn system_settings() {
    let server = Server::fresh_with(&[], None).await.set_up().await;
    let mut names = Names::default();
    for token in ["<token-19>", "<token-53>"] {
        names.0.insert(token.to_owned(), TOKEN.to_owned());
    }
    let mut found = Found::new("settings");
    for entry in entries(SETTINGS) {
        replay(&server, &names, &entry, &[], &mut found).await;
    }
    found.check();
    server.stop().await;
}
