//! The real poller and runner against a simulated datacenter, over HTTPS on loopback.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod backups;
mod budget;
mod facts;
mod faults;
mod fleet;
mod lab;
mod rates;
mod running;
