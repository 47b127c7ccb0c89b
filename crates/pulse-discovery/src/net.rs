//! IPv4 networks.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// An IPv4 network; bits beyond the prefix are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Net {
    base: u32,
    prefix: u8,
}

/// A text that is no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid subnet {0:?}: invalid CIDR address: {0}")]
pub struct BadNet(pub String);

fn mask(prefix: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0)
}

impl Net {
    pub fn new(address: Ipv4Addr, prefix: u8) -> Self {
        let prefix = prefix.min(32);
        Self {
            base: address.to_bits() & mask(prefix),
            prefix,
        }
    }

    pub fn prefix(self) -> u8 {
        self.prefix
    }

    pub fn contains(self, address: Ipv4Addr) -> bool {
        address.to_bits() & mask(self.prefix) == self.base
    }

    /// Whether all of `other` is in `self`.
    pub fn covers(self, other: Self) -> bool {
        self.prefix <= other.prefix && self.contains(Ipv4Addr::from_bits(other.base))
    }

    /// Addresses of machines: without those of the network and of all its machines, where there
    /// are such.
    pub fn hosts(self) -> impl Iterator<Item = Ipv4Addr> {
        let last = self.base | !mask(self.prefix);
        let range = if self.prefix >= 31 {
            self.base..=last
        } else {
            self.base + 1..=last - 1
        };
        range.map(Ipv4Addr::from_bits)
    }

    /// For use around this machine: not loopback, link-local, multicast or everything.
    pub fn is_scannable(self) -> bool {
        let first = Ipv4Addr::from_bits(self.base);
        self.prefix >= 8
            && !first.is_loopback()
            && !first.is_link_local()
            && !first.is_multicast()
            && !first.is_unspecified()
    }
}

impl FromStr for Net {
    type Err = BadNet;

    /// `10.9.8.0/24`; host bits are dropped.
    fn from_str(text: &str) -> Result<Self, BadNet> {
        let bad = || BadNet(text.to_owned());
        let (address, prefix) = text.trim().split_once('/').ok_or_else(bad)?;
        let address: Ipv4Addr = address.parse().map_err(|_| bad())?;
        let plain = prefix.len() <= 2 && prefix.bytes().all(|b| b.is_ascii_digit());
        match prefix.parse::<u8>() {
            Ok(prefix @ 0..=32) if plain => Ok(Self::new(address, prefix)),
            _ => Err(bad()),
        }
    }
}

impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from_bits(self.base), self.prefix)
    }
}

impl Serialize for Net {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn net(text: &str) -> Net {
        text.parse().unwrap()
    }

    /// X33
    #[test]
    fn six_machines_fit_into_a_slash_29() {
        let hosts: Vec<_> = net("10.9.8.0/29").hosts().collect();
        assert_eq!(hosts.len(), 6);
        assert_eq!(hosts.first(), Some(&Ipv4Addr::new(10, 9, 8, 1)));
        assert_eq!(hosts.last(), Some(&Ipv4Addr::new(10, 9, 8, 6)));
        assert_eq!(net("10.9.8.4/31").hosts().count(), 2);
        assert_eq!(net("10.9.8.4/32").hosts().count(), 1);
    }

    /// X34
    #[test]
    fn texts_that_are_no_network_are_refused() {
        for text in [
            "10.9.8.0/99",
            "nonsense",
            "",
            "10.9.8.0",
            "10.9.8/24",
            "10.9.8.0/",
            "10.9.8.0/+8",
            "fd00::/8",
            "10.9.8.0/024",
        ] {
            assert!(text.parse::<Net>().is_err(), "{text}");
        }
        assert_eq!(
            "nonsense".parse::<Net>().unwrap_err().to_string(),
            "invalid subnet \"nonsense\": invalid CIDR address: nonsense"
        );
    }

    #[test]
    fn containment_is_not_equality() {
        assert!(net("169.254.0.0/16").covers(net("169.254.7.0/24")));
        assert!(!net("169.254.7.0/24").covers(net("169.254.0.0/16")));
        assert!(net("0.0.0.0/0").covers(net("10.0.0.0/8")));
        assert!(!net("127.0.0.0/8").is_scannable());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
            let _ = text.parse::<Net>();
        }

        #[test]
        fn what_is_shown_reads_back(bits: u32, prefix in 0u8..=32) {
            let net = Net::new(Ipv4Addr::from_bits(bits), prefix);
            prop_assert_eq!(net.to_string().parse::<Net>(), Ok(net));
            prop_assert!(net.contains(Ipv4Addr::from_bits(bits)));
            for host in net.hosts().take(4) {
                prop_assert!(net.contains(host));
            }
        }
    }
}
