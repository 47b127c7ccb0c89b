//! The application database: settings, nodes, accounts, tokens, sessions, audit.
//!
//! * A write that returned is on disk: WAL with `synchronous=FULL`.
//! * Secrets are encrypted with a key that lies beside the database; a lost or foreign key is
//!   refused at the door, never replaced.
//! * Every table has a cap or is bounded by what people configure by hand.
//! * All SQL is here, and plain enough for PostgreSQL.
//!
//! [`Store::open`] gives a handle; each repository hangs off it (`store.nodes().all()`). Time is
//! an argument, except for the one time stamp of a migration.

pub mod agents;
pub mod audit;
pub mod documents;
mod error;
pub mod files;
pub mod lockouts;
pub mod metadata;
mod migrate;
pub mod nodes;
pub mod recovery;
mod row;
pub mod sessions;
pub mod settings;
mod setup;
mod store;
pub mod system;
pub mod tokens;
pub mod users;
pub mod vault;

pub use agents::AgentRecord;
pub use audit::{AuditEvent, AuditFilter};
pub use error::{Result, StoreError};
pub use lockouts::LockoutRecord;
pub use nodes::{ClusterEndpoint, Monitored, NodeKind, NodeRecord, NodeRef};
pub use sessions::SessionRecord;
pub use store::Store;
pub use system::{BadSetting, DiscoveryConfig, RawSystemSettings, SystemSettings};
pub use tokens::TokenRecord;
pub use users::UserRecord;

// Links the bundled SQLite that sqlx's `sqlite-unbundled` expects.
use rusqlite as _;
