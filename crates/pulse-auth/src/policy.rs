//! The vocabulary of the route table: who may call a route, with which scope, under which licence.
//!
//! The server declares one [`RouteRule`] beside each route and builds the router from that table,
//! so a route without a rule cannot exist.

use http::Method;

use crate::denied::Denied;
use crate::principal::{AuthMethod, Principal};

/// What an API token may be limited to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    DockerManage,
    DockerReport,
    HostAgentManage,
    HostAgentReport,
    KubernetesManage,
    KubernetesReport,
    MonitoringRead,
    MonitoringWrite,
    /// Metrics and events of Proxmox.
    PushReport,
    SettingsRead,
    SettingsWrite,
}

impl Scope {
    pub const ALL: [Self; 11] = [
        Self::DockerManage,
        Self::DockerReport,
        Self::HostAgentManage,
        Self::HostAgentReport,
        Self::KubernetesManage,
        Self::KubernetesReport,
        Self::MonitoringRead,
        Self::MonitoringWrite,
        Self::PushReport,
        Self::SettingsRead,
        Self::SettingsWrite,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::DockerManage => "docker:manage",
            Self::DockerReport => "docker:report",
            Self::HostAgentManage => "host-agent:manage",
            Self::HostAgentReport => "host-agent:report",
            Self::KubernetesManage => "kubernetes:manage",
            Self::KubernetesReport => "kubernetes:report",
            Self::MonitoringRead => "monitoring:read",
            Self::MonitoringWrite => "monitoring:write",
            Self::PushReport => "push:report",
            Self::SettingsRead => "settings:read",
            Self::SettingsWrite => "settings:write",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text)
    }
}

/// Licensed features.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Feature {
    AdvancedReporting,
    AdvancedSso,
    AgentProfiles,
    AiAlerts,
    AiAutofix,
    AiPatrol,
    AuditLogging,
    KubernetesAi,
    Rbac,
    Sso,
    UpdateAlerts,
}

impl Feature {
    pub const ALL: [Self; 11] = [
        Self::AdvancedReporting,
        Self::AdvancedSso,
        Self::AgentProfiles,
        Self::AiAlerts,
        Self::AiAutofix,
        Self::AiPatrol,
        Self::AuditLogging,
        Self::KubernetesAi,
        Self::Rbac,
        Self::Sso,
        Self::UpdateAlerts,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::AdvancedReporting => "advanced_reporting",
            Self::AdvancedSso => "advanced_sso",
            Self::AgentProfiles => "agent_profiles",
            Self::AiAlerts => "ai_alerts",
            Self::AiAutofix => "ai_autofix",
            Self::AiPatrol => "ai_patrol",
            Self::AuditLogging => "audit_logging",
            Self::KubernetesAi => "kubernetes_ai",
            Self::Rbac => "rbac",
            Self::Sso => "sso",
            Self::UpdateAlerts => "update_alerts",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|f| f.as_str() == text)
    }

    /// The name that the licence message uses.
    pub fn title(self) -> &'static str {
        match self {
            Self::AdvancedReporting => "Advanced Infrastructure Reporting (PDF/CSV)",
            Self::AdvancedSso => "Advanced SSO",
            Self::AgentProfiles => "Centralized Agent Profiles",
            Self::AiAlerts => "AI Alert Analysis",
            Self::AiAutofix => "AI Auto-Fix",
            Self::AiPatrol => "AI Patrol (Background Health Checks)",
            Self::AuditLogging => "Enterprise Audit Logging",
            Self::KubernetesAi => "Kubernetes AI Analysis",
            Self::Rbac => "Role-Based Access Control (RBAC)",
            Self::Sso => "Single Sign-On",
            Self::UpdateAlerts => "Update Alerts",
        }
    }
}

/// Who may call a route at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody, also before set-up: health, version, the wizard, login. The handler may look who
    /// is asking.
    Public,
    /// Anybody once set-up is finished: installers, downloads, registration with its own token.
    PublicAfterSetup,
    /// Anybody who presents a live set-up token, or who is authenticated. The server checks the
    /// token and skips the gate; without one this is `Authenticated`.
    SetupToken,
    /// Authenticated. Differs from `Authenticated` only in the text form of the 401.
    Gate,
    Authenticated,
    Admin,
    /// Role-based; administrators always may.
    Permission {
        action: &'static str,
        resource: &'static str,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Licence {
    None,
    /// 402 without it.
    Required(Feature),
    /// `200 []` without it.
    EmptyList(Feature),
}

/// One row of the route table. `path` is in the router's syntax.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteRule {
    pub method: Method,
    pub path: &'static str,
    pub access: Access,
    pub scope: Option<Scope>,
    pub licence: Licence,
}

impl RouteRule {
    pub const fn new(method: Method, path: &'static str, access: Access) -> Self {
        Self {
            method,
            path,
            access,
            scope: None,
            licence: Licence::None,
        }
    }

    pub const fn scope(mut self, scope: Scope) -> Self {
        self.scope = Some(scope);
        self
    }

    pub const fn licence(mut self, licence: Licence) -> Self {
        self.licence = licence;
        self
    }
}

/// May `principal` use the route? Authentication came before; the licence comes after
/// ([`check_licence`]).
pub fn authorize(principal: &Principal, rule: &RouteRule) -> Result<(), Denied> {
    let authenticated = principal.is_authenticated();
    match rule.access {
        Access::Public | Access::PublicAfterSetup => return Ok(()),
        Access::SetupToken | Access::Gate | Access::Authenticated | Access::Admin
            if !authenticated =>
        {
            return Err(Denied::AuthenticationRequired { realm: false });
        }
        Access::Permission { .. } if !authenticated => {
            return Err(Denied::PermissionUnauthenticated);
        }
        Access::Admin if !principal.admin => return Err(Denied::AdminRequired),
        Access::Permission { action, resource } if !principal.may(action, resource) => {
            return Err(Denied::PermissionForbidden { action, resource });
        }
        _ => {}
    }
    match rule.scope {
        Some(scope)
            if principal.method == AuthMethod::ApiToken && !principal.scopes.allows(scope) =>
        {
            Err(Denied::MissingScope(scope))
        }
        _ => Ok(()),
    }
}

/// The last check before the handler.
pub fn check_licence(
    licence: Licence,
    licensed: &(dyn Fn(Feature) -> bool + Sync),
) -> Result<(), Denied> {
    match licence {
        Licence::Required(feature) if !licensed(feature) => Err(Denied::LicenceRequired(feature)),
        Licence::EmptyList(feature) if !licensed(feature) => {
            Err(Denied::EmptyWithoutLicence(feature))
        }
        _ => Ok(()),
    }
}

/// Demo mode lets through reads, logins and the canned assistant.
pub fn allowed_in_demo(method: &Method, path: &str, upgrade: bool) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
        || upgrade
        || matches!(
            path,
            "/api/login"
                | "/api/oidc/login"
                | "/api/oidc/callback"
                | "/api/logout"
                | "/api/ai/execute"
                | "/api/ai/execute/stream"
        )
}
