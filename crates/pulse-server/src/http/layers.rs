//! What every request passes through, outermost first: rate limit, demo gate, request id,
//! security headers, path check, CORS; then the route's own gate.

use std::net::IpAddr;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use pulse_auth::{Feature, Principal, RequestFacts, RouteRule};

use super::answer::{response, text};
use crate::app::App;
use crate::settings::Effective;

/// Facts about the connection that a handler may need.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    pub ip: IpAddr,
    pub tls: bool,
}

/// Decoded path of a request; the matched routes see the raw one.
pub fn decoded_path(request: &Request) -> String {
    percent_decode(request.uri().path())
}

fn percent_decode(path: &str) -> String {
    let mut out = Vec::with_capacity(path.len());
    let bytes = path.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let hex = |offset: usize| {
            bytes
                .get(at + offset)
                .and_then(|b| char::from(*b).to_digit(16))
        };
        if byte == b'%'
            && let (Some(high), Some(low)) = (hex(1), hex(2))
        {
            out.push((high * 16 + low) as u8);
            at += 3;
        } else {
            out.push(byte);
            at += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The listener puts it there; without one (tests) it is this machine.
pub fn peer(request: &Request) -> Peer {
    request.extensions().get::<Peer>().copied().unwrap_or(Peer {
        ip: IpAddr::from([127, 0, 0, 1]),
        tls: false,
    })
}

/// Runs `look` with the facts of a request.
pub fn with_facts<T>(request: &Request, look: impl FnOnce(&RequestFacts<'_>) -> T) -> T {
    let peer = peer(request);
    let path = decoded_path(request);
    look(&RequestFacts {
        method: request.method(),
        path: &path,
        query: request.uri().query(),
        headers: request.headers(),
        peer: peer.ip,
        tls: peer.tls,
    })
}

const SECURITY: [(&str, &str); 4] = [
    ("x-content-type-options", "nosniff"),
    ("x-xss-protection", "1; mode=block"),
    ("referrer-policy", "strict-origin-when-cross-origin"),
    (
        "permissions-policy",
        "geolocation=(), microphone=(), camera=()",
    ),
];

fn security_headers(headers: &mut HeaderMap, settings: &Effective) {
    for (name, value) in SECURITY {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    if !settings.settings.allow_embedding {
        headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, settings.policy.clone());
}

/// The outermost layer.
pub async fn outer(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let limited = with_facts(&request, |facts| {
        app.auth
            .limit_request(facts)
            .and_then(|()| app.auth.check_demo(facts))
    });
    if let Err(denied) = limited {
        let mut refused = response(denied.answer(app.auth.now()));
        refused.headers_mut().insert(
            HeaderName::from_static("x-content-type-options"),
            HeaderValue::from_static("nosniff"),
        );
        return refused;
    }
    let id = request_id(request.headers());
    let settings = app.settings.now();
    let cors = cors(&settings.origins, request.headers());
    let path = decoded_path(&request);
    let started = Instant::now();
    let method = request.method().clone();
    request.extensions_mut().insert(RequestId(id.clone()));
    let mut answer = if path.contains("..") {
        if path.starts_with("/api/") {
            response(text(StatusCode::UNAUTHORIZED, "Unauthorized"))
        } else {
            response(text(StatusCode::BAD_REQUEST, "Invalid path"))
        }
    } else if method == Method::OPTIONS {
        StatusCode::OK.into_response()
    } else {
        next.run(request).await
    };
    let route = answer
        .extensions()
        .get::<Route>()
        .map_or("unmatched", |route| route.0);
    app.http_metrics
        .note(&method, route, answer.status().as_u16(), started.elapsed());
    if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
        // From here on it is not HTTP.
        return answer;
    }
    let headers = answer.headers_mut();
    security_headers(headers, &settings);
    headers.extend(cors);
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
    answer
}

/// Id of the request, for error bodies and logs.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

/// The route that answered, for the metrics.
#[derive(Clone, Copy, Debug)]
pub struct Route(pub &'static str);

fn request_id(headers: &HeaderMap) -> String {
    headers
        .get("x-request-id")
        .and_then(|v| v.to_str().ok())
        .map(str::trim)
        .filter(|v| !v.is_empty())
        .map_or_else(|| uuid::Uuid::new_v4().to_string(), str::to_owned)
}

fn cors(allowed: &[String], request: &HeaderMap) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let origin = request
        .get(header::ORIGIN)
        .and_then(|value| value.to_str().ok());
    let (allow, credentials) = if allowed.is_empty() {
        return headers;
    } else if allowed.iter().any(|o| o == "*") {
        ("*".to_owned(), false)
    } else {
        match origin {
            Some(origin) if allowed.iter().any(|o| o == origin) => (origin.to_owned(), true),
            None => (allowed.first().cloned().unwrap_or_default(), true),
            Some(_) => return headers,
        }
    };
    let Ok(allow) = HeaderValue::from_str(&allow) else {
        return headers;
    };
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allow);
    if credentials {
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
            HeaderValue::from_static("true"),
        );
        headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    }
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE, OPTIONS"),
    );
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static(
            "Content-Type, Authorization, X-API-Token, X-CSRF-Token, X-Setup-Token",
        ),
    );
    headers.insert(
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("X-CSRF-Token, X-Authenticated-User, X-Auth-Method"),
    );
    headers
}

