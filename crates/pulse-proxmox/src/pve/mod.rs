//! Proxmox VE: one client per server, the calls, and the shapes of the answers.

mod api;
mod client;
pub mod types;

pub use api::{GuestKind, PveApi, ResourceFilter};
pub(crate) use client::redirect;
pub use client::{PveClient, PveOptions};
