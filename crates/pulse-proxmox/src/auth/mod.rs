//! Who we are to a server: an API token, or a ticket that a password buys.

mod credentials;
mod dialect;
mod session;

pub use credentials::{Credentials, CredentialsError};
pub use dialect::Dialect;
pub(crate) use session::Session;
