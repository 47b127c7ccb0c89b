//! The configured Proxmox servers: list, add, change, remove, test.

mod cluster;
mod list;
mod request;
mod test;
mod write;

use axum::routing::{delete, get, post, put};
use http::Method;
use pulse_auth::{Access, RouteRule, Scope};

use crate::routes::{Entry, row};

pub use write::{Registration, register};

/// The rows of this area.
pub fn routes() -> Vec<Entry> {
    let read = |path| RouteRule::new(Method::GET, path, Access::Admin).scope(Scope::SettingsRead);
    let write =
        |method, path| RouteRule::new(method, path, Access::Admin).scope(Scope::SettingsWrite);
    vec![
        row(read("/api/config/nodes"), get(list::list)),
        row(write(Method::POST, "/api/config/nodes"), post(write::add)),
        row(
            write(Method::POST, "/api/config/nodes/test-connection"),
            post(test::test_connection),
        ),
        row(
            write(Method::POST, "/api/config/nodes/test-config"),
            post(test::test_config),
        ),
        row(
            write(Method::PUT, "/api/config/nodes/{id}"),
            put(write::change),
        ),
        row(
            write(Method::DELETE, "/api/config/nodes/{id}"),
            delete(write::remove),
        ),
        row(
            write(Method::POST, "/api/config/nodes/{id}/test"),
            post(test::test_stored),
        ),
        row(
            write(Method::POST, "/api/config/nodes/{id}/refresh-cluster"),
            post(cluster::refresh),
        ),
    ]
}

/// Refuses with 500 and tells the log why.
fn storage(error: &pulse_store::StoreError) -> crate::http::answer::Refusal {
    tracing::error!(%error, "nodes not stored");
    crate::http::answer::text(
        http::StatusCode::INTERNAL_SERVER_ERROR,
        "Failed to save configuration",
    )
}
