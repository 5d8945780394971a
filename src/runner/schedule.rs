//! What comes next for a statement, given the samples that it has.
//!
//! ```text
//! no failure yet? ─▶ measured samples enough? ─▶ warmed up in this session? ─▶ the next measured sample
//!       │ no                 │ yes                        │ no
//!       ▼                    ▼                            ▼
//!     done                 done                    the next warm-up sample
//! ```
//!
//! A pure function of samples, so that a run that goes on after it was killed needs nothing but its samples: it continues where
//! it was, whether their number is fixed or they are repeated until the median's interval is narrow.

use std::time::Duration;

use super::RunPlan;
use crate::results::format::{Check, Phase, SampleRow};
use crate::results::{relative_half_width, sample_seconds};

/// One sample that is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// Whether it will count.
    pub phase: Phase,
    /// Its number within its phase, from 1.
    pub iteration: u32,
}

/// When a statement has samples enough, if their number is not fixed.
#[derive(Debug, Clone, PartialEq)]
pub struct RepeatUntil {
    /// Half of the width of the median's interval, as a share of the median, that is narrow enough.
    pub relative_half_width: f64,
    /// The most measured samples.
    pub max_iterations: u32,
    /// The most time that the measured samples may take together.
    pub max_time: Option<Duration>,
}

/// The next sample of a statement; nothing if it has all that it needs. `earlier` are its samples of former sessions of the
/// run, `current` those of this one: caches are cold again in a new session, so that its warm-up is done again, with numbers of
/// its own.
pub fn next_slot(plan: &RunPlan, earlier: &[SampleRow], current: &[SampleRow]) -> Option<Slot> {
    let all = || earlier.iter().chain(current);
    let of = |phase: Phase| all().filter(move |sample| sample.phase == phase);
    // A statement that failed once has no figure whatever the other samples say; the time is better spent elsewhere.
    if all().any(|sample| sample.error_class.is_some()) || is_enough(plan, &all().collect::<Vec<_>>()) {
        return None;
    }
    let warm = current.iter().filter(|sample| sample.phase == Phase::Warmup).count();
    let phase = if warm < plan.warmup as usize { Phase::Warmup } else { Phase::Measured };
    // Numbered after the highest rather than counted, so that no number comes twice.
    let iteration = of(phase).map(|sample| sample.iteration).max().unwrap_or(0) + 1;
    Some(Slot { phase, iteration })
}

