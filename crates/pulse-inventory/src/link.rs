//! Which host agent runs on which node or inside which guest.
//!
//! Names decide, but only when they are unique: where two nodes share a name, an address of the
//! host has to match the node's. A wrong link is worse than none.

use std::collections::HashMap;
use std::sync::Arc;

use pulse_core::{Guest, Host, Node};

use crate::inventory::Inventory;

fn short(name: &str) -> String {
    name.trim()
        .split('.')
        .next()
        .unwrap_or_default()
        .to_lowercase()
}

fn address_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split('/').next().unwrap_or(rest);
    if let Some(v6) = host.strip_prefix('[') {
        return v6.split(']').next().unwrap_or(v6);
    }
    host.split(':').next().unwrap_or(host)
}

fn has_address(host: &Host, address: &str) -> bool {
    !address.is_empty()
        && (host.details.report_ip == address
            || host.interfaces.iter().any(|interface| {
                interface
                    .addresses
                    .addresses
                    .iter()
                    .any(|a| a.split('/').next() == Some(address))
            }))
}

fn pick_node<'a>(host: &Host, candidates: &'a [Arc<Node>]) -> Option<&'a Arc<Node>> {
    match candidates {
        [] => None,
        [only] => Some(only),
        several => {
            let mut by_address = several
                .iter()
                .filter(|node| has_address(host, address_of(&node.host)));
            let first = by_address.next();
            if by_address.next().is_some() {
                None
            } else {
                first
            }
        }
    }
}

pub(crate) fn relink(inventory: &mut Inventory) {
    if inventory.hosts.is_empty()
        && inventory
            .pve
            .values()
            .all(|i| i.nodes.values().all(|n| n.node.linked_host.is_none()))
    {
        return;
    }
    let mut nodes: HashMap<String, Vec<Arc<Node>>> = HashMap::new();
    let mut guests: HashMap<String, Vec<Arc<Guest>>> = HashMap::new();
    for instance in inventory.pve.values() {
        for tracked in instance.nodes.values() {
            nodes
                .entry(short(&tracked.node.name))
                .or_default()
                .push(Arc::clone(&tracked.node));
        }
        for guest in instance.guests() {
            guests
                .entry(short(&guest.name))
                .or_default()
                .push(Arc::clone(guest));
        }
    }
    let mut host_of_node: HashMap<String, String> = HashMap::new();
    for host in inventory.hosts.values_mut() {
        let name = short(&host.hostname);
        let same_world = |demo: bool| demo == host.demo;
        let node = nodes
            .get(&name)
            .filter(|_| !inventory.unlinked.contains(&host.id))
            .and_then(|list| pick_node(host, list))
            .filter(|node| {
                same_world(
                    inventory
                        .pve
                        .get(&node.instance)
                        .is_some_and(|i| i.state.demo),
                )
            })
            .map(|node| node.id.clone());
        let guest = if node.is_some() {
            None
        } else {
            match guests.get(&name).map(Vec::as_slice) {
                Some([only])
                    if same_world(
                        inventory
                            .pve
                            .get(&only.instance)
                            .is_some_and(|i| i.state.demo),
                    ) =>
                {
                    Some(only.id.clone())
                }
                _ => None,
            }
        };
        if let Some(node) = &node {
            host_of_node.insert(node.clone(), host.id.clone());
        }
        if host.linked_node != node || host.linked_guest != guest {
            let host = Arc::make_mut(host);
            host.linked_node = node;
            host.linked_guest = guest;
        }
    }
    for instance in inventory.pve.values_mut() {
        for tracked in instance.nodes.values_mut() {
            let linked = host_of_node.get(&tracked.node.id);
            if tracked.node.linked_host.as_ref() != linked {
                Arc::make_mut(&mut tracked.node).linked_host = linked.cloned();
            }
        }
    }
    let dirty = inventory.dirty_mut();
    dirty.nodes = true;
    dirty.hosts = true;
}

#[cfg(test)]
mod tests {
    use super::address_of;

    #[test]
    fn takes_the_address_out_of_a_url() {
        assert_eq!(address_of("https://10.0.0.5:8006"), "10.0.0.5");
        assert_eq!(address_of("https://[fd00::1]:8006/x"), "fd00::1");
        assert_eq!(address_of("pve1.lan"), "pve1.lan");
    }
}
