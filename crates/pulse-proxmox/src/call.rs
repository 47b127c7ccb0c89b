//! One API call as a value: method, path, limits. Adding an endpoint is writing one of these down.

use std::fmt::{self, Display};
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::outbound::Limits;

/// Unreserved characters stay readable; everything else in an argument is escaped, slashes included.
const ARGUMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// A request to one endpoint of the API, below `/api2/json`.
#[derive(Clone, PartialEq, Eq)]
pub struct Call {
    pub(crate) method: Method,
    /// The path with its placeholders: bounded vocabulary for metering.
    pub(crate) template: &'static str,
    /// The path with its arguments, then the query.
    pub(crate) path: String,
    query: String,
    /// The node that the path is about.
    pub(crate) node: Option<String>,
    pub(crate) limits: Limits,
    /// Form fields of a write.
    pub(crate) body: Bytes,
}

impl Call {
    /// `Call::get("/nodes/{node}/status").with(node)`.
    pub fn get(template: &'static str) -> Self {
        Self::new(Method::GET, template)
    }

    pub fn new(method: Method, template: &'static str) -> Self {
        Self {
            method,
            template,
            path: template.to_owned(),
            query: String::new(),
            node: None,
            limits: Limits::default(),
            body: Bytes::new(),
        }
    }

    /// Fills the next placeholder. What is put into `{node}` also decides which endpoint is preferred.
    pub fn with(mut self, argument: impl Display) -> Self {
        let argument = argument.to_string();
        if let Some(start) = self.path.find('{')
            && let Some(length) = self.path[start..].find('}')
        {
            if &self.path[start..=start + length] == "{node}" {
                self.node = Some(argument.clone());
            }
            self.path
                .replace_range(start..=start + length, &escape(&argument));
        }
        self
    }

    pub fn query(mut self, key: &str, value: impl Display) -> Self {
        self.query
            .push(if self.query.is_empty() { '?' } else { '&' });
        self.query.push_str(&escape(key));
        self.query.push('=');
        self.query.push_str(&escape(&value.to_string()));
        self
    }

    /// Adds a form field to the body of a write.
    pub fn field(mut self, key: &str, value: impl Display) -> Self {
        let mut body = Vec::from(self.body);
        if !body.is_empty() {
            body.push(b'&');
        }
        body.extend_from_slice(
            format!("{}={}", escape(key), escape(&value.to_string())).as_bytes(),
        );
        self.body = body.into();
        self
    }

    /// Sets the deadline of the whole call.
    pub fn within(mut self, deadline: Duration) -> Self {
        self.limits.deadline = deadline;
        self
    }

    pub fn within_secs(self, seconds: u64) -> Self {
        self.within(Duration::from_secs(seconds))
    }

    /// Sets the largest accepted body.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.limits.max_body = bytes;
        self
    }

    pub(crate) fn path_and_query(&self) -> String {
        format!("/api2/json{}{}", self.path, self.query)
    }

    /// May be sent twice without doing something twice.
    pub(crate) fn is_repeatable(&self) -> bool {
        self.method == Method::GET
    }
}

/// Without the form: it may hold a password.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Call({} {}{})", self.method, self.path, self.query)
    }
}

pub(crate) fn escape(text: &str) -> String {
    match text {
        // A proxy on the way would resolve these as path steps.
        "." => "%2E".to_owned(),
        ".." => "%2E%2E".to_owned(),
        _ => utf8_percent_encode(text, ARGUMENT).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_cannot_leave_their_segment() {
        let path = |argument: &str| {
            Call::get("/nodes/{node}/disks/zfs/{pool}")
                .with("pve1")
                .with(argument)
                .path
        };
        assert_eq!(path("tank"), "/nodes/pve1/disks/zfs/tank");
        assert_eq!(path("a/b?c#d"), "/nodes/pve1/disks/zfs/a%2Fb%3Fc%23d");
        assert_eq!(path(".."), "/nodes/pve1/disks/zfs/%2E%2E");
        assert_eq!(path("{x}"), "/nodes/pve1/disks/zfs/%7Bx%7D");
    }

    #[test]
    fn the_node_and_the_query_are_taken_along() {
        let call = Call::get("/nodes/{node}/qemu")
            .with("pve1")
            .query("full", 1)
            .query("a b", "ü&");
        assert_eq!(call.node.as_deref(), Some("pve1"));
        assert_eq!(
            call.path_and_query(),
            "/api2/json/nodes/pve1/qemu?full=1&a%20b=%C3%BC%26"
        );
    }

    #[test]
    fn writes_carry_a_form() {
        let call = Call::new(Method::POST, "/access/ticket")
            .field("username", "root@pam")
            .field("password", "a&b=ä");
        assert_eq!(
            call.body,
            Bytes::from_static(b"username=root%40pam&password=a%26b%3D%C3%A4")
        );
        assert_eq!(format!("{call:?}"), "Call(POST /access/ticket)");
    }
}
