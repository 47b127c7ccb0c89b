//! The servers: sockets, TLS, HTTP, and the control port.

mod appliances;
mod bend;
mod certificates;
mod control;
mod http;
mod listen;

pub(crate) use appliances::Known;
pub use appliances::{Appliance, Product};
pub(crate) use certificates::Certificates;
pub use listen::{Addresses, NodeUrl, SimServer, Tls};
