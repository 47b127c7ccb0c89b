//! Handlers, one file per area of the API.

pub mod agents;
pub mod backups;
pub mod charts;
pub mod core;
pub mod diagnostics;
pub mod downloads;
pub mod history;
pub mod metadata;
pub mod metrics;
pub mod nodes;
pub mod resources;
mod samples;
pub mod scheduler;
mod scheduler_metrics;
pub mod security;
pub mod setup;
pub mod small;
pub mod storage;
pub mod system;
pub mod tasks;

/// Reads a text as the query of every route that takes one; for fuzzing.
#[doc(hidden)]
pub fn read_any_query(query: &str) {
    use axum::extract::Query;
    let Ok(uri) = format!("/?{query}").parse::<::http::Uri>() else {
        return;
    };
    // What cannot be read is refused by the extractor.
    let _ = Query::<history::HistoryParams>::try_from_uri(&uri);
    let _ = Query::<charts::ChartParams>::try_from_uri(&uri);
    let _ = Query::<agents::Lookup>::try_from_uri(&uri);
    let _ = Query::<backups::frequency::FrequencyParams>::try_from_uri(&uri);
    let _ = Query::<tasks::TaskParams>::try_from_uri(&uri);
    let _ = Query::<resources::ResourceParams>::try_from_uri(&uri);
    for range in [history::range_ms(query), charts::storage_range(query)] {
        assert!((0..=history::LONGEST_RANGE_MS).contains(&range), "{range}");
    }
}
