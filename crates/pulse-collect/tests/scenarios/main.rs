//! The scenarios of the monitoring chapter §9 that concern Proxmox VE: a server that answers as
//! the scenario says, and the state that results. Where the chapter says that the original is
//! wrong, the wanted value is checked.
//!
//! Covered elsewhere: N2–N10 beside `pve::node`; N14–N19, N22, N23, X10, X12, X20–X23 in
//! `pulse-inventory/tests/fleet`; V42–V44 beside `pve::details`; R1–R9 in `tests/simulated/rates.rs`
//! and `pulse-core`; L1, L3 beside `pve::guest`; T10–T12, T14, T15, T23, B1–B6, B10, B13–B15 beside
//! `pve::facts` and `pulse-inventory`; T13, T20, B16 in `tests/simulated/facts.rs`; X1–X9, X13 in
//! `pulse-proxmox`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking
#![allow(clippy::needless_pass_by_value)] // so that a case can write its JSON in place

mod containers;
mod nodes;
mod site;
mod storages;
mod vms;
