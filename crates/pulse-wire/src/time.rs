//! Times as v5 writes them.

use pulse_core::Timestamp;

/// RFC 3339 in UTC with milliseconds where there are any; out-of-range times print as "never".
pub fn rfc3339(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.millis())
        .map_or_else(|_| crate::state::NEVER.to_owned(), |t| t.to_string())
}

/// RFC 3339, or v5's zero time when there is none.
pub fn rfc3339_or_never(at: Option<Timestamp>) -> String {
    at.map_or_else(|| crate::state::NEVER.to_owned(), rfc3339)
}
