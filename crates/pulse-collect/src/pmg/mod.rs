//! Proxmox Mail Gateway.

mod poll;
mod source;

pub use poll::Poller;
pub use source::PmgSource;
