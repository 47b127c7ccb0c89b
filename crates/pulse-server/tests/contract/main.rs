//! The API contract: recorded exchanges of version 5, sent again; status, headers and the shape of
//! bodies must be the same, except for what `deviations.txt` lists with its reason.
//!
//! The recordings of the security and node routes are compared in `tests/security.rs` and
//! `tests/nodes.rs`, which keep their differences beside them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod agents;
mod cors;
mod demo;
mod deviations;
#[path = "../recorded/mod.rs"]
mod recorded;
mod replay;
mod shape;
mod system;
