//! Addresses as people type them, made into `scheme://host:port`.

use std::net::{IpAddr, Ipv6Addr};

use pulse_store::NodeKind;

/// Texts of version 5.
pub const BAD_HOST: &str = "invalid host format";
pub const BAD_IP: &str = "Invalid IP address";
pub const BAD_PORT: &str = "Invalid port number";

/// Scheme `https` unless given, the kind's port unless given; path, query and user part go.
pub fn normalize(input: &str, kind: NodeKind) -> Result<String, &'static str> {
    let text = input.trim();
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest),
        None => ("https".to_owned(), text),
    };
    if scheme != "https" && scheme != "http" {
        return Err(BAD_HOST);
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (host, port) = split(authority)?;
    let port = match port {
        None => kind.default_port(),
        Some(text) => match text.parse::<u16>() {
            Ok(port) if port > 0 && text.bytes().all(|b| b.is_ascii_digit()) => port,
            _ => return Err(BAD_PORT),
        },
    };
    Ok(format!("{scheme}://{}:{port}", checked_host(host)?))
}

/// The host of a normalised address, without brackets.
pub fn host_of(address: &str) -> &str {
    let authority = address.split_once("://").map_or(address, |(_, rest)| rest);
    match split(authority) {
        Ok((host, _)) => host.trim_matches(['[', ']']),
        Err(_) => authority,
    }
}

/// Host and port; an IPv6 address may stand without brackets when it has no port.
fn split(authority: &str) -> Result<(&str, Option<&str>), &'static str> {
    if authority.starts_with('[') {
        let end = authority.find(']').ok_or(BAD_HOST)?;
        let (host, rest) = authority.split_at(end + 1);
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(BAD_HOST),
        };
    }
    if authority.parse::<Ipv6Addr>().is_ok() {
        return Ok((authority, None));
    }
    match authority.split_once(':') {
        Some((host, port)) => Ok((host, Some(port))),
        None => Ok((authority, None)),
    }
}

fn checked_host(host: &str) -> Result<String, &'static str> {
    if let Some(inner) = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        let address: Ipv6Addr = inner.parse().map_err(|_| BAD_HOST)?;
        return Ok(format!("[{address}]"));
    }
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(match address {
            IpAddr::V4(v4) => v4.to_string(),
            IpAddr::V6(v6) => format!("[{v6}]"),
        });
    }
    if host.is_empty() {
        return Err(BAD_HOST);
    }
    if host.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return Err(BAD_IP);
    }
    let name_like = host.len() <= 253
        && host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
    if !name_like {
        return Err(BAD_HOST);
    }
    Ok(host.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn completes_what_is_missing() {
        for (kind, input, expected) in [
            (NodeKind::Pve, "192.168.77.10", "https://192.168.77.10:8006"),
            (NodeKind::Pbs, " PBS.lan ", "https://pbs.lan:8007"),
            (NodeKind::Pmg, "http://mail:80/x?y", "http://mail:80"),
            (
                NodeKind::Pve,
                "https://192.168.77.10:8006/x",
                "https://192.168.77.10:8006",
            ),
            (NodeKind::Pve, "fd00::1", "https://[fd00::1]:8006"),
            (
                NodeKind::Pve,
                "https://[FD00::1]:443",
                "https://[fd00::1]:443",
            ),
            (
                NodeKind::Pve,
                "3com.example.org",
                "https://3com.example.org:8006",
            ),
        ] {
            assert_eq!(normalize(input, kind).as_deref(), Ok(expected), "{input}");
        }
    }

    #[test]
    fn refuses_what_is_no_address() {
        for (input, problem) in [
            ("300.1.1.1", BAD_IP),
            ("https://pve.example:99999", BAD_PORT),
            ("https://pve.example:abc", BAD_PORT),
            ("pve.example:0", BAD_PORT),
            ("pve.example:+1", BAD_PORT),
            ("https://[zz::1]:8006", BAD_HOST),
            ("[fd00::1", BAD_HOST),
            ("ftp://pve", BAD_HOST),
            ("pbs$(id).example", BAD_HOST),
            ("user@host", BAD_HOST),
            ("https://", BAD_HOST),
        ] {
            assert_eq!(normalize(input, NodeKind::Pve), Err(problem), "{input}");
        }
    }

    #[test]
    fn hosts_come_back_out() {
        assert_eq!(host_of("https://[fd00::1]:443"), "fd00::1");
        assert_eq!(host_of("https://pve.lan:8006"), "pve.lan");
    }
}
