//! What the security routes do, each as a function from request to [`crate::Answer`]. The server's
//! handlers call these after the gate.

mod lockout;
mod login;
mod password;
mod recovery;
mod setup;
mod status;
mod tokens;

pub use recovery::issue_recovery_token;
pub use status::{SecurityStatus, StatusContext};
