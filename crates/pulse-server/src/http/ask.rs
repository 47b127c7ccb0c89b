//! A request as the authenticator's flows want it: facts, caller and a bounded body.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::response::Response;
use http::{HeaderMap, Method, Uri};
use http_body_util::BodyExt as _;
use pulse_auth::{Principal, RequestFacts};

use super::layers::{self, Peer};

/// Larger bodies than any flow accepts are cut off; the flow then says what it expected.
const LARGEST: usize = 1 << 20;
/// So much is read of a body before the connection is given up.
const DRAINED: usize = 16 << 20;

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

/// The body up to the limit. The rest of a longer one is read and thrown away: who is still
/// sending when the answer comes would see a broken connection instead of it.
async fn read(mut body: Body) -> Bytes {
    let mut taken = Vec::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return Bytes::from_static(b"too long");
        };
        let Ok(data) = frame.into_data() else {
            continue;
        };
        length += data.len();
        if length > DRAINED {
            break;
        }
        if length <= LARGEST {
            taken.extend_from_slice(&data);
        }
    }
    if length > LARGEST {
        return Bytes::from_static(b"too long");
    }
    taken.into()
}

impl<S: Send + Sync> FromRequest<S> for Ask {
    type Rejection = Response;

    async fn from_request(request: Request, _: &S) -> Result<Self, Response> {
        let path = layers::decoded_path(&request);
        let peer = layers::peer(&request);
        let principal = layers::principal(&request);
        let (parts, body) = request.into_parts();
        let body = read(body).await;
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
