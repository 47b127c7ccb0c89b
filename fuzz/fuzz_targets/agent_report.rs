//! Reports of host agents: read, taken in, published and encoded as the server does. A report that
//! was taken has to be readable in the state again.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use pulse_core::{Snapshot, Timestamp};
use pulse_server::ingest::HostIngest;
use pulse_wire::host_report::HostReport;
use pulse_wire::state::StateJson;

fuzz_target!(|data: &[u8]| {
    let Ok(report) = serde_json::from_slice::<HostReport>(data) else {
        return;
    };
    let ingest = HostIngest::default();
    let mut known = Snapshot::default();
    // The second time counters have something to be compared with.
    for second in 1..=2 {
        let Ok(host) = ingest.host(&report, None, &known, Timestamp::from_secs(second), false)
        else {
            return;
        };
        assert!(!host.id.is_empty() && host.id.len() <= 64);
        assert!((0.0..=100.0).contains(&host.cpu.get()));
        assert!(host.memory.used <= host.memory.total);
        known.hosts = Arc::new(vec![Arc::new(host)]);
        let state = serde_json::to_vec(&StateJson::new(&known));
        let state = state.expect("what was taken can be shown");
        serde_json::from_slice::<serde_json::Value>(&state).expect("and read");
    }
});
