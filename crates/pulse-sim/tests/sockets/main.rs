//! What clients see over real sockets.

#![allow(clippy::unwrap_used)]

mod auth;
mod common;
mod faults;
