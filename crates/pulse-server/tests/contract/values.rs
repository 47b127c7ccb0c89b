//! Values of JSON where a recording determines them.

use serde_json::Value;

use crate::replay::EXACT;

/// Keys whose values are each server's own: ids, times, tokens, places.
const OWN: [&str; 30] = [
    "agentUrl",
    "apiTokenHint",
    "authLastModified",
    "bootstrapTokenPath",
    "build",
    "buildTime",
    "channel",
    "clientIP",
    "createdAt",
    "deploymentType",
    "goVersion",
    "id",
    "inContainer",
    "isDevelopment",
    "isDocker",
    "lastSeen",
    "lastUsedAt",
    "latency",
    "lockedUntil",
    "oidcEnabled",
    "prefix",
    "remainingMinutes",
    "runtime",
    "status_code",
    "suffix",
    "timestamp",
    "token",
    "uid",
    "uptime",
    "version",
];

/// Places where `ours` has another value than `recorded`. Missing places are the shape's matter,
/// and [`EXACT`] keys have been compared before.
pub fn differences(recorded: &Value, ours: &Value) -> Vec<String> {
    let mut found = Vec::new();
    if recorded.is_object() || recorded.is_array() {
        compare(recorded, ours, "", &mut found);
    }
    found
}

fn compare(recorded: &Value, ours: &Value, path: &str, found: &mut Vec<String>) {
    match (recorded, ours) {
        (Value::Object(recorded), Value::Object(ours)) => {
            for (key, value) in recorded {
                let key_text = key.as_str();
                if OWN.contains(&key_text) || (path.is_empty() && EXACT.contains(&key_text)) {
                    continue;
                }
                if let Some(ours) = ours.get(key) {
                    let path = if path.is_empty() {
                        key.clone()
                    } else {
                        format!("{path}.{key}")
                    };
                    compare(value, ours, &path, found);
                }
            }
        }
        (Value::Array(recorded), Value::Array(ours)) => {
            if recorded.len() != ours.len() {
                found.push(format!("{path}: {} items", ours.len()));
            }
            for (recorded, ours) in recorded.iter().zip(ours) {
                compare(recorded, ours, &format!("{path}[]"), found);
            }
        }
        (recorded, ours) if recorded == ours => {}
        // Of another type: the shape's matter.
        (recorded, ours) if std::mem::discriminant(recorded) != std::mem::discriminant(ours) => {}
        (_, ours) => found.push(format!("{path} = {ours}")),
    }
}
