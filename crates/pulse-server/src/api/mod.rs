//! Handlers, one file per area of the API.

pub mod agents;
pub mod charts;
pub mod core;
pub mod history;
pub mod metrics;
pub mod nodes;
pub mod security;
pub mod system;
