//! How finely values are kept. See "Scale" in `docs/history-format.md`.

use crate::error::BlobError;

/// The quantum of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// The float itself.
    Exact,
    /// Whole numbers.
    One,
    /// Hundredths.
    Centi,
    /// Multiples of 1024.
    Kibi,
}

/// Quotients from here on are refused: an `f64` no longer tells neighbours apart.
const LIMIT: f64 = 9_007_199_254_740_992.0;

impl Scale {
    /// The scale for a metric seen for the first time.
    pub fn of_metric(name: &str) -> Self {
        let stem = name.split(['.', ':']).next().unwrap_or(name);
        match stem {
            "netin" | "netout" | "diskread" | "diskwrite" => Self::One,
            "cpu" | "memory" | "disk" | "usage" | "swap" | "iowait" | "load" | "temperature" => {
                Self::Centi
            }
            "used" | "total" | "avail" => Self::Kibi,
            _ if stem.ends_with("_count") => Self::One,
            _ if stem.ends_with("_percent") => Self::Centi,
            _ if stem.ends_with("_bytes") => Self::Kibi,
            _ => Self::Exact,
        }
    }

    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Exact => 0,
            Self::One => 1,
            Self::Centi => 2,
            Self::Kibi => 3,
        }
    }

    pub(crate) fn from_code(code: u8) -> Result<Self, BlobError> {
        match code {
            0 => Ok(Self::Exact),
            1 => Ok(Self::One),
            2 => Ok(Self::Centi),
            3 => Ok(Self::Kibi),
            _ => Err(BlobError::Damaged),
        }
    }

    /// The stored integer: a multiple of the quantum, or the bits of the float.
    /// `None` for what cannot be kept.
    pub fn store(self, value: f64) -> Option<i64> {
        if !value.is_finite() {
            return None;
        }
        let quotient = match self {
            Self::Exact => return Some(value.to_bits() as i64),
            Self::One => value,
            Self::Centi => value * 100.0,
            Self::Kibi => value / 1024.0,
        };
        let rounded = quotient.round();
        (rounded.abs() < LIMIT).then_some(rounded as i64)
    }

    /// The value that `store` kept.
    pub fn load(self, stored: i64) -> f64 {
        match self {
            Self::Exact => f64::from_bits(stored as u64),
            _ => self.units(stored as f64),
        }
    }

    /// A number of quanta (or, for `Exact`, a plain float) in the metric's unit.
    pub(crate) fn units(self, quanta: f64) -> f64 {
        match self {
            Self::Exact | Self::One => quanta,
            Self::Centi => quanta / 100.0,
            Self::Kibi => quanta * 1024.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_within_half_a_quantum() {
        for (metric, value, back) in [
            ("cpu", 12.3456, 12.35),
            ("cpu", -1.0, -1.0),
            ("netin", 1234.5, 1235.0),
            ("used", 1_073_741_824.0, 1_073_741_824.0),
            ("used", 1000.0, 1024.0),
            ("temperature.cpu0", 41.25, 41.25),
            ("fan_rpm", 0.1 + 0.2, 0.1 + 0.2),
            ("ops_count", 7.0, 7.0),
        ] {
            let scale = Scale::of_metric(metric);
            let stored = scale.store(value).unwrap();
            assert_eq!(scale.load(stored), back, "{metric} {value}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300] {
            assert_eq!(Scale::Centi.store(value), None);
        }
        assert_eq!(Scale::Exact.store(f64::NAN), None);
        assert!(Scale::Exact.store(1e300).is_some());
    }
}
