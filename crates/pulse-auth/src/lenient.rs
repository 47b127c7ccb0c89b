//! Request bodies as version 5 reads them: the first JSON value counts, field names match in any
//! case, unknown fields and `null` are ignored, a wrong type is an error.

use serde_json::{Map, Value};

/// The fields of a JSON object.
#[derive(Clone, Debug, Default)]
pub struct Fields(Map<String, Value>);

/// The body is no JSON object, or a field has another type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid request body")]
pub struct BadBody;

impl Fields {
    pub fn parse(body: &[u8]) -> Result<Self, BadBody> {
        let first = serde_json::Deserializer::from_slice(body)
            .into_iter::<Value>()
            .next();
        match first {
            Some(Ok(Value::Object(fields))) => Ok(Self(fields)),
            Some(Ok(Value::Null)) => Ok(Self::default()),
            _ => Err(BadBody),
        }
    }

    /// Like [`Self::parse`], but no body at all is an empty object.
    pub fn parse_optional(body: &[u8]) -> Result<Self, BadBody> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self::default());
        }
        Self::parse(body)
    }

    /// `None` when the field is missing or `null`.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0
            .get(name)
            .or_else(|| {
                self.0
                    .iter()
                    .find(|(key, _)| key.eq_ignore_ascii_case(name))
                    .map(|(_, value)| value)
            })
            .filter(|value| !value.is_null())
    }

    /// A missing field is an empty string.
    pub fn string(&self, name: &str) -> Result<String, BadBody> {
        Ok(self.optional_string(name)?.unwrap_or_default())
    }

    pub fn optional_string(&self, name: &str) -> Result<Option<String>, BadBody> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(BadBody),
        }
    }

    /// A missing field is `false`.
    pub fn boolean(&self, name: &str) -> Result<bool, BadBody> {
        Ok(self.optional_boolean(name)?.unwrap_or(false))
    }

    pub fn optional_boolean(&self, name: &str) -> Result<Option<bool>, BadBody> {
        self.get(name)
            .map(|value| value.as_bool().ok_or(BadBody))
            .transpose()
    }

    /// A missing field is 0.
    pub fn integer(&self, name: &str) -> Result<i64, BadBody> {
        self.get(name)
            .map_or(Ok(0), |value| value.as_i64().ok_or(BadBody))
    }

    pub fn optional_strings(&self, name: &str) -> Result<Option<Vec<String>>, BadBody> {
        self.get(name)
            .map(|value| {
                value
                    .as_array()
                    .ok_or(BadBody)?
                    .iter()
                    .map(|entry| entry.as_str().map(str::to_owned).ok_or(BadBody))
                    .collect()
            })
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_like_version_5() {
        let fields = Fields::parse(br#"{"UserName":"op","x":1,"n":null} trailing"#).unwrap();
        assert_eq!(fields.string("username").unwrap(), "op");
        assert_eq!(fields.string("n").unwrap(), "");
        assert_eq!(fields.string("x"), Err(BadBody));
        for bad in ["", "{", "\"x\"", "[]", "5"] {
            assert!(Fields::parse(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(Fields::parse_optional(b" \n").is_ok());
    }

    proptest::proptest! {
        #[test]
        fn foreign_bytes_never_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            if let Ok(fields) = Fields::parse(&bytes) {
                let _ = fields.string("a");
                let _ = fields.optional_strings("a");
            }
        }
    }
}
