//! Which addresses a cluster is asked at. Pure: settings in, addresses out.

use std::net::IpAddr;

use crate::outbound::{PVE_PORT, ServerAddress};

/// A cluster node as configured or detected. Empty texts mean "not known".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Member {
    pub node: String,
    /// URL or name.
    pub host: String,
    /// Address that the cluster reports.
    pub ip: String,
    /// Address chosen by the user or by detection; wins over `ip`.
    pub ip_override: String,
}

/// One address to make a client of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedEndpoint {
    /// The node behind it; none for the address of the instance itself.
    pub node: Option<String>,
    pub address: ServerAddress,
}

/// Addresses of a cluster, each once. `by_name` is needed where certificates are verified by name:
/// TLS verification without a pinned fingerprint. The address of the instance comes last, unless a
/// member has it already; members without a usable address are left out.
///
/// Where no member can be reached by anything but a bare name, which may not resolve from here,
/// only the address of the instance is used.
pub fn plan_endpoints(
    instance: &ServerAddress,
    members: &[Member],
    by_name: bool,
) -> Vec<PlannedEndpoint> {
    let mut planned: Vec<PlannedEndpoint> = Vec::new();
    for member in members {
        let ip = if member.ip_override.trim().is_empty() {
            &member.ip
        } else {
            &member.ip_override
        };
        let (first, second) = if by_name {
            (&member.host, ip)
        } else {
            (ip, &member.host)
        };
        let address = [first, second]
            .into_iter()
            .find_map(|text| ServerAddress::parse(text, PVE_PORT).ok());
        let Some(address) = address else { continue };
        if planned.iter().all(|endpoint| endpoint.address != address) {
            let node = Some(member.node.clone()).filter(|node| !node.is_empty());
            planned.push(PlannedEndpoint { node, address });
        }
    }
    if planned
        .iter()
        .all(|endpoint| is_bare_name(&endpoint.address))
    {
        planned.clear();
    }
    if planned.iter().all(|endpoint| endpoint.address != *instance) {
        planned.push(PlannedEndpoint {
            node: None,
            address: instance.clone(),
        });
    }
    planned
}

fn is_bare_name(address: &ServerAddress) -> bool {
    address.ip().is_none() && !address.host().contains('.')
}

/// Whether two addresses lie in one network of a usual size: /24, /20 or /16, IPv6 /64 or /48.
/// Smaller numbers are nearer; none means elsewhere.
pub fn network_distance(a: IpAddr, b: IpAddr) -> Option<u8> {
    let (a, b, prefixes): (u128, u128, &[u32]) = match (a, b) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (
            u128::from(u32::from(a)) << 96,
            u128::from(u32::from(b)) << 96,
            &[24, 20, 16],
        ),
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.into(), b.into(), &[64, 48]),
        _ => return None,
    };
    let common = (a ^ b).leading_zeros();
    prefixes
        .iter()
        .position(|prefix| common >= *prefix)
        .map(|place| place as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(by_name: bool, instance: &str, members: &[(&str, &str, &str)], expect: &[&str]) {
        let members: Vec<Member> = members
            .iter()
            .map(|(host, ip, ip_override)| Member {
                node: host
                    .trim_start_matches("https://")
                    .split(['.', ':'])
                    .next()
                    .unwrap()
                    .to_owned(),
                host: (*host).to_owned(),
                ip: (*ip).to_owned(),
                ip_override: (*ip_override).to_owned(),
            })
            .collect();
        let instance = ServerAddress::parse(instance, PVE_PORT).unwrap();
        let planned: Vec<String> = plan_endpoints(&instance, &members, by_name)
            .into_iter()
            .map(|endpoint| {
                format!(
                    "{} {}",
                    endpoint.node.as_deref().unwrap_or("-"),
                    endpoint.address
                )
            })
            .collect();
        assert_eq!(planned, expect);
    }

    #[test]
    fn addresses_win_unless_names_are_verified() {
        let members = [
            ("https://pve1.lan:8006", "10.0.0.1", ""),
            ("https://pve2.lan:8006", "10.0.0.2", "192.168.1.2"),
        ];
        check(
            false,
            "10.0.0.1",
            &members,
            &[
                "pve1 https://10.0.0.1:8006",
                "pve2 https://192.168.1.2:8006",
            ],
        );
        check(
            true,
            "10.0.0.1",
            &members,
            &[
                "pve1 https://pve1.lan:8006",
                "pve2 https://pve2.lan:8006",
                "- https://10.0.0.1:8006",
            ],
        );
    }

    #[test]
    fn unreachable_names_and_gaps_fall_back() {
        check(
            true,
            "pve.example.org",
            &[("pve1", "", ""), ("pve2", "", "")],
            &["- https://pve.example.org:8006"],
        );
        let expect = ["- https://10.0.0.1:8006", "- https://pve.example.org:8006"];
        check(true, "pve.example.org", &[("", "10.0.0.1", "")], &expect);
        check(false, "pve1", &[("", "", "")], &["- https://pve1:8006"]);
        check(
            false,
            "10.0.0.9",
            &[("pve1.lan:443", "", "")],
            &["pve1 https://pve1.lan:443", "- https://10.0.0.9:8006"],
        );
    }

    #[test]
    fn nearness_of_addresses() {
        let distance = |a: &str, b: &str| network_distance(a.parse().unwrap(), b.parse().unwrap());
        assert_eq!(distance("10.0.1.2", "10.0.1.200"), Some(0));
        assert_eq!(distance("10.0.1.2", "10.0.14.2"), Some(1));
        assert_eq!(distance("10.0.1.2", "10.0.99.2"), Some(2));
        assert_eq!(distance("10.0.1.2", "10.1.1.2"), None);
        assert_eq!(distance("2001:db8::1", "2001:db8::2"), Some(0));
        assert_eq!(distance("2001:db8:0:1::1", "2001:db8:0:2::1"), Some(1));
        assert_eq!(distance("2001:db8::1", "10.0.0.1"), None);
    }
}
