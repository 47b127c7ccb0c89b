//! An HTTP answer without an HTTP framework: what the flows return and the server sends.

use http::header::{CONTENT_TYPE, SET_COOKIE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde_json::{Map, Value, json};

#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    Empty,
    Json(Value),
    /// Sent with a line feed at the end.
    Text(String),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: Body,
}

impl Answer {
    pub fn new(status: StatusCode, body: Body) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body,
        }
    }

    pub fn json(status: StatusCode, value: Value) -> Self {
        Self::new(status, Body::Json(value))
    }

    pub fn ok(value: Value) -> Self {
        Self::json(StatusCode::OK, value)
    }

    pub fn empty(status: StatusCode) -> Self {
        Self::new(status, Body::Empty)
    }

    /// Error form E1.
    pub fn text(status: StatusCode, message: impl Into<String>) -> Self {
        Self::new(status, Body::Text(message.into()))
    }

    /// Error form E2.
    pub fn api_error(
        status: StatusCode,
        code: &str,
        message: impl Into<String>,
        now: jiff::Timestamp,
    ) -> Self {
        let mut body = Map::new();
        body.insert("error".into(), Value::String(message.into()));
        if !code.is_empty() {
            body.insert("code".into(), code.into());
        }
        body.insert("status_code".into(), status.as_u16().into());
        body.insert("timestamp".into(), now.as_second().into());
        Self::json(status, Value::Object(body))
    }

    /// 405 in form E2, as the login and password routes give it.
    pub fn only_post(now: jiff::Timestamp) -> Self {
        Self::api_error(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "Only POST method is allowed",
            now,
        )
    }

    /// 405 in form E1.
    pub fn method_not_allowed() -> Self {
        Self::text(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed")
    }

    /// 500 that tells the caller nothing; the cause goes to the log.
    pub(crate) fn storage_failed(error: &pulse_store::StoreError) -> Self {
        tracing::error!(%error, "application database refused an operation");
        Self::json(
            StatusCode::INTERNAL_SERVER_ERROR,
            json!({"error": "internal_error", "message": "The change could not be saved. See the server log."}),
        )
    }

    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    pub fn with_headers(
        mut self,
        headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>,
    ) -> Self {
        self.headers.extend(headers);
        self
    }

    pub(crate) fn with_cookie(self, cookie: HeaderValue) -> Self {
        self.with_header(SET_COOKIE, cookie)
    }

    /// Fills `request_id` in an error of form E2; other bodies stay.
    pub fn set_request_id(&mut self, id: &str) {
        if let Body::Json(Value::Object(body)) = &mut self.body
            && body.contains_key("status_code")
        {
            body.insert("request_id".into(), id.into());
        }
    }

    pub fn into_http(self) -> Response<Vec<u8>> {
        let (content_type, bytes) = match self.body {
            Body::Empty => (None, Vec::new()),
            Body::Json(value) => {
                let mut bytes = value.to_string().into_bytes();
                bytes.push(b'\n');
                (Some("application/json"), bytes)
            }
            Body::Text(mut text) => {
                text.push('\n');
                (Some("text/plain; charset=utf-8"), text.into_bytes())
            }
        };
        let mut response = Response::new(bytes);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        if let Some(content_type) = content_type {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
            if content_type.starts_with("text/") {
                headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
            }
        }
        for (name, value) in self.headers {
            headers.append(name, value);
        }
        response
    }
}
