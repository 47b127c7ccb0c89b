//! Faults that bend answers: the request is fine, the answer is not.

use serde::{Deserialize, Serialize};

/// Which answers are bent, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Path below `/api2/json`, without query; `*` stands for any text, so `/nodes/*/qemu/*` also
    /// fits deeper paths. `*` alone is everything, logins included.
    pub path: String,
    /// Only at this node's own address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// Ends after so many answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    pub effect: Effect,
}

/// What happens to an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Effect {
    /// This status and reason phrase; no body for 401, 595 and 596, else `{"data":null}`.
    Status { code: u16, reason: String },
    /// `401 permission denied - invalid PVE ticket`.
    Unauthorized,
    /// `403 Permission check failed (…)`.
    Forbidden { privilege: Option<String> },
    /// The right answer, late. Real milliseconds, whatever the clock.
    Slow { ms: u64 },
    /// No answer at all; the connection stays open.
    Hang,
    /// The connection is closed without an answer.
    Drop,
    /// The body ends in the middle.
    BrokenJson,
    /// 200 with a web page, as a reverse proxy's login page has it.
    Html,
    /// 200 and valid JSON of so many bytes.
    HugeBody { bytes: u64 },
    /// Numbers as texts, 0 and 1 as booleans, now and then null.
    LyingTypes,
    /// `{"data":[]}` or `{"data":{}}`, 200.
    Empty,
}

impl Answer {
    pub(crate) fn fits(&self, path: &str, node: &str) -> bool {
        self.node.as_deref().is_none_or(|n| n == node) && glob(&self.path, path)
    }
}

/// `*` stands for any text, slashes included.
fn glob(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(tail) = text.strip_prefix(head) else {
        return false;
    };
    rest.is_empty()
        || tail
            .char_indices()
            .map(|(i, _)| i)
            .chain([tail.len()])
            .any(|i| glob(rest, &tail[i..]))
}

/// Makes every scalar a different type that still carries its value.
pub(crate) fn lie(value: &mut serde_json::Value) {
    use serde_json::Value;
    match value {
        Value::Object(map) => map.values_mut().for_each(lie),
        Value::Array(list) => list.iter_mut().for_each(lie),
        Value::Number(n) if n.as_u64() == Some(1) => *value = Value::Bool(true),
        Value::Number(n) if n.as_u64() == Some(0) => *value = Value::Bool(false),
        Value::Number(n) => *value = Value::String(n.to_string()),
        Value::String(s) if !s.is_empty() && s.len() < 12 => {
            if let Ok(n) = s.parse::<u64>() {
                *value = n.into();
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::glob;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, text, fits) in [
            ("*", "/nodes", true),
            ("/nodes", "/nodes", true),
            ("/nodes", "/nodes/a", false),
            ("/nodes/*/status", "/nodes/a/status", true),
            ("/nodes/*/status", "/nodes/a/b", false),
            ("/nodes/*/agent/*", "/nodes/a/qemu/1/agent/info", true),
            ("*/rrddata", "/nodes/ä/rrddata", true),
        ] {
            assert_eq!(glob(pattern, text), fits, "{pattern} on {text}");
        }
    }
}
