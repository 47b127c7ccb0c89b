//! The `pulse` program as a library: HTTP and WebSocket API, and the wiring of everything.
//!
//! ```text
//! sources ─► inventory ─► recorder (history)
//!   agents ─┘     └─► live (WebSocket) and api (HTTP)
//! ```

pub mod api;
pub mod app;
pub mod config;
pub mod demo;
pub mod http;
pub mod ingest;
pub mod live;
pub mod openapi;
pub mod push;
pub mod recorder;
pub mod routes;
pub mod settings;
pub mod sources;

pub use app::App;
pub use config::Config;
