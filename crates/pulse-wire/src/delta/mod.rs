//! The delta protocol `pulse.v1+delta` (docs/live-protocol.md): what changed between two
//! snapshots, once for all clients.

mod columns;
mod encoder;
mod resources;
#[cfg(test)]
pub(crate) mod tests;

pub use encoder::DeltaEncoder;
