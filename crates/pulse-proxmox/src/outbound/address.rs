//! Addresses that users type, turned into one origin.
//!
//! Only scheme, host and port survive; a path, query or fragment is dropped and credentials inside
//! the address are refused, so that no secret ends up in a URL.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr as _;

use url::{Host, Url};

/// Default API port of Proxmox VE and Proxmox Mail Gateway.
pub const PVE_PORT: u16 = 8006;
/// Default API port of Proxmox Backup Server.
pub const PBS_PORT: u16 = 8007;

/// One origin: scheme, host, port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ServerAddress {
    https: bool,
    /// As it stands in a URL: IPv6 in brackets.
    host: String,
    port: u16,
}

/// Why an address cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error("the address is empty; enter a host name, an IP address or a URL")]
    Empty,
    #[error("{0:?} is not a usable address; enter host, host:port or https://host:port")]
    Invalid(String),
    #[error("only http and https addresses are supported, not {0:?}")]
    Scheme(String),
    #[error("the address contains a user name or password; enter them in their own fields")]
    Credentials,
}

impl ServerAddress {
    /// Reads what a user typed: `host`, `host:port`, `1.2.3.4`, `2001:db8::1`, `https://host[:port]/…`.
    /// Without a scheme it is HTTPS, without a port it is `default_port`.
    pub fn parse(input: &str, default_port: u16) -> Result<Self, AddressError> {
        let text = input.trim();
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest),
            None => ("https".to_owned(), text),
        };
        if scheme != "https" && scheme != "http" {
            return Err(AddressError::Scheme(scheme));
        }
        let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
        if authority.contains('@') {
            return Err(AddressError::Credentials);
        }
        let authority = if Ipv6Addr::from_str(authority).is_ok() {
            format!("[{authority}]")
        } else {
            authority.to_owned()
        };
        let invalid = || AddressError::Invalid(authority.clone());
        let url = Url::parse(&format!("{scheme}://{authority}/")).map_err(|_| invalid())?;
        let host = match url.host().ok_or_else(invalid)? {
            Host::Domain(name) => name.to_owned(),
            Host::Ipv4(ip) => ip.to_string(),
            Host::Ipv6(ip) => format!("[{ip}]"),
        };
        // `Url` hides a port that is its scheme's default, but `:443` was typed on purpose.
        let port = match written_port(&authority) {
            Some(port) => port.parse().ok().filter(|p| *p > 0).ok_or_else(invalid)?,
            None => default_port,
        };
        Ok(Self {
            https: scheme == "https",
            host,
            port,
        })
    }

    pub fn is_https(&self) -> bool {
        self.https
    }

    /// Host as in a URL (IPv6 in brackets).
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The address if the host is a literal one.
    pub fn ip(&self) -> Option<IpAddr> {
        self.host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse()
            .ok()
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// `host:port`, for messages.
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The same host and scheme on another port.
    pub fn with_port(&self, port: u16) -> Self {
        Self {
            port,
            ..self.clone()
        }
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.https { "https" } else { "http" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

fn written_port(authority: &str) -> Option<&str> {
    let after_host = authority
        .rfind(']')
        .map_or(authority, |end| &authority[end + 1..]);
    after_host.rsplit_once(':').map(|(_, port)| port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(given: &str, expect: &str) {
        let shown = match ServerAddress::parse(given, PVE_PORT) {
            Ok(address) => address.to_string(),
            Err(error) => format!("{error:?}"),
        };
        assert_eq!(shown, expect, "{given}");
    }

    #[test]
    fn addresses_as_users_type_them() {
        check(" pve1 ", "https://pve1:8006");
        check("pve1.lan:443", "https://pve1.lan:443");
        check("https://pve1.lan:443/", "https://pve1.lan:443");
        check("http://pve1:80", "http://pve1:80");
        check("HTTPS://PVE1.lan/#v1:0", "https://pve1.lan:8006");
        check("192.168.1.11", "https://192.168.1.11:8006");
        check("2001:db8::1", "https://[2001:db8::1]:8006");
        check("[2001:db8::1]:9000", "https://[2001:db8::1]:9000");
        check("", "Empty");
        check("ftp://x", "Scheme(\"ftp\")");
        check("https://root:secret@pve1", "Credentials");
        check("pve1:0", "Invalid(\"pve1:0\")");
        check("pve 1", "Invalid(\"pve 1\")");
        check("pve1:", "Invalid(\"pve1:\")");
    }
}
