//! REST clients of the Proxmox products.
//!
//! Made of layers that can be used alone: [`outbound`] reaches one origin safely, [`Call`] and
//! [`decode`] describe and read an API call, [`PveClient`] asks one Proxmox VE server, and
//! [`ClusterClient`] asks a cluster through whichever endpoint works. Nothing here keeps state
//! about what it read; the collector does.
//!
//! How it fails: every call returns an [`Error`] that names the server, the path, the cause and
//! the way out; no error, log line or URL carries a secret.
#![forbid(unsafe_code)]

mod auth;
mod call;
pub mod cluster;
pub mod decode;
mod error;
mod meter;
pub mod outbound;
pub mod pbs;
pub mod pmg;
pub mod pve;

pub use auth::{Credentials, CredentialsError, Dialect};
pub use call::Call;
pub use cluster::{ClusterClient, EndpointHealth};
pub use decode::{DecodeError, Decoded, SkippedElement};
pub use error::{CONNECT_FAILED, Error, ErrorKind, LoginError, PROXY_TIMEOUT, Result, StatusError};
pub use meter::{CallStats, LATENCY_BUCKETS, Meter};
pub use outbound::{Fingerprint, ServerAddress, TlsFailure, TlsMode, TransportError};
pub use pbs::PbsClient;
pub use pmg::PmgClient;
pub use pulse_core::Secret;
pub use pve::{GuestKind, PveApi, PveClient, PveOptions, ResourceFilter, types};
