//! Requests to the Pulse server: one kept-alive connection, no redirects, bounded answers.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pulse_wire::host_report::{HostLookupAnswer, HostReportAnswer};
use serde_json::Value;
use ureq::http::{Response, header};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig};
use ureq::{Agent, Body};

use crate::cli::{Settings, Token};

const REPORT_TIMEOUT: Duration = Duration::from_secs(15);
const CONFIG_TIMEOUT: Duration = Duration::from_secs(10);
/// Longer than the longest usual interval, so that the connection outlives the wait.
const KEEP_IDLE: Duration = Duration::from_secs(150);
const LARGEST_ANSWER: u64 = 64 * 1024;
const SCOPE: &str = "host-agent:report";

pub struct Client {
    agent: Agent,
    url: String,
    token: Token,
}

/// Why a request did not succeed. The message says what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub kind: FailureKind,
    pub message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// No usable answer: try the same report again later.
    Away,
    /// The server asks for a pause.
    Busy { pause: Option<Duration> },
    /// Token or scope: nothing gets through until somebody changes it.
    Refused,
    /// This request is not wanted and never will be.
    Rejected,
}

impl Client {
    pub fn new(settings: &Settings) -> Result<Self, String> {
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_idle_age(KEEP_IDLE)
            .max_idle_connections(1)
            .max_idle_connections_per_host(1)
            .input_buffer_size(8 * 1024)
            .output_buffer_size(8 * 1024);
        if settings.url.starts_with("https:") {
            config = config.tls_config(tls(settings)?);
        }
        let agent = config.build().into();
        Ok(Self {
            agent,
            url: settings.url.clone(),
            token: settings.token.clone(),
        })
    }

    /// Delivers one encoded report.
    pub fn report(&self, body: &[u8]) -> Result<HostReportAnswer, Failure> {
        let request = self
            .agent
            .post(format!("{}/api/agents/host/report", self.url))
            .header(
                header::AUTHORIZATION,
                format!("Bearer {}", self.token.expose()),
            )
            .header("X-API-Token", self.token.expose())
            .header(
                header::USER_AGENT,
                concat!("pulse-host-agent/", env!("CARGO_PKG_VERSION")),
            )
            .header(header::CONTENT_TYPE, "application/json")
            .config()
            .timeout_global(Some(REPORT_TIMEOUT))
            .build();
        let answer = self.judge(request.send(body))?;
        match serde_json::from_slice::<HostReportAnswer>(&answer) {
            Ok(answer) if answer.success => Ok(answer),
            _ => Err(self.not_pulse()),
        }
    }

    /// The server's id for a host name; none when it does not know the host.
    pub fn look_up(&self, hostname: &str) -> Result<Option<String>, Failure> {
        let answer = self.get(&format!(
            "/api/agents/host/lookup?hostname={}",
            encode(hostname)
        ))?;
        let Some(answer) = answer else {
            return Ok(None);
        };
        match serde_json::from_slice::<HostLookupAnswer>(&answer) {
            Ok(answer) if answer.success => Ok(Some(answer.host.id).filter(|id| !id.is_empty())),
            _ => Err(self.not_pulse()),
        }
    }

    /// The `config` object the server has for a host; none when it does not know the host.
    pub fn config(&self, host_id: &str) -> Result<Option<Value>, Failure> {
        let answer = self.get(&format!("/api/agents/host/{}/config", encode(host_id)))?;
        let Some(answer) = answer else {
            return Ok(None);
        };
        match serde_json::from_slice::<Value>(&answer) {
            Ok(mut answer) if answer["success"] == true => Ok(Some(answer["config"].take())),
            _ => Err(self.not_pulse()),
        }
    }

