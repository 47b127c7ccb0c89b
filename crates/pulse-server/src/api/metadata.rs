//! What people write about guests, hosts and containers: a link, notes, tags.
//!
//! A write changes the keys that it names and leaves the others. What is written about a guest is
//! kept under its instance and VMID, so that it follows the guest to other nodes; answers have the
//! id that the guest has now.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::response::IntoResponse as _;
use axum::routing::{delete, get, post, put};
use http::{Method, StatusCode};
use pulse_auth::{Access, RouteRule, Scope};
use pulse_core::{Guest, Snapshot};
use pulse_store::metadata::{DOCKER_CONTAINERS, DOCKER_HOSTS, GUESTS, HOSTS};
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::http::answer::{Refusal, text};
use crate::http::{Ask, Reply, json as answer};
use crate::routes::{Entry, row};

const LARGEST: usize = 16 * 1024;
/// Writes read what is there first.
static WRITING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

type Document = Map<String, Value>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Type {
    Text,
    Texts,
    Flag,
}

/// One store.
#[derive(PartialEq, Eq)]
pub struct Kind {
    documents: &'static str,
    noun: &'static str,
    /// A link as it should look, for the message.
    example: &'static str,
    keys: &'static [(&'static str, Type)],
    /// Documents have their id and every key; else only what is set, and none when nothing is.
    full: bool,
}

const COMMON: [(&str, Type); 4] = [
    ("customUrl", Type::Text),
    ("description", Type::Text),
    ("tags", Type::Texts),
    ("notes", Type::Texts),
];

static GUEST: Kind = Kind {
    documents: GUESTS,
    noun: "Guest",
    example: "https://192.168.1.100:8006 or https://emby.local",
    keys: &COMMON,
    full: true,
};
static CONTAINER: Kind = Kind {
    documents: DOCKER_CONTAINERS,
    noun: "Resource",
    example: "https://192.168.1.100:8006 or https://emby.local",
    keys: &COMMON,
    full: true,
};
static HOST: Kind = Kind {
    documents: HOSTS,
    noun: "Host",
    example: "https://192.168.1.100:8006 or https://myhost.local",
    keys: &[
        ("customUrl", Type::Text),
        ("description", Type::Text),
        ("tags", Type::Texts),
        ("notes", Type::Texts),
        ("commandsEnabled", Type::Flag),
    ],
    full: true,
};
static DOCKER_HOST: Kind = Kind {
    documents: DOCKER_HOSTS,
    noun: "Host",
    example: "https://192.168.1.100:9000 or https://portainer.local",
    keys: &[
        ("customDisplayName", Type::Text),
        ("customUrl", Type::Text),
        ("notes", Type::Texts),
    ],
    full: false,
};

/// The rows of this area.
pub fn routes() -> Vec<Entry> {
    let mut rows = Vec::new();
    for (base, slash, one, kind) in [
        (
            "/api/guests/metadata",
            "/api/guests/metadata/",
            "/api/guests/metadata/{*id}",
            &GUEST,
        ),
        (
            "/api/docker/metadata",
            "/api/docker/metadata/",
            "/api/docker/metadata/{*id}",
            &CONTAINER,
        ),
        (
            "/api/docker/hosts/metadata",
            "/api/docker/hosts/metadata/",
            "/api/docker/hosts/metadata/{*id}",
            &DOCKER_HOST,
        ),
        (
            "/api/hosts/metadata",
            "/api/hosts/metadata/",
            "/api/hosts/metadata/{*id}",
            &HOST,
        ),
    ] {
        let read = |path| {
            RouteRule::new(Method::GET, path, Access::Authenticated).scope(Scope::MonitoringRead)
        };
        let write = |method, path| {
            RouteRule::new(method, path, Access::Authenticated).scope(Scope::MonitoringWrite)
        };
        let all = move |State(app): State<App>| async move { list(&app, kind).await };
        let nothing = move || async move { missing_id(kind) };
        let show = move |State(app): State<App>, Path(id): Path<String>| async move {
            show(&app, kind, &id).await
        };
        let change = move |State(app): State<App>, Path(id): Path<String>, ask: Ask| async move {
            change(&app, kind, &id, &ask).await
        };
        let forget = move |State(app): State<App>, Path(id): Path<String>| async move {
            forget(&app, kind, &id).await
        };
        rows.extend([
            row(read(base), get(all)),
            row(read(slash), get(all)),
            row(write(Method::PUT, slash), put(nothing)),
            row(write(Method::POST, slash), post(nothing)),
            row(write(Method::DELETE, slash), delete(nothing)),
            row(read(one), get(show)),
            row(write(Method::PUT, one), put(change)),
            row(write(Method::POST, one), post(change)),
            row(write(Method::DELETE, one), delete(forget)),
        ]);
    }
    rows
}

fn missing_id(kind: &Kind) -> Refusal {
    text(
        StatusCode::BAD_REQUEST,
        &format!("{} ID required", kind.noun),
    )
}

