//! Command line and environment: a raw table of what was given, resolved once into [`Settings`].

mod duration;
mod flags;
mod settings;

pub use duration::parse as parse_duration;
pub use flags::{Raw, help};
pub(crate) use settings::log_level;
pub use settings::{Command, DEFAULT_INTERVAL, Environment, Roots, Settings, Token, parse};
