//! The JSON shapes that other programs read or send.

pub mod host_report;
