//! When an instance is asked: intervals, patience after failures, the circuit breaker, dead
//! letters. Pure: time is an argument (the span since the runner began), chance is one, too.

mod breaker;
mod plan;
#[cfg(test)]
mod tests;
mod timing;

pub use breaker::{Breaker, BreakerState};
pub use plan::{DeadLetter, DeadReason, Outcome, Schedule};
pub use timing::{Adaptive, Timing};
