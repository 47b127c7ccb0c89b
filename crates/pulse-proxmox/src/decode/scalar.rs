//! One scalar in any of the forms that Perl may give it.

use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A JSON value as found; structures are passed over.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(String),
    /// A list or an object where a scalar is expected.
    Structure,
}

/// What a scalar says when read as a certain type.
#[derive(Debug, PartialEq)]
pub enum Reading<T> {
    Value(T),
    /// Null, an empty or placeholder text, not a number, a negative sentinel.
    Unknown,
    /// Not readable as this type at all.
    Odd,
}

impl Scalar {
    pub fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }

    pub fn as_f64(&self) -> Reading<f64> {
        match self {
            Self::Unsigned(value) => Reading::Value(*value as f64),
            Self::Signed(value) => Reading::Value(*value as f64),
            Self::Float(value) => finite(*value),
            Self::Bool(value) => Reading::Value(f64::from(u8::from(*value))),
            Self::Text(text) if is_placeholder(text) => Reading::Unknown,
            Self::Text(text) => parse_number(text).map_or(Reading::Odd, finite),
            Self::Null => Reading::Unknown,
            Self::Structure => Reading::Odd,
        }
    }

    /// A size or a counter: rounded, saturating; negative means unknown.
    pub fn as_u64(&self) -> Reading<u64> {
        match self {
            Self::Unsigned(value) => Reading::Value(*value),
            Self::Text(text) if exact_u64(text).is_some() => {
                exact_u64(text).map_or(Reading::Odd, Reading::Value)
            }
            _ => match self.as_f64() {
                Reading::Value(value) if value < 0.0 => Reading::Unknown,
                Reading::Value(value) => Reading::Value(value.round() as u64),
                Reading::Unknown => Reading::Unknown,
                Reading::Odd => Reading::Odd,
            },
        }
    }

    /// Truncated, saturating; negative values stay.
    pub fn as_i64(&self) -> Reading<i64> {
        match self {
            Self::Signed(value) => Reading::Value(*value),
            Self::Unsigned(value) => Reading::Value(i64::try_from(*value).unwrap_or(i64::MAX)),
            Self::Text(text) if text.trim().parse::<i64>().is_ok() => {
                text.trim().parse().map_or(Reading::Odd, Reading::Value)
            }
            _ => match self.as_f64() {
                Reading::Value(value) => Reading::Value(value.trunc() as i64),
                Reading::Unknown => Reading::Unknown,
                Reading::Odd => Reading::Odd,
            },
        }
    }

    pub fn as_bool(&self) -> Reading<bool> {
        match self {
            Self::Bool(value) => Reading::Value(*value),
            Self::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
                "1" | "true" | "yes" | "on" | "enabled" => Reading::Value(true),
                "0" | "false" | "no" | "off" | "disabled" => Reading::Value(false),
                "" | "null" => Reading::Unknown,
                _ => Reading::Odd,
            },
            _ => match self.as_f64() {
                Reading::Value(value) => Reading::Value(value != 0.0),
                Reading::Unknown => Reading::Unknown,
                Reading::Odd => Reading::Odd,
            },
        }
    }

    pub fn into_text(self) -> Reading<String> {
        match self {
            Self::Text(text) => Reading::Value(text),
            Self::Unsigned(value) => Reading::Value(value.to_string()),
            Self::Signed(value) => Reading::Value(value.to_string()),
            Self::Float(value) => Reading::Value(value.to_string()),
            Self::Bool(value) => Reading::Value(u8::from(value).to_string()),
            Self::Null => Reading::Unknown,
            Self::Structure => Reading::Odd,
        }
    }
}

fn finite(value: f64) -> Reading<f64> {
    if value.is_finite() {
        Reading::Value(value)
    } else {
        Reading::Unknown
    }
}

