//! Any bytes as a blob of the history: first as they are, then with a checksum that fits.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| pulse_metrics::decode_anything(bytes));
