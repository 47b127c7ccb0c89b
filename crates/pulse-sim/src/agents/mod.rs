//! Simulated host agents: their reports, and the one task that posts them.

mod connect;
mod driver;
mod report;

pub use driver::{AgentStats, HostAgents};
pub use report::HostFleet;
