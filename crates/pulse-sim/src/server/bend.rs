//! Bent answers over the wire.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http::header::CONTENT_TYPE;
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use crate::fault::{Effect, lie};
use crate::reply::Reply;
use crate::server::http::{Body, Hangup};

/// An answer that takes the place of the right one, which then need not be made.
pub(crate) fn replacement(effect: &Effect, path: &str) -> Option<Reply> {
    match effect {
        Effect::Status { code, reason } if matches!(code, 401 | 595 | 596) => {
            Some(Reply::bare(*code, reason))
        }
        Effect::Status { code, reason } => Some(Reply::error(*code, reason)),
        Effect::Unauthorized => Some(Reply::bare(401, "permission denied - invalid PVE ticket")),
        Effect::Forbidden { privilege } => {
            let privilege = privilege.as_deref().unwrap_or("Sys.Audit");
            Some(Reply::forbidden(path, privilege))
        }
        Effect::Hang | Effect::Drop | Effect::HugeBody { .. } => Some(Reply::ok(Vec::new())),
        _ => None,
    }
}

/// Changes an answer that was made.
pub(crate) async fn bend(effect: &Effect, mut reply: Reply) -> Result<Reply, Hangup> {
    match effect {
        Effect::Slow { ms } => tokio::time::sleep(Duration::from_millis(*ms)).await,
        Effect::Hang => std::future::pending().await,
        Effect::Drop => return Err(Hangup),
        Effect::BrokenJson => {
            let half = reply.body.len() / 2;
            reply.body.truncate(half.max(1));
        }
        Effect::Html => {
            let page = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><form action=\"/login\"></form></body></html>\n";
            reply = Reply::ok(page.into());
        }
        Effect::LyingTypes => {
            let mut body = reply.json();
            if let Some(data) = body.get_mut("data") {
                lie(data);
            }
            reply.body = body.to_string().into();
        }
        Effect::Empty => {
            let list = reply.json()["data"].is_array();
            reply = Reply::ok(
                if list {
                    "{\"data\":[]}"
                } else {
                    "{\"data\":{}}"
                }
                .into(),
            );
        }
        _ => {}
    }
    Ok(reply)
}

/// The size of a body that is to be huge.
pub(crate) fn huge(effect: &Effect) -> Option<u64> {
    match effect {
        Effect::HugeBody { bytes } => Some(*bytes),
        _ => None,
    }
}

/// `{"data":"xxx…"}` of exactly that size, never held in memory.
pub(crate) fn huge_response(bytes: u64) -> Response<Body> {
    let mut response = Response::new(
        Huge {
            left: bytes.max(11),
            started: false,
        }
        .boxed(),
    );
    response.headers_mut().insert(
        CONTENT_TYPE,
        http::HeaderValue::from_static("application/json;charset=UTF-8"),
    );
    response
}

struct Huge {
    left: u64,
    started: bool,
}

impl HttpBody for Huge {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        static FILL: [u8; 65_536] = [b'x'; 65_536];
        let chunk = match (self.started, self.left) {
            (_, 0) => return Poll::Ready(None),
            (false, _) => Bytes::from_static(b"{\"data\":\""),
            (true, 2) => Bytes::from_static(b"\"}"),
            (true, left) => Bytes::from_static(&FILL[..FILL.len().min(left as usize - 2)]),
        };
        self.started = true;
        self.left -= chunk.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
