//! How the products write the same login differently.

use std::time::Duration;

/// How the Proxmox products differ in their login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    pub(super) cookie: &'static str,
    /// The ticket is percent-encoded in the cookie.
    pub(super) escaped_cookie: bool,
    pub(super) token_scheme: &'static str,
    pub(super) token_separator: char,
    /// A ticket this old is replaced before use.
    pub(super) renew_after: Duration,
}

impl Dialect {
    pub const PVE: Self = Self {
        cookie: "PVEAuthCookie",
        escaped_cookie: false,
        token_scheme: "PVEAPIToken",
        token_separator: '=',
        // Tickets die at 2 h.
        renew_after: Duration::from_mins(105),
    };
    pub const PBS: Self = Self {
        cookie: "PBSAuthCookie",
        escaped_cookie: true,
        token_scheme: "PBSAPIToken",
        token_separator: ':',
        ..Self::PVE
    };
    pub const PMG: Self = Self {
        cookie: "PMGAuthCookie",
        token_scheme: "PMGAPIToken",
        renew_after: Duration::from_mins(75),
        ..Self::PVE
    };
}
