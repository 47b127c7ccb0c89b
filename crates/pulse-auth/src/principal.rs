//! Who is asking.

use http::{HeaderName, HeaderValue};

use crate::policy::Scope;

/// How a request was authenticated; the text goes out as `X-Auth-Method`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuthMethod {
    /// Nobody: public routes.
    None,
    Session,
    ApiToken,
    Basic,
    Proxy,
    Oidc,
    /// Direct loopback while recovery mode is on.
    Recovery,
    /// `ALLOW_ADMIN_BYPASS` on a development machine.
    DevBypass,
}

impl AuthMethod {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None | Self::DevBypass => "none",
            Self::Session => "session",
            Self::ApiToken => "api_token",
            Self::Basic => "basic",
            Self::Proxy => "proxy",
            Self::Oidc => "oidc",
            Self::Recovery => "recovery",
        }
    }
}

/// What a token may do. Everybody else may do all that their role allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScopeSet {
    All,
    Only(Vec<Scope>),
}

impl ScopeSet {
    /// As stored: none at all, or the wildcard, means everything. Names that this version does not
    /// know grant nothing.
    pub fn from_stored(scopes: &[String]) -> Self {
        if scopes.is_empty() || scopes.iter().any(|scope| scope == "*") {
            return Self::All;
        }
        Self::Only(scopes.iter().filter_map(|s| Scope::parse(s)).collect())
    }

    pub fn allows(&self, scope: Scope) -> bool {
        match self {
            Self::All => true,
            Self::Only(scopes) => scopes.contains(&scope),
        }
    }

    /// Is everything in `other` also in `self`?
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::All, _) => true,
            (Self::Only(_), Self::All) => false,
            (Self::Only(_), Self::Only(wanted)) => wanted.iter().all(|s| self.allows(*s)),
        }
    }
}

/// A permission that a role grants; `*` stands for any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub action: String,
    pub resource: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Principal {
    pub method: AuthMethod,
    /// Account name, `token:<id>`, or empty.
    pub user: String,
    pub admin: bool,
    pub scopes: ScopeSet,
    /// From roles; administrators do not need any.
    pub grants: Vec<Grant>,
    /// Key of the session, when one authenticated the request.
    pub session: Option<String>,
    /// Id of the token, when one authenticated the request.
    pub token: Option<String>,
}

impl Principal {
    pub fn nobody() -> Self {
        Self {
            method: AuthMethod::None,
            user: String::new(),
            admin: false,
            scopes: ScopeSet::Only(Vec::new()),
            grants: Vec::new(),
            session: None,
            token: None,
        }
    }

    pub(crate) fn new(method: AuthMethod, user: impl Into<String>, admin: bool) -> Self {
        Self {
            method,
            user: user.into(),
            admin,
            scopes: ScopeSet::All,
            ..Self::nobody()
        }
    }

    pub fn is_authenticated(&self) -> bool {
        self.method != AuthMethod::None
    }

    /// Did a cookie authenticate the request, so that another site could have sent it?
    pub fn is_session(&self) -> bool {
        matches!(self.method, AuthMethod::Session | AuthMethod::Oidc)
    }

    pub fn may(&self, action: &str, resource: &str) -> bool {
        let matches = |pattern: &str, value: &str| pattern == "*" || pattern == value;
        self.admin
            || self
                .grants
                .iter()
                .any(|g| matches(&g.action, action) && matches(&g.resource, resource))
    }

    /// `X-Authenticated-User` and `X-Auth-Method`.
    pub fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        let mut headers = Vec::with_capacity(2);
        if self.method == AuthMethod::Recovery {
            headers.push((
                HeaderName::from_static("x-auth-recovery"),
                HeaderValue::from_static("true"),
            ));
        }
        if matches!(
            self.method,
            AuthMethod::None | AuthMethod::Recovery | AuthMethod::DevBypass
        ) {
            return headers;
        }
        if !self.user.is_empty()
            && let Ok(user) = HeaderValue::from_str(&self.user)
        {
            headers.push((HeaderName::from_static("x-authenticated-user"), user));
        }
        headers.push((
            HeaderName::from_static("x-auth-method"),
            HeaderValue::from_static(self.method.as_str()),
        ));
        headers
    }
}
