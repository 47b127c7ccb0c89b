//! Large bodies that many ask for: made once, compressed once, known by a tag.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::Reply;
use super::answer::api_error;
use crate::live::Encoding;

/// A JSON body with its compressed forms, each made when first asked for.
pub struct Body {
    tag: HeaderValue,
    plain: Bytes,
    packed: [OnceLock<Bytes>; 3],
}

impl Body {
    fn packed(&self, encoding: Encoding) -> std::io::Result<Bytes> {
        let slot = match encoding {
            Encoding::Identity => return Ok(self.plain.clone()),
            Encoding::Gzip => &self.packed[0],
            Encoding::Brotli => &self.packed[1],
            Encoding::Zstd => &self.packed[2],
        };
        if let Some(bytes) = slot.get() {
            return Ok(bytes.clone());
        }
        let bytes = encoding.compress(&self.plain)?;
        Ok(slot.get_or_init(|| bytes).clone())
    }
}

struct Known<K> {
    key: K,
    body: Arc<Body>,
}

/// The body that belongs to a key, such as the collections that it was made from.
pub struct Cached<K>(Mutex<(u64, Option<Known<K>>)>);

impl<K> Default for Cached<K> {
    fn default() -> Self {
        Self(Mutex::new((0, None)))
    }
}

impl<K: PartialEq> Cached<K> {
    /// The body of `key`, made now unless it is the one that was made last. `run` tells runs of the
    /// server apart in the tag. Others that ask meanwhile wait for it.
    pub fn body(&self, key: K, run: u64, make: impl FnOnce(&K) -> Vec<u8>) -> Arc<Body> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.1.as_ref().filter(|known| known.key == key) {
            return Arc::clone(&known.body);
        }
        known.0 += 1;
        let tag = format!("W/\"{run:x}-{:x}\"", known.0);
        let body = Arc::new(Body {
            // Hexadecimal digits are valid in a header.
            tag: HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("")),
            plain: make(&key).into(),
            packed: Default::default(),
        });
        known.1 = Some(Known {
            key,
            body: Arc::clone(&body),
        });
        body
    }
}

/// Answers with a body in the encoding that the client prefers; 304 when it has it. Making and
/// compressing happens where it does not hold up other requests.
pub async fn reply(
    headers: &HeaderMap,
    make: impl FnOnce() -> Arc<Body> + Send + 'static,
) -> Reply {
    let text = |name| {
        headers
            .get(name)
            .and_then(|v: &HeaderValue| v.to_str().ok())
    };
    let encoding = Encoding::accepted(text(ACCEPT_ENCODING));
    let known = text(IF_NONE_MATCH).map(str::to_owned);
    let work = tokio::task::spawn_blocking(move || {
        let body = make();
        let tag = body.tag.to_str().unwrap_or_default();
        if known.is_some_and(|known| known.split(',').any(|t| t.trim() == tag)) {
            return Ok((body, None));
        }
        let bytes = body.packed(encoding)?;
        std::io::Result::Ok((body, Some(bytes)))
    });
    let (body, bytes) = match work.await {
        Ok(Ok(done)) => done,
        Ok(Err(error)) => return Err(failed(&error)),
        Err(error) => return Err(failed(&error)),
    };
    let Some(bytes) = bytes else {
        return Ok((StatusCode::NOT_MODIFIED, [(ETAG, body.tag.clone())]).into_response());
    };
    let mut response: Response = bytes.into_response();
    let out = response.headers_mut();
    out.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    out.insert(ETAG, body.tag.clone());
    out.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    if let Some(name) = encoding.name() {
        out.insert(CONTENT_ENCODING, HeaderValue::from_static(name));
    }
    Ok(response)
}

fn failed(error: &dyn std::fmt::Display) -> super::answer::Refusal {
    tracing::error!(%error, "a body was not made");
    api_error(
        StatusCode::INTERNAL_SERVER_ERROR,
        "encoding_error",
        "Failed to encode the answer",
    )
}

#[cfg(test)]
mod tests {
    use super::Cached;

    #[test]
    fn a_body_is_made_once_for_a_key() {
        let cached = Cached::default();
        let first = cached.body(1, 7, |_| b"one".to_vec());
        let again = cached.body(1, 7, |_| unreachable!());
        assert!(std::sync::Arc::ptr_eq(&first, &again));
        let other = cached.body(2, 7, |_| b"two".to_vec());
        assert_ne!(first.tag, other.tag);
        assert_eq!(&other.plain[..], b"two");
    }
}
