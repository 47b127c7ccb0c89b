//! Every repository through the public handle, on a real database file.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use jiff::{SignedDuration, Timestamp};
use pulse_core::Secret;
use pulse_store::agents::AgentRecord;
use pulse_store::metadata::{self, GuestMetadata};
use pulse_store::nodes::positional_ids;
use pulse_store::{
    AuditEvent, AuditFilter, LockoutRecord, NodeKind, NodeRecord, NodeRef, SessionRecord, Store,
    TokenRecord, UserRecord,
};

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn later(seconds: i64) -> Timestamp {
    now()
        .checked_add(SignedDuration::from_secs(seconds))
        .unwrap()
}

async fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).await.unwrap();
    (dir, store)
}

#[tokio::test]
async fn settings_and_secrets() {
    let (dir, store) = store().await;
    let settings = store.settings();
    assert_eq!(settings.get::<u32>("n").await.unwrap(), None);
    settings.put("n", &1, now()).await.unwrap();
    settings.put("n", &2, now()).await.unwrap();
    assert_eq!(settings.get::<u32>("n").await.unwrap(), Some(2));
    assert!(settings.get::<String>("n").await.is_err());
    assert!(settings.remove("n").await.unwrap() && !settings.remove("n").await.unwrap());

    let secret = Secret::new("smtp-password-0123");
    settings.put_secret("smtp", &secret, now()).await.unwrap();
    assert_eq!(settings.get_secret("smtp").await.unwrap(), Some(secret));
    store.close().await;
    for file in std::fs::read_dir(dir.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("smtp-password-0123"));
    }
}

#[tokio::test]
async fn nodes_keep_order_and_secrets() {
    let (_dir, store) = store().await;
    let nodes = store.nodes();
    let mut added = Vec::new();
    for (kind, name) in [
        (NodeKind::Pmg, "mail"),
        (NodeKind::Pve, "a"),
        (NodeKind::Pbs, "b"),
        (NodeKind::Pve, "c"),
    ] {
        let mut node = NodeRecord::new(kind, name, format!("https://{name}:8006"));
        node.password = Secret::new(format!("pw-{name}"));
        nodes.insert(&node).await.unwrap();
        added.push(node);
    }
    let all = nodes.all().await.unwrap();
    assert_eq!(positional_ids(&all), ["pve-0", "pve-1", "pbs-0", "pmg-0"]);
    assert_eq!(
        all.iter().map(|n| n.name.as_str()).collect::<Vec<_>>(),
        ["a", "c", "b", "mail"]
    );
    assert_eq!(all[1], added[3]);

    let second = NodeRef::parse("pve-1").unwrap();
    let mut node = nodes.resolve(&second).await.unwrap().unwrap();
    node.password = Secret::default();
    node.token_value = Secret::new("t");
    assert!(nodes.update(&node).await.unwrap());
    let uid = NodeRef::parse(&node.uid).unwrap();
    assert_eq!(nodes.resolve(&uid).await.unwrap().unwrap(), node);

    assert!(nodes.delete(&added[1].uid).await.unwrap());
    assert_eq!(nodes.resolve(&second).await.unwrap(), None);
    assert!(!nodes.update(&added[1]).await.unwrap());
    nodes.replace_all(&added).await.unwrap();
    assert_eq!(nodes.all().await.unwrap().len(), 4);
}

#[tokio::test]
async fn accounts_and_tokens() {
    let (_dir, store) = store().await;
    let user = UserRecord {
        name: "op".into(),
        password_hash: Secret::new("$argon2id$…"),
        supersedes_env: None,
        created_at: now(),
        password_changed: now(),
    };
    let token = |id: &str, hash: &str, at| TokenRecord {
        id: id.into(),
        name: id.into(),
        hash: hash.into(),
        prefix: "abcdef".into(),
        suffix: "wxyz".into(),
        scopes: vec!["*".into()],
        created_at: at,
        last_used_at: None,
    };
    store
        .install_account(&user, &[token("first", "h1", now())])
        .await
        .unwrap();
    assert_eq!(
        store
            .users()
            .get("op")
            .await
            .unwrap()
            .unwrap()
            .password_hash,
        user.password_hash
    );
    let tokens = store.tokens();
    tokens
        .insert(&token("second", "h2", later(1)))
        .await
        .unwrap();
    assert!(
        tokens
            .insert(&token("third", "h2", later(2)))
            .await
            .is_err()
    );
    tokens
        .touch(&[("first".into(), later(5)), ("gone".into(), later(5))])
        .await
        .unwrap();
    let all = tokens.all().await.unwrap();
    assert_eq!(all[0].id, "second");
    assert_eq!(all[1].last_used_at, Some(later(5)));
    assert!(tokens.delete("second", Some("h2")).await.unwrap());
    assert!(tokens.suppressed().await.unwrap().contains("h2"));
    store
        .install_account(&user, &[token("again", "h3", now())])
        .await
        .unwrap();
    assert_eq!(tokens.all().await.unwrap().len(), 1);
}

