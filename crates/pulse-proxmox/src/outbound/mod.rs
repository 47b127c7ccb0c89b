//! Every connection to an address that a user can set.
//!
//! One [`Outbound`] talks to one origin: it resolves, checks the addresses against the policy,
//! connects to a checked address, and verifies the certificate as the user chose. It knows no
//! proxy from the environment, follows no redirect, and every request has a deadline and a size cap.

mod address;
mod client;
mod connect;
mod error;
mod fingerprint;
mod resolve;
mod tls;

pub use address::{AddressError, PBS_PORT, PVE_PORT, ServerAddress};
pub use client::{Answer, Limits, Outbound, OutboundOptions};
pub use connect::AddressCheck;
pub use error::{TlsFailure, TransportError};
pub use fingerprint::{Fingerprint, FingerprintError};
pub use tls::{TlsMode, probe_certificate};
