//! The inventory's rules, told as stories about fleets.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod agents;
mod backups;
mod facts;
mod guests;
mod nodes;
mod property;
mod storages;
mod versions;
mod world;
