//! Fields that say one thing in many ways.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use crate::decode::{Lenient, Scalar, parse_number};

/// Whether the guest agent is switched on: `1`, `"1"`, `true`, `"enabled=1,fstrim_cloned_disks=1"`,
/// or an object with `available` and `enabled`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgentFlag(pub bool);

impl Lenient for AgentFlag {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Self>, D::Error> {
        deserializer
            .deserialize_any(AgentVisitor)
            .map(|on| on.map(AgentFlag))
    }
}

struct AgentVisitor;

impl<'de> Visitor<'de> for AgentVisitor {
    type Value = Option<bool>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an agent setting")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Some(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Some(value > 0))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Some(value > 0))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Some(value > 0.0))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        let first = text.split(',').next().unwrap_or_default().trim();
        let value = first.strip_prefix("enabled=").unwrap_or(first);
        Ok(Some(matches!(value, "1" | "yes" | "on" | "true")))
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<serde::de::IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut on = false;
        while let Some(key) = map.next_key::<String>()? {
            let value = map.next_value::<AnyScalar>()?.0;
            let positive =
                matches!(value.as_f64(), crate::decode::Reading::Value(value) if value > 0.0);
            on |= positive && matches!(key.as_str(), "available" | "enabled");
        }
        Ok(Some(on))
    }
}

struct AnyScalar(Scalar);

impl<'de> Deserialize<'de> for AnyScalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Scalar::read(deserializer).map(Self)
    }
}

/// Percent of a disk's life that is left, 0–100. `"N/A"` and the like read as unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wearout(pub u8);

impl Lenient for Wearout {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Self>, D::Error> {
        let value = match Scalar::read(deserializer)? {
            Scalar::Text(text) => number_within(&text),
            scalar => match scalar.as_f64() {
                crate::decode::Reading::Value(value) => Some(value),
                _ => None,
            },
        };
        Ok(value
            .filter(|value| *value >= 0.0)
            .map(|value| Self(value.min(100.0) as u8)))
    }
}

/// The first number in a text such as `"12.5%"` or `"98 % left"`.
fn number_within(text: &str) -> Option<f64> {
    let part = |c: char| c.is_ascii_digit() || c == '.';
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let digits = &text[start..];
    let end = digits.find(|c| !part(c)).unwrap_or(digits.len());
    let value = parse_number(digits[..end].trim_end_matches('.'))?;
    Some(if text[..start].ends_with('-') {
        -value
    } else {
        value
    })
}

/// Rotations per minute; 0 for what does not rotate. −1 and texts read as unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rpm(pub u32);

impl Lenient for Rpm {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Self>, D::Error> {
        Ok(match Scalar::read(deserializer)? {
            Scalar::Text(text) if text.trim().eq_ignore_ascii_case("ssd") => Some(Self(0)),
            scalar => match scalar.as_i64() {
                crate::decode::Reading::Value(value) => u32::try_from(value).ok().map(Self),
                _ => None,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: Lenient>(json: &str) -> Option<T> {
        T::read(&mut serde_json::Deserializer::from_str(json)).unwrap()
    }

    #[test]
    fn wearout_in_all_its_forms() {
        let check = |json: &str, expect: Option<u8>| {
            assert_eq!(read::<Wearout>(json).map(|w| w.0), expect, "{json}");
        };
        check("98", Some(98));
        check("98.9", Some(98));
        check("250", Some(100));
        check("-1", None);
        check(r#""12.5%""#, Some(12));
        check(r#""\"97\"""#, Some(97));
        check(r#""98 % left""#, Some(98));
        check(r#""-3""#, None);
        check(r#""N/A""#, None);
        check(r#""""#, None);
        check("null", None);
        check("[]", None);
    }

    #[test]
    fn agent_in_all_its_forms() {
        let check = |json: &str, expect: Option<bool>| {
            assert_eq!(read::<AgentFlag>(json).map(|a| a.0), expect, "{json}");
        };
        check("1", Some(true));
        check("0", Some(false));
        check("true", Some(true));
        check(r#""1""#, Some(true));
        check(r#""1,fstrim_cloned_disks=1""#, Some(true));
        check(r#""enabled=1,type=virtio""#, Some(true));
        check(r#""enabled=0""#, Some(false));
        check(r#"{"enabled":1,"available":0}"#, Some(true));
        check(r#"{"enabled":0}"#, Some(false));
        check("null", None);
        check("[1]", None);
    }

    #[test]
    fn rpm_in_all_its_forms() {
        let check = |json: &str, expect: Option<u32>| {
            assert_eq!(read::<Rpm>(json).map(|r| r.0), expect, "{json}");
        };
        check("7200", Some(7200));
        check(r#""5400""#, Some(5400));
        check("0", Some(0));
        check(r#""SSD""#, Some(0));
        check("-1", None);
        check(r#""n/a""#, None);
    }
}
