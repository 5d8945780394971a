//! Words and figures that every form of report shares.

use crate::results::format::{Peak, RunFile, Status, Summary, Warning};
use crate::results::{Aggregate, Run, StatementState, StatementSummary, findings};
use crate::text;

/// How many of the slowest statements a report names.
pub(super) const SLOWEST: usize = 10;

/// Seconds with as many places as make sense at that size.
pub(super) fn seconds(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.1}"),
        value if value >= 10.0 => format!("{value:.2}"),
        value => format!("{value:.3}"),
    }
}

/// A factor with as many places as make sense at that size.
pub(super) fn factor(value: f64) -> String {
    match value {
        value if value >= 1000.0 => text::thousands(value.round() as u64),
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

/// What became of a statement, in a word or two.
pub(super) fn check_word(statement: &StatementSummary) -> String {
    match statement.state {
        StatementState::Verified => "ok".to_owned(),
        StatementState::Unverified => "unverified".to_owned(),
        StatementState::Wrong => "WRONG".to_owned(),
        StatementState::Failed => statement.error_class.clone().unwrap_or_else(|| "failed".to_owned()).to_uppercase(),
        StatementState::NotRun => "not run".to_owned(),
    }
}

/// The statements that count, slowest first.
pub(super) fn slowest(statements: &[StatementSummary]) -> Vec<(&str, f64)> {
    let mut timed: Vec<_> =
        statements.iter().filter_map(|s| Some((s.statement.as_str(), s.with_planning_seconds?))).collect();
    timed.sort_by(|a, b| b.1.total_cmp(&a.1));
    timed.truncate(SLOWEST);
    timed
}

/// `total`, or `partial total (103/104)` where not all chosen statements count.
pub(super) fn total_word(summary: &Summary) -> String {
    if summary.complete {
        "total".to_owned()
    } else {
        format!("partial total ({}/{})", summary.counted, summary.statements)
    }
}

/// How the figures were made, in a sentence.
pub(super) fn method(run: &Run, summary: &Summary) -> String {
    let plan = &run.file.plan;
    let count = match &plan.repeat_until {
        Some(until) => format!("{} to {}", plan.iterations, until.max_iterations),
        None => plan.iterations.to_string(),
    };
    let cold = if plan.cold { "cold " } else { "" };
    let samples = match summary.aggregate.as_str() {
        "aws" => format!("mean of median, minimum and maximum of {count} {cold}samples"),
        way => format!("{way} of {count} {cold}samples"),
    };
    let isolated = if plan.isolate.is_some() { ", each statement in a process of its own" } else { "" };
    format!("{samples} a statement after {} warm-up{isolated}; answers checked against {}", plan.warmup, plan.answers)
}

/// What is to be said of a run that did not come to its end.
pub(super) fn unfinished(run: &Run) -> Option<String> {
    let how = match run.file.status {
        Status::Complete => return None,
        Status::Interrupted => "was interrupted",
        Status::Running => "is under way or was killed",
    };
    Some(format!(
        "this run {how}: it is not a result of the suite; `dsbench run --resume {}` does the rest",
        run.folder.display()
    ))
}

/// What the counted statements used, in a line; nothing if samples do not tell.
pub(super) fn resources(summary: &Summary) -> Option<String> {
    let resources = summary.resources.as_ref()?;
    let used = [
        resources.bytes_read.map(|bytes| format!("read {}", text::bytes(bytes))),
        resources.bytes_spilled.map(|bytes| format!("spilled {}", text::bytes(bytes))),
        resources.cpu_seconds.map(|time| format!("{} CPU s", seconds(time))),
    ];
    let peak = |name: &str, peak: &Option<Peak>| {
        let Peak { statement, bytes } = peak.as_ref()?;
        Some(format!("{name} {} ({statement})", text::bytes(*bytes)))
    };
    let peaks = [peak("pool", &resources.peak_pool), peak("resident", &resources.peak_rss)];
    let used = used.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let peaks = peaks.into_iter().flatten().collect::<Vec<_>>().join(", ");
    Some(if peaks.is_empty() { used } else { format!("{used}; peaks: {peaks}") })
}

/// Names and values that say where the figures come from.
pub(super) fn environment(run: &Run) -> Vec<(&'static str, String)> {
    let file = &run.file;
    let scale = file.data.scale.as_ref().map_or_else(|| "unknown scale".to_owned(), |scale| format!("scale {scale}"));
    let fingerprint = file
        .data
        .fingerprint
        .as_ref()
        .map_or_else(String::new, |hash| format!(", content {}", &hash[..hash.len().min(12)]));
    let layout = file.data.layout.as_ref().filter(|layout| *layout != "plain");
    let layout = layout.map_or_else(String::new, |layout| format!(", {layout}"));
    vec![
        ("run", file.run.clone()),
        ("profile", file.profile.clone()),
        ("data", format!("{scale}, {} of Parquet{layout}{fingerprint}", text::bytes(file.data.bytes))),
        ("program", program(file)),
        (
            "machine",
            format!(
                "{}, {} processors, {} memory, {} for the engine",
                file.machine.cpu,
                file.machine.logical_cpus,
                text::bytes(file.machine.memory_bytes),
                text::bytes(file.plan.memory_limit_bytes)
            ),
        ),
        ("system", format!("{}, kernel {}", file.machine.os, file.machine.kernel)),
    ]
}

/// What ran the statements.
fn program(file: &RunFile) -> String {
    let versions = &file.versions;
    match &file.peer {
        Some(peer) => format!("{} {}, driven by dsbench {}", peer.name, peer.version, versions.dsbench),
        None => format!(
            "dsbench {}, DataFusion {}, build profile {}",
            versions.dsbench, versions.datafusion, versions.build_profile
        ),
    }
}

/// Everything to be said before the figures are believed, what the statements told included.
pub(super) fn remarks(run: &Run, statements: &[StatementSummary], aggregate: Aggregate) -> Vec<String> {
    let found = findings(&run.file.plan, statements, &run.samples, aggregate);
    let mut remarks: Vec<String> =
        run.file.warnings.iter().chain(&found).map(|Warning { message, .. }| message.clone()).collect();
    for resumption in &run.file.resumed_at {
        let differed = match resumption.differed.as_slice() {
            [] => String::new(),
            words => format!("; these had changed: {}", words.join(", ")),
        };
        let (at, count) = (&resumption.at, resumption.sample_count);
        remarks.push(format!("the run was taken up again at {at} after {count} samples{differed}"));
    }
    for (name, reason) in &run.file.plan.skipped {
        remarks.push(format!("{name} was skipped: {reason}"));
    }
    for statement in statements.iter().filter(|s| matches!(s.state, StatementState::Failed | StatementState::Wrong)) {
        let message = statement.message.as_deref().unwrap_or("no message");
        remarks.push(format!("{} {}: {message}", statement.statement, check_word(statement)));
    }
    remarks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_to_a_run_is_told() {
        use crate::results::format::Resumption;
        use crate::results::test_support::{run_file, sample_rows};
        let mut run = Run { folder: "results/x".into(), file: run_file(), samples: sample_rows() };
        assert_eq!(unfinished(&run), None);
        run.file.status = Status::Running;
        assert!(
            unfinished(&run).is_some_and(|text| text.contains("was killed") && text.contains("--resume results/x"))
        );
        run.file.status = Status::Interrupted;
        assert!(unfinished(&run).is_some_and(|text| text.contains("was interrupted")));
        let resumption = Resumption {
            at: "2026-01-02T04:00:00Z".to_owned(),
            sample_count: 7,
            differed: vec!["the program".to_owned()],
        };
        run.file.resumed_at.push(resumption);
        let remarks = remarks(&run, &[], Aggregate::Median);
        assert_eq!(
            remarks,
            ["the run was taken up again at 2026-01-02T04:00:00Z after 7 samples; these had changed: the program"]
        );
    }

    #[test]
    fn seconds_have_about_four_digits() {
        assert_eq!([1.0, 9.876, 12.34, 184.72, 12_345.6].map(factor), ["1.00", "9.88", "12.3", "185", "12,346"]);
        assert_eq!([0.0123, 9.8765, 12.345, 184.72].map(seconds), ["0.012", "9.877", "12.35", "184.7"]);
    }
}
