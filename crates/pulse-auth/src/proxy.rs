//! Identity asserted by a trusted reverse proxy: a shared secret, a user header, a role header.

use crate::env::ProxyConfig;
use crate::facts::RequestFacts;
use crate::random;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyIdentity {
    /// Empty when no user header is configured.
    pub user: String,
    pub admin: bool,
}

/// `None` when the headers prove nothing; other methods are tried then.
pub fn identify(config: &ProxyConfig, facts: &RequestFacts<'_>) -> Option<ProxyIdentity> {
    let secret = facts.header("x-proxy-secret")?;
    if !random::same(secret, config.secret.expose()) {
        return None;
    }
    let user = match &config.user_header {
        Some(name) => facts.header_text(name)?.to_owned(),
        None => String::new(),
    };
    // A configured role header that is missing makes nobody an administrator.
    let admin = config.role_header.as_ref().is_none_or(|name| {
        facts.header_text(name).is_some_and(|roles| {
            roles
                .split(config.role_separator.as_str())
                .any(|role| role.trim() == config.admin_role)
        })
    });
    Some(ProxyIdentity { user, admin })
}
