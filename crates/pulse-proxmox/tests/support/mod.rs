//! What the tests of this crate share.
#![allow(dead_code)] // Each test program uses its own part.

pub mod recordings;
pub mod server;
