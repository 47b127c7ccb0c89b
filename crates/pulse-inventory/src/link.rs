//! Which host agent runs on which node or inside which guest.
//!
//! Names decide, but only when they are unique: where two nodes share a name, an address of the
//! host has to match the node's, and where two hosts do, the node's address or who still reports
//! decides. A wrong link is worse than none.

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

/// What a host may be linked to, by short name. Demo and real data live in worlds of their own.
type ByName<T> = HashMap<(bool, String), Vec<Arc<T>>>;

fn index(inventory: &Inventory) -> (ByName<Node>, ByName<Guest>) {
    let (mut nodes, mut guests) = (ByName::<Node>::new(), ByName::<Guest>::new());
    for instance in inventory.pve.values() {
        let demo = instance.state.demo;
        for tracked in instance.nodes.values() {
            let key = (demo, short(&tracked.node.name));
            nodes
                .entry(key)
                .or_default()
                .push(Arc::clone(&tracked.node));
        }
        for guest in instance.guests() {
            let key = (demo, short(&guest.name));
            guests.entry(key).or_default().push(Arc::clone(guest));
        }
    }
    (nodes, guests)
}

/// The only candidate, or the only one with an address of the host.
fn pick_node<'a>(host: &Host, candidates: &'a [Arc<Node>]) -> Option<&'a Arc<Node>> {
    match candidates {
        [only] => Some(only),
        several => single(
            several
                .iter()
                .filter(|node| has_address(host, address_of(&node.host))),
        ),
    }
}

fn single<T>(mut list: impl Iterator<Item = T>) -> Option<T> {
    let first = list.next();
    if list.next().is_some() { None } else { first }
}

/// The host that a node belongs to, of several that carry its name: the one with its address, or
/// the only one that still reports (an agent that was installed anew has a new id).
fn pick_host<'a>(node: &Node, claims: &[&'a Arc<Host>]) -> Option<&'a Arc<Host>> {
    let claims = || claims.iter().copied();
    single(claims())
        .or_else(|| single(claims().filter(|h| has_address(h, address_of(&node.host)))))
        .or_else(|| single(claims().filter(|h| h.online)))
}

/// Finds all links anew.
pub(crate) fn relink(inventory: &mut Inventory) {
    if inventory.hosts.is_empty()
        && inventory
            .pve
            .values()
            .all(|i| i.nodes.values().all(|n| n.node.linked_host.is_none()))
    {
        return;
    }
    let (nodes, guests) = index(inventory);
    let mut claims: HashMap<&str, (&Arc<Node>, Vec<&Arc<Host>>)> = HashMap::new();
    let mut guest_of: HashMap<String, String> = HashMap::new();
    for host in inventory.hosts.values() {
        let key = (host.demo, short(&host.hostname));
        if key.1.is_empty() {
            continue;
        }
        let node = nodes.get(&key).and_then(|list| pick_node(host, list));
        if let Some(node) = node.filter(|_| !inventory.unlinked.contains(&host.id)) {
            claims
                .entry(node.id.as_str())
                .or_insert_with(|| (node, Vec::new()))
                .1
                .push(host);
        } else if let Some([only]) = guests.get(&key).map(Vec::as_slice) {
            guest_of.insert(host.id.clone(), only.id.clone());
        }
    }
    let links: Vec<(String, String)> = claims
        .into_values()
        .filter_map(|(node, hosts)| Some((node.id.clone(), pick_host(node, &hosts)?.id.clone())))
        .collect();
    let host_of: HashMap<&str, &str> = links
        .iter()
        .map(|(n, h)| (n.as_str(), h.as_str()))
        .collect();
    let node_of: HashMap<&str, &str> = links
        .iter()
        .map(|(n, h)| (h.as_str(), n.as_str()))
        .collect();
    let mut hosts_changed = false;
    let mut nodes_changed = false;
    for host in inventory.hosts.values_mut() {
        let node = node_of.get(host.id.as_str()).copied();
        let guest = guest_of.get(&host.id).map(String::as_str);
        if host.linked_node.as_deref() != node || host.linked_guest.as_deref() != guest {
            let host = Arc::make_mut(host);
            host.linked_node = node.map(str::to_owned);
            host.linked_guest = guest.map(str::to_owned);
            hosts_changed = true;
        }
    }
    for instance in inventory.pve.values_mut() {
        for tracked in instance.nodes.values_mut() {
            let linked = host_of.get(tracked.node.id.as_str()).copied();
            if tracked.node.linked_host.as_deref() != linked {
                Arc::make_mut(&mut tracked.node).linked_host = linked.map(str::to_owned);
                nodes_changed = true;
            }
        }
    }
    let dirty = inventory.dirty_mut();
    dirty.nodes |= nodes_changed;
    dirty.hosts |= hosts_changed;
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
