//! Which networks are asked, in which order.

use std::net::Ipv4Addr;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::environment::{Environment, Facts};
use crate::net::Net;

/// Nothing larger is scanned unless somebody asks for exactly that network.
pub const LARGEST_AUTOMATIC: u8 = 22;

/// Networks of one kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Phase {
    pub name: &'static str,
    pub subnets: Vec<Net>,
    /// 0–1: how likely these are networks with servers.
    pub confidence: f64,
}

/// Serialises as `environment` of `/api/discover`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    #[serde(rename = "type")]
    pub environment: Environment,
    pub confidence: f64,
    pub phases: Vec<Phase>,
    /// What is left out, and why.
    pub warnings: Vec<String>,
    pub metadata: Map<String, Value>,
}

/// What the settings say.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// `None`: as the machine looks.
    pub environment: Option<Environment>,
    pub allow: Vec<Net>,
    /// Networks inside of these are left out.
    pub block: Vec<Net>,
    /// Ask the networks around a container's gateway.
    pub gateways: bool,
}

const COMMON: [[u8; 3]; 5] = [
    [192, 168, 1],
    [192, 168, 0],
    [10, 0, 0],
    [172, 16, 0],
    [192, 168, 2],
];

fn common() -> Vec<Net> {
    COMMON
        .map(|[a, b, c]| Net::new(Ipv4Addr::new(a, b, c, 0), 24))
        .to_vec()
}

fn phase(name: &'static str, subnets: Vec<Net>, confidence: f64) -> Phase {
    Phase {
        name,
        subnets,
        confidence,
    }
}

/// Networks that container engines give out by default.
fn is_container_range(net: Net) -> bool {
    let engines = Net::new(Ipv4Addr::new(172, 16, 0, 0), 12);
    let podman = Net::new(Ipv4Addr::new(10, 88, 0, 0), 16);
    let lxd = Net::new(Ipv4Addr::new(10, 0, 3, 0), 24);
    [engines, podman, lxd].iter().any(|range| range.covers(net))
}

/// The network around a gateway: usually the one that the container's host is in.
fn behind(facts: &Facts, name: &'static str) -> Phase {
    match facts.gateway {
        Some(gateway) => {
            let typical = matches!(gateway.octets()[3], 1 | 254);
            let confidence = if typical { 0.7 } else { 0.4 };
            phase(name, vec![Net::new(gateway, 24)], confidence)
        }
        None => phase(name, common(), 0.3),
    }
}

fn phases(environment: Environment, facts: &Facts, gateways: bool) -> (f64, Vec<Phase>) {
    let own = facts.networks.clone();
    // A container on a bridge of its host's network is in the network that matters; one in an
    // engine's own network only meets other containers there.
    let outside: Vec<Net> = own
        .iter()
        .copied()
        .filter(|net| !is_container_range(*net))
        .collect();
    let (confidence, mut phases) = match environment {
        Environment::Native => (0.95, vec![phase("local_networks", own, 0.95)]),
        Environment::DockerHost => (0.9, vec![phase("host_networks", own, 0.9)]),
        Environment::LxcPrivileged => (0.9, vec![phase("lxc_host_networks", own, 0.9)]),
        Environment::DockerBridge => (
            0.85,
            vec![
                phase("container_network", outside, 0.95),
                behind(facts, "inferred_host_network"),
            ],
        ),
        Environment::LxcUnprivileged => (
            0.85,
            vec![
                phase("lxc_container_network", outside, 0.9),
                behind(facts, "lxc_parent_network"),
            ],
        ),
        Environment::Unknown => (0.3, Vec::new()),
    };
    phases.retain(|phase| {
        gateways || !matches!(phase.name, "inferred_host_network" | "lxc_parent_network")
    });
    phases.retain(|phase| !phase.subnets.is_empty());
    if phases.is_empty() {
        return (0.3, vec![phase("fallback_common_subnets", common(), 0.3)]);
    }
    (confidence, phases)
}

