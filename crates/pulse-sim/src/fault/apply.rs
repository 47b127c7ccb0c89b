//! What an order does to the datacenter.

use crate::clock::Millis;
use crate::datacenter::Inner;
use crate::fault::schedule::{AgentState, Fault, FaultError, GuestKind, Order, PowerState};
use crate::generate;
use crate::model::{Agent, Cluster, Guest, Health, Kind, Power, State};
use crate::noise::mix;
use crate::sync::write;

/// Carries out an order as of `at`.
pub(crate) fn apply(world: &Inner, order: &Order, at: Millis) -> Result<(), FaultError> {
    let index = order.cluster.unwrap_or(0);
    let cluster = world
        .clusters
        .get(index)
        .ok_or(FaultError::UnknownCluster(index))?;
    let node = |name: &str| {
        cluster
            .node(name)
            .ok_or_else(|| FaultError::UnknownNode(name.into()))
    };
    if let Fault::NewCertificate { node: wanted } = &order.fault {
        let wanted = wanted.as_deref().map(node).transpose()?;
        world.certificates.renew(world, index, wanted);
        return Ok(());
    }
    let mut state = write(&cluster.state);
    match &order.fault {
        Fault::NodeDown { node: name } => health(&mut state, node(name)?, Health::Off(at)),
        Fault::NodeRefused { node: name } => health(&mut state, node(name)?, Health::ProxyDown),
        Fault::NodeHang { node: name } => health(&mut state, node(name)?, Health::Hanging),
        Fault::NodeUp { node: name } => health(&mut state, node(name)?, Health::Up),
        Fault::Answer(answer) => {
            if let Some(name) = &answer.node {
                node(name)?;
            }
        }
        Fault::Power {
            vmid,
            state: wanted,
        } => power(guest(&mut state, *vmid)?, *wanted, at),
        Fault::Restart { vmid } => guest(&mut state, *vmid)?.restart(at),
        Fault::ResetCounters { vmid } => guest(&mut state, *vmid)?.reset_counters(at),
        Fault::Migrate { vmid, to } => {
            let to = node(to)?;
            let guest = guest(&mut state, *vmid)?;
            guest.node = to as u16;
            if guest.is_running() {
                guest.restart(at);
            }
        }
        Fault::CreateGuest {
            vmid,
            kind,
            node: on,
            name,
        } => {
            let on = on.as_deref().map_or(Ok(0), node)?;
            create(&mut state, cluster, *vmid, *kind, on, name.as_deref(), at)?;
        }
        Fault::DeleteGuest { vmid } => {
            let gone = state.guests.remove(vmid);
            gone.ok_or(FaultError::UnknownGuest(*vmid))?;
        }
        Fault::Lock { vmid, lock } => {
            guest(&mut state, *vmid)?.lock = lock.as_deref().map(Into::into);
        }
        Fault::Agent {
            vmid,
            state: wanted,
        } => {
            guest(&mut state, *vmid)?.agent = match wanted {
                AgentState::Disabled => Agent::No,
                AgentState::Silent => Agent::Silent,
                AgentState::Answers => Agent::Answers,
            };
        }
        Fault::Load { vmid, cpu, memory } => {
            let load = &mut guest(&mut state, *vmid)?.load;
            load.cpu = cpu.unwrap_or(load.cpu);
            load.memory = memory.unwrap_or(load.memory);
        }
        Fault::NewCertificate { .. } => {}
    }
    Ok(())
}

/// Ends an order that lasts.
pub(crate) fn undo(world: &Inner, order: &Order) {
    let (Fault::NodeDown { node } | Fault::NodeRefused { node } | Fault::NodeHang { node }) =
        &order.fault
    else {
        return;
    };
    let Some(cluster) = world.clusters.get(order.cluster.unwrap_or(0)) else {
        return;
    };
    if let Some(index) = cluster.node(node) {
        health(&mut write(&cluster.state), index, Health::Up);
    }
}

pub(crate) fn all_nodes_up(world: &Inner) {
    for cluster in &world.clusters {
        let mut state = write(&cluster.state);
        for node in &mut state.nodes {
            node.health = Health::Up;
        }
    }
}

fn health(state: &mut State, node: usize, health: Health) {
    state.nodes[node].health = health;
}

fn guest(state: &mut State, vmid: u32) -> Result<&mut Guest, FaultError> {
    state
        .guests
        .get_mut(&vmid)
        .ok_or(FaultError::UnknownGuest(vmid))
}

fn power(guest: &mut Guest, wanted: PowerState, at: Millis) {
    match (wanted, guest.power) {
        (PowerState::Stopped, _) => guest.power = Power::Stopped,
        (PowerState::Running, Power::Stopped) => guest.restart(at),
        (PowerState::Running, Power::Paused { started, .. }) => guest.resume(started, at),
        (PowerState::Paused, Power::Running(started)) => {
            guest.power = Power::Paused { started, at };
        }
        (PowerState::Paused, Power::Stopped) => {
            guest.restart(at);
            guest.power = Power::Paused {
                started: Some(at),
                at,
            };
        }
        (PowerState::Running, Power::Running(_)) | (PowerState::Paused, Power::Paused { .. }) => {}
    }
}

fn create(
    state: &mut State,
    cluster: &Cluster,
    vmid: u32,
    kind: GuestKind,
    node: usize,
    name: Option<&str>,
    at: Millis,
) -> Result<(), FaultError> {
    if state.guests.contains_key(&vmid) {
        return Err(FaultError::GuestExists(vmid));
    }
    let kind = match kind {
        GuestKind::Qemu => Kind::Qemu,
        GuestKind::Lxc => Kind::Lxc,
    };
    let key = mix(mix(cluster.key, 0xCEA7E), u64::from(vmid));
    let mut guest = generate::guest(key, vmid, kind, vmid);
    guest.node = node as u16;
    guest.home_boot = cluster.nodes[node].key;
    guest.power = Power::Running(Some(at));
    if let Some(name) = name {
        guest.name = name.into();
    }
    state.guests.insert(vmid, guest);
    Ok(())
}
