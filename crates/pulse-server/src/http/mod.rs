//! The HTTP side: listening, what every request passes through, the UI's files.

pub mod answer;
pub mod ask;
pub mod cached;
pub mod layers;
pub mod listener;
pub mod metrics;
pub mod ui;

pub use answer::{Reply, json, text};
pub use ask::Ask;
