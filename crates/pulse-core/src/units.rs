//! Numbers with their unit. Conversions between units are explicit.

use serde::{Deserialize, Serialize};

/// Unix time in milliseconds.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Timestamp(pub i64);

impl Timestamp {
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds, rounded down.
    pub const fn secs(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Milliseconds from `earlier` to `self`; never negative.
    pub const fn since(self, earlier: Self) -> i64 {
        let diff = self.0.saturating_sub(earlier.0);
        if diff < 0 { 0 } else { diff }
    }

    pub const fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }
}

/// A size in bytes.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Bytes(pub u64);

impl Bytes {
    pub const ZERO: Self = Self(0);

    pub const fn get(self) -> u64 {
        self.0
    }

    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// Share of `total` in percent; 0 for a total of 0.
    pub fn percent_of(self, total: Self) -> Percent {
        if total.0 == 0 {
            Percent(0.0)
        } else {
            Percent(self.0 as f64 / total.0 as f64 * 100.0)
        }
    }
}

impl std::iter::Sum for Bytes {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, |a, b| Self(a.0.saturating_add(b.0)))
    }
}

/// A share of one, as Proxmox reports CPU: 0.25 is a quarter of the allotted cores.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Ratio(f64);

impl Ratio {
    /// Not-a-number and infinities become 0, negatives 0. Above 1 is kept: a guest may exceed its
    /// share for a moment.
    pub fn new(value: f64) -> Self {
        Self(if value.is_finite() && value > 0.0 {
            value
        } else {
            0.0
        })
    }

    pub const fn get(self) -> f64 {
        self.0
    }

    pub fn percent(self) -> Percent {
        Percent(self.0 * 100.0)
    }
}

/// Percent, 0–100 (above 100 where the source says so).
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Percent(pub f64);

impl Percent {
    pub const fn get(self) -> f64 {
        self.0
    }
}

/// A rate in bytes per second, never negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct BytesPerSecond(pub f64);

impl BytesPerSecond {
    pub const fn get(self) -> f64 {
        self.0
    }

    /// Whole bytes per second, as v5 clients expect.
    pub fn whole(self) -> i64 {
        self.0.max(0.0) as i64
    }
}
