//! Words and figures that every form of report shares.

use crate::results::format::{Peak, Summary, Warning};
use crate::results::{Run, StatementState, StatementSummary};
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
    let samples = match summary.aggregate.as_str() {
        "aws" => format!("mean of median, minimum and maximum of {} samples", plan.iterations),
        way => format!("{way} of {} samples", plan.iterations),
    };
    format!("{samples} a statement after {} warm-up; answers checked against {}", plan.warmup, plan.answers)
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
    vec![
        ("run", file.run.clone()),
        ("profile", file.profile.clone()),
        ("data", format!("{scale}, {} of Parquet{fingerprint}", text::bytes(file.data.bytes))),
        (
            "program",
            format!(
                "dsbench {}, DataFusion {}, build profile {}",
                file.versions.dsbench, file.versions.datafusion, file.versions.build_profile
            ),
        ),
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

/// Everything to be said before the figures are believed, what the statements told included.
pub(super) fn remarks(run: &Run, statements: &[StatementSummary]) -> Vec<String> {
    let mut remarks: Vec<String> = run.file.warnings.iter().map(|Warning { message, .. }| message.clone()).collect();
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
    fn seconds_have_about_four_digits() {
        assert_eq!([0.0123, 9.8765, 12.345, 184.72].map(seconds), ["0.012", "9.877", "12.35", "184.7"]);
    }
}