fn is_enough(plan: &RunPlan, samples: &[&SampleRow]) -> bool {
    let measured: Vec<_> = samples.iter().filter(|sample| sample.phase == Phase::Measured).collect();
    let count = measured.len();
    if count < plan.iterations as usize {
        return false;
    }
    let Some(until) = &plan.repeat_until else { return true };
    // The time of a wrong answer counts for nothing, however well it is known.
    if samples.iter().any(|sample| sample.check == Some(Check::Wrong)) || count >= until.max_iterations as usize {
        return true;
    }
    let with_planning = plan.aggregate.includes_planning();
    let seconds = |with_planning| measured.iter().filter_map(move |sample| sample_seconds(sample, with_planning));
    let spent: f64 = seconds(true).sum();
    let is_narrow = relative_half_width(&seconds(with_planning).collect::<Vec<_>>())
        .is_some_and(|width| width <= until.relative_half_width);
    is_narrow || until.max_time.is_some_and(|time| spent >= time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::test_support::sample_rows;
    use crate::runner::test_support::run_plan;

    fn row(phase: Phase, iteration: u32, milliseconds: u64) -> SampleRow {
        let execute_ns = Some(milliseconds * 1_000_000);
        SampleRow { phase, iteration, planning_ns: Some(0), execute_ns, ..sample_rows().remove(0) }
    }

    fn warm(iteration: u32) -> SampleRow {
        row(Phase::Warmup, iteration, 500)
    }

    fn measured(times: &[u64]) -> Vec<SampleRow> {
        (1..).zip(times).map(|(iteration, time)| row(Phase::Measured, iteration, *time)).collect()
    }

    #[track_caller]
    fn check(plan: &RunPlan, earlier: &[SampleRow], current: &[SampleRow], expected: Option<(Phase, u32)>) {
        assert_eq!(next_slot(plan, earlier, current).map(|slot| (slot.phase, slot.iteration)), expected);
    }

    #[test]
    fn warm_up_and_a_fixed_number() {
        let plan = run_plan(2, 1);
        check(&plan, &[], &[], Some((Phase::Warmup, 1)));
        check(&plan, &[], &[warm(1)], Some((Phase::Measured, 1)));
        check(&plan, &[], &[vec![warm(1)], measured(&[5])].concat(), Some((Phase::Measured, 2)));
        check(&plan, &[], &[vec![warm(1)], measured(&[5, 5])].concat(), None);
        check(&run_plan(1, 0), &[], &[], Some((Phase::Measured, 1)));
    }

    #[test]
    fn a_new_session_warms_up_again_and_keeps_what_is_there() {
        let plan = run_plan(3, 1);
        let earlier = [vec![warm(1)], measured(&[5, 5])].concat();
        check(&plan, &earlier, &[], Some((Phase::Warmup, 2)));
        check(&plan, &earlier, &[warm(2)], Some((Phase::Measured, 3)));
        check(&plan, &earlier, &[warm(2), row(Phase::Measured, 3, 5)], None);
        check(&plan, &[warm(1)], &[], Some((Phase::Warmup, 2)));
        check(&plan, &[vec![warm(1)], measured(&[5, 5, 5])].concat(), &[], None);
    }

    #[test]
    fn a_failure_ends_the_statement() {
        let plan = run_plan(3, 1);
        let failed = sample_rows().remove(1);
        check(&plan, &[], std::slice::from_ref(&failed), None);
        check(&plan, &[failed], &[], None);
    }

    #[test]
    fn repeating_until_the_interval_is_narrow() {
        let until = |max_time| RepeatUntil { relative_half_width: 0.02, max_iterations: 9, max_time };
        let plan = RunPlan { repeat_until: Some(until(None)), ..run_plan(6, 0) };
        check(&plan, &[], &measured(&[100; 5]), Some((Phase::Measured, 6)));
        check(&plan, &[], &measured(&[100, 101, 100, 101, 100, 101]), None);
        let wide = [100, 140, 80, 120, 90, 110, 100, 130, 70];
        check(&plan, &[], &measured(&wide[..6]), Some((Phase::Measured, 7)));
        check(&plan, &measured(&wide[..6]), &[], Some((Phase::Measured, 7)));
        check(&plan, &[], &measured(&wide), None);
        let short = RunPlan { repeat_until: Some(until(Some(Duration::from_millis(500)))), ..plan.clone() };
        check(&short, &[], &measured(&wide[..6]), None);
        let mut wrong = measured(&wide[..6]);
        wrong[0].check = Some(Check::Wrong);
        check(&plan, &[], &wrong, None);
    }

    /// Looking after each sample makes the interval right less often than one that is looked at once: METHODOLOGY says so.
    #[test]
    fn stopping_at_a_narrow_interval_is_still_right_most_of_the_time() {
        use crate::results::inference::median_interval;
        use rand::{Rng, SeedableRng};
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let until = RepeatUntil { relative_half_width: 0.02, max_iterations: 50, max_time: None };
        let plan = RunPlan { repeat_until: Some(until), ..run_plan(6, 0) };
        let trials = 400;
        let mut held = 0;
        for _ in 0..trials {
            let mut samples = Vec::new();
            while let Some(slot) = next_slot(&plan, &[], &samples) {
                // The sum of twelve even figures is nearly normal: median 1 s, standard deviation 4%.
                let deviation: f64 = (0..12).map(|_| random.random_range(-0.5..0.5)).sum();
                let execute_ns = Some((1e9 + 4e7 * deviation) as u64);
                samples.push(SampleRow { execute_ns, ..row(slot.phase, slot.iteration, 0) });
            }
            let seconds: Vec<_> = samples.iter().filter_map(|sample| sample_seconds(sample, true)).collect();
            let interval = median_interval(&seconds).expect("enough samples");
            held += u32::from(interval.low <= 1.0 && 1.0 <= interval.high);
        }
        let share = f64::from(held) / f64::from(trials);
        assert!((0.85..=0.97).contains(&share), "{share}");
    }
}
