//! Interfaces that have an address, without loopback: counters from `/proc/net/dev`, hardware
//! address and speed from `/sys/class/net`, addresses from the kernel.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::IpAddr;
use std::path::Path;

use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;
use nix::sys::socket::SockaddrStorage;
use pulse_wire::host_report::NetworkInterface;

use super::{number, text, word};

/// Addresses with prefix length, by interface.
pub type Addresses = BTreeMap<String, Vec<String>>;

/// The addresses of this machine; empty when the kernel does not tell.
pub fn addresses() -> Addresses {
    let mut by_interface = Addresses::new();
    for entry in getifaddrs().into_iter().flatten() {
        if entry.flags.contains(InterfaceFlags::IFF_LOOPBACK) {
            continue;
        }
        let Some(address) = entry.address.as_ref().and_then(ip) else {
            continue;
        };
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix = entry.netmask.as_ref().and_then(ip).map_or(most, ones);
        by_interface
            .entry(entry.interface_name)
            .or_default()
            .push(format!("{address}/{prefix}"));
    }
    by_interface
}

fn ip(address: &SockaddrStorage) -> Option<IpAddr> {
    let v4 = address
        .as_sockaddr_in()
        .map(|address| IpAddr::V4(address.ip()));
    v4.or_else(|| {
        address
            .as_sockaddr_in6()
            .map(|address| IpAddr::V6(address.ip()))
    })
}

fn ones(mask: IpAddr) -> u32 {
    match mask {
        IpAddr::V4(mask) => mask.to_bits().count_ones(),
        IpAddr::V6(mask) => mask.to_bits().count_ones(),
    }
}

/// The interfaces, sorted by name.
pub fn read(proc: &Path, sys: &Path, addresses: &Addresses) -> io::Result<Vec<NetworkInterface>> {
    let table = text(&proc.join("net/dev"))?;
    let counters = parse(&table);
    let interface = |(name, addresses): (&String, &Vec<String>)| {
        let folder = sys.join("class/net").join(name);
        let (rx_bytes, tx_bytes) = counters.get(name.as_str()).copied().unwrap_or_default();
        NetworkInterface {
            mac: word(&folder.join("address"))
                .filter(|mac| mac != "00:00:00:00:00:00")
                .unwrap_or_default(),
            addresses: addresses.clone(),
            rx_bytes,
            tx_bytes,
            // −1, or no answer at all, for interfaces that are down or virtual.
            speed_mbps: number(&folder.join("speed")).filter(|speed| *speed > 0),
            name: name.clone(),
        }
    };
    Ok(addresses.iter().map(interface).collect())
}

/// Received and sent bytes by interface.
fn parse(table: &str) -> HashMap<&str, (u64, u64)> {
    table
        .lines()
        .filter_map(|line| {
            let (name, counters) = line.rsplit_once(':')?;
            let mut counters = counters.split_ascii_whitespace();
            let received = counters.next()?.parse().ok()?;
            let sent = counters.nth(7)?.parse().ok()?;
            Some((name.trim(), (received, sent)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn counters_by_name() {
        let table = "Inter-|   Receive |  Transmit\n face |bytes    packets|bytes\n\
            eth0:1234 5 0 0 0 0 0 0 99 3 0 0 0 0 0 0\n   br0.7: 7 0 0 0 0 0 0 0 8 0 0 0 0 0 0 0\nbad: 1 2\n";
        let counters = parse(table);
        assert_eq!(counters.get("eth0"), Some(&(1234, 99)));
        assert_eq!(counters.get("br0.7"), Some(&(7, 8)));
        assert_eq!(counters.len(), 2);
    }

    #[test]
    fn this_machine_has_no_loopback_in_its_addresses() {
        assert!(!addresses().contains_key("lo"));
        assert_eq!(ones("255.255.240.0".parse().expect("mask")), 20);
        assert_eq!(ones("ffff:ffff::".parse().expect("mask")), 32);
    }

    proptest! {
        #[test]
        fn never_panics(table in "([a-z0-9: ]{0,50}\n){0,4}", noise in any::<String>()) {
            let _ = (parse(&table), parse(&noise));
        }
    }
}
