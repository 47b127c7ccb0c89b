//! Polling a Proxmox Backup Server.
//!
//! Each poll: version, node status, datastores, their sizes (one call for all), tasks. Jobs every
//! 5 min, namespaces every 10 min. Backups when their interval has passed: groups of each
//! namespace, and snapshots only of groups that changed, or were not read for an hour.

mod backups;
mod datastore;
mod intern;
mod jobs;
mod poll;
mod run;
mod source;

pub use poll::Poller;
pub use source::{PbsExtent, PbsSource};
