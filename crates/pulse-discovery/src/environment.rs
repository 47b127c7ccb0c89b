//! Where this machine stands: bare, in a container, and in which networks.
//!
//! Reading is apart from deciding: [`Facts`] can be made up in tests.

use std::net::Ipv4Addr;
use std::path::Path;

use serde::Serialize;

use crate::net::Net;

/// Kind of place that the program runs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Environment {
    Native,
    DockerHost,
    DockerBridge,
    LxcPrivileged,
    LxcUnprivileged,
    Unknown,
}

impl Environment {
    /// The words of the setting `environment_override`; `auto` and others are `None`.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "native" => Self::Native,
            "docker_host" => Self::DockerHost,
            "docker_bridge" => Self::DockerBridge,
            "lxc_privileged" => Self::LxcPrivileged,
            "lxc_unprivileged" => Self::LxcUnprivileged,
            _ => return None,
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    Docker,
    Lxc { privileged: bool },
}

/// What is known of the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    pub container: Option<Container>,
    /// Networks that are reached without a router.
    pub networks: Vec<Net>,
    pub gateway: Option<Ipv4Addr>,
    /// Network interfaces with a route.
    pub interfaces: usize,
    pub routes: usize,
}

impl Facts {
    /// Reads them from `/proc` and marker files; what cannot be read is not known.
    pub fn read() -> Self {
        let text = |path: &str| {
            std::fs::read(path)
                .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
                .unwrap_or_default()
        };
        let mut facts = Self::of_routes(&text("/proc/net/route"));
        let marked = Path::new("/.dockerenv").exists() || Path::new("/run/.containerenv").exists();
        facts.container = container(
            marked,
            &text("/proc/1/environ"),
            &text("/proc/1/cgroup"),
            &text("/proc/self/uid_map"),
        );
        facts
    }

    /// Reads the kernel's IPv4 routing table.
    pub fn of_routes(table: &str) -> Self {
        let mut facts = Self::default();
        let mut interfaces = Vec::new();
        for line in table.lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let [interface, destination, gateway, _, _, _, _, mask, ..] = fields[..] else {
                continue;
            };
            let (Some(destination), Some(gateway), Some(mask)) =
                (address(destination), address(gateway), address(mask))
            else {
                continue;
            };
            facts.routes += 1;
            if !interfaces.contains(&interface) {
                interfaces.push(interface);
            }
            if mask.is_unspecified() && !gateway.is_unspecified() {
                facts.gateway.get_or_insert(gateway);
            }
            let net = Net::new(destination, mask.to_bits().leading_ones() as u8);
            if gateway.is_unspecified()
                && net.is_scannable()
                && net.prefix() < 32
                && !facts.networks.contains(&net)
            {
                facts.networks.push(net);
            }
        }
        facts.interfaces = interfaces.len();
        facts
    }

    pub fn environment(&self) -> Environment {
        match self.container {
            None if self.networks.is_empty() => Environment::Unknown,
            None => Environment::Native,
            Some(Container::Docker) if self.interfaces > 3 && self.routes > 5 => {
                Environment::DockerHost
            }
            Some(Container::Docker) => Environment::DockerBridge,
            Some(Container::Lxc { privileged: true }) => Environment::LxcPrivileged,
            Some(Container::Lxc { privileged: false }) => Environment::LxcUnprivileged,
        }
    }
}

/// An address as the kernel prints it: hex, in the byte order of the machine.
fn address(hex: &str) -> Option<Ipv4Addr> {
    if hex.len() != 8 {
        return None;
    }
    let bits = u32::from_str_radix(hex, 16).ok()?;
    Some(Ipv4Addr::from(bits.to_ne_bytes()))
}

fn container(marked: bool, environ: &str, cgroup: &str, uid_map: &str) -> Option<Container> {
    let named = |names: &[&str]| {
        let told = environ
            .split('\0')
            .find_map(|entry| entry.strip_prefix("container="));
        names
            .iter()
            .any(|name| told == Some(*name) || cgroup.contains(&format!("/{name}")))
    };
    if named(&["lxc"]) {
        let mut map = uid_map.split_whitespace();
        let privileged =
            (map.next(), map.next(), map.next()) == (Some("0"), Some("0"), Some("4294967295"));
        return Some(Container::Lxc { privileged });
    }
    (marked || named(&["docker", "podman", "containerd", "oci"])).then_some(Container::Docker)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ROUTES: &str = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
        vmbr0\t00000000\t0108090A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
        vmbr0\t0008090A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n\
        eth1\t0000FEA9\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n";

    #[cfg(target_endian = "little")]
    #[test]
    fn connected_networks_and_the_gateway_come_from_the_routes() {
        let facts = Facts::of_routes(ROUTES);
        assert_eq!(facts.networks, [Net::new(Ipv4Addr::new(10, 9, 8, 0), 24)]);
        assert_eq!(facts.gateway, Some(Ipv4Addr::new(10, 9, 8, 1)));
        assert_eq!((facts.interfaces, facts.routes), (2, 3));
        assert_eq!(facts.environment(), Environment::Native);
    }

    #[test]
    fn containers_are_told_apart() {
        let full = "         0          0 4294967295\n";
        let part = "         0     100000      65536\n";
        let lxc = |privileged| Some(Container::Lxc { privileged });
        assert_eq!(container(false, "", "0::/init.scope", full), None);
        assert_eq!(container(true, "", "", full), Some(Container::Docker));
        assert_eq!(
            container(false, "A=b\0container=lxc\0", "", full),
            lxc(true)
        );
        assert_eq!(container(false, "container=lxc\0", "", part), lxc(false));
        assert_eq!(
            container(false, "", "0::/docker/abc", full),
            Some(Container::Docker)
        );
    }

    proptest! {
        #[test]
        fn any_table_is_read(table in "(\\PC{0,30}\n){0,5}", fields in "([0-9A-F]{8}\t){11}") {
            Facts::of_routes(&table);
            Facts::of_routes(&format!("head\neth0\t{fields}\n"));
        }
    }
}
