//! Proxmox Backup Server: a client of one server, its calls, and the shapes of the answers.

mod client;
pub mod types;

pub use client::{PbsClient, REALM, SnapshotFilter};
