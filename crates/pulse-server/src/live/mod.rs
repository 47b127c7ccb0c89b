//! Live data: the cached state and the WebSockets.

mod cache;
mod hub;
mod socket;

pub use cache::{Encoding, StateCache};
pub use hub::{Hub, Live};
pub use socket::upgrade;
