//! The Proxmox servers to monitor.

mod id;
mod record;
mod repository;

pub use id::NodeRef;
pub use record::{ClusterEndpoint, Monitored, NodeKind, NodeRecord};
pub use repository::{MAX_NODES, Nodes, positional_ids};
