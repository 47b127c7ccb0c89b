//! The schedule by table and by property.

#![allow(
    clippy::unchecked_time_subtraction,
    reason = "a test that underflows fails"
)]

use std::time::Duration;

use proptest::prelude::*;
use pulse_core::InstanceKind;

use super::{Adaptive, BreakerState, DeadReason, Outcome, Schedule, Timing};

const GOOD: Outcome = Outcome::Success { moving: false };

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn schedule(timing: &Timing) -> Schedule {
    Schedule::new(InstanceKind::Pve, secs(10), Duration::ZERO, timing)
}

/// Polls as soon as one is due; gives the waits after the polls.
fn play(schedule: &mut Schedule, timing: &Timing, outcomes: &[Outcome]) -> Vec<u64> {
    outcomes
        .iter()
        .map(|outcome| {
            let now = schedule.next();
            assert!(schedule.is_due(now));
            schedule.started(now);
            schedule.finished(now, *outcome, timing, 0.0);
            (schedule.next() - now).as_secs()
        })
        .collect()
}

#[test]
fn three_failures_open_the_breaker_and_one_success_closes_it() {
    let timing = Timing::default();
    let mut it = schedule(&timing);
    assert_eq!(
        play(&mut it, &timing, &[Outcome::Transient; 3]),
        [5, 10, 40]
    );
    assert_eq!(it.breaker().state, BreakerState::Open);
    assert_eq!(it.breaker().retry_at, Some(it.next()));
    let now = it.next();
    assert!(!it.is_due(now - Duration::from_millis(1)));
    it.started(now);
    assert_eq!(it.breaker().state, BreakerState::HalfOpen);
    it.finished(now, GOOD, &timing, 0.0);
    assert_eq!(it.breaker().state, BreakerState::Closed);
    assert_eq!(it.breaker().failures, 0);
    // The delay starts anew, and failures that lie apart do not add up.
    assert_eq!(
        play(&mut it, &timing, &[Outcome::Transient; 3]),
        [5, 10, 40]
    );
    let mut it = schedule(&timing);
    let apart = [Outcome::Transient, Outcome::Transient, GOOD].repeat(3);
    play(&mut it, &timing, &apart);
    assert_eq!(it.breaker().state, BreakerState::Closed);
}

#[test]
fn a_failed_attempt_opens_it_for_longer() {
    let timing = Timing::default();
    let waits = play(&mut schedule(&timing), &timing, &[Outcome::Transient; 6]);
    assert_eq!(waits, [5, 10, 40, 300, 300, 300]);
}

#[test]
fn dead_letters_fill_and_empty() {
    let timing = Timing::default();
    let mut it = schedule(&timing);
    assert_eq!(play(&mut it, &timing, &[Outcome::Permanent]), [1800]);
    let dead = it.dead_letter().unwrap();
    assert_eq!(dead.reason, DeadReason::PermanentFailure);
    assert_eq!(dead.next_retry, it.next());
    play(&mut it, &timing, &[GOOD]);
    assert_eq!(it.dead_letter(), None);

    play(&mut it, &timing, &[Outcome::Transient; 4]);
    assert_eq!(it.dead_letter(), None);
    assert_eq!(play(&mut it, &timing, &[Outcome::Transient]), [300]);
    let dead = it.dead_letter().unwrap();
    assert_eq!(dead.reason, DeadReason::MaxRetryAttempts);
    assert_eq!(dead.retries, 5);
    // The operator fixed it.
    let now = it.next() - secs(200);
    it.reset(now);
    assert!(it.is_due(now));
    assert_eq!(it.dead_letter(), None);
    assert_eq!(it.breaker().state, BreakerState::Closed);
}

#[test]
fn a_refused_login_is_repeated_each_minute() {
    let timing = Timing::default();
    let waits = play(&mut schedule(&timing), &timing, &[Outcome::Refused; 8]);
    assert_eq!(waits, [60; 8]);
}

#[test]
fn every_kind_keeps_its_interval() {
    let timing = Timing {
        pbs: Some(secs(60)),
        ..Timing::default()
    };
    let mut pbs = Schedule::new(InstanceKind::Pbs, secs(10), Duration::ZERO, &timing);
    assert_eq!(play(&mut pbs, &timing, &[GOOD; 3]), [60; 3]);
    assert_eq!(
        play(&mut schedule(&timing), &timing, &[GOOD; 3]),
        [10, 10, 10]
    );
    // A shorter interval holds from the last start, at once.
    let timing = Timing {
        pbs: Some(secs(20)),
        ..timing
    };
    let last = pbs.next() - secs(60);
    pbs.retime(last + secs(5), &timing);
    assert_eq!(pbs.next(), last + secs(20));
    pbs.retime(
        last + secs(50),
        &Timing {
            pbs: Some(secs(30)),
            ..timing
        },
    );
    assert_eq!(pbs.next(), last + secs(50));
}

