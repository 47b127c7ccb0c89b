//! Which tier, how wide a bucket, and which tier for which part of the range. Pure.

use crate::tier::Tier;

/// Fewer points than this (and samples themselves) are had by a wider bucket, not by leaving out
/// the oldest one.
const FEW: i64 = 16;

/// The buckets of an answer: `first` to `first + len - 1`, counted from 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grid {
    pub tier: Tier,
    pub step: i64,
    pub first: i64,
    pub len: usize,
}

impl Grid {
    /// The coarsest of the written tiers whose buckets fit `max_points` times into the range.
    pub(super) fn choose(
        start: i64,
        end: i64,
        max_points: usize,
        written: impl Fn(Tier) -> bool,
    ) -> Self {
        let points = i64::try_from(max_points).unwrap_or(i64::MAX).max(1);
        let wanted = (end - start).max(1).div_euclid(points)
            + i64::from((end - start).max(1).rem_euclid(points) > 0);
        let tier = Tier::ALL
            .into_iter()
            .rev()
            .find(|tier| tier.bucket_ms() <= wanted && written(*tier))
            .unwrap_or(Tier::Raw);
        let unit = match tier {
            Tier::Raw if wanted >= 1000 => 1000,
            other => other.bucket_ms(),
        };
        let mut step = (wanted + unit - 1) / unit * unit;
        loop {
            let mut first = start.div_euclid(step);
            let last = (end - 1).max(start).div_euclid(step);
            if last - first + 1 > points && points >= FEW && tier != Tier::Raw {
                // The range begins inside a bucket: the oldest, partial one gives way.
                first += 1;
            }
            if last - first < points {
                let len = (last - first + 1) as usize;
                return Self {
                    tier,
                    step,
                    first,
                    len,
                };
            }
            step += unit;
        }
    }

    pub(super) fn start(&self) -> i64 {
        self.first * self.step
    }

    /// Joins buckets in pairs.
    pub(super) fn halved(&self) -> Self {
        let first = self.first.div_euclid(2);
        let last = (self.first + self.len as i64 - 1).div_euclid(2);
        Self {
            step: self.step * 2,
            first,
            len: (last - first + 1) as usize,
            ..*self
        }
    }
}

/// A part of the range read from one tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub tier: Tier,
    pub from: i64,
    pub to: i64,
}

/// The grid's tier as far back as it goes, coarser ones before that.
pub(super) fn parts(
    grid: &Grid,
    start: i64,
    end: i64,
    oldest: impl Fn(Tier) -> Option<i64>,
) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut to = end;
    for tier in Tier::ALL.into_iter().skip(grid.tier.index()) {
        let Some(oldest) = oldest(tier) else { continue };
        let from = oldest.max(start);
        if from < to {
            parts.push(Part { tier, from, to });
            to = from;
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOUR: i64 = 3_600_000;
    const DAY: i64 = 24 * HOUR;

    #[test]
    fn ranges_take_their_tier() {
        let now = 20_000 * DAY;
        for (span, points, tier, step) in [
            (HOUR, 500, Tier::Raw, 8_000),
            (4 * HOUR, 500, Tier::Raw, 29_000),
            (24 * HOUR, 500, Tier::Minute, 180_000),
            (24 * HOUR, 240, Tier::Minute, 360_000),
            (7 * DAY, 500, Tier::Minute, 1_260_000),
            (30 * DAY, 500, Tier::Hour, 2 * HOUR),
            (90 * DAY, 500, Tier::Hour, 5 * HOUR),
            (730 * DAY, 500, Tier::Day, 2 * DAY),
        ] {
            let grid = Grid::choose(now - span, now, points, |_| true);
            assert_eq!((grid.tier, grid.step), (tier, step), "{span}");
            assert!(
                grid.len <= points && grid.len > points / 3,
                "{span} {}",
                grid.len
            );
        }
        let no_minutes = Grid::choose(now - DAY, now, 240, |t| t != Tier::Minute);
        assert_eq!(no_minutes.tier, Tier::Raw);
    }

    #[test]
    fn older_parts_come_from_coarser_tiers() {
        let grid = Grid::choose(0, 100 * DAY, 100_000, |_| true);
        assert_eq!(grid.tier, Tier::Minute);
        let oldest = |tier| match tier {
            Tier::Raw => Some(99 * DAY),
            Tier::Minute => Some(93 * DAY),
            Tier::Hour => Some(10 * DAY),
            Tier::Day => None,
        };
        let parts = parts(&grid, 0, 100 * DAY, oldest);
        let part = |tier, from: i64, to: i64| Part {
            tier,
            from: from * DAY,
            to: to * DAY,
        };
        assert_eq!(
            parts,
            [part(Tier::Minute, 93, 100), part(Tier::Hour, 10, 93)]
        );
    }

    proptest! {
        #[test]
        fn never_more_points_than_asked(
            start in 0_i64..(1 << 40),
            span in 1_i64..(1 << 37),
            points in 1_usize..2000,
        ) {
            let grid = Grid::choose(start, start + span, points, |_| true);
            prop_assert!(grid.len <= points);
            prop_assert!(grid.start() + (grid.len as i64) * grid.step >= start + span);
            prop_assert!(grid.start() <= start + grid.step);
        }
    }
}
