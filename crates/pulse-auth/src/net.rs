//! Addresses: networks, trusted proxies, and the client behind them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::facts::RequestFacts;

/// An address block. A single address is a block of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    network: u128,
    mask: u128,
    v4: bool,
}

impl Cidr {
    pub fn parse(text: &str) -> Option<Self> {
        let (address, length) = match text.trim().split_once('/') {
            Some((address, length)) => (address, Some(length.parse::<u32>().ok()?)),
            None => (text.trim(), None),
        };
        let (bits, v4) = bits(address.parse().ok()?);
        let width = if v4 { 32 } else { 128 };
        let length = length.unwrap_or(width);
        if length > width {
            return None;
        }
        let mask = if length == 0 {
            0
        } else {
            (u128::MAX << (width - length)) & (u128::MAX >> (128 - width))
        };
        Some(Self {
            network: bits & mask,
            mask,
            v4,
        })
    }

    /// A comma list. Entries that are not addresses come back as the second value.
    pub fn parse_list(text: &str) -> (Vec<Self>, Vec<String>) {
        let mut good = Vec::new();
        let mut bad = Vec::new();
        for entry in text.split(',').map(str::trim).filter(|e| !e.is_empty()) {
            match Self::parse(entry) {
                Some(cidr) => good.push(cidr),
                None => bad.push(entry.to_owned()),
            }
        }
        (good, bad)
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        let (bits, v4) = bits(address);
        v4 == self.v4 && bits & self.mask == self.network
    }
}

/// IPv4 inside IPv6 counts as IPv4.
fn bits(address: IpAddr) -> (u128, bool) {
    match address.to_canonical() {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()), true),
        IpAddr::V6(v6) => (v6.to_bits(), false),
    }
}

/// The client's address. Forwarding headers count only when the peer is a trusted proxy; then the
/// list is read from the right up to the first address that is not one, because everything left of
/// that is the client's own claim.
pub fn client_ip(facts: &RequestFacts<'_>, trusted: &[Cidr]) -> IpAddr {
    let peer = facts.peer.to_canonical();
    let is_trusted = |address: IpAddr| trusted.iter().any(|cidr| cidr.contains(address));
    if !is_trusted(peer) {
        return peer;
    }
    let mut hops: Vec<&str> = facts
        .headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    if hops.is_empty() {
        hops.extend(facts.header("x-real-ip"));
    }
    let mut client = peer;
    for hop in hops.into_iter().rev() {
        let Some(address) = parse_hop(hop) else { break };
        client = address;
        if !is_trusted(address) {
            break;
        }
    }
    client
}

/// An address with or without brackets and port.
fn parse_hop(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"');
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_canonical());
    }
    text.parse::<std::net::SocketAddr>()
        .ok()
        .map(|socket| socket.ip().to_canonical())
        .or_else(|| {
            let inner = text.strip_prefix('[')?.strip_suffix(']')?;
            inner.parse::<IpAddr>().ok().map(|a| a.to_canonical())
        })
}

pub fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

/// Whoever has one IPv6 address has a /64 of them, so limits count by /64.
pub fn counting_address(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
    }
}

pub const UNSPECIFIED: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method};
    use proptest::prelude::*;

    use super::*;

    fn client(peer: &str, forwarded: &[&str], trusted: &str) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        let facts = RequestFacts {
            method: &Method::GET,
            path: "/",
            query: None,
            headers: &headers,
            peer: peer.parse().unwrap(),
            tls: false,
        };
        client_ip(&facts, &Cidr::parse_list(trusted).0).to_string()
    }

    #[test]
    fn believes_only_trusted_proxies() {
        assert_eq!(client("10.0.0.1", &["1.2.3.4"], ""), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &["1.2.3.4"], "10.0.0.0/8"), "1.2.3.4");
        assert_eq!(
            client("::ffff:10.0.0.1", &["1.2.3.4"], "10.0.0.1"),
            "1.2.3.4"
        );
    }

    #[test]
    fn reads_from_the_right() {
        let trusted = "10.0.0.0/8";
        assert_eq!(
            client("10.0.0.1", &["6.6.6.6, 1.2.3.4, 10.0.0.2"], trusted),
            "1.2.3.4"
        );
        assert_eq!(
            client("10.0.0.1", &["6.6.6.6", "1.2.3.4"], trusted),
            "1.2.3.4"
        );
        assert_eq!(
            client("10.0.0.1", &["6.6.6.6, nonsense"], trusted),
            "10.0.0.1"
        );
        assert_eq!(
            client("10.0.0.1", &["[2001:db8::1]:443"], trusted),
            "2001:db8::1"
        );
    }

    #[test]
    fn private_networks() {
        for private in [
            "127.0.0.1",
            "10.1.1.1",
            "172.16.0.1",
            "192.168.9.9",
            "169.254.1.1",
            "::1",
            "fd00::1",
            "fe80::1",
        ] {
            assert!(is_private(private.parse().unwrap()), "{private}");
        }
        for public in ["8.8.8.8", "172.32.0.1", "2001:db8::1"] {
            assert!(!is_private(public.parse().unwrap()), "{public}");
        }
    }

    proptest! {
        #[test]
        fn a_block_contains_its_own_addresses(bits: u32, length in 0u32..=32) {
            let address = Ipv4Addr::from_bits(bits);
            let cidr = Cidr::parse(&format!("{address}/{length}")).unwrap();
            prop_assert!(cidr.contains(IpAddr::V4(address)));
            if length > 0 {
                let outside = Ipv4Addr::from_bits(bits ^ (1 << (32 - length)));
                prop_assert!(!cidr.contains(IpAddr::V4(outside)));
            }
        }

        #[test]
        fn foreign_text_never_panics(text in "\\PC*") {
            let _ = Cidr::parse(&text);
            let _ = parse_hop(&text);
        }
    }
}