#[test]
fn adaptive_intervals_follow_what_happens() {
    let timing = Timing {
        adaptive: Some(Adaptive {
            base: secs(10),
            min: secs(5),
            max: secs(300),
        }),
        ..Timing::default()
    };
    let mut it = schedule(&timing);
    assert_eq!(play(&mut it, &timing, &[GOOD; 5]), [10; 5]);
    let moving = Outcome::Success { moving: true };
    let waits = play(&mut it, &timing, &[moving; 6]);
    assert!(waits[5] <= 5, "{waits:?}");
    let waits = play(&mut it, &timing, &[GOOD; 20]);
    assert!((9..=10).contains(&waits[19]), "{waits:?}");
    let waits = play(&mut it, &timing, &[GOOD; 2000]);
    assert!(waits[1999] >= 290, "{}", waits[1999]);
}

#[test]
fn events_do_not_flood_and_bypass_nothing() {
    let timing = Timing::default();
    let mut it = schedule(&timing);
    play(&mut it, &timing, &[GOOD]);
    it.nudge(Duration::ZERO);
    it.nudge(Duration::ZERO);
    assert_eq!(it.next(), secs(2));
    play(&mut it, &timing, &[Outcome::Transient; 3]);
    let next = it.next();
    it.nudge(next - secs(30));
    assert_eq!(it.next(), next);
    it.hurry(next - secs(30));
    assert_eq!(it.next(), next - secs(30));
}

#[derive(Clone, Debug)]
enum Step {
    Poll(Outcome, u64, f64),
    Hurry,
    Nudge,
    Reset,
    Retime(u64),
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let outcome = prop_oneof![
        any::<bool>().prop_map(|moving| Outcome::Success { moving }),
        Just(Outcome::Refused),
        Just(Outcome::Transient),
        Just(Outcome::Permanent),
    ];
    let step = prop_oneof![
        6 => (outcome, 0u64..200, -1.0f64..1.0).prop_map(|(o, t, c)| Step::Poll(o, t, c)),
        1 => Just(Step::Hurry),
        1 => Just(Step::Nudge),
        1 => Just(Step::Reset),
        1 => (1u64..4000).prop_map(Step::Retime),
        2 => (0u64..2000).prop_map(Step::Pass),
    ];
    proptest::collection::vec(step, 0..80)
}

proptest! {
    #[test]
    fn whatever_happens_the_next_poll_comes(steps in steps(), fast in any::<bool>()) {
        let adaptive = fast.then_some(Adaptive { base: secs(5), min: secs(2), max: secs(15) });
        let mut timing = Timing { adaptive, ..Timing::default() };
        let mut it = schedule(&timing);
        let mut now = Duration::ZERO;
        for step in steps {
            match step {
                Step::Poll(outcome, took, chance) => {
                    now = now.max(it.next());
                    prop_assert!(it.is_due(now));
                    it.started(now);
                    prop_assert!(!it.is_due(now + secs(10_000)), "two polls at once");
                    now += secs(took);
                    it.finished(now, outcome, &timing, chance);
                    let good = matches!(outcome, Outcome::Success { .. });
                    prop_assert_eq!(good, it.breaker().failures == 0);
                    if good {
                        prop_assert!(it.dead_letter().is_none());
                        prop_assert_eq!(it.breaker().state, BreakerState::Closed);
                    }
                    let wait = it.next().saturating_sub(now);
                    let longest = match outcome {
                        Outcome::Success { .. } => it.interval().mul_f64(1.06),
                        Outcome::Refused => it.interval().max(secs(300)).max(secs(4000)),
                        Outcome::Transient => secs(300),
                        Outcome::Permanent => secs(1800),
                    };
                    prop_assert!(wait <= longest, "{:?} {:?}", outcome, wait);
                    if outcome == Outcome::Refused {
                        prop_assert!(wait >= secs(60));
                    }
                    prop_assert_eq!(it.breaker().retry_at.is_some(), it.breaker().state == BreakerState::Open);
                }
                Step::Hurry => { it.hurry(now); prop_assert!(it.is_due(now)); }
                Step::Nudge => it.nudge(now),
                Step::Reset => { it.reset(now); prop_assert!(it.is_due(now)); }
                Step::Retime(interval) => {
                    timing.pve = Some(secs(interval));
                    it.retime(now, &timing);
                }
                Step::Pass(span) => now += secs(span),
            }
        }
    }
}
