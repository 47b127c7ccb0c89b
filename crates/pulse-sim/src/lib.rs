//! A simulated datacenter.
#![forbid(unsafe_code)]

mod auth;
mod clock;
mod datacenter;
mod fault;
mod fleet;
mod flow;
mod generate;
mod guest;
mod json;
mod model;
mod names;
mod node;
mod noise;
mod pve;
mod reply;
mod requests;
mod server;
mod storage;
mod sync;

pub use auth::ApiToken;
pub use clock::{Clock, Millis};
pub use datacenter::{Datacenter, GuestInfo};
pub use fault::{
    AgentState, Answer, Effect, Fault, FaultError, FaultId, GuestKind, Order, PowerState, Status,
};
pub use fleet::{Fleet, FleetSpec};
pub use reply::Reply;
pub use requests::RequestCount;
pub use server::{Addresses, NodeUrl, SimServer, Tls};
