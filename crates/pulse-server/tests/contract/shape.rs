//! The shape of JSON: keys, types, what may be null or absent. Learnt from recordings.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Everything seen at one place of recorded bodies.
#[derive(Default, Debug)]
pub struct Shape {
    kinds: BTreeSet<&'static str>,
    objects: usize,
    keys: BTreeMap<String, (usize, Shape)>,
    items: Option<Box<Shape>>,
    /// Where keys are ids.
    values: Option<Box<Shape>>,
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}

/// What the recorder left of something long, such as `(12 keys)` or `(5 items)`.
fn reduced(text: &str) -> Option<&'static str> {
    let inner = text.strip_prefix('(')?.strip_suffix(')')?;
    if inner.ends_with(" items") {
        Some("list")
    } else if inner.ends_with(" keys") {
        Some("object")
    } else {
        None
    }
}

impl Shape {
    pub fn of(value: &Value, maps: &[&str]) -> Self {
        let mut shape = Self::default();
        shape.learn(value, "", maps);
        shape
    }

    /// `maps`: paths of objects whose keys are ids.
    pub fn learn(&mut self, value: &Value, path: &str, maps: &[&str]) {
        if let Value::String(text) = value
            && let Some(kind) = reduced(text)
        {
            self.kinds.insert(kind);
            return;
        }
        self.kinds.insert(kind(value));
        match value {
            Value::Array(items) => {
                let shape = self.items.get_or_insert_default();
                for item in items {
                    shape.learn(item, &format!("{path}[]"), maps);
                }
            }
            Value::Object(fields) if maps.contains(&path) => {
                let shape = self.values.get_or_insert_default();
                for value in fields.values() {
                    shape.learn(value, &join(path, "*"), maps);
                }
            }
            Value::Object(fields) => {
                self.objects += 1;
                // The recorder kept the list of keys only.
                if let Some(Value::Array(keys)) = fields.get("(keys)") {
                    for key in keys.iter().filter_map(Value::as_str) {
                        self.keys.entry(key.to_owned()).or_default().0 += 1;
                    }
                    return;
                }
                for (key, value) in fields {
                    let (count, shape) = self.keys.entry(key.clone()).or_default();
                    *count += 1;
                    shape.learn(value, &join(path, key), maps);
                }
            }
            _ => {}
        }
    }

    /// The place, such as `pmg[].nodes[].role`, may be absent although the recordings always have
    /// it. Places that were not recorded are ignored.
    pub fn allow_absence(&mut self, path: &str) {
        let (step, rest) = path.split_once('.').unwrap_or((path, ""));
        let (name, list) = step
            .strip_suffix("[]")
            .map_or((step, false), |name| (name, true));
        let Some((count, shape)) = self.keys.get_mut(name) else {
            return;
        };
        if rest.is_empty() {
            *count = 0;
        } else if !list {
            shape.allow_absence(rest);
        } else if let Some(items) = &mut shape.items {
            items.allow_absence(rest);
        }
    }

    /// What differs in `value`, each once. Keys may be added.
    pub fn differences(&self, value: &Value) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        self.compare(value, "", &mut found);
        found
    }

    fn compare(&self, value: &Value, path: &str, found: &mut BTreeSet<String>) {
        if self.kinds.is_empty() {
            return;
        }
        let ours = kind(value);
        if !self.kinds.contains(ours) {
            found.insert(format!("{path}: {ours}"));
            return;
        }
        match value {
            Value::Array(items) => {
                if let Some(shape) = &self.items {
                    for item in items {
                        shape.compare(item, &format!("{path}[]"), found);
                    }
                }
            }
            Value::Object(fields) => {
                if let Some(shape) = &self.values {
                    for value in fields.values() {
                        shape.compare(value, &join(path, "*"), found);
                    }
                }
                for (key, (count, shape)) in &self.keys {
                    match fields.get(key) {
                        Some(value) => shape.compare(value, &join(path, key), found),
                        None if *count == self.objects => {
                            found.insert(format!("{}: absent", join(path, key)));
                        }
                        None => {}
                    }
                }
            }
            _ => {}
        }
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

#[cfg(test)]
mod tests {
    use super::Shape;
    use serde_json::json;

    #[test]
    fn what_the_chapter_calls_optional_may_be_absent() {
        let recorded = json!({"a": [{"b": {"c": 1}, "d": 1}]});
        let mut shape = Shape::of(&recorded, &[]);
        shape.allow_absence("a[].b.c");
        shape.allow_absence("x[].y");
        let found = shape.differences(&json!({"a": [{"b": {}}]}));
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["a[].d: absent"]);
    }

    #[test]
    fn finds_what_is_missing_or_of_another_type() {
        let recorded = json!({"a": [{"x": 1, "y": null}, {"x": 2}], "m": {"id-1": {"v": 1}}, "n": "(3 items)"});
        let shape = Shape::of(&recorded, &["m"]);
        assert!(shape.differences(&recorded).len() == 1, "n is a list");
        let ours = json!({"a": [{"x": 1, "z": 1}, {"y": 1}], "m": {"id-2": {"v": "1"}}, "n": []});
        let found: Vec<String> = shape.differences(&ours).into_iter().collect();
        assert_eq!(found, ["a[].x: absent", "a[].y: number", "m.*.v: string"]);
    }
}
