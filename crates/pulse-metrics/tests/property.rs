//! Whatever is appended, flushed, sealed and reopened in whatever order: a query answers what counting
//! the samples by hand gives.

#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;

use common::{HOUR, Rig, START, all};
use proptest::prelude::*;
use pulse_metrics::{Metric, QueryResult, ResourceKind, Sample, Tick, UnixMs};

#[derive(Clone, Debug)]
enum Step {
    /// Samples of some guests at a time that may be late.
    Append {
        at: i64,
        values: Vec<(usize, i32)>,
    },
    Flush,
    /// Maintenance at this hour after the start.
    Maintain {
        hour: i64,
    },
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let values = proptest::collection::vec((0_usize..4, -500_i32..20_000), 1..6);
    prop_oneof![
        20 => (0_i64..10 * HOUR, values).prop_map(|(at, values)| Step::Append { at, values }),
        3 => Just(Step::Flush),
        2 => (0_i64..14).prop_map(|hour| Step::Maintain { hour }),
        1 => Just(Step::Restart),
    ]
}

/// Scale 0.01 and floats as they are.
const METRICS: [&str; 4] = ["cpu", "memory", "speed", "cpu"];
const GUESTS: [&str; 4] = ["a", "a", "a", "b"];

type Samples = BTreeMap<(usize, i64), f64>;

fn check(result: &QueryResult, samples: &Samples) {
    let mut expected = 0;
    for series in 0..4 {
        let (guest, metric) = (GUESTS[series], METRICS[series]);
        let line = result
            .lines
            .iter()
            .find(|l| &*l.resource_id == guest && l.metric.as_str() == metric);
        let range = (series, result.start.0)..(series, result.end.0);
        let mut buckets: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
        for ((_, at), value) in samples.range(range) {
            let step = result.step_ms.max(1);
            buckets.entry(at / step * step).or_default().push(*value);
        }
        expected += usize::from(!buckets.is_empty());
        let points = line.map_or(&[][..], |line| &line.points);
        let times: Vec<i64> = points.iter().map(|p| p.at.0).collect();
        assert_eq!(
            times,
            buckets.keys().copied().collect::<Vec<_>>(),
            "step {}",
            result.step_ms
        );
        for (point, values) in points.iter().zip(buckets.values()) {
            let average = values.iter().sum::<f64>() / values.len() as f64;
            assert!((point.value - average).abs() < 1e-6, "{point:?} {values:?}");
            assert_eq!(point.min, values.iter().copied().fold(f64::MAX, f64::min));
            assert_eq!(point.max, values.iter().copied().fold(f64::MIN, f64::max));
        }
    }
    assert_eq!(result.lines.len(), expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn queries_equal_counting(steps in proptest::collection::vec(step(), 1..120)) {
        let mut rig = Rig::on_disk();
        let mut samples = Samples::new();
        for step in steps {
            match step {
                Step::Append { at, values } => {
                    let at = START + at;
                    let mut tick = Tick { at: UnixMs(at), samples: Vec::new() };
                    for (i, value) in values {
                        // One sample a series and time; of repeated ones the log keeps both until it is sealed.
                        if samples.contains_key(&(i, at)) {
                            continue;
                        }
                        let value = f64::from(value) / 100.0;
                        let metric = Metric::from(METRICS[i]);
                        let series = rig.store.intern(&ResourceKind::VM, GUESTS[i], &metric).unwrap();
                        samples.insert((i, at), value);
                        tick.samples.push(Sample { series, value });
                    }
                    rig.store.append(tick);
                }
                Step::Flush => rig.store.flush().unwrap(),
                Step::Maintain { hour } => rig.store.maintain(UnixMs(START + hour * HOUR)).unwrap(),
                Step::Restart => rig.restart(),
            }
        }
        for (from, to, points) in [
            (0, 10, 100_000),
            (0, 10, 600),
            (2, 9, 84),
            (0, 10, 40),
            (0, 10, 5),
            (3, 4, 1),
        ] {
            let query = all(START + from * HOUR, START + to * HOUR, points);
            check(&rig.store.query(&query).unwrap(), &samples);
        }
        let stats = rig.store.stats().unwrap();
        prop_assert_eq!(stats.raw_samples + stats.buffered_samples, samples.len() as u64);
    }
}
