//! The REST API of Proxmox VE 8.3, answered from the simulated datacenter without any socket.

mod access;
mod agent;
mod cluster;
mod disks;
mod lxc;
mod node;
mod qemu;
mod request;
mod resources;
mod router;
mod rrd;
pub(crate) mod storage;
mod tasks;

pub(crate) use access::{Reject, Rights, Who, ticket};
pub(crate) use node::KERNEL;
pub(crate) use request::{Method, Request, decode, pairs};
pub(crate) use router::{answer, template};