fn failed(error: &pulse_store::StoreError) -> Refusal {
    tracing::error!(%error, "metadata not saved");
    text(StatusCode::INTERNAL_SERVER_ERROR, "Failed to save metadata")
}

/// Instance, node and VMID of a guest's id.
fn guest_parts(id: &str) -> Option<(&str, &str, u32)> {
    let (rest, vmid) = id.rsplit_once(':')?;
    let (instance, node) = rest.rsplit_once(':')?;
    Some((instance, node, vmid.parse().ok()?))
}

/// Under what a document is kept.
fn key(kind: &Kind, id: &str) -> String {
    match guest_parts(id).filter(|_| *kind == GUEST) {
        // No node has this name.
        Some((instance, _, vmid)) => format!("{instance}:*:{vmid}"),
        None => id.to_owned(),
    }
}

/// Keys under which earlier versions kept what is written about a guest, best first.
fn old_keys(kind: &Kind, id: &str) -> Vec<String> {
    match guest_parts(id).filter(|_| *kind == GUEST) {
        Some((instance, node, vmid)) => vec![
            id.to_owned(),
            format!("{instance}-{node}-{vmid}"),
            format!("{instance}-{vmid}"),
            format!("{node}-{vmid}"),
        ],
        None => Vec::new(),
    }
}

/// The document of an id, and the old key where it was found under one.
async fn find(app: &App, kind: &Kind, id: &str) -> Result<(Document, Option<String>), Refusal> {
    let documents = app.store.documents();
    let own = documents
        .get::<Document>(kind.documents, &key(kind, id))
        .await;
    if let Some(document) = own.map_err(|e| failed(&e))? {
        return Ok((document, None));
    }
    for old in old_keys(kind, id) {
        let found = documents.get::<Document>(kind.documents, &old).await;
        if let Some(document) = found.map_err(|e| failed(&e))? {
            return Ok((document, Some(old)));
        }
    }
    Ok((Document::new(), None))
}

fn is_unset(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Array(list)) => list.is_empty(),
        Some(_) => false,
    }
}

/// What clients see of a document.
fn shown(kind: &Kind, id: &str, document: &Document, guest: Option<&Guest>) -> Document {
    let mut out = Document::new();
    if kind.full {
        out.insert("id".into(), id.into());
    }
    for (name, of) in kind.keys {
        let value = document.get(*name).filter(|value| !value.is_null());
        if kind.full {
            let empty = match of {
                Type::Text => json!(""),
                Type::Texts => json!([]),
                Type::Flag => Value::Null,
            };
            out.insert((*name).into(), value.cloned().unwrap_or(empty));
        } else if !is_unset(value) {
            out.insert((*name).into(), value.cloned().unwrap_or_default());
        }
    }
    let known = |name: &str, now: Option<&str>| {
        now.map(Value::from)
            .or_else(|| document.get(name).cloned())
            .filter(|value| !is_unset(Some(value)))
    };
    if let Some(name) = known("lastKnownName", guest.map(|g| g.name.as_str())) {
        out.insert("lastKnownName".into(), name);
    }
    if let Some(of) = known("lastKnownType", guest.map(|g| g.kind.as_str())) {
        out.insert("lastKnownType".into(), of);
    }
    out
}

/// The guest that an id means, also after it moved.
fn guest_of<'a>(snapshot: &'a Snapshot, kind: &Kind, id: &str) -> Option<&'a Guest> {
    let (instance, _, vmid) = guest_parts(id).filter(|_| *kind == GUEST)?;
    let mut guests = snapshot.guests();
    let found = guests.find(|guest| guest.vmid == vmid && guest.instance == instance);
    found.map(|guest| &**guest)
}

async fn list(app: &App, kind: &Kind) -> Reply {
    let all = app.store.documents().all::<Document>(kind.documents).await;
    let snapshot = app.inventory.snapshot();
    let mut out: BTreeMap<String, Document> = BTreeMap::new();
    for (key, document) in all.map_err(|e| failed(&e))? {
        let guest = guest_of(&snapshot, kind, &key);
        let written = document.get("id").and_then(Value::as_str);
        let id = guest.map_or_else(|| written.unwrap_or(&key).to_owned(), |g| g.id.clone());
        let document = shown(kind, &id, &document, guest);
        out.insert(id, document);
    }
    Ok(answer(&out))
}

async fn show(app: &App, kind: &Kind, id: &str) -> Reply {
    let (document, _) = find(app, kind, id).await?;
    let snapshot = app.inventory.snapshot();
    let guest = guest_of(&snapshot, kind, id);
    Ok(answer(&shown(kind, id, &document, guest)))
}

