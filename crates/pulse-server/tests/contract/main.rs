//! The API contract: recorded exchanges of version 5, sent again; status, headers and the shape of
//! bodies must be the same, except for what `deviations.txt` lists with its reason.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod access;
mod agents;
mod cors;
mod demo;
mod deviations;
mod lists;
mod metadata;
mod nodes;
#[path = "../recorded/mod.rs"]
mod recorded;
mod replay;
mod scheduler;
mod security;
mod shape;
mod sockets;
mod system;
mod values;
