//! CPU usage from the jiffies in `/proc/stat`: busy by total between two readings. Guest time is
//! already part of user time; waiting for I/O is idle.

use std::io;
use std::path::Path;

use super::{malformed, text};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    busy: u64,
    total: u64,
}

impl Times {
    /// Percent of all processors; none when no time has passed or the counters went back.
    pub fn usage_since(self, before: Self) -> Option<f64> {
        let total = self
            .total
            .checked_sub(before.total)
            .filter(|total| *total > 0)?;
        let busy = self.busy.saturating_sub(before.busy);
        Some((busy as f64 / total as f64 * 100.0).min(100.0))
    }
}

/// The times and the number of logical processors.
pub fn read(proc: &Path) -> io::Result<(Times, i64)> {
    parse(&text(&proc.join("stat"))?).ok_or_else(|| malformed("/proc/stat"))
}

fn parse(stat: &str) -> Option<(Times, i64)> {
    let mut lines = stat.lines();
    let mut fields = lines.next()?.strip_prefix("cpu ")?.split_ascii_whitespace();
    let mut values = [0_u64; 8];
    for (index, value) in values.iter_mut().enumerate() {
        // Old kernels end after the first four.
        match fields.next() {
            Some(field) => *value = field.parse().ok()?,
            None if index < 4 => return None,
            None => break,
        }
    }
    let total = values
        .iter()
        .try_fold(0_u64, |sum, value| sum.checked_add(*value))?;
    let idle = values[3] + values[4];
    let processors = lines.take_while(|line| line.starts_with("cpu")).count();
    Some((
        Times {
            busy: total - idle,
            total,
        },
        processors as i64,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn usage(before: &str, now: &str) -> Option<f64> {
        parse(now)
            .expect("valid")
            .0
            .usage_since(parse(before).expect("valid").0)
    }

    #[test]
    fn busy_by_total_with_iowait_idle_and_guest_not_twice() {
        // Of 100 jiffies: 20 user (of which 10 guest), 5 system, 60 idle, 10 iowait, 5 steal.
        let usage = usage("cpu 0 0 0 0 0 0 0 0 0 0\n", "cpu 20 0 5 60 10 0 0 5 10 0\n");
        assert_eq!(usage, Some(30.0));
    }

    #[test]
    fn no_answer_without_progress() {
        assert_eq!(usage("cpu 1 1 1 1", "cpu 1 1 1 1"), None);
        assert_eq!(usage("cpu 9 9 9 9", "cpu 1 1 1 1"), None);
        // Idle time may run backwards a little on real kernels.
        assert_eq!(usage("cpu 0 0 0 10 5", "cpu 10 0 0 9 5"), Some(100.0));
    }

    #[test]
    fn counts_processors() {
        let (_, processors) =
            parse("cpu  4 0 0 4\ncpu0 2 0 0 2\ncpu1 2 0 0 2\nintr 5\ncpu9 0\n").expect("valid");
        assert_eq!(processors, 2);
        assert_eq!(parse("cpu 1 2 3"), None);
        assert_eq!(parse("cpu 18446744073709551615 1 1 1"), None);
    }

    proptest! {
        #[test]
        fn never_panics(stat in "(cpu[ 0-9]{0,40}\n?){0,4}", noise in any::<String>()) {
            let _ = (parse(&stat), parse(&noise));
        }
    }
}
