//! Notifications of Proxmox as its webhook target sends them.

use std::collections::VecDeque;

use pulse_collect::{Hint, InstanceKey};
use pulse_core::{InstanceKind, Timestamp};
use pulse_wire::time::rfc3339_or_never;
use serde_json::{Map, Value, json};

const KEPT: usize = 200;
const LONGEST_TEXT: usize = 4096;

/// One notification.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Event {
    /// Counts up; set when it is kept.
    pub number: u64,
    pub received: Timestamp,
    /// When Proxmox says that it happened.
    pub at: Option<Timestamp>,
    pub severity: String,
    pub title: String,
    pub message: String,
    /// `vzdump`, `replication`, `fencing`, `package-updates`, `gc`, `sync`, `verify`, `prune` …
    pub kind: String,
    pub host: String,
    /// What the URL says about the sender.
    pub named_instance: Option<String>,
    pub source: Option<InstanceKind>,
    /// Whose it is; unknown when nothing tells, or several could be meant.
    pub instance: Option<InstanceKey>,
    /// Instances whose next poll came at once because of it.
    pub polled: Vec<InstanceKey>,
}

fn text(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Null | Value::Array(_) | Value::Object(_) => return String::new(),
        other => other.to_string(),
    };
    match text.char_indices().nth(LONGEST_TEXT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Seconds as number or text; milliseconds are told by their size.
fn moment(value: &Value) -> Option<Timestamp> {
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    if !number.is_finite() || !(0.0..1e15).contains(&number) {
        return None;
    }
    let millis = if number < 1e11 { number * 1e3 } else { number };
    Some(Timestamp(millis as i64))
}

/// Reads the body of a webhook: an object with `title`, `message`, `severity`, `timestamp` and
/// `fields`, each of them optional.
pub fn read(body: &[u8], received: Timestamp) -> Result<Event, String> {
    let body: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let Value::Object(body) = body else {
        return Err("not an object".to_owned());
    };
    let none = Map::new();
    let fields = body.get("fields").and_then(Value::as_object);
    let fields = fields.unwrap_or(&none);
    let of = |map: &Map<String, Value>, key: &str| text(map.get(key).unwrap_or(&Value::Null));
    let either = |key: &str| match of(fields, key) {
        said if said.is_empty() => of(&body, key),
        said => said,
    };
    let event = Event {
        received,
        at: body.get("timestamp").and_then(moment),
        severity: of(&body, "severity"),
        title: of(&body, "title"),
        message: of(&body, "message"),
        kind: either("type"),
        host: either("hostname"),
        ..Event::default()
    };
    if event.title.is_empty() && event.message.is_empty() && event.kind.is_empty() {
        return Err("neither title, message nor type".to_owned());
    }
    Ok(event)
}

/// What has to be asked anew because of an event, and of whom.
pub fn consequences(
    event: &Event,
    key: &InstanceKey,
    keys: &[InstanceKey],
) -> Vec<(InstanceKey, Hint)> {
    let own = |hint: Hint| (key.clone(), hint);
    match event.kind.as_str() {
        "vzdump" => {
            // The backup may lie on a backup server that is watched, too.
            let servers = keys
                .iter()
                .filter(|other| other.kind == InstanceKind::Pbs && *other != key)
                .map(|other| (other.clone(), Hint::Backups));
            [own(Hint::Backups), own(Hint::Tasks)]
                .into_iter()
                .chain(servers)
                .collect()
        }
        "replication" => vec![own(Hint::Replication), own(Hint::Tasks)],
        "fencing" => vec![own(Hint::Cluster), own(Hint::Tasks)],
        "package-updates" => {
            let host = event.host.split('.').next().unwrap_or("");
            vec![own(Hint::Updates(host.to_owned()))]
        }
        "gc" | "sync" | "verify" | "verification" | "prune" => {
            vec![own(Hint::Backups), own(Hint::Tasks)]
        }
        _ => vec![own(Hint::Tasks)],
    }
}

impl Event {
    pub fn json(&self) -> Value {
        json!({
            "id": self.number,
            "receivedAt": rfc3339_or_never(Some(self.received)),
            "at": self.at.map(|at| rfc3339_or_never(Some(at))),
            "severity": self.severity,
            "title": self.title,
            "message": self.message,
            "type": self.kind,
            "host": self.host,
            "instance": self.instance.as_ref().map(ToString::to_string),
            "polled": self.polled.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })
    }
}

/// The last events; older ones make room.
#[derive(Debug, Default)]
pub struct EventLog {
    events: VecDeque<Event>,
    last: u64,
}

impl EventLog {
    /// Gives the event's number.
    pub fn add(&mut self, mut event: Event) -> u64 {
        self.last += 1;
        event.number = self.last;
        if self.events.len() >= KEPT {
            self.events.pop_front();
        }
        self.events.push_back(event);
        self.last
    }

    pub fn newest_first(&self) -> Vec<Event> {
        self.events.iter().rev().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notification_as_the_template_makes_it() {
        let body = br#"{"title":"vzdump backup status (pve1): ok","message":"Details","severity":"info",
            "timestamp":"1790000000","fields":{"type":"vzdump","hostname":"pve1.lan","job-id":"b1"}}"#;
        let event = read(body, Timestamp(5)).unwrap();
        assert_eq!(
            (event.kind.as_str(), event.host.as_str()),
            ("vzdump", "pve1.lan")
        );
        assert_eq!(event.at, Some(Timestamp(1_790_000_000_000)));
        let pve = InstanceKey::new(InstanceKind::Pve, "north");
        let pbs = InstanceKey::new(InstanceKind::Pbs, "vault");
        let asked = consequences(&event, &pve, &[pve.clone(), pbs.clone()]);
        assert!(asked.contains(&(pve, Hint::Backups)) && asked.contains(&(pbs, Hint::Backups)));
    }

    #[test]
    fn what_says_nothing_is_refused() {
        for body in ["", "[]", "{}", r#"{"title":["x"]}"#, "<html>"] {
            assert!(read(body.as_bytes(), Timestamp(0)).is_err(), "{body}");
        }
    }

    #[test]
    fn the_list_is_bounded() {
        let mut log = EventLog::default();
        for _ in 0..500 {
            log.add(Event::default());
        }
        let shown = log.newest_first();
        assert_eq!((shown.len(), shown[0].number), (KEPT, 500));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = read(&bytes, Timestamp(0));
        }

        #[test]
        fn any_object_is_read(title in ".{0,20}", at in proptest::num::f64::ANY, kind in ".{0,8}") {
            let body = serde_json::json!({"title": title, "timestamp": at, "fields": {"type": kind}});
            let _ = read(body.to_string().as_bytes(), Timestamp(0));
        }
    }
}
