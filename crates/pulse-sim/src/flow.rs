//! Rates that vary through the day, and the counters that are exactly their integrals.
//!
//! A counter must fit the rate it belongs to, at any moment, without a task that adds up. So a
//! flow is a sum of parts whose integrals are known in closed form:
//!
//! - a steady part;
//! - a daily wave (one minus cosine), lowest at a hashed hour of the night;
//! - noise, defined by its integral: a smooth bounded noise whose slope never exceeds the share
//!   it takes, so the rate stays positive;
//! - bursts: time is cut into windows that all carry the same amount; most spread it evenly, some
//!   deliver it within a minute or a few. Whole windows therefore count as a multiple.
//!
//! All parts are O(1) to evaluate.

use crate::noise::{between, chance, ease, ease_slope, mix, smooth, smooth_slope, unit};

const DAY: f64 = 86_400.0;
/// Seconds are counted from here (2023-11-14) so that totals stay exact in an f64.
const EPOCH: f64 = 1_700_000_000.0;
/// Noise periods in seconds; primes, so that the parts do not fall into step.
const PERIODS: [f64; 3] = [47.0, 331.0, 2_539.0];
const WINDOW: f64 = 1_800.0;

/// A rate with a long-term mean of `mean` per second, and its running total.
#[derive(Clone, Copy, Debug)]
pub struct Flow {
    /// Own noise.
    pub key: u64,
    /// Hours and bursts; flows of one guest share it, so its CPU and traffic rise together.
    pub rhythm: u64,
    /// Long-term mean per second.
    pub mean: f64,
    /// Share of the mean in the daily wave.
    pub daily: f64,
    /// Share of the mean in noise.
    pub noise: f64,
    /// Share of the mean in bursts.
    pub burst: f64,
    /// How often a window's amount comes in one burst.
    pub burst_chance: f64,
}

impl Flow {
    /// The rate per second at Unix second `t`.
    pub fn rate(&self, t: f64) -> f64 {
        let t = t - EPOCH;
        let wave = 1.0 - (std::f64::consts::TAU * (t - self.quietest()) / DAY).cos();
        let noise: f64 = PERIODS
            .iter()
            .zip(0..)
            .map(|(p, i)| smooth_slope(mix(self.key, i), t, *p) * p / 1.5)
            .sum::<f64>()
            / PERIODS.len() as f64;
        let steady = 1.0 - self.daily - self.burst;
        self.mean
            * (steady + self.daily * wave + self.noise * noise + self.burst * self.burst_rate(t))
    }

    /// What has flowed until Unix second `t`, counted from a fixed start.
    pub fn total(&self, t: f64) -> f64 {
        let t = t - EPOCH;
        let angle = std::f64::consts::TAU * (t - self.quietest()) / DAY;
        let wave = t - angle.sin() * DAY / std::f64::consts::TAU;
        let noise: f64 = PERIODS
            .iter()
            .zip(0..)
            .map(|(p, i)| smooth(mix(self.key, i), t, *p) * p / 1.5)
            .sum::<f64>()
            / PERIODS.len() as f64;
        let steady = 1.0 - self.daily - self.burst;
        self.mean
            * (steady * t
                + self.daily * wave
                + self.noise * noise
                + self.burst * self.burst_total(t))
    }

    /// What has flowed between two Unix seconds; never negative.
    pub fn between(&self, from: f64, to: f64) -> f64 {
        (self.total(to) - self.total(from)).max(0.0)
    }

    /// The second of the day (UTC) with the least traffic: about four in the morning.
    fn quietest(&self) -> f64 {
        between(self.rhythm, 71, 2.0, 6.0) * 3_600.0 - EPOCH.rem_euclid(DAY)
    }

    /// Start and length of the window's burst, if its amount comes in one.
    fn burst_of(&self, window: f64) -> Option<(f64, f64)> {
        let n = window as i64 as u64;
        let key = mix(self.rhythm, 72);
        chance(key, n, self.burst_chance).then(|| {
            let length = 60.0 + unit(mix(key, 1), n) * 300.0;
            (unit(mix(key, 2), n) * (WINDOW - length), length)
        })
    }

    fn burst_rate(&self, t: f64) -> f64 {
        let window = (t / WINDOW).floor();
        let inside = t - window * WINDOW;
        match self.burst_of(window) {
            None => 1.0,
            Some((start, length)) => ease_slope((inside - start) / length) * WINDOW / length,
        }
    }

    fn burst_total(&self, t: f64) -> f64 {
        let window = (t / WINDOW).floor();
        let inside = t - window * WINDOW;
        let part = match self.burst_of(window) {
            None => inside,
            Some((start, length)) => ease((inside - start) / length) * WINDOW,
        };
        window * WINDOW + part
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(seed: u64) -> Flow {
        Flow {
            key: mix(seed, 1),
            rhythm: mix(seed, 2),
            mean: 1_000.0,
            daily: 0.3,
            noise: 0.2,
            burst: 0.2,
            burst_chance: 0.1,
        }
    }

    #[test]
    fn the_rate_is_never_negative() {
        for seed in 0..20 {
            for step in 0..20_000 {
                let rate = flow(seed).rate(1_790_000_000.0 + f64::from(step) * 13.7);
                assert!(rate >= 0.0, "seed {seed}, step {step}: {rate}");
            }
        }
    }

    #[test]
    fn the_total_is_the_integral_of_the_rate() {
        for seed in 0..5 {
            let flow = flow(seed);
            let from = 1_790_000_000.0;
            let summed: f64 = (0..400_000)
                .map(|i| flow.rate(from + (f64::from(i) + 0.5) * 0.1))
                .sum::<f64>()
                * 0.1;
            let closed = flow.between(from, from + 40_000.0);
            assert!(
                (summed - closed).abs() / closed < 1e-4,
                "{summed} against {closed}"
            );
        }
    }

    #[test]
    fn a_day_carries_about_the_mean() {
        let day = flow(3).between(1_790_000_000.0, 1_790_000_000.0 + DAY * 10.0);
        assert!((day / (DAY * 10.0 * 1_000.0) - 1.0).abs() < 0.02, "{day}");
    }
}