/// Whether a licence covers a feature. Nothing is licensed yet and nothing asks.
pub fn licensed(_: Feature) -> bool {
    false
}

/// The gate of one route: set-up state, authentication, CSRF, access, scope, licence.
pub async fn gate(app: App, rule: &RouteRule, mut request: Request, next: Next) -> Response {
    let peer = peer(&request);
    let path = decoded_path(&request);
    let admission = {
        let (parts, body) = request.into_parts();
        let facts = RequestFacts {
            method: &parts.method,
            path: &path,
            query: parts.uri.query(),
            headers: &parts.headers,
            peer: peer.ip,
            tls: peer.tls,
        };
        let admission = app.auth.gate(&facts, rule, &licensed).await;
        request = Request::from_parts(parts, body);
        admission
    };
    let admission = match admission {
        Ok(admission) => admission,
        Err(mut refusal) => {
            if let Some(id) = request.extensions().get::<RequestId>() {
                refusal.set_request_id(&id.0);
            }
            return response(refusal);
        }
    };
    request.extensions_mut().insert(admission.principal);
    request.extensions_mut().insert(peer);
    let mut answer = next.run(request).await;
    let headers = answer.headers_mut();
    for (name, value) in admission.headers {
        headers.append(name, value);
    }
    answer.extensions_mut().insert(Route(rule.path));
    answer
}

/// Who is asking; put there by the gate.
pub fn principal(request: &Request) -> Principal {
    request
        .extensions()
        .get::<Principal>()
        .cloned()
        .unwrap_or_else(Principal::nobody)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_decoded_before_they_are_judged() {
        assert_eq!(percent_decode("/api/%2e%2e/x"), "/api/../x");
        assert_eq!(percent_decode("/a%zz%4"), "/a%zz%4");
    }

    #[test]
    fn cors_answers_only_allowed_origins() {
        let origin = |o: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ORIGIN, HeaderValue::from_static(o));
            headers
        };
        let allowed = vec![
            "https://a.example".to_owned(),
            "https://b.example".to_owned(),
        ];
        assert!(cors(&[], &origin("https://a.example")).is_empty());
        assert!(cors(&allowed, &origin("https://evil.example")).is_empty());
        let found = cors(&allowed, &origin("https://b.example"));
        assert_eq!(
            found[header::ACCESS_CONTROL_ALLOW_ORIGIN],
            "https://b.example"
        );
        assert_eq!(found[header::VARY], "Origin");
        let any = cors(&["*".to_owned()], &origin("https://x.example"));
        assert_eq!(any[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        assert!(!any.contains_key(header::ACCESS_CONTROL_ALLOW_CREDENTIALS));
    }
}
