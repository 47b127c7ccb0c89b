//! `GET /api/security/status`: what the login page and the settings page need to know.

use serde::Serialize;

use crate::answer::Answer;
use crate::auth::{Auth, SetupState};
use crate::denied::rfc3339_seconds;
use crate::facts::RequestFacts;
use crate::net;
use crate::principal::{AuthMethod, Principal};
use crate::{proxy, sync, tokens};

/// What the server knows and this crate does not.
#[derive(Clone, Debug, Default)]
pub struct StatusContext {
    /// Without a slash at the end.
    pub agent_url: String,
    pub hide_local_login: bool,
    /// Is the audit log kept in the database?
    pub persistent_audit: bool,
    pub is_docker: bool,
    pub in_container: bool,
    pub lxc_ctid: Option<String>,
    pub docker_container_name: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SecurityStatus {
    pub api_token_configured: bool,
    pub api_token_hint: String,
    pub requires_auth: bool,
    pub has_authentication: bool,
    pub configured_but_pending_restart: bool,
    pub export_protected: bool,
    pub unprotected_export_allowed: bool,
    pub has_audit_logging: bool,
    pub credentials_encrypted: bool,
    #[serde(rename = "hasHTTPS")]
    pub has_https: bool,
    #[serde(rename = "clientIP")]
    pub client_ip: String,
    pub is_private_network: bool,
    pub is_trusted_network: bool,
    pub public_access: bool,
    pub has_proxy_auth: bool,
    #[serde(rename = "proxyAuthLogoutURL")]
    pub proxy_auth_logout_url: String,
    pub proxy_auth_username: String,
    pub proxy_auth_is_admin: bool,
    pub auth_username: String,
    pub auth_last_modified: String,
    pub oidc_username: String,
    pub hide_local_login: bool,
    pub agent_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_scopes: Option<Vec<String>>,
    pub oidc_enabled: bool,
    pub oidc_issuer: String,
    pub oidc_client_id: String,
    #[serde(rename = "oidcLogoutURL")]
    pub oidc_logout_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oidc_env_overrides: Option<std::collections::BTreeMap<String, bool>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bootstrap_token_path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_docker: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_container: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lxc_ctid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub docker_container_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deprecated_disable_auth: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl Auth {
    /// Always answers; what is shown depends on who asks.
    pub async fn security_status(
        &self,
        facts: &RequestFacts<'_>,
        context: StatusContext,
    ) -> SecurityStatus {
        let principal = self
            .authenticate(facts)
            .await
            .unwrap_or_else(|_| Principal::nobody());
        let known = principal.is_authenticated();
        let shown = |text: String| if known { text } else { String::new() };
        let env = self.env();
        let oidc = sync::read(&self.inner.oidc).clone();
        let account = self.account();
        let configured = self.state() != SetupState::FirstRun;
        let client = self.client_ip(facts);
        let private = net::is_private(client);
        let proxied = env
            .proxy
            .as_ref()
            .and_then(|config| proxy::identify(config, facts));
        let record = principal
            .token
            .as_deref()
            .and_then(|id| self.inner.tokens.get(id));
        let fresh = self.inner.bootstrap.is_live();
        let deprecated = env.deprecated_disable_auth;
        SecurityStatus {
            api_token_configured: !self.inner.tokens.is_empty(),
            api_token_hint: shown(
                self.inner
                    .tokens
                    .newest()
                    .as_ref()
                    .map(tokens::hint)
                    .unwrap_or_default(),
            ),
            requires_auth: configured,
            has_authentication: configured || env.require_auth,
            configured_but_pending_restart: false,
            export_protected: !self.inner.tokens.is_empty() || !env.allow_unprotected_export,
            unprotected_export_allowed: env.allow_unprotected_export,
            has_audit_logging: env.audit_flag || context.persistent_audit,
            credentials_encrypted: true,
            has_https: facts.is_https(),
            client_ip: client.to_string(),
            is_private_network: private,
            is_trusted_network: env.trusted_networks.as_ref().map_or(private, |networks| {
                networks.iter().any(|network| network.contains(client))
            }),
            public_access: !private,
            has_proxy_auth: env.proxy.is_some(),
            proxy_auth_logout_url: env
                .proxy
                .as_ref()
                .map(|config| config.logout_url.clone())
                .unwrap_or_default(),
            proxy_auth_username: proxied
                .as_ref()
                .map(|identity| identity.user.clone())
                .unwrap_or_default(),
            proxy_auth_is_admin: proxied.is_some_and(|identity| identity.admin),
            auth_username: shown(account.as_ref().map(|a| a.name.clone()).unwrap_or_default()),
            auth_last_modified: shown(
                account
                    .and_then(|a| a.password_changed)
                    .map(rfc3339_seconds)
                    .unwrap_or_default(),
            ),
            oidc_username: if principal.method == AuthMethod::Oidc {
                principal.user.clone()
            } else {
                String::new()
            },
            hide_local_login: context.hide_local_login,
            agent_url: context.agent_url,
            token_scopes: record.as_ref().map(tokens::shown_scopes),
            oidc_enabled: oidc.enabled,
            oidc_issuer: if known || oidc.enabled { oidc.issuer } else { String::new() },
            oidc_client_id: if known || oidc.enabled { oidc.client_id } else { String::new() },
            oidc_logout_url: oidc.logout_url,
            oidc_env_overrides: (!oidc.env_overrides.is_empty())
                .then(|| oidc.env_overrides.into_iter().map(|key| (key, true)).collect()),
            bootstrap_token_path: fresh.then(|| self.bootstrap_path().display().to_string()),
            is_docker: fresh.then_some(context.is_docker),
            in_container: fresh.then_some(context.in_container),
            lxc_ctid: context.lxc_ctid.filter(|_| fresh),
            docker_container_name: context.docker_container_name.filter(|_| fresh),
            deprecated_disable_auth: deprecated.then_some(true),
            message: deprecated.then(|| {
                "DISABLE_AUTH no longer has an effect. Remove it from the environment and restart.".to_owned()
            }),
        }
    }

    /// The status as an answer.
    pub async fn security_status_answer(
        &self,
        facts: &RequestFacts<'_>,
        context: StatusContext,
    ) -> Answer {
        let status = self.security_status(facts, context).await;
        Answer::ok(serde_json::to_value(status).unwrap_or_default())
    }
}
