//! Finds Proxmox servers in the networks around this machine.
//!
//! Three steps that can be used alone: [`Facts`] reads where the machine stands, [`plan()`] decides
//! which networks are worth asking, [`scan()`] asks them. A server counts as found only when it
//! answers over TLS and names its product; an open port is no evidence. At most one API call
//! without credentials is sent to a server, because each leaves a line in its log.
//!
//! Nothing here decides to scan: the caller does, with targets of its choice.
#![forbid(unsafe_code)]

mod environment;
mod identify;
mod net;
mod plan;
mod scan;

pub use environment::{Environment, Facts};
pub use identify::{Evidence, Product, identify};
pub use net::{BadNet, Net};
pub use plan::{Choice, LARGEST_AUTOMATIC, Phase, Plan, manual, plan};
pub use scan::{Event, Found, Limits, Outcome, Problem, Progress, scan};
