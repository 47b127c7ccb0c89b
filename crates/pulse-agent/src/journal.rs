//! The log: one JSON object per line on standard output, `{"level","time","component","message"}`.

use std::io::Write as _;
use std::time::SystemTime;

use log::{LevelFilter, Log, Metadata, Record};
use pulse_wire::host_report::ReportTime;

struct Journal;

/// Starts logging; later calls only change the level.
pub fn start(level: LevelFilter) {
    let _ = log::set_logger(&Journal);
    set_level(level);
}

pub fn set_level(level: LevelFilter) {
    log::set_max_level(level);
}

impl Log for Journal {
    /// Only our own words: the HTTP and TLS libraries speak through the errors we report.
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("pulse_agent")
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let line = serde_json::json!({
            "level": record.level().as_str().to_ascii_lowercase(),
            "time": ReportTime::from(SystemTime::now()),
            "component": "host-agent",
            "message": record.args().to_string(),
        });
        // A closed standard output must not end the agent.
        let _ = writeln!(std::io::stdout().lock(), "{line}");
    }

    fn flush(&self) {}
}
