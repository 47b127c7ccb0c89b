//! The words of the crate: kinds, metrics, ids, times, ticks.

use std::borrow::Cow;
use std::fmt;

/// Milliseconds since 1970-01-01T00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMs(pub i64);

impl UnixMs {
    /// This time plus `ms` (may be negative).
    pub const fn plus(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }
}

impl From<i64> for UnixMs {
    fn from(ms: i64) -> Self {
        Self(ms)
    }
}

macro_rules! open_name {
    ($(#[$doc:meta])* $name:ident { $($(#[$cdoc:meta])* $const:ident = $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Cow<'static, str>);

        impl $name {
            $($(#[$cdoc])* pub const $const: Self = Self(Cow::Borrowed($text));)*

            /// Any other short name.
            pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
                Self(name.into())
            }

            /// The name itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(name: &str) -> Self {
                $(if name == $text { return Self::$const; })*
                Self(Cow::Owned(name.to_owned()))
            }
        }
    };
}

open_name! {
    /// What a resource is; an open set, named as in the API.
    ResourceKind {
        NODE = "node",
        VM = "vm",
        CONTAINER = "container",
        STORAGE = "storage",
        HOST = "host",
        DOCKER_HOST = "dockerHost",
        DOCKER_CONTAINER = "dockerContainer",
        PBS = "pbs",
        PMG = "pmg",
    }
}

open_name! {
    /// What is measured; an open set, named as in the API. The name decides how
    /// finely values are kept, see `docs/history-format.md`.
    Metric {
        /// Percent, 0–100.
        CPU = "cpu",
        /// Percent, 0–100.
        MEMORY = "memory",
        /// Percent, 0–100.
        DISK = "disk",
        /// Bytes a second.
        NET_IN = "netin",
        /// Bytes a second.
        NET_OUT = "netout",
        /// Bytes a second.
        DISK_READ = "diskread",
        /// Bytes a second.
        DISK_WRITE = "diskwrite",
        /// Percent, 0–100.
        USAGE = "usage",
        /// Bytes.
        USED = "used",
        /// Bytes.
        TOTAL = "total",
        /// Bytes.
        AVAIL = "avail",
        LOAD = "load",
        /// Degrees Celsius.
        TEMPERATURE = "temperature",
    }
}

/// Names one series; stable for the life of the file, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesId(pub u32);

/// One value of one series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    pub series: SeriesId,
    pub value: f64,
}

/// Values of many series at one time.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    pub at: UnixMs,
    pub samples: Vec<Sample>,
}
