//! What clients see over real sockets.

mod auth;
mod common;
mod faults;
