//! Proxmox Mail Gateway: a client of one server, its calls, and the shapes of the answers.

mod client;
mod queue;
pub mod types;

pub use client::{PmgClient, REALM};
pub use queue::{QueueAnswer, QueueCounts, read_queue, read_shape};
