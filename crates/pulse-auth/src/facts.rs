//! What authentication needs to know of a request, and how it reads foreign headers.

use std::borrow::Cow;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{ACCEPT, AUTHORIZATION, COOKIE, UPGRADE};
use http::{HeaderMap, Method};

/// One request. `path` is decoded and cleaned, `query` raw, `peer` the other end of the socket.
#[derive(Clone, Copy, Debug)]
pub struct RequestFacts<'a> {
    pub method: &'a Method,
    pub path: &'a str,
    pub query: Option<&'a str>,
    pub headers: &'a HeaderMap,
    pub peer: IpAddr,
    /// Did the client reach this process over TLS?
    pub tls: bool,
}

impl<'a> RequestFacts<'a> {
    /// The first value of a header, when it is plain text.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Like [`Self::header`], but blank counts as missing.
    pub fn header_text(&self, name: &str) -> Option<&'a str> {
        self.header(name).map(str::trim).filter(|v| !v.is_empty())
    }

    pub fn cookie(&self, name: &str) -> Option<&'a str> {
        cookie(self.headers, name)
    }

    pub fn query_value(&self, name: &str) -> Option<Cow<'a, str>> {
        query_value(self.query?, name)
    }

    pub fn bearer(&self) -> Option<&'a str> {
        bearer(self.header(AUTHORIZATION.as_str())?)
    }

    pub fn basic(&self) -> Option<(String, String)> {
        basic(self.header(AUTHORIZATION.as_str())?)
    }

    pub fn is_safe(&self) -> bool {
        matches!(*self.method, Method::GET | Method::HEAD | Method::OPTIONS)
    }

    pub fn is_websocket(&self) -> bool {
        self.header(UPGRADE.as_str())
            .is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
    }

    pub fn is_api(&self) -> bool {
        self.path.starts_with("/api/")
    }

    /// Refusals go out as JSON to API paths and to whoever asks for JSON.
    pub fn wants_json(&self) -> bool {
        self.is_api()
            || self
                .header(ACCEPT.as_str())
                .is_some_and(|accept| accept.contains("application/json"))
    }

    /// Does the browser say that another site made this request?
    pub fn is_cross_site(&self) -> bool {
        self.header("sec-fetch-site") == Some("cross-site")
    }

    /// From this machine, and as far as can be told through no proxy. A proxy on this machine that
    /// adds no header and sends its own address as `Host` cannot be told apart, so this alone must
    /// never stand for a login.
    pub fn is_direct_loopback(&self) -> bool {
        const FORWARDED: [&str; 8] = [
            "x-forwarded-for",
            "x-forwarded-host",
            "x-forwarded-proto",
            "x-forwarded-server",
            "forwarded",
            "x-real-ip",
            "cf-connecting-ip",
            "via",
        ];
        self.peer.to_canonical().is_loopback()
            && FORWARDED
                .iter()
                .all(|name| !self.headers.contains_key(*name))
            && self.header("host").is_none_or(is_local_name)
    }

    /// Does the client's connection end in TLS, here or at a proxy?
    pub fn is_https(&self) -> bool {
        self.tls
            || self
                .header("x-forwarded-proto")
                .is_some_and(|proto| proto.eq_ignore_ascii_case("https"))
            || self
                .header("forwarded")
                .is_some_and(|value| value.to_ascii_lowercase().contains("proto=https"))
    }
}

/// `localhost` or a loopback address, with or without a port.
fn is_local_name(host: &str) -> bool {
    let name = host
        .rsplit_once(':')
        .filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()))
        .map_or(host, |(name, _)| name);
    let name = name.trim_matches(['[', ']']);
    name.eq_ignore_ascii_case("localhost")
        || name
            .parse::<IpAddr>()
            .is_ok_and(|address| address.to_canonical().is_loopback())
}

/// The first cookie of that name over all `Cookie` headers.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| {
            value
                .strip_prefix('"')
                .and_then(|v| v.strip_suffix('"'))
                .unwrap_or(value)
        })
}

pub fn query_value<'a>(query: &'a str, name: &str) -> Option<Cow<'a, str>> {
    url::form_urlencoded::parse(query.as_bytes())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value)
}

/// The scheme in any case, as RFC 7235 says. `Token` is what InfluxDB's clients write for it.
pub fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.trim().split_once(' ')?;
    let token = token.trim();
    let known = ["bearer", "token"];
    let known = known.iter().any(|known| scheme.eq_ignore_ascii_case(known));
    (known && !token.is_empty()).then_some(token)
}

/// `Basic` exactly, as version 5 reads it.
pub fn basic(authorization: &str) -> Option<(String, String)> {
    let encoded = authorization.strip_prefix("Basic ")?;
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn with_cookie(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_str(value).unwrap());
        headers
    }

    #[test]
    fn finds_cookies_between_others() {
        let headers = with_cookie("a=1; pulse_session=xyz;pulse_csrf=\"q=1\"");
        assert_eq!(cookie(&headers, "pulse_session"), Some("xyz"));
        assert_eq!(cookie(&headers, "pulse_csrf"), Some("q=1"));
        assert_eq!(cookie(&headers, "pulse"), None);
    }

    #[test]
    fn reads_authorization() {
        assert_eq!(bearer("bEaReR  t "), Some("t"));
        assert_eq!(bearer("Token t"), Some("t"));
        assert_eq!(bearer("Bearer "), None);
        assert_eq!(bearer("Basic eA=="), None);
        assert_eq!(basic("Basic b3A6YTpi"), Some(("op".into(), "a:b".into())));
        assert_eq!(basic("basic b3A6YTpi"), None);
        assert_eq!(basic("Basic ???"), None);
    }

    #[test]
    fn a_proxy_on_this_machine_is_not_this_machine() {
        let direct = |headers: &[(&'static str, &'static str)]| {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.append(*name, HeaderValue::from_static(value));
            }
            RequestFacts {
                method: &Method::GET,
                path: "/",
                query: None,
                headers: &map,
                peer: IpAddr::from([127, 0, 0, 1]),
                tls: false,
            }
            .is_direct_loopback()
        };
        for host in [
            "localhost",
            "LOCALHOST:7655",
            "127.0.0.1:7655",
            "[::1]:7655",
            "[::1]",
        ] {
            assert!(direct(&[("host", host)]), "{host}");
        }
        assert!(direct(&[]));
        assert!(!direct(&[("host", "pulse.example.org")]));
        assert!(!direct(&[("host", "localhost.example.org")]));
        assert!(!direct(&[("host", "localhost"), ("x-real-ip", "1.2.3.4")]));
    }

    proptest! {
        #[test]
        fn any_cookie_comes_back(value in "[A-Za-z0-9_=-]{1,60}", before in "[a-z]{1,5}=[a-z]{0,5}") {
            let headers = with_cookie(&format!("{before}; pulse_session={value}; z=1"));
            prop_assert_eq!(cookie(&headers, "pulse_session"), Some(value.as_str()));
        }

        #[test]
        fn foreign_text_never_panics(text in "\\PC*") {
            let _ = bearer(&text);
            let _ = basic(&text);
            let _ = query_value(&text, "token");
            if let Ok(value) = HeaderValue::from_str(&text) {
                let mut headers = HeaderMap::new();
                headers.append(COOKIE, value);
                let _ = cookie(&headers, "pulse_session");
            }
        }

        #[test]
        fn basic_reads_what_was_written(user in "[^:]{0,20}", password in "\\PC{0,20}") {
            let header = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
            prop_assert_eq!(basic(&header), Some((user, password)));
        }
    }
}
