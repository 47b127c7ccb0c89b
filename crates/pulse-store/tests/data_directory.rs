//! The key, the modes of files, and what is left after the process is killed.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use pulse_core::Secret;
use pulse_store::{Store, StoreError};

async fn with_secret(dir: &std::path::Path) {
    let store = Store::open(dir).await.unwrap();
    let now = jiff::Timestamp::now();
    store
        .settings()
        .put_secret("k", &Secret::new("v"), now)
        .await
        .unwrap();
    store.close().await;
}

#[tokio::test]
async fn reopens_with_its_key() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    with_secret(&data).await;
    let store = Store::open(&data).await.unwrap();
    let secret = store.settings().get_secret("k").await.unwrap().unwrap();
    assert_eq!(secret.expose(), "v");
}

#[tokio::test]
async fn a_lost_key_is_named_and_not_replaced() {
    let dir = tempfile::tempdir().unwrap();
    with_secret(dir.path()).await;
    let key = dir.path().join("secret.key");
    std::fs::remove_file(&key).unwrap();
    let error = Store::open(dir.path()).await.unwrap_err();
    assert!(matches!(error, StoreError::KeyLost { .. }), "{error}");
    assert!(!key.exists());
}

#[tokio::test]
async fn a_foreign_or_damaged_key_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    with_secret(dir.path()).await;
    let key = dir.path().join("secret.key");
    std::fs::write(&key, [1; 32]).unwrap();
    let error = Store::open(dir.path()).await.unwrap_err();
    assert!(matches!(error, StoreError::KeyMismatch { .. }), "{error}");
    assert_eq!(std::fs::read(&key).unwrap(), [1; 32]);
    std::fs::write(&key, b"short").unwrap();
    let error = Store::open(dir.path()).await.unwrap_err();
    assert!(
        matches!(error, StoreError::KeyMalformed { found: 5, .. }),
        "{error}"
    );
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_may_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let _store = Store::open(&data).await.unwrap();
    let mode =
        |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    let mut seen = 0;
    for file in std::fs::read_dir(&data).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        seen += 1;
    }
    assert!(seen >= 3, "database, key and write-ahead log");
}

#[tokio::test]
async fn two_programs_can_have_it_open() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = tokio::join!(Store::open(dir.path()), Store::open(dir.path()));
    let (first, second) = (first.unwrap(), second.unwrap());
    let now = jiff::Timestamp::now();
    first.settings().put("a", &1, now).await.unwrap();
    second.settings().put("b", &2, now).await.unwrap();
    assert_eq!(second.settings().get::<i32>("a").await.unwrap(), Some(1));
}

/// The child of the next test: writes numbered settings and says each number after the
/// acknowledgement.
#[tokio::test]
async fn write_until_killed() {
    let Ok(dir) = std::env::var("PULSE_STORE_WRITE_UNTIL_KILLED") else {
        return;
    };
    let store = Store::open(dir).await.unwrap();
    let now = jiff::Timestamp::now();
    for n in 0_u32.. {
        let key = format!("n{n}");
        store.settings().put(&key, &n, now).await.unwrap();
        store
            .settings()
            .put_secret(&key, &Secret::new(&*key), now)
            .await
            .unwrap();
        println!("acknowledged {n}");
    }
}

#[tokio::test]
async fn acknowledged_writes_survive_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    for round in 1..=3 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["write_until_killed", "--exact", "--nocapture"])
            .env("PULSE_STORE_WRITE_UNTIL_KILLED", dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut last = 0_u32;
        while last < round * 40 {
            let line = lines.next().unwrap().unwrap();
            if let Some(n) = line.split("acknowledged ").nth(1) {
                last = n.parse().unwrap();
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // What it could still say before the kill counts too.
        for line in lines.map_while(Result::ok) {
            if let Some(n) = line.split("acknowledged ").nth(1) {
                last = n.parse().unwrap_or(last);
            }
        }
        let store = Store::open(dir.path()).await.unwrap();
        for n in 0..=last {
            let key = format!("n{n}");
            assert_eq!(store.settings().get::<u32>(&key).await.unwrap(), Some(n));
            let secret = store.settings().get_secret(&key).await.unwrap().unwrap();
            assert_eq!(secret.expose(), key);
        }
        store.close().await;
    }
}
