//! Roll-ups as arithmetic: what remains of many samples.
//!
//! Works on stored integers, so sums are exact and a roll-up of roll-ups equals a roll-up of the
//! samples. With `Scale::Exact` the integers are float bits and sums are float sums.

use crate::scale::Scale;

/// Samples of one series in one bucket of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bucket {
    pub count: i64,
    pub sum: i64,
    pub min: i64,
    pub max: i64,
    pub last: i64,
}

fn float(bits: i64) -> f64 {
    f64::from_bits(bits as u64)
}

impl Bucket {
    pub(crate) fn one(value: i64) -> Self {
        Self {
            count: 1,
            sum: value,
            min: value,
            max: value,
            last: value,
        }
    }

    /// Adds what came later.
    pub(crate) fn add(&mut self, later: &Self, scale: Scale) {
        self.count += later.count;
        self.last = later.last;
        if scale == Scale::Exact {
            self.sum = (float(self.sum) + float(later.sum)).to_bits() as i64;
            self.min = float(self.min).min(float(later.min)).to_bits() as i64;
            self.max = float(self.max).max(float(later.max)).to_bits() as i64;
        } else {
            self.sum = self.sum.saturating_add(later.sum);
            self.min = self.min.min(later.min);
            self.max = self.max.max(later.max);
        }
    }
}

/// Buckets of one series by number, ascending.
pub(crate) type Buckets = Vec<(u32, Bucket)>;

/// Rolls ascending entries up into coarser buckets; `number` says which one an offset falls in.
pub(crate) fn roll_up(
    entries: impl IntoIterator<Item = (u32, Bucket)>,
    scale: Scale,
    number: impl Fn(u32) -> u32,
) -> Buckets {
    let mut buckets: Buckets = Vec::new();
    for (offset, entry) in entries {
        let number = number(offset);
        match buckets.last_mut() {
            Some((last, bucket)) if *last == number => bucket.add(&entry, scale),
            _ => buckets.push((number, entry)),
        }
    }
    buckets
}

/// Puts freshly computed buckets in the place of old ones. An old bucket that counts more samples
/// stays: its sources have been damaged or retired since.
pub(crate) fn replace(old: &[(u32, Bucket)], fresh: &[(u32, Bucket)]) -> Buckets {
    let mut merged = Buckets::with_capacity(old.len() + fresh.len());
    let (mut old, mut fresh) = (old.iter().peekable(), fresh.iter().peekable());
    loop {
        let next = match (old.peek(), fresh.peek()) {
            (Some(a), Some(b)) if a.0 == b.0 => {
                let winner = if a.1.count > b.1.count { **a } else { **b };
                old.next();
                fresh.next();
                Some(winner)
            }
            (Some(a), Some(b)) if a.0 < b.0 => old.next().copied(),
            (Some(_), None) => old.next().copied(),
            (_, Some(_)) => fresh.next().copied(),
            (None, None) => None,
        };
        let Some(next) = next else { return merged };
        merged.push(next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn rolling_up_equals_counting(
            samples in proptest::collection::btree_map(0_u32..7_200_000, -10_000_i64..10_000, 0..300),
        ) {
            let scale = Scale::Centi;
            let entries = samples.iter().map(|(at, v)| (*at, Bucket::one(*v)));
            let minutes = roll_up(entries.clone(), scale, |at| at / 60_000);
            let direct = roll_up(entries, scale, |at| at / 3_600_000);
            let via_minutes = roll_up(minutes.iter().copied(), scale, |minute| minute / 60);
            prop_assert_eq!(&direct, &via_minutes);

            let mut naive: BTreeMap<u32, Vec<i64>> = BTreeMap::new();
            for (at, value) in &samples {
                naive.entry(at / 60_000).or_default().push(*value);
            }
            let naive: Buckets = naive.into_iter().map(|(number, values)| {
                let bucket = Bucket {
                    count: values.len() as i64,
                    sum: values.iter().sum(),
                    min: *values.iter().min().unwrap(),
                    max: *values.iter().max().unwrap(),
                    last: *values.last().unwrap(),
                };
                (number, bucket)
            }).collect();
            prop_assert_eq!(minutes, naive);
        }

        #[test]
        fn replacing_twice_changes_nothing(
            old in proptest::collection::btree_map(0_u32..50, 1_i64..5, 0..20),
            fresh in proptest::collection::btree_map(0_u32..50, 1_i64..5, 0..20),
        ) {
            let buckets = |map: BTreeMap<u32, i64>, value: i64| -> Buckets {
                map.into_iter().map(|(n, count)| (n, Bucket { count, ..Bucket::one(value) })).collect()
            };
            let (old, fresh) = (buckets(old, 1), buckets(fresh, 2));
            let once = replace(&old, &fresh);
            prop_assert!(once.is_sorted_by(|a, b| a.0 < b.0));
            prop_assert_eq!(replace(&once, &fresh), once);
        }
    }

    #[test]
    fn floats_roll_up_as_floats() {
        let bits = |v: f64| v.to_bits() as i64;
        let entries = [1.5, -2.5, 4.0].map(|v| Bucket::one(bits(v)));
        let rolled = roll_up(entries.map(|b| (0, b)), Scale::Exact, |n| n);
        let expected = Bucket {
            count: 3,
            sum: bits(3.0),
            min: bits(-2.5),
            max: bits(4.0),
            last: bits(4.0),
        };
        assert_eq!(rolled, [(0, expected)]);
    }
}