fn is_placeholder(text: &str) -> bool {
    let text = text.trim().trim_matches('"');
    ["", "null", "n/a", "-", "none", "unknown", "undef"]
        .iter()
        .any(|word| text.eq_ignore_ascii_case(word))
}

/// Sizes beyond 2^53 as text keep every digit.
fn exact_u64(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

/// A number in a text: blanks, quotes and thousands commas are passed over; `0x` is hexadecimal.
/// Not-a-number and infinities are returned as such.
pub fn parse_number(text: &str) -> Option<f64> {
    let text = text.trim().trim_matches(['"', '\'', '\\']).trim();
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return u64::from_str_radix(digits, 16)
            .ok()
            .map(|value| value as f64);
    }
    if text.contains(',') {
        text.replace(',', "").parse().ok()
    } else {
        text.parse().ok()
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Scalar, E> {
        Ok(Scalar::Null)
    }

    fn visit_none<E>(self) -> Result<Scalar, E> {
        Ok(Scalar::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Scalar, E> {
        Ok(Scalar::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Scalar, E> {
        Ok(Scalar::Unsigned(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Scalar, E> {
        Ok(Scalar::Signed(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Scalar, E> {
        Ok(Scalar::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Scalar, E> {
        Ok(Scalar::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Scalar, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Structure)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Structure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalar(json: &str) -> Scalar {
        Scalar::read(&mut serde_json::Deserializer::from_str(json)).unwrap()
    }

    #[test]
    fn sizes() {
        let check =
            |json: &str, expect: Reading<u64>| assert_eq!(scalar(json).as_u64(), expect, "{json}");
        check("1024", Reading::Value(1024));
        check("18446744073709551615", Reading::Value(u64::MAX));
        check("99999999999999999999999", Reading::Value(u64::MAX));
        check("1.5", Reading::Value(2));
        check("-1", Reading::Unknown);
        check("true", Reading::Value(1));
        check("null", Reading::Unknown);
        check(r#""""#, Reading::Unknown);
        check(r#"" 1,048,576 ""#, Reading::Value(1_048_576));
        check(r#""\"2048\"""#, Reading::Value(2048));
        check(r#""0x1000""#, Reading::Value(4096));
        check(r#""1e3""#, Reading::Value(1000));
        check(r#""18446744073709551615""#, Reading::Value(u64::MAX));
        check(
            r#""9007199254740993""#,
            Reading::Value(9_007_199_254_740_993),
        );
        check(r#""NaN""#, Reading::Unknown);
        check(r#""Inf""#, Reading::Unknown);
        check(r#""N/A""#, Reading::Unknown);
        check(r#""a lot""#, Reading::Odd);
        check("[1]", Reading::Odd);
        check(r#"{"a":{"b":[]}}"#, Reading::Odd);
    }

    #[test]
    fn switches() {
        let check = |json: &str, expect: Reading<bool>| {
            assert_eq!(scalar(json).as_bool(), expect, "{json}");
        };
        for yes in ["1", "true", "1.0", r#""1""#, r#""Yes""#, r#""enabled""#] {
            check(yes, Reading::Value(true));
        }
        for no in ["0", "false", r#""0""#, r#""off""#] {
            check(no, Reading::Value(false));
        }
        check("null", Reading::Unknown);
        check(r#""perhaps""#, Reading::Odd);
        check("[]", Reading::Odd);
    }

    #[test]
    fn signed_numbers_and_texts() {
        assert_eq!(scalar("-5.9").as_i64(), Reading::Value(-5));
        assert_eq!(scalar(r#""1.5""#).as_i64(), Reading::Value(1));
        assert_eq!(scalar("1e300").as_i64(), Reading::Value(i64::MAX));
        assert_eq!(
            scalar("3593.25").into_text(),
            Reading::Value("3593.25".to_owned())
        );
        assert_eq!(scalar("204").into_text(), Reading::Value("204".to_owned()));
        assert_eq!(scalar("{}").into_text(), Reading::Odd);
    }
}
