//! Faults on demand: what can go wrong with a datacenter and with the answers of its servers.

mod apply;
mod effect;
mod schedule;

pub use effect::{Answer, Effect};
pub use schedule::{AgentState, Fault, FaultError, FaultId, GuestKind, Order, PowerState, Status};

pub(crate) use effect::lie;
pub(crate) use schedule::Faults;
