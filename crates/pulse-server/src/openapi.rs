//! The API document, made from the handlers and the wire types.

use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Pulse",
        description = "Monitoring for Proxmox, hosts and containers."
    ),
    paths(
        crate::api::core::health,
        crate::api::core::version,
        crate::api::core::state,
        crate::api::charts::charts,
        crate::api::history::history,
        crate::api::backups::table::table,
        crate::api::backups::coverage::coverage,
        crate::api::backups::frequency::frequency,
        crate::api::tasks::tasks,
        crate::api::resources::list,
        crate::api::diagnostics::diagnostics,
    )
)]
struct Document;

/// OpenAPI 3.1.
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}