/// The keys that a body sets.
fn read_body(kind: &Kind, body: &[u8]) -> Option<Document> {
    let given: Document = serde_json::from_slice(body).ok()?;
    let mut changes = Document::new();
    for (name, of) in kind.keys {
        let Some(value) = given.get(*name) else {
            continue;
        };
        let fits = match (of, value) {
            (_, Value::Null) => true,
            (Type::Text, value) => value.is_string(),
            (Type::Flag, value) => value.is_boolean(),
            (Type::Texts, Value::Array(list)) => list.iter().all(Value::is_string),
            (Type::Texts, _) => false,
        };
        if !fits {
            return None;
        }
        changes.insert((*name).into(), value.clone());
    }
    Some(changes)
}

/// What is wrong with a link.
fn link_problem(kind: &Kind, link: &str) -> Option<String> {
    let scheme = ["http://", "https://"].iter().find(|scheme| {
        link.get(..scheme.len())
            .is_some_and(|s| s.eq_ignore_ascii_case(scheme))
    });
    let Some(scheme) = scheme else {
        return Some("URL must use http:// or https:// scheme".into());
    };
    let rest = link.get(scheme.len()..).unwrap_or_default();
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.is_empty() {
        return Some(format!(
            "Invalid URL: missing host/domain (e.g., use {})",
            kind.example
        ));
    }
    if let Err(error) = link.parse::<http::Uri>() {
        return Some(format!("Invalid URL format: {error}"));
    }
    let host = authority.rsplit('@').next().unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, port)| {
        if port.bytes().all(|b| b.is_ascii_digit()) {
            name
        } else {
            host
        }
    });
    name.ends_with('.')
        .then(|| format!("Incomplete URL: '{link}' - please enter a complete domain or IP address"))
}

async fn change(app: &App, kind: &Kind, id: &str, ask: &Ask) -> Reply {
    let invalid = || text(StatusCode::BAD_REQUEST, "Invalid request body");
    let changes = read_body(kind, ask.body_within(LARGEST)).ok_or_else(invalid)?;
    let link = changes.get("customUrl").and_then(Value::as_str);
    if let Some(problem) = link
        .filter(|link| !link.is_empty())
        .and_then(|link| link_problem(kind, link))
    {
        return Err(text(StatusCode::BAD_REQUEST, &problem));
    }
    let _one_at_a_time = WRITING.lock().await;
    let (mut document, old) = find(app, kind, id).await?;
    for (name, value) in changes {
        // An empty name would leave the host without any.
        if name != "customDisplayName" || !is_unset(Some(&value)) {
            document.insert(name, value);
        }
    }
    document.insert("id".into(), id.into());
    let snapshot = app.inventory.snapshot();
    let guest = guest_of(&snapshot, kind, id);
    let out = shown(kind, id, &document, guest);
    for known in ["lastKnownName", "lastKnownType"] {
        if let Some(value) = out.get(known) {
            document.insert(known.into(), value.clone());
        }
    }
    let documents = app.store.documents();
    let key = key(kind, id);
    let done = if out.is_empty() {
        documents.remove(kind.documents, &key).await.map(|_| ())
    } else {
        let now = jiff::Timestamp::now();
        documents.put(kind.documents, &key, &document, now).await
    };
    done.map_err(|e| failed(&e))?;
    if let Some(old) = old.filter(|old| *old != key) {
        let removed = documents.remove(kind.documents, &old).await;
        removed.map_err(|e| failed(&e))?;
    }
    Ok(answer(&out))
}

async fn forget(app: &App, kind: &Kind, id: &str) -> Reply {
    let _one_at_a_time = WRITING.lock().await;
    let documents = app.store.documents();
    let mut keys = old_keys(kind, id);
    keys.push(key(kind, id));
    for key in keys {
        let removed = documents.remove(kind.documents, &key).await;
        removed.map_err(|e| failed(&e))?;
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_guests_key_does_not_name_its_node() {
        assert_eq!(key(&GUEST, "lab:pve1:101"), "lab:*:101");
        assert_eq!(key(&GUEST, "a:b:pve1:101"), "a:b:*:101");
        assert_eq!(key(&GUEST, "something"), "something");
        assert_eq!(key(&CONTAINER, "h:container:1"), "h:container:1");
    }

    #[test]
    fn links_are_checked() {
        let check = |link, problem: Option<&str>| {
            let found = link_problem(&GUEST, link);
            assert_eq!(
                found.as_deref().map(|f| f.split(':').next().unwrap_or(f)),
                problem,
                "{link}"
            );
        };
        check("https://app.example:8443/x?y#z", None);
        check("HTTP://10.0.0.1", None);
        check("https://user@[fd00::1]:8006", None);
        check("javascript:alert(1)", Some("URL must use http"));
        check("http://?x", Some("Invalid URL"));
        check("https://emby.:80/", Some("Incomplete URL"));
        check("https://a b", Some("Invalid URL format"));
    }

    proptest! {
        #[test]
        fn no_body_and_no_link_breaks_it(body: Vec<u8>, link: String) {
            let _ = read_body(&HOST, &body);
            let _ = link_problem(&HOST, &link);
            let _ = key(&GUEST, &link);
        }
    }
}
