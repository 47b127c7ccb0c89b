//! The servers: sockets, TLS, HTTP, and the control port.

mod bend;
mod certificates;
mod control;
mod http;
mod listen;

pub(crate) use certificates::Certificates;
pub use listen::{Addresses, NodeUrl, SimServer, Tls};
