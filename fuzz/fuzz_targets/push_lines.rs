//! Whatever comes to the push receivers is read, counted or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pulse_core::Timestamp;
use pulse_server::push::sample::Batch;
use pulse_server::push::{events, graphite, influx};

fuzz_target!(|data: &[u8]| {
    let mut batch = Batch::default();
    influx::read(data, Timestamp(0), &mut batch);
    graphite::read(data, &mut batch);
    let _ = events::read(data, Timestamp(0));
});
