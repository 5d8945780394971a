//! A comparison for programs.
//!
//! One object; names carry their units, ratios are the other side over the baseline, and what is not known is `null`.
//! [`FORMAT_VERSION`] is raised when an older reader would misunderstand a newer text; a field that may be ignored
//! does not raise it.

use serde_json::{Value, json};

use super::comparison::{ComparisonReport, ComparisonWithReasons, difference_seconds};
use crate::compare::{Comparison, Finding, Noise, Pairing, StatementComparison, SuiteComparison, Verdict};
use crate::results::inference::Interval;

/// The version of the form.
const FORMAT_VERSION: u32 = 1;

/// All figures, reasons and plan diffs as one JSON object.
pub fn comparison_json(report: &ComparisonReport) -> String {
    let environment = report.environment.iter().map(|(name, value)| json!({"name": name, "value": value}));
    let object = json!({
        "format_version": FORMAT_VERSION,
        "comparisons": report.comparisons.iter().map(compared).collect::<Vec<_>>(),
        "noise": report.noise.as_ref().map(noise),
        "notes": report.notes,
        "environment": environment.collect::<Vec<_>>(),
        "fair_use": super::FAIR_USE,
    });
    format!("{object:#}\n")
}

fn compared(ComparisonWithReasons { comparison, reasons }: &ComparisonWithReasons) -> Value {
    let reasons = reasons.iter().map(|(statement, sentences, plan_diff)| {
        let plan_diff = Some(plan_diff).filter(|diff| !diff.is_empty());
        json!({"statement": statement, "sentences": sentences, "plan_diff": plan_diff})
    });
    let thresholds = &comparison.thresholds;
    json!({
        "baseline": comparison.baseline,
        "other": comparison.other,
        "pairing": match comparison.pairing {
            Pairing::Paired => "paired",
            Pairing::Unpaired => "unpaired",
        },
        "total": comparison.total.as_ref().map(suite),
        "geomean": comparison.geomean.as_ref().map(suite),
        "counted": comparison.counted(),
        "counts": counts(comparison),
        "statements": comparison.statements.iter().map(statement).collect::<Vec<_>>(),
        "reasons": reasons.collect::<Vec<_>>(),
        "thresholds": {
            "precision": thresholds.precision,
            "margin": thresholds.margin,
            "least_change": thresholds.least_change,
            "false_discovery_rate": thresholds.false_discovery_rate,
            "least_samples": thresholds.least_pairs,
        },
    })
}

fn counts(comparison: &Comparison) -> Value {
    let found = |outcome: &str| comparison.statements.iter().filter(|s| outcome_word(&s.finding) == outcome).count();
    json!({
        "faster": comparison.count(Verdict::Faster),
        "slower": comparison.count(Verdict::Slower),
        "same": comparison.count(Verdict::Same),
        "undecided": comparison.count(Verdict::Undecided),
        "lost_by_other": found("lost_by_other"),
        "lost_by_baseline": found("lost_by_baseline"),
        "lost_by_both": found("lost_by_both"),
        "no_times": found("no_times"),
    })
}

fn statement(statement: &StatementComparison) -> Value {
    let verdict = statement.finding.verdict();
    // A side that lost has no time, however fast it was.
    let figure = |figure: Option<f64>| figure.filter(|_| verdict.is_some());
    json!({
        "statement": statement.statement,
        "outcome": outcome_word(&statement.finding),
        "verdict": verdict.map(|verdict| verdict.to_string()),
        "baseline_seconds": figure(statement.baseline_seconds),
        "other_seconds": figure(statement.other_seconds),
        "difference_seconds": difference_seconds(statement),
        "ratio": figure(statement.ratio),
        "interval": interval(statement.interval),
        "sample_count": statement.sample_count,
        "message": match &statement.finding {
            Finding::OtherLost(why) | Finding::BaselineLost(why) | Finding::BothLost(why) => Some(why),
            Finding::Times(_) | Finding::Nothing => None,
        },
    })
}

fn outcome_word(finding: &Finding) -> &'static str {
    match finding {
        Finding::Times(_) => "times",
        Finding::OtherLost(_) => "lost_by_other",
        Finding::BaselineLost(_) => "lost_by_baseline",
        Finding::BothLost(_) => "lost_by_both",
        Finding::Nothing => "no_times",
    }
}

fn suite(suite: &SuiteComparison) -> Value {
    json!({
        "baseline_seconds": suite.baseline_seconds,
        "other_seconds": suite.other_seconds,
        "ratio": suite.ratio,
        "interval": interval(suite.interval),
        "verdict": suite.verdict.to_string(),
    })
}

fn interval(interval: Option<Interval>) -> Value {
    interval.map_or(Value::Null, |interval| json!({"low": interval.low, "high": interval.high}))
}