#[tokio::test]
async fn sessions_locks_and_recovery() {
    let (_dir, store) = store().await;
    let session = |key: &str, user: &str, expires_at| SessionRecord {
        key: key.into(),
        username: user.into(),
        kind: "password".into(),
        created_at: now(),
        expires_at,
        lifetime: SignedDuration::from_hours(24),
        user_agent: "test".into(),
        ip: "192.0.2.1".into(),
    };
    let sessions = store.sessions();
    for (key, user, expires) in [("a", "op", 10), ("b", "op", 20), ("c", "kim", 20)] {
        sessions
            .insert(&session(key, user, later(expires)))
            .await
            .unwrap();
    }
    assert_eq!(sessions.live(later(15)).await.unwrap().len(), 2);
    sessions
        .update(&[("a".into(), later(30))], &["b".into()])
        .await
        .unwrap();
    let live = sessions.live(later(15)).await.unwrap();
    assert_eq!(live[0], session("a", "op", later(30)));
    assert_eq!(sessions.delete_all(Some("op")).await.unwrap(), 1);
    assert_eq!(sessions.delete_expired(later(20)).await.unwrap(), 1);

    let lock = LockoutRecord {
        key: "192.0.2.1 op".into(),
        failures: 5,
        last_failure: now(),
        locked_until: Some(later(900)),
    };
    let lockouts = store.lockouts();
    lockouts.put(std::slice::from_ref(&lock)).await.unwrap();
    assert_eq!(lockouts.all().await.unwrap(), std::slice::from_ref(&lock));
    lockouts.delete(&[lock.key]).await.unwrap();
    assert!(lockouts.all().await.unwrap().is_empty());

    let recovery = store.recovery();
    recovery.insert("h", now(), later(60)).await.unwrap();
    assert!(!recovery.consume("h", later(60)).await.unwrap());
    assert!(recovery.consume("h", later(59)).await.unwrap());
    assert!(!recovery.consume("h", later(59)).await.unwrap());
}

#[tokio::test]
async fn agents_documents_and_audit() {
    let (_dir, store) = store().await;
    let agents = store.agents();
    agents.seen("h1", "host", "old", now()).await.unwrap();
    agents.seen("h1", "host", "new", later(1)).await.unwrap();
    let config = serde_json::json!({"commandsEnabled": true});
    assert!(agents.set_config("h1", Some(&config)).await.unwrap());
    assert!(agents.set_removed("h1", Some(later(2))).await.unwrap());
    assert!(!agents.set_removed("h2", None).await.unwrap());
    assert_eq!(
        agents.get("h1").await.unwrap().unwrap(),
        AgentRecord {
            id: "h1".into(),
            kind: "host".into(),
            hostname: "new".into(),
            first_seen: now(),
            removed_at: Some(later(2)),
            config: Some(config),
        }
    );

    let guest = GuestMetadata {
        id: "lab:pve1:100".into(),
        custom_url: "https://x".into(),
        ..GuestMetadata::default()
    };
    let documents = store.documents();
    documents
        .put(metadata::GUESTS, &guest.id, &guest, now())
        .await
        .unwrap();
    assert_eq!(
        documents.all(metadata::GUESTS).await.unwrap(),
        [(guest.id.clone(), guest.clone())]
    );
    assert!(documents.remove(metadata::GUESTS, &guest.id).await.unwrap());

    let audit = store.audit();
    for (i, event) in ["login", "logout", "login"].into_iter().enumerate() {
        audit
            .append(&AuditEvent {
                timestamp: later(i as i64),
                event: event.into(),
                user: "op".into(),
                success: i > 0,
                ..AuditEvent::default()
            })
            .await
            .unwrap();
    }
    let logins = AuditFilter {
        event: Some("login".into()),
        ..AuditFilter::default()
    };
    assert_eq!(audit.count(&logins).await.unwrap(), 2);
    let newest = audit
        .list(&AuditFilter {
            limit: Some(1),
            ..logins
        })
        .await
        .unwrap();
    assert_eq!(newest[0].timestamp, later(2));
}
