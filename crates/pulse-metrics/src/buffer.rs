//! Ticks and orders on their way to the writer thread.
//!
//! Bounded by samples: when the disk does not keep up, the oldest ticks are dropped and counted, for a
//! monitor is asked about now. `push` never waits for anything but this mutex.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::db::lock;
use crate::types::Tick;

/// Samples at which a flush does not wait for the interval.
const PLENTY: usize = 65_536;

pub(crate) struct Buffered {
    number: u64,
    pub tick: Tick,
}

pub(crate) struct Buffer<C> {
    state: Mutex<State<C>>,
    changed: Condvar,
    max_samples: usize,
    interval: Duration,
}

struct State<C> {
    ticks: VecDeque<Arc<Buffered>>,
    samples: usize,
    next_number: u64,
    oldest: Option<Instant>,
    orders: VecDeque<C>,
    closed: bool,
    dropped_ticks: u64,
    dropped_samples: u64,
    /// After a failed write: no attempt before this.
    not_before: Option<Instant>,
}

/// Why the writer woke up.
pub(crate) enum Wake<C> {
    /// The buffered ticks are due.
    Flush,
    Order(C),
    Closed,
}

/// What is in the buffer, and what did not fit.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fill {
    pub samples: usize,
    pub dropped_ticks: u64,
    pub dropped_samples: u64,
}

impl<C> Buffer<C> {
    pub(crate) fn new(max_samples: usize, interval: Duration) -> Self {
        Self {
            state: Mutex::new(State {
                ticks: VecDeque::new(),
                samples: 0,
                next_number: 0,
                oldest: None,
                orders: VecDeque::new(),
                closed: false,
                dropped_ticks: 0,
                dropped_samples: 0,
                not_before: None,
            }),
            changed: Condvar::new(),
            max_samples: max_samples.max(1),
            interval,
        }
    }

    pub(crate) fn push(&self, tick: Tick) {
        let mut state = lock(&self.state);
        if state.closed {
            state.dropped_ticks += 1;
            state.dropped_samples += tick.samples.len() as u64;
            return;
        }
        let number = state.next_number;
        state.next_number += 1;
        state.samples += tick.samples.len();
        state.ticks.push_back(Arc::new(Buffered { number, tick }));
        while state.samples > self.max_samples {
            let Some(oldest) = state.ticks.pop_front() else {
                break;
            };
            state.samples -= oldest.tick.samples.len();
            state.dropped_ticks += 1;
            state.dropped_samples += oldest.tick.samples.len() as u64;
        }
        let first = state.oldest.is_none();
        if first {
            state.oldest = Some(Instant::now());
        }
        if first || state.samples >= PLENTY {
            self.changed.notify_all();
        }
    }

    /// False when the writer is gone.
    pub(crate) fn order(&self, order: C) -> bool {
        let mut state = lock(&self.state);
        if state.closed {
            return false;
        }
        state.orders.push_back(order);
        self.changed.notify_all();
        true
    }

    pub(crate) fn close(&self) {
        lock(&self.state).closed = true;
        self.changed.notify_all();
    }

    /// The writer is gone: nobody will answer the orders left.
    pub(crate) fn abandon(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        state.orders.clear();
    }

    /// Waits for work. Orders come before the interval, a close after the orders.
    pub(crate) fn wait(&self) -> Wake<C> {
        let mut state = lock(&self.state);
        loop {
            if let Some(order) = state.orders.pop_front() {
                return Wake::Order(order);
            }
            if state.closed {
                return Wake::Closed;
            }
            let now = Instant::now();
            let pause = match due(&state, self.interval) {
                Some(due) if due <= now => return Wake::Flush,
                Some(due) => due - now,
                None => Duration::from_secs(3600),
            };
            let woken = self.changed.wait_timeout(state, pause);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// True when ticks have waited long enough. Asked between the steps of longer work.
    pub(crate) fn is_due(&self) -> bool {
        due(&lock(&self.state), self.interval).is_some_and(|due| due <= Instant::now())
    }

    /// The next attempt to write comes after `pause`.
    pub(crate) fn put_off(&self, pause: Duration) {
        lock(&self.state).not_before = Some(Instant::now() + pause);
    }

    pub(crate) fn peek(&self) -> Vec<Arc<Buffered>> {
        lock(&self.state).ticks.iter().cloned().collect()
    }

    /// Removes ticks that are stored now.
    pub(crate) fn remove_through(&self, last: &Arc<Buffered>) {
        let mut state = lock(&self.state);
        while let Some(first) = state.ticks.front() {
            if first.number > last.number {
                break;
            }
            let samples = first.tick.samples.len();
            state.samples -= samples;
            state.ticks.pop_front();
        }
        state.not_before = None;
        state.oldest = (!state.ticks.is_empty()).then(Instant::now);
    }

    pub(crate) fn fill(&self) -> Fill {
        let state = lock(&self.state);
        Fill {
            samples: state.samples,
            dropped_ticks: state.dropped_ticks,
            dropped_samples: state.dropped_samples,
        }
    }
}

fn due<C>(state: &State<C>, interval: Duration) -> Option<Instant> {
    let due = state.oldest?
        + if state.samples >= PLENTY {
            Duration::ZERO
        } else {
            interval
        };
    Some(
        state
            .not_before
            .map_or(due, |not_before| due.max(not_before)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Sample, SeriesId, UnixMs};

    fn tick(at: i64, samples: usize) -> Tick {
        let sample = Sample {
            series: SeriesId(1),
            value: 0.0,
        };
        Tick {
            at: UnixMs(at),
            samples: vec![sample; samples],
        }
    }

    #[test]
    fn the_oldest_ticks_give_way() {
        let buffer: Buffer<()> = Buffer::new(10, Duration::ZERO);
        for at in 0..5 {
            buffer.push(tick(at, 4));
        }
        let kept: Vec<i64> = buffer.peek().iter().map(|b| b.tick.at.0).collect();
        assert_eq!(kept, [3, 4]);
        let fill = buffer.fill();
        assert_eq!(
            (fill.samples, fill.dropped_ticks, fill.dropped_samples),
            (8, 3, 12)
        );
    }

    #[test]
    fn ticks_that_came_during_a_write_stay() {
        let buffer: Buffer<()> = Buffer::new(100, Duration::ZERO);
        buffer.push(tick(1, 1));
        let written = buffer.peek();
        buffer.push(tick(2, 1));
        buffer.remove_through(written.last().unwrap());
        assert_eq!(buffer.peek().len(), 1);
        assert_eq!(buffer.fill().samples, 1);
    }
}