/// The networks that are worth asking without being told any.
pub fn plan(facts: &Facts, choice: &Choice) -> Plan {
    let detected = facts.environment();
    let environment = choice.environment.unwrap_or(detected);
    let (confidence, mut phases) = phases(environment, facts, choice.gateways);
    if !choice.allow.is_empty() {
        phases.insert(0, phase("config_allowlist", choice.allow.clone(), 1.0));
    }
    let mut warnings = Vec::new();
    let mut seen = Vec::new();
    for phase in &mut phases {
        phase.subnets.retain(|net| {
            if choice.block.iter().any(|block| block.covers(*net)) {
                warnings.push(format!("{net} is on the block list and left out"));
                return false;
            }
            if net.prefix() < LARGEST_AUTOMATIC {
                warnings.push(format!(
                    "{net} is larger than /{LARGEST_AUTOMATIC} and not scanned by itself; enter the part that matters"
                ));
                return false;
            }
            let known = seen.iter().any(|other: &Net| other.covers(*net));
            seen.push(*net);
            !known
        });
    }
    phases.retain(|phase| !phase.subnets.is_empty());
    let mut metadata = Map::new();
    metadata.insert("detected_mode".to_owned(), json!(detected));
    Plan {
        environment,
        confidence,
        phases,
        warnings,
        metadata,
    }
}

/// Exactly the given networks; lists of the settings do not apply.
pub fn manual(subnets: Vec<Net>) -> Plan {
    let names: Vec<String> = subnets.iter().map(ToString::to_string).collect();
    let mut metadata = Map::new();
    metadata.insert("manual_subnets".to_owned(), json!(names.join(",")));
    Plan {
        environment: Environment::Unknown,
        confidence: 1.0,
        phases: vec![phase("manual_subnet", subnets, 1.0)],
        warnings: vec!["Manual subnet override applied".to_owned()],
        metadata,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::environment::Container;

    fn net(text: &str) -> Net {
        text.parse().unwrap()
    }

    fn facts(container: Option<Container>, networks: &[&str]) -> Facts {
        Facts {
            container,
            networks: networks.iter().map(|text| net(text)).collect(),
            gateway: Some(Ipv4Addr::new(172, 17, 0, 1)),
            interfaces: 1,
            routes: 2,
        }
    }

    fn shown(plan: &Plan) -> Vec<(&str, String)> {
        plan.phases
            .iter()
            .map(|phase| {
                let nets: Vec<_> = phase.subnets.iter().map(ToString::to_string).collect();
                (phase.name, nets.join(" "))
            })
            .collect()
    }

    #[test]
    fn a_bare_machine_asks_its_networks_but_not_large_or_blocked_ones() {
        let facts = facts(None, &["10.9.8.0/24", "10.0.0.0/8", "192.168.77.0/25"]);
        let choice = Choice {
            block: vec![net("192.168.0.0/16")],
            ..Choice::default()
        };
        let plan = plan(&facts, &choice);
        assert_eq!(shown(&plan), [("local_networks", "10.9.8.0/24".to_owned())]);
        assert_eq!(plan.warnings.len(), 2, "{:?}", plan.warnings);
        let json = serde_json::to_value(&plan).unwrap();
        assert_eq!(json["type"], "native");
        assert_eq!(json["phases"][0]["subnets"][0], "10.9.8.0/24");
    }

    #[test]
    fn a_container_of_an_engine_asks_behind_its_gateway() {
        let docker = facts(Some(Container::Docker), &["172.17.0.0/16"]);
        let choice = Choice {
            gateways: true,
            ..Choice::default()
        };
        let plan = plan(&docker, &choice);
        assert_eq!(
            shown(&plan),
            [("inferred_host_network", "172.17.0.0/24".to_owned())]
        );
    }

    #[test]
    fn an_lxc_container_on_the_lan_asks_the_lan() {
        let lxc = Container::Lxc { privileged: false };
        let plan = plan(&facts(Some(lxc), &["10.9.8.0/24"]), &Choice::default());
        assert_eq!(
            shown(&plan),
            [("lxc_container_network", "10.9.8.0/24".to_owned())]
        );
    }

    #[test]
    fn the_allow_list_comes_first_and_nothing_twice() {
        let choice = Choice {
            allow: vec![net("10.9.8.0/24")],
            ..Choice::default()
        };
        let plan = plan(&facts(None, &["10.9.8.0/24"]), &choice);
        assert_eq!(
            shown(&plan),
            [("config_allowlist", "10.9.8.0/24".to_owned())]
        );
    }
}
