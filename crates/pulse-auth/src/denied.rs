//! Every way to be refused, with the exact status and body that version 5 clients know.

use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::answer::Answer;
use crate::policy::{Feature, Scope};

#[derive(Clone, Debug, PartialEq)]
pub enum Denied {
    /// E1: text.
    Text(StatusCode, String),
    /// E2: structured error.
    Api {
        status: StatusCode,
        code: &'static str,
        message: String,
    },
    /// E3. `realm` in API-only mode, where the answer names the scheme to use.
    AuthenticationRequired {
        realm: bool,
    },
    /// E1 form of E3 for pages and sockets.
    AuthenticationRequiredText,
    /// E3 with the hint that set-up comes first.
    SetupRequired,
    /// E4.
    AdminRequired,
    /// E5.
    MissingScope(Scope),
    /// E6.
    PermissionUnauthenticated,
    PermissionForbidden {
        action: &'static str,
        resource: &'static str,
    },
    PermissionFailed,
    /// E7.
    LicenceRequired(Feature),
    /// E8: a list that is empty without a licence.
    EmptyWithoutLicence(Feature),
    /// E9.
    Demo,
    /// E10: too many failures, for Basic authentication.
    Locked {
        until: Timestamp,
    },
    /// 429 of the request limiter.
    RateLimited {
        limit: u32,
        retry_after: SignedDuration,
    },
    /// 403; the gate adds a fresh token as cookie and header.
    Csrf,
    /// The password check has no room; try again.
    Busy,
}

const REALM: &str =
    "Bearer realm=\"API token required; supply via Authorization header or X-API-Token header\"";
pub const UPGRADE_URL: &str = "https://pulse.sh/pro";

impl Denied {
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Text(status, _) | Self::Api { status, .. } => *status,
            Self::AuthenticationRequired { .. }
            | Self::AuthenticationRequiredText
            | Self::SetupRequired
            | Self::PermissionUnauthenticated => StatusCode::UNAUTHORIZED,
            Self::AdminRequired
            | Self::MissingScope(_)
            | Self::PermissionForbidden { .. }
            | Self::Demo
            | Self::Locked { .. }
            | Self::Csrf => StatusCode::FORBIDDEN,
            Self::PermissionFailed => StatusCode::INTERNAL_SERVER_ERROR,
            Self::LicenceRequired(_) => StatusCode::PAYMENT_REQUIRED,
            Self::EmptyWithoutLicence(_) => StatusCode::OK,
            Self::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    pub fn answer(&self, now: Timestamp) -> Answer {
        let status = self.status();
        match self {
            Self::Text(_, message) => Answer::text(status, message.clone()),
            Self::Api { code, message, .. } => {
                Answer::api_error(status, code, message.clone(), now)
            }
            Self::AuthenticationRequired { realm } => {
                let answer = Answer::json(status, json!({"error": "Authentication required"}));
                if *realm {
                    answer.with_header(WWW_AUTHENTICATE, HeaderValue::from_static(REALM))
                } else {
                    answer
                }
            }
            Self::AuthenticationRequiredText => Answer::text(status, "Authentication required"),
            Self::SetupRequired => Answer::json(
                status,
                json!({
                    "error": "Authentication required",
                    "message": "Pulse is not set up yet. Open its web page and finish the set-up first.",
                    "setupRequired": true,
                }),
            ),
            Self::AdminRequired => {
                Answer::json(status, json!({"error": "Admin privileges required"}))
            }
            Self::MissingScope(scope) => Answer::json(
                status,
                json!({"error": "missing_scope", "requiredScope": scope.as_str()}),
            ),
            Self::PermissionUnauthenticated => Answer::json(
                status,
                json!({"error": "authentication_required", "message": "Authentication required"}),
            ),
            Self::PermissionForbidden { action, resource } => Answer::json(
                status,
                json!({
                    "error": "forbidden",
                    "message": format!("You may not {action} {resource}."),
                    "action": action,
                    "resource": resource,
                }),
            ),
            Self::PermissionFailed => Answer::json(
                status,
                json!({"error": "internal_error", "message": "Permissions could not be checked. See the server log."}),
            ),
            Self::LicenceRequired(feature) => Answer::json(
                status,
                json!({
                    "error": "license_required",
                    "message": format!(
                        "feature not included in license: {} requires Pulse Pro",
                        feature.title()
                    ),
                    "feature": feature.as_str(),
                    "upgrade_url": UPGRADE_URL,
                }),
            ),
            Self::EmptyWithoutLicence(feature) => Answer::json(status, json!([]))
                .with_header(
                    HeaderName::from_static("x-license-required"),
                    HeaderValue::from_static("true"),
                )
                .with_header(
                    HeaderName::from_static("x-license-feature"),
                    HeaderValue::from_static(feature.as_str()),
                ),
            Self::Demo => Answer::json(
                status,
                json!({
                    "error": "Demo mode enabled",
                    "message": "This is a read-only demo instance. Modifications are disabled.",
                }),
            ),
            Self::Locked { until } => Answer::json(
                status,
                json!({
                    "error": "Account temporarily locked",
                    "message": format!(
                        "Too many failed attempts. Please try again in {} minutes.",
                        remaining_minutes(*until, now)
                    ),
                    "lockedUntil": rfc3339_seconds(*until),
                }),
            ),
            Self::RateLimited { limit, retry_after } => {
                let seconds = retry_after.as_secs().max(1);
                let reset = now
                    .saturating_add(SignedDuration::from_secs(seconds))
                    .unwrap_or(now);
                Answer::text(status, "Rate limit exceeded. Please try again later.")
                    .with_header(RETRY_AFTER, HeaderValue::from(seconds))
                    .with_header(
                        HeaderName::from_static("x-ratelimit-limit"),
                        HeaderValue::from(*limit),
                    )
                    .with_header(
                        HeaderName::from_static("x-ratelimit-remaining"),
                        HeaderValue::from_static("0"),
                    )
                    .with_headers(
                        HeaderValue::from_str(&rfc3339_seconds(reset))
                            .ok()
                            .map(|value| (HeaderName::from_static("x-ratelimit-reset"), value)),
                    )
            }
            Self::Csrf => Answer::text(status, "CSRF token validation failed"),
            Self::Busy => Answer::json(
                status,
                json!({"error": "busy", "message": "Too many logins at the same time. Please try again in a moment."}),
            )
            .with_header(RETRY_AFTER, HeaderValue::from_static("2")),
        }
    }
}

pub fn rfc3339_seconds(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second())
        .unwrap_or(time)
        .to_string()
}

/// Whole minutes left, at least one.
pub fn remaining_minutes(until: Timestamp, now: Timestamp) -> i64 {
    (until.duration_since(now).as_secs() / 60).max(1)
}