fn noise(noise: &Noise) -> Value {
    let ratio =
        |found: crate::compare::OverallRatio| json!({"ratio": found.ratio, "interval": interval(Some(found.interval))});
    json!({
        "pair_count": noise.pairs,
        "median_pair_difference": noise.pair_difference.exp_m1(),
        "total": ratio(noise.overall.totals),
        "geomean": ratio(noise.overall.geometric_means),
        "second_over_first": noise.second_over_first,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::comparison::tests::report;
    use expect_test::{Expect, expect};

    #[track_caller]
    fn check(of: impl Fn(&Value) -> &Value, expected: Expect) {
        let object: Value = serde_json::from_str(&comparison_json(&report())).expect("JSON");
        expected.assert_eq(&format!("{:#}\n", of(&object)));
    }

    #[test]
    fn fields_have_stable_names() {
        check(
            |object| &object["comparisons"][0]["counts"],
            expect![[r#"
            {
              "faster": 1,
              "slower": 1,
              "same": 1,
              "undecided": 1,
              "lost_by_other": 1,
              "lost_by_baseline": 0,
              "lost_by_both": 0,
              "no_times": 1
            }
        "#]],
        );
        check(
            |object| &object["comparisons"][0]["total"],
            expect![[r#"
            {
              "baseline_seconds": 122.3,
              "other_seconds": 62.9845,
              "ratio": 0.515,
              "interval": {
                "low": 0.50985,
                "high": 0.52015
              },
              "verdict": "faster"
            }
        "#]],
        );
        check(
            |object| &object["comparisons"][0]["statements"][1],
            expect![[r#"
            {
              "statement": "q2",
              "outcome": "times",
              "verdict": "slower",
              "baseline_seconds": 2.0,
              "other_seconds": 3.0,
              "difference_seconds": 1.0,
              "ratio": 1.5,
              "interval": {
                "low": 1.47,
                "high": 1.53
              },
              "sample_count": 14,
              "message": null
            }
        "#]],
        );
        check(
            |object| &object["comparisons"][0]["reasons"],
            expect![[r#"
            [
              {
                "statement": "q2",
                "sentences": [
                  "0.9 s of 1.0 s: HashJoinExec on x builds from the other side"
                ],
                "plan_diff": "- HashJoinExec: mode=CollectLeft\n+ HashJoinExec: mode=Partitioned\n"
              },
              {
                "statement": "q6",
                "sentences": [
                  "55.0 s of 60.0 s: no spill",
                  "5.0 s of 60.0 s: planning"
                ],
                "plan_diff": null
              }
            ]
        "#]],
        );
        check(
            |object| &object["comparisons"][0]["thresholds"],
            expect![[r#"
            {
              "precision": 0.02,
              "margin": 0.03,
              "least_change": 0.005,
              "false_discovery_rate": 0.05,
              "least_samples": 14
            }
        "#]],
        );
        check(
            |object| &object["noise"],
            expect![[r#"
            {
              "pair_count": 208,
              "median_pair_difference": 0.012299999999999978,
              "total": {
                "ratio": 1.002,
                "interval": {
                  "low": 0.991,
                  "high": 1.01
                }
              },
              "geomean": {
                "ratio": 1.002,
                "interval": {
                  "low": 0.991,
                  "high": 1.01
                }
              },
              "second_over_first": 0.99
            }
        "#]],
        );
        check(
            |object| &object["environment"],
            expect![[r#"
            [
              {
                "name": "run",
                "value": "a run"
              },
              {
                "name": "data",
                "value": "scale 1"
              }
            ]
        "#]],
        );
    }

    #[test]
    fn who_loses_has_no_time() {
        check(
            |object| &object["comparisons"][0]["statements"][3],
            expect![[r#"
            {
              "statement": "q4",
              "outcome": "lost_by_other",
              "verdict": null,
              "baseline_seconds": null,
              "other_seconds": null,
              "difference_seconds": null,
              "ratio": null,
              "interval": null,
              "sample_count": 14,
              "message": "wrong answer: 3 rows | not <4>\nand more"
            }
        "#]],
        );
    }

    #[test]
    fn all_parts_are_there() {
        let object: Value = serde_json::from_str(&comparison_json(&report())).expect("JSON");
        let keys = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(&object), ["format_version", "comparisons", "noise", "notes", "environment", "fair_use"]);
        let of_comparison = [
            "baseline",
            "other",
            "pairing",
            "total",
            "geomean",
            "counted",
            "counts",
            "statements",
            "reasons",
            "thresholds",
        ];
        assert_eq!(keys(&object["comparisons"][0]), of_comparison);
        assert_eq!((&object["format_version"], &object["notes"][0]), (&json!(1), &json!("beware\nof this")));
    }
}