    fn get(&self, path: &str) -> Result<Option<Vec<u8>>, Failure> {
        let request = self
            .agent
            .get(format!("{}{path}", self.url))
            .header(
                header::AUTHORIZATION,
                format!("Bearer {}", self.token.expose()),
            )
            .header("X-API-Token", self.token.expose())
            .header(header::USER_AGENT, "pulse-agent-config-client")
            .config()
            .timeout_global(Some(CONFIG_TIMEOUT))
            .build();
        match request.call() {
            Ok(mut answer) if answer.status() == 404 => {
                // What it says is of no interest, and a broken connection shows at the next request.
                let _ = drain(&mut answer);
                Ok(None)
            }
            answer => self.judge(answer).map(Some),
        }
    }

    /// The body of a 2xx answer, or what is wrong.
    fn judge(&self, answer: Result<Response<Body>, ureq::Error>) -> Result<Vec<u8>, Failure> {
        let away = |error: ureq::Error| Failure {
            kind: FailureKind::Away,
            message: format!("{} cannot be reached: {error}{}", self.url, advice(&error)),
        };
        let mut answer = answer.map_err(away)?;
        let status = answer.status().as_u16();
        let header_text = |name: header::HeaderName| {
            answer
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned)
        };
        let (retry_after, location) = (
            header_text(header::RETRY_AFTER),
            header_text(header::LOCATION),
        );
        let body = drain(&mut answer);
        if (200..300).contains(&status) {
            return body.map_err(away);
        }
        Err(explain(
            &self.url,
            status,
            retry_after.as_deref(),
            location.as_deref(),
            &body.unwrap_or_default(),
        ))
    }

    fn not_pulse(&self) -> Failure {
        let message = format!(
            "{} answers, but not as a Pulse server; check the address, its path, and whether a login page is in front of it",
            self.url
        );
        Failure {
            kind: FailureKind::Away,
            message,
        }
    }
}

/// The body. Read to its end even when it is of no interest, so that the connection is used again.
fn drain(answer: &mut Response<Body>) -> Result<Vec<u8>, ureq::Error> {
    answer
        .body_mut()
        .with_config()
        .limit(LARGEST_ANSWER)
        .read_to_vec()
}

/// What an answer outside 2xx means and what to do about it.
fn explain(
    url: &str,
    status: u16,
    retry_after: Option<&str>,
    location: Option<&str>,
    body: &[u8],
) -> Failure {
    let said = serde_json::from_slice::<Value>(body).unwrap_or_default();
    let text = |key: &str| {
        said[key]
            .as_str()
            .map(|text| text.chars().take(200).collect::<String>())
    };
    let (kind, message) = match status {
        300..400 => (
            FailureKind::Away,
            format!(
                "{url} redirects to {}; give that server's address (often https instead of http) with --url",
                location.unwrap_or("another address")
            ),
        ),
        401 if said["setupRequired"] == true => (
            FailureKind::Busy { pause: None },
            format!("{url} is not set up yet; reports start when its set-up is finished"),
        ),
        401 => (
            FailureKind::Refused,
            format!(
                "{url} does not accept the API token; create one with scope {SCOPE} in Settings → Agents and give it with --token-file"
            ),
        ),
        403 => (
            FailureKind::Refused,
            match text("requiredScope") {
                Some(scope) => format!(
                    "the API token lacks the scope {scope}; add it to the token or create one that has it in Settings → Agents"
                ),
                None => format!(
                    "{url} forbids this report{}; check the token's owner and scopes ({SCOPE} is needed)",
                    quoted(text("error"))
                ),
            },
        ),
        408 | 429 => (
            FailureKind::Busy {
                pause: retry_after
                    .and_then(|text| text.trim().parse().ok())
                    .map(Duration::from_secs),
            },
            format!("{url} asks for fewer reports (status {status}); a longer --interval helps"),
        ),
        413 => (
            FailureKind::Rejected,
            format!(
                "{url} finds the report too large (status 413); raise the body limit of the proxy in front of it"
            ),
        ),
        400..500 => (
            FailureKind::Rejected,
            format!(
                "{url} rejects the report with status {status}{}",
                quoted(text("error"))
            ),
        ),
        503 if retry_after.is_some() => (
            FailureKind::Busy {
                pause: retry_after
                    .and_then(|text| text.trim().parse().ok())
                    .map(Duration::from_secs),
            },
            format!("{url} is not available for now (status 503)"),
        ),
        _ => (
            FailureKind::Away,
            format!(
                "{url} answers with status {status}{}",
                quoted(text("error"))
            ),
        ),
    };
    Failure { kind, message }
}

