//! What the environment says about authentication. Read once at start.

use pulse_core::Secret;

use crate::net::Cidr;

#[derive(Clone, Debug, Default)]
pub struct AuthEnv {
    /// `PULSE_AUTH_USER` and `PULSE_AUTH_PASS`, the latter plain or hashed.
    pub account: Option<(String, Secret)>,
    /// `API_TOKENS` and `API_TOKEN`.
    pub tokens: Vec<Secret>,
    pub proxy: Option<ProxyConfig>,
    pub trusted_proxies: Vec<Cidr>,
    /// `None`: not configured.
    pub trusted_networks: Option<Vec<Cidr>>,
    pub require_auth: bool,
    pub allow_unprotected_export: bool,
    pub audit_flag: bool,
    /// `DISABLE_AUTH` was set; it no longer does anything.
    pub deprecated_disable_auth: bool,
    /// `ALLOW_ADMIN_BYPASS=1` on a development machine.
    pub dev_bypass: bool,
    pub demo: bool,
    pub docker: bool,
}

/// Authentication by a reverse proxy in front of Pulse.
#[derive(Clone, Debug)]
pub struct ProxyConfig {
    pub secret: Secret,
    pub user_header: Option<String>,
    pub role_header: Option<String>,
    pub role_separator: String,
    pub admin_role: String,
    pub logout_url: String,
}

impl AuthEnv {
    /// `get` returns the value of a variable. Blank values count as unset.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Self {
        let text = |name: &str| {
            get(name)
                .map(|v| v.trim().to_owned())
                .filter(|v| !v.is_empty())
        };
        let is = |name: &str, value: &str| text(name).as_deref() == Some(value);
        let flag = |name: &str| is(name, "true") || is(name, "1");

        let account = match (text("PULSE_AUTH_USER"), get("PULSE_AUTH_PASS")) {
            (Some(user), Some(password)) if !password.is_empty() => {
                Some((user, Secret::new(password)))
            }
            _ => None,
        };
        let tokens = [text("API_TOKENS"), text("API_TOKEN")]
            .into_iter()
            .flatten()
            .flat_map(|list| {
                list.split(',')
                    .map(|token| token.trim().to_owned())
                    .collect::<Vec<_>>()
            })
            .filter(|token| !token.is_empty())
            .map(Secret::new)
            .collect();
        let proxy = text("PROXY_AUTH_SECRET").map(|secret| ProxyConfig {
            secret: Secret::new(secret),
            user_header: text("PROXY_AUTH_USER_HEADER"),
            role_header: text("PROXY_AUTH_ROLE_HEADER"),
            role_separator: text("PROXY_AUTH_ROLE_SEPARATOR").unwrap_or_else(|| "|".to_owned()),
            admin_role: text("PROXY_AUTH_ADMIN_ROLE").unwrap_or_else(|| "admin".to_owned()),
            logout_url: text("PROXY_AUTH_LOGOUT_URL").unwrap_or_default(),
        });
        let networks = |name: &str| {
            text(name).map(|list| {
                let (good, bad) = Cidr::parse_list(&list);
                for entry in bad {
                    tracing::warn!(variable = name, entry, "not an address or network; ignored");
                }
                good
            })
        };
        let development = flag("PULSE_DEV") || is("NODE_ENV", "development");
        Self {
            account,
            tokens,
            proxy,
            trusted_proxies: networks("PULSE_TRUSTED_PROXY_CIDRS").unwrap_or_default(),
            trusted_networks: networks("PULSE_TRUSTED_NETWORKS"),
            require_auth: is("REQUIRE_AUTH", "true"),
            allow_unprotected_export: is("ALLOW_UNPROTECTED_EXPORT", "true"),
            audit_flag: is("PULSE_AUDIT_LOG", "true") || is("AUDIT_LOG_ENABLED", "true"),
            deprecated_disable_auth: text("DISABLE_AUTH").is_some(),
            dev_bypass: is("ALLOW_ADMIN_BYPASS", "1") && development,
            demo: flag("DEMO_MODE"),
            docker: is("PULSE_DOCKER", "true"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &'static [(&str, &str)]) -> AuthEnv {
        AuthEnv::read(|name| {
            let found = pairs.iter().find(|(key, _)| *key == name)?;
            Some(found.1.to_owned())
        })
    }

    #[test]
    fn reads_accounts_and_tokens() {
        let env = env(&[
            ("PULSE_AUTH_USER", "op"),
            ("PULSE_AUTH_PASS", " spaces stay "),
            ("API_TOKENS", "a, b,,"),
            ("API_TOKEN", "c"),
        ]);
        assert_eq!(env.account.unwrap().1.expose(), " spaces stay ");
        assert_eq!(
            env.tokens.iter().map(Secret::expose).collect::<Vec<_>>(),
            ["a", "b", "c"]
        );
    }

    #[test]
    fn half_an_account_is_none_and_bypass_needs_development() {
        assert!(env(&[("PULSE_AUTH_USER", "op")]).account.is_none());
        assert!(!env(&[("ALLOW_ADMIN_BYPASS", "1")]).dev_bypass);
        assert!(env(&[("ALLOW_ADMIN_BYPASS", "1"), ("PULSE_DEV", "true")]).dev_bypass);
    }
}
