//! The two cookies and the CSRF token in one of them.
//!
//! A CSRF token is `random(8) ‖ HMAC-SHA256(key, session ‖ random)[..24]` in URL-safe base64, 44
//! characters. It needs no storage, holds as long as its session, and any number of tabs can have
//! their own.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use http::HeaderValue;
use pulse_store::Store;
use rand::RngCore as _;
use subtle::ConstantTimeEq as _;

use crate::facts::RequestFacts;

pub const SESSION: &str = "pulse_session";
pub const CSRF: &str = "pulse_csrf";
pub const DAY: i64 = 86_400;
pub const MONTH: i64 = 30 * DAY;

const NONCE: usize = 8;

/// How cookies leave: `Secure` over HTTPS; `SameSite=None` only where embedding in other sites was
/// switched on, because only then a cross-site cookie is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CookieStyle {
    pub secure: bool,
    pub cross_site: bool,
}

impl CookieStyle {
    pub fn of(facts: &RequestFacts<'_>, embedding: bool) -> Self {
        let secure = facts.is_https();
        Self {
            secure,
            cross_site: secure && embedding,
        }
    }

    fn attributes(self) -> &'static str {
        match (self.secure, self.cross_site) {
            (true, true) => "; Secure; SameSite=None",
            (true, false) => "; Secure; SameSite=Lax",
            (false, _) => "; SameSite=Lax",
        }
    }

    /// `HttpOnly`: scripts never need it.
    pub fn session(self, value: &str, max_age: i64) -> HeaderValue {
        let attributes = self.attributes();
        header(&format!(
            "{SESSION}={value}; Path=/; Max-Age={max_age}; HttpOnly{attributes}"
        ))
    }

    pub fn csrf(self, value: &str, max_age: i64) -> HeaderValue {
        let attributes = self.attributes();
        header(&format!(
            "{CSRF}={value}; Path=/; Max-Age={max_age}{attributes}"
        ))
    }

    pub fn clear_session(self) -> HeaderValue {
        self.session("", 0)
    }
}

pub fn clear_csrf() -> HeaderValue {
    HeaderValue::from_static("pulse_csrf=; Path=/; Max-Age=0")
}

/// The values are our own hex and base64, so this cannot fail.
fn header(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

pub fn csrf_token(store: &Store, session: &str) -> String {
    let mut nonce = [0_u8; NONCE];
    rand::rng().fill_bytes(&mut nonce);
    csrf_from_nonce(store, session, nonce)
}

fn csrf_from_nonce(store: &Store, session: &str, nonce: [u8; NONCE]) -> String {
    let mac = store.digest("csrf", &[nonce.as_slice(), session.as_bytes()].concat());
    let mut bytes = [0_u8; 32];
    bytes[..NONCE].copy_from_slice(&nonce);
    bytes[NONCE..].copy_from_slice(&mac[..32 - NONCE]);
    URL_SAFE.encode(bytes)
}

pub fn csrf_valid(store: &Store, session: &str, token: &str) -> bool {
    let Ok(bytes) = URL_SAFE.decode(token) else {
        return false;
    };
    let Some(nonce) = bytes.first_chunk::<NONCE>() else {
        return false;
    };
    let expected = csrf_from_nonce(store, session, *nonce);
    expected.as_bytes().ct_eq(token.as_bytes()).into()
}
