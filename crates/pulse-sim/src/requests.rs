//! Counts requests per path template, so that a request budget can be measured.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde::Serialize;

use crate::pve::template;
use crate::sync::lock;

/// How often a path was asked and what it cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RequestCount {
    pub method: String,
    /// The path below `/api2/json` with variable parts named, e.g. `/nodes/{node}/qemu`.
    pub path: String,
    pub count: u64,
    /// How many of them were answered with 400 or above, or not at all.
    pub errors: u64,
    /// Bytes of all bodies.
    pub bytes: u64,
    /// Microseconds spent on making the answers.
    pub micros: u64,
}

#[derive(Debug, Default)]
pub(crate) struct RequestLog(Mutex<BTreeMap<(String, &'static str), Cell>>);

#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    count: u64,
    errors: u64,
    bytes: u64,
    micros: u64,
}

impl RequestLog {
    pub(crate) fn note(
        &self,
        method: &'static str,
        path: &str,
        ok: bool,
        bytes: usize,
        micros: u64,
    ) {
        let mut log = lock(&self.0);
        // Foreign paths must not fill the memory.
        if log.len() > 2_000 {
            return;
        }
        let cell = log.entry((template(path), method)).or_default();
        cell.count += 1;
        cell.errors += u64::from(!ok);
        cell.bytes += bytes as u64;
        cell.micros += micros;
    }

    pub(crate) fn counts(&self) -> Vec<RequestCount> {
        lock(&self.0)
            .iter()
            .map(|((path, method), cell)| RequestCount {
                method: (*method).into(),
                path: path.clone(),
                count: cell.count,
                errors: cell.errors,
                bytes: cell.bytes,
                micros: cell.micros,
            })
            .collect()
    }

    pub(crate) fn reset(&self) {
        lock(&self.0).clear();
    }
}
