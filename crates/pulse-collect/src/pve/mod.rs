//! Proxmox VE.

mod agent;
mod details;
mod guest;
mod node;
mod poll;
mod source;
mod storage;

pub use details::Details;
pub use poll::Poller;
pub use source::{EndpointName, Extent, PveSource, SkipBackend};
