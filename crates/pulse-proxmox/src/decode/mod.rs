//! Foreign JSON, read with patience.
//!
//! Three levels: a scalar of an unusable type becomes "unknown" and is counted, a list element
//! that cannot be identified is skipped and reported, and only an answer that is not the API's
//! envelope at all is an error. Nothing here panics or recurses on foreign input without bound.

mod repair;
mod scalar;
mod tolerant;

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

pub use scalar::{Reading, Scalar, parse_number};
pub use tolerant::{Field, Lenient, lenient};
pub(crate) use tolerant::{read_object, tolerant};

/// An answer that is not what the API sends.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the answer cannot be read ({detail}); it starts with {excerpt:?}; check that the address is a Proxmox API"
)]
pub struct DecodeError {
    pub detail: String,
    pub excerpt: String,
}

/// A list, element by element.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded<T> {
    pub items: Vec<T>,
    /// Elements that could not be used.
    pub skipped: Vec<SkippedElement>,
    /// Scalars of an unusable type inside used elements; each reads as unknown.
    pub odd_values: u64,
}

/// One element that could not be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedElement {
    pub index: usize,
    pub reason: String,
    pub excerpt: String,
}

impl<T> Default for Decoded<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            skipped: Vec::new(),
            odd_values: 0,
        }
    }
}

impl<T> Decoded<T> {
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.items.iter()
    }
}

impl<T> IntoIterator for Decoded<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}

impl<'a, T> IntoIterator for &'a Decoded<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter()
    }
}

/// What an API answer is made of.
pub trait Element: for<'de> Deserialize<'de> {
    /// Refuses an element that says nothing usable, such as a guest without a number.
    fn check(&self) -> Result<(), &'static str> {
        Ok(())
    }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

/// Reads `{"data":[…]}`. `null` and a missing `data` are an empty list.
pub fn list<T: Element>(body: &[u8]) -> Result<Decoded<T>, DecodeError> {
    with_data(body, |data| {
        let Some(data) = data else {
            return Ok(Decoded::default());
        };
        let elements: Vec<&RawValue> =
            serde_json::from_str(data.get()).map_err(|_| "a list is expected".to_owned())?;
        let mut decoded = Decoded {
            items: Vec::with_capacity(elements.len()),
            ..Decoded::default()
        };
        for (index, raw) in elements.into_iter().enumerate() {
            match element(raw.get()) {
                Ok((item, odd)) => {
                    decoded.items.push(item);
                    decoded.odd_values += odd;
                }
                Err(reason) => {
                    let excerpt = crate::error::excerpt(raw.get().as_bytes());
                    decoded.skipped.push(SkippedElement {
                        index,
                        reason,
                        excerpt,
                    });
                }
            }
        }
        Ok(decoded)
    })
}

/// Reads `{"data":{…}}`. `null` is an error: there is no object to read.
pub fn object<T: Element>(body: &[u8]) -> Result<(T, u64), DecodeError> {
    with_data(body, |data| {
        element(data.ok_or_else(|| "there is no data".to_owned())?.get())
    })
}

/// Reads what the guest agent wraps once more, `{"data":{"result":[…]}}`. A missing result and the
/// agent's own `{"error":…}` are an empty list.
pub fn agent_list<T: Element>(body: &[u8]) -> Result<Decoded<T>, DecodeError> {
    match agent_result(body)? {
        Some(result) if result.get().starts_with('[') => {
            list(format!("{{\"data\":{}}}", result.get()).as_bytes())
        }
        _ => Ok(Decoded::default()),
    }
}

/// Reads `{"data":{"result":{…}}}`.
pub fn agent_object<T: Element>(body: &[u8]) -> Result<(T, u64), DecodeError> {
    let result = agent_result(body)?;
    let raw = result.as_deref().map_or("null", RawValue::get);
    element(raw).map_err(|detail| DecodeError {
        detail,
        excerpt: crate::error::excerpt(raw.as_bytes()),
    })
}

fn agent_result(body: &[u8]) -> Result<Option<Box<RawValue>>, DecodeError> {
    #[derive(Deserialize)]
    struct Wrapped {
        #[serde(default)]
        result: Option<Box<RawValue>>,
    }
    with_data(body, |data| {
        let Some(data) = data else { return Ok(None) };
        let wrapped: Wrapped =
            serde_json::from_str(data.get()).map_err(|error| error.to_string())?;
        Ok(wrapped.result)
    })
}

fn element<T: Element>(json: &str) -> Result<(T, u64), String> {
    tolerant::reset_odd_values();
    let item: T = serde_json::from_str(json).map_err(|error| error.to_string())?;
    item.check()?;
    Ok((item, tolerant::odd_values()))
}

fn with_data<R>(
    body: &[u8],
    read: impl Fn(Option<&RawValue>) -> Result<R, String>,
) -> Result<R, DecodeError> {
    let text = String::from_utf8_lossy(body);
    let failed = |detail: String| DecodeError {
        detail,
        excerpt: crate::error::excerpt(body),
    };
    let repaired: Cow<'_, str>;
    let envelope: Envelope<'_> = match serde_json::from_str(&text) {
        Ok(envelope) => envelope,
        Err(error) => {
            // Perl prints NaN and infinities as bare words; only then is the text looked at again.
            repaired = repair::bare_numbers(&text)
                .ok_or_else(|| failed(error.to_string()))?
                .into();
            serde_json::from_str(&repaired).map_err(|_| failed(error.to_string()))?
        }
    };
    read(envelope.data).map_err(failed)
}
