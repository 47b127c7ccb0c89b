//! What is known about the outside world, owned by one task.
//!
//! Reports come in through [`InventoryHandle`]; readers take the latest `Arc<Snapshot>`. The
//! decisions (merge, liveness, linking) are in [`Inventory`], which does no I/O and reads no
//! clock. A source that fails makes what is known older, then stale, then offline; it never
//! freezes it and never empties it.

mod actor;
mod attribution;
mod cache;
mod facts;
mod hosts;
mod inventory;
mod link;
mod pbs;
mod pmg;
mod pushed;
mod pve;
mod temperatures;

pub use actor::{InventoryHandle, Observer, spawn};
pub use inventory::{Applied, Inventory, Renamed};
