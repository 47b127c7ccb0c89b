//! A request as the authenticator's flows want it: facts, caller and a bounded body.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::response::Response;
use http::{HeaderMap, Method, Uri};
use http_body_util::{BodyExt as _, Limited};
use pulse_auth::{Principal, RequestFacts};

use super::layers::{self, Peer};

/// Larger bodies than any flow accepts are cut off; the flow then says what it expected.
const LARGEST: usize = 1 << 20;

/// Everything about a request, owned.
pub struct Ask {
    pub method: Method,
    pub path: String,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub peer: Peer,
    pub principal: Principal,
    pub body: Bytes,
}

impl Ask {
    pub fn facts(&self) -> RequestFacts<'_> {
        RequestFacts {
            method: &self.method,
            path: &self.path,
            query: self.uri.query(),
            headers: &self.headers,
            peer: self.peer.ip,
            tls: self.peer.tls,
        }
    }

    /// The body, or something that is no JSON when it is longer than `limit`: what cannot be read
    /// is not valid. Nothing at all would be valid where the body may be left out.
    pub fn body_within(&self, limit: usize) -> &[u8] {
        if self.body.len() > limit {
            b"too long"
        } else {
            &self.body
        }
    }
}

impl<S: Send + Sync> FromRequest<S> for Ask {
    type Rejection = Response;

    async fn from_request(request: Request, _: &S) -> Result<Self, Response> {
        let path = layers::decoded_path(&request);
        let peer = layers::peer(&request);
        let principal = layers::principal(&request);
        let (parts, body) = request.into_parts();
        let body = Limited::new(body, LARGEST).collect().await.map_or_else(
            |_| Bytes::from_static(b"too long"),
            http_body_util::Collected::to_bytes,
        );
        Ok(Self {
            method: parts.method,
            path,
            uri: parts.uri,
            headers: parts.headers,
            peer,
            principal,
            body,
        })
    }
}
