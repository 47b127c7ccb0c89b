//! Proxmox VE.

mod agent;
mod budget;
mod details;
mod facts;
mod gaps;
mod guest;
mod node;
mod poll;
mod source;
mod storage;

pub use details::Details;
pub use facts::{Facts, Topic};
pub use poll::Poller;
pub(crate) use poll::failure;
pub use source::{EndpointName, Extent, PveSource, SkipBackend};
