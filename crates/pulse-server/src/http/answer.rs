//! Answers in the forms that v5 clients know.

use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use pulse_auth::{Answer, Body};
use serde::Serialize;

/// A complete answer that refuses or fails.
#[derive(Debug)]
pub struct Refusal(pub Answer);

impl Refusal {
    /// Adds the reason of an error form E2.
    #[must_use]
    pub fn with_details(mut self, reason: &impl std::fmt::Display) -> Self {
        if let Body::Json(serde_json::Value::Object(fields)) = &mut self.0.body {
            let details = serde_json::json!({ "error": reason.to_string() });
            fields.insert("details".to_owned(), details);
        }
        self
    }
}

impl From<Answer> for Refusal {
    fn from(answer: Answer) -> Self {
        Self(answer)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        response(self.0)
    }
}

/// What a handler gives: a response, or a refusal in one of the error forms.
pub type Reply = Result<Response, Refusal>;

/// 200 with compact JSON.
pub fn json(value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => (
            [(CONTENT_TYPE, HeaderValue::from_static("application/json"))],
            body,
        )
            .into_response(),
        Err(error) => {
            tracing::error!(%error, "an answer could not be encoded");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Error form E1.
pub fn text(status: StatusCode, message: &str) -> Refusal {
    Answer::text(status, message).into()
}

/// Error form E2 with a code.
pub fn api_error(status: StatusCode, code: &'static str, message: impl Into<String>) -> Refusal {
    Answer::api_error(status, code, message, jiff::Timestamp::now()).into()
}

/// A framework response of a complete answer.
pub fn response(answer: impl Into<Refusal>) -> Response {
    answer.into().0.into_http().map(axum::body::Body::from)
}