fn quoted(text: Option<String>) -> String {
    text.map(|text| format!(" ({text:?})")).unwrap_or_default()
}

fn advice(error: &ureq::Error) -> &'static str {
    // A certificate that is not trusted shows up as an I/O error of the handshake.
    let untrusted = |error: &std::io::Error| {
        let inner = error.get_ref();
        inner
            .and_then(|inner| inner.downcast_ref::<rustls::Error>())
            .is_some()
    };
    match error {
        ureq::Error::Io(error) if untrusted(error) => TRUST,
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) => TRUST,
        ureq::Error::HostNotFound => "; check the name in --url",
        _ => "",
    }
}

const TRUST: &str = "; trust its certificate with --ca-file, or skip the check with --insecure";

/// TLS with the given authorities, or the system's; none are loaded when nothing is verified.
fn tls(settings: &Settings) -> Result<TlsConfig, String> {
    let builder = TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .disable_verification(settings.insecure);
    let roots = match &settings.ca_file {
        _ if settings.insecure => Vec::new(),
        Some(path) => authorities_in(path)?,
        None => {
            let found = rustls_native_certs::load_native_certs();
            if found.certs.is_empty() {
                return Err("this system has no certificate authorities; install ca-certificates or give --ca-file".into());
            }
            found
                .certs
                .iter()
                .map(|der| Certificate::from_der(der.as_ref()).to_owned())
                .collect()
        }
    };
    Ok(builder
        .root_certs(RootCerts::Specific(Arc::new(roots)))
        .build())
}

fn authorities_in(path: &Path) -> Result<Vec<Certificate<'static>>, String> {
    let name = path.display();
    let pem = std::fs::read(path).map_err(|error| format!("--ca-file {name}: {error}"))?;
    let authorities: Vec<_> = ureq::tls::parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if authorities.is_empty() {
        Err(format!(
            "--ca-file {name}: holds no certificate in PEM form"
        ))
    } else {
        Ok(authorities)
    }
}

/// Percent-encodes everything but unreserved characters.
fn encode(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(status: u16, body: &str) -> Failure {
        explain(
            "http://p",
            status,
            Some("7"),
            Some("https://p/x"),
            body.as_bytes(),
        )
    }

    #[test]
    fn every_refusal_says_what_to_do() {
        for (status, body, kind, part) in [
            (301, "", FailureKind::Away, "redirects to https://p/x"),
            (
                401,
                r#"{"error":"Authentication required"}"#,
                FailureKind::Refused,
                "host-agent:report",
            ),
            (
                403,
                r#"{"error":"missing_scope","requiredScope":"x:y"}"#,
                FailureKind::Refused,
                "lacks the scope x:y",
            ),
            (403, "<html>", FailureKind::Refused, "host-agent:report"),
            (413, "", FailureKind::Rejected, "too large"),
            (
                400,
                r#"{"error":"hostname is required"}"#,
                FailureKind::Rejected,
                "hostname is required",
            ),
            (
                429,
                "",
                FailureKind::Busy {
                    pause: Some(Duration::from_secs(7)),
                },
                "--interval",
            ),
            (
                503,
                "down",
                FailureKind::Busy {
                    pause: Some(Duration::from_secs(7)),
                },
                "503",
            ),
            (500, "down", FailureKind::Away, "500"),
        ] {
            let failure = explained(status, body);
            assert_eq!(failure.kind, kind, "{status}");
            assert!(failure.message.contains(part), "{}", failure.message);
        }
        let plain = explain("http://p", 429, Some("soon"), None, b"");
        assert_eq!(plain.kind, FailureKind::Busy { pause: None });
    }

    #[test]
    fn names_are_escaped() {
        assert_eq!(encode("node a/ü?.lan"), "node%20a%2F%C3%BC%3F.lan");
    }
}
