//! Postfix queues, which versions tell in three shapes: an object of counts, a list of such
//! objects, and `qshape` rows by age. An index of queue names tells no counts.

use serde_json::Value;

/// Messages in the queues; `None` is not told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueCounts {
    pub active: Option<u64>,
    pub deferred: Option<u64>,
    pub hold: Option<u64>,
    pub incoming: Option<u64>,
    /// Seconds.
    pub oldest_age: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueAnswer {
    Counts(QueueCounts),
    /// The answer lists the queues without counts: each has to be asked.
    Index,
}

impl QueueCounts {
    pub fn slot(&mut self, queue: &str) -> Option<&mut Option<u64>> {
        match queue {
            "active" => Some(&mut self.active),
            "deferred" => Some(&mut self.deferred),
            "hold" => Some(&mut self.hold),
            "incoming" => Some(&mut self.incoming),
            _ => None,
        }
    }

    /// Whether anything was told.
    pub fn is_told(&self) -> bool {
        [self.active, self.deferred, self.hold, self.incoming]
            .iter()
            .any(Option::is_some)
    }

    /// Adds what another list element tells.
    fn add(&mut self, other: Self) {
        let sum = |a: Option<u64>, b: Option<u64>| match (a, b) {
            (Some(a), Some(b)) => Some(a.saturating_add(b)),
            (a, b) => a.or(b),
        };
        self.active = sum(self.active, other.active);
        self.deferred = sum(self.deferred, other.deferred);
        self.hold = sum(self.hold, other.hold);
        self.incoming = sum(self.incoming, other.incoming);
        self.oldest_age = self.oldest_age.max(other.oldest_age);
    }
}

/// A count as number or text; fractions are cut, negative and unusable ones are unknown.
fn count(value: &Value) -> Option<u64> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number
        .filter(|number: &f64| number.is_finite() && *number >= 0.0)
        .map(|number| number as u64)
}

fn object(value: &Value) -> QueueCounts {
    QueueCounts {
        active: count(&value["active"]),
        deferred: count(&value["deferred"]),
        hold: count(&value["hold"]),
        incoming: count(&value["incoming"]),
        oldest_age: count(&value["oldest_age"]),
    }
}

fn data(body: &[u8]) -> Option<Value> {
    let mut envelope: Value = serde_json::from_slice(body).ok()?;
    Some(envelope.get_mut("data")?.take())
}

/// Reads the answer about a node's queues; `None` when it is not the API's.
pub fn read_queue(body: &[u8]) -> Option<QueueAnswer> {
    let mut total = QueueCounts::default();
    match &data(body)? {
        value @ Value::Object(_) => total = object(value),
        Value::Array(rows) => {
            for row in rows {
                total.add(object(row));
                // Rows of one queue each: its name and its messages.
                let name = row["queue"].as_str().or(row["name"].as_str());
                let messages = count(&row["count"]).or(count(&row["total"]));
                let mut one = QueueCounts::default();
                if let (Some(slot), Some(messages)) = (one.slot(name.unwrap_or("")), messages) {
                    *slot = Some(messages);
                    total.add(one);
                }
            }
        }
        _ => return None,
    }
    Some(if total.is_told() {
        QueueAnswer::Counts(total)
    } else {
        QueueAnswer::Index
    })
}

/// Columns of `qshape`, with the minutes that their messages wait at least.
const AGES: [(&str, u64); 10] = [
    ("1280m+", 1280),
    ("1280m", 640),
    ("640m", 320),
    ("320m", 160),
    ("160m", 80),
    ("80m", 40),
    ("40m", 20),
    ("20m", 10),
    ("10m", 5),
    ("5m", 0),
];

/// Reads `qshape` rows of one queue: its messages, and the seconds that the oldest waits at least.
pub fn read_shape(body: &[u8]) -> Option<(u64, u64)> {
    let Value::Array(rows) = data(body)? else {
        return None;
    };
    if rows.is_empty() {
        return Some((0, 0));
    }
    let of_all = |row: &&Value| {
        row["domain"]
            .as_str()
            .is_some_and(|domain| domain.eq_ignore_ascii_case("total"))
    };
    let all = rows.iter().find(of_all)?;
    let oldest = AGES
        .iter()
        .find(|(column, _)| count(&all[*column]).is_some_and(|count| count > 0));
    Some((
        count(&all["total"])?,
        oldest.map_or(0, |(_, minutes)| minutes * 60),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(body: &str) -> [Option<u64>; 4] {
        match read_queue(body.as_bytes()) {
            Some(QueueAnswer::Counts(c)) => [c.active, c.deferred, c.hold, c.incoming],
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_shapes_of_queues() {
        let object = r#"{"data":{"active":"3","deferred":2.9,"hold":null,"incoming":"1"}}"#;
        assert_eq!(counts(object), [Some(3), Some(2), None, Some(1)]);
        let list = r#"{"data":[{"active":1,"deferred":2},{"active":"4","hold":1}]}"#;
        assert_eq!(counts(list), [Some(5), Some(2), Some(1), None]);
        let named = r#"{"data":[{"queue":"deferred","count":7},{"queue":"active","total":"2"}]}"#;
        assert_eq!(counts(named), [Some(2), Some(7), None, None]);
        let index = r#"{"data":[{"queue":"deferred"},{"queue":"hold"}]}"#;
        assert_eq!(read_queue(index.as_bytes()), Some(QueueAnswer::Index));
        assert_eq!(read_queue(b"<html>"), None);
        assert_eq!(read_queue(br#"{"data":null}"#), None);
    }

    #[test]
    fn ages_of_a_queue() {
        let rows = r#"{"data":[{"domain":"TOTAL","total":"5","5m":2,"10m":0,"40m":3,"1280m+":0},{"domain":"a.example","total":5}]}"#;
        assert_eq!(read_shape(rows.as_bytes()), Some((5, 1200)));
        assert_eq!(read_shape(br#"{"data":[]}"#), Some((0, 0)));
        assert_eq!(read_shape(br#"{"data":[{"domain":"a"}]}"#), None);
    }
}
