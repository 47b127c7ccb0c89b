//! Query parameters of charts, history and look-ups.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        pulse_server::api::read_any_query(text);
        let _ = pulse_server::config::parse_span(text);
    }
});
