//! The JSON shapes that other programs read or send.
//!
//! Only this crate knows v5 field names, Unix-millisecond quirks and omitted zeros.

#[cfg(feature = "state")]
pub mod backup_list;
#[cfg(feature = "state")]
pub mod delta;
pub mod host_report;
#[cfg(feature = "state")]
pub mod parts;
#[cfg(feature = "state")]
pub mod resources;
#[cfg(feature = "state")]
pub mod state;
#[cfg(feature = "state")]
pub mod time;
