//! The report of an A/B: computed from its folder, by `dsbench ab` at its end and by `dsbench report` whenever it is asked.

use super::exit::Failure;
use super::output;
use crate::compare::{Comparison, Noise, Verdict, explain};
use crate::report::{
    ComparisonReport, ComparisonWithReasons, comparison_json, comparison_markdown, comparison_text, shared_environment,
};
use crate::results::format::Status;
use crate::results::{Ab, Run};

/// How a comparison is shown.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The form of the report
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
}

/// The form of a comparison's report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Form {
    /// For a terminal
    Text,
    /// For a README or a pull request
    Markdown,
    /// For programs
    Json,
}

impl Args {
    /// The form; `json` is the short way to say so.
    pub(super) fn form(&self, json: bool) -> Result<Form, Failure> {
        match (self.format, json) {
            (Form::Text | Form::Json, true) => Ok(Form::Json),
            (Form::Markdown, true) => {
                Err(Failure::Usage("--json and --format markdown contradict each other".to_owned()))
            }
            (form, false) => Ok(form),
        }
    }
}

/// The report of an A/B.
pub(super) fn of(ab: &Ab, form: &Form) -> Result<String, Failure> {
    let thresholds = super::ab::thresholds(&ab.file.rules);
    let baseline = &ab.sides[0];
    let mut comparisons = Vec::new();
    for (side, run) in ab.file.sides.iter().zip(&ab.sides).skip(1) {
        let names = [ab.file.sides[0].title.as_str(), side.title.as_str()];
        let comparison = Comparison::paired(baseline, run, names, thresholds);
        comparisons.push(with_reasons(comparison, baseline, run)?);
    }
    let noise = match &ab.control {
        Some([first, second]) => Noise::of(first, second, &thresholds),
        None => None,
    };
    let names: Vec<(&str, &Run)> = ab.file.sides.iter().map(|side| side.title.as_str()).zip(&ab.sides).collect();
    let report = ComparisonReport { comparisons, noise, notes: notes(ab), environment: shared_environment(&names) };
    Ok(match form {
        Form::Text => comparison_text(&report, output::style()),
        Form::Markdown => comparison_markdown(&report),
        Form::Json => comparison_json(&report),
    })
}

/// A comparison, and why its statements differ, as far as their operators were recorded.
pub(super) fn with_reasons(
    comparison: Comparison,
    baseline: &Run,
    other: &Run,
) -> Result<ComparisonWithReasons, Failure> {
    let changed = comparison.statements.iter().filter(|s| s.finding.verdict().is_some_and(Verdict::is_change));
    let explained = explain(baseline, other, &changed.collect::<Vec<_>>())?;
    let reasons = explained.into_iter().map(|e| (e.statement.clone(), e.sentences(), e.why.diff)).collect();
    Ok(ComparisonWithReasons { comparison, reasons })
}

/// What a reader should know.
fn notes(ab: &Ab) -> Vec<String> {
    let mut notes: Vec<String> = ab.file.warnings.iter().map(|warning| warning.message.clone()).collect();
    match ab.file.status {
        Status::Complete => {}
        status => {
            let how = if status == Status::Running { "is under way or was killed" } else { "was interrupted" };
            notes.push(format!("this A/B {how}: `dsbench ab --resume {}` does the rest", ab.folder.display()));
        }
    }
    for resumption in &ab.sides[0].file.resumed_at {
        let differed = match resumption.differed.as_slice() {
            [] => String::new(),
            words => format!("; these had changed: {}", words.join(", ")),
        };
        notes.push(format!("it was taken up again at {}{differed}", resumption.at));
    }
    let unverified = ab.sides.iter().flat_map(|run| &run.samples);
    if unverified.clone().any(|sample| sample.check == Some(crate::results::format::Check::Unverified)) {
        notes.push("there were no expected answers: the sides' rows were compared with each other only".to_owned());
    }
    if ab.sides.iter().any(|run| run.file.peer.is_some()) {
        notes.push("another engine's times have its planning in them, as ours have".to_owned());
    }
    notes
}
