//! A comparison for people: text for a terminal, markdown for a pull request.
//!
//! ```text
//! Comparison, one for each other side ─▶ headline ─▶ counts, what was lost ─▶ statements, largest difference first
//!                                                                           ─▶ why, noise, notes, environment
//! ```
//!
//! `dsbench ab` and `dsbench compare` show the same report. A statement that a side lost has no time in it: a wrong
//! answer is never a fast one. All figures are in the JSON form too, and plan diffs in markdown and JSON.

use std::fmt::Write;

use super::table::{align_right, markdown_marks, plain};
use super::text::{BOLD, GREEN, RED, YELLOW};
use super::{FAIR_USE, Style, figures};
use crate::compare::{Comparison, Finding, Noise, Pairing, StatementComparison, SuiteComparison, Verdict};
use crate::results::Run;
use crate::results::inference::Interval;
use crate::text;

/// Of how many statements text and markdown say why they changed.
const EXPLAINED: usize = 10;

/// How many lines of a plan diff stand in markdown: a comment on a pull request has an end.
const DIFF_LINES: usize = 60;

/// How many statements a sentence names.
const NAMED: usize = 8;

/// All that is shown.
#[derive(Debug, Clone)]
pub struct ComparisonReport {
    /// One for each side that is not the baseline, which is the same for all.
    pub comparisons: Vec<ComparisonWithReasons>,
    /// What two engines of the baseline's configuration differed by; nothing if nobody looked.
    pub noise: Option<Noise>,
    /// What a reader should know before believing the figures, in sentences.
    pub notes: Vec<String>,
    /// Names and values that say where the figures come from.
    pub environment: Vec<(&'static str, String)>,
}

/// A statement, why it differs in sentences with the largest part first, and the difference of its plans as text, empty if
/// there is none.
pub type StatementReasons = (String, Vec<String>, String);

/// A side against the baseline, and why.
#[derive(Debug, Clone)]
pub struct ComparisonWithReasons {
    /// The figures.
    pub comparison: Comparison,
    /// Of each statement that can be explained.
    pub reasons: Vec<StatementReasons>,
}

/// The report for a terminal.
pub fn comparison_text(report: &ComparisonReport, style: Style) -> String {
    let mut out = String::new();
    for ComparisonWithReasons { comparison, .. } in &report.comparisons {
        line(&mut out, &style.paint(BOLD, &headline(comparison)));
        for words in suite_seconds(comparison).into_iter().chain(details(comparison)) {
            line(&mut out, &words);
        }
        for words in lost_lines(comparison) {
            line(&mut out, &style.paint(RED, &words));
        }
        line(&mut out, "");
    }
    statement_table(&mut out, report, style);
    for compared in &report.comparisons {
        reasons_text(&mut out, compared, report.comparisons.len() > 1);
    }
    line(&mut out, "");
    if let Some(noise) = &report.noise {
        line(&mut out, &noise_words(noise));
    }
    for note in &report.notes {
        line(&mut out, &format!("{} {note}", style.paint(YELLOW, "note:")));
    }
    if report.noise.is_some() || !report.notes.is_empty() {
        line(&mut out, "");
    }
    for (name, value) in &report.environment {
        line(&mut out, &format!("{name:<12} {value}"));
    }
    line(&mut out, "");
    line(&mut out, FAIR_USE);
    out
}

/// The report for a pull request: the headline, and all else folded.
pub fn comparison_markdown(report: &ComparisonReport) -> String {
    let mut out = String::new();
    for ComparisonWithReasons { comparison, .. } in &report.comparisons {
        line(&mut out, &format!("**{}**", one_line(&headline(comparison))));
        line(&mut out, "");
        suite_markdown(&mut out, comparison);
        for words in details(comparison) {
            line(&mut out, &one_line(&words));
            line(&mut out, "");
        }
        for words in lost_lines(comparison) {
            line(&mut out, &format!("- **{}**", one_line(&words)));
        }
        if !lost_lines(comparison).is_empty() {
            line(&mut out, "");
        }
    }
    folded(&mut out, "All statements", |out| {
        let (header, rows) = table(report);
        line(out, &row(header.iter().map(|column| column.title.clone())));
        line(out, &markdown_marks(header.iter().map(|column| column.is_words)));
        rows.into_iter().for_each(|cells| line(out, &row(cells)));
    });
    for compared in &report.comparisons {
        reasons_markdown(&mut out, compared);
    }
    if let Some(noise) = &report.noise {
        line(&mut out, &format!("- {}", noise_words(noise)));
    }
    for note in &report.notes {
        line(&mut out, &format!("- **note**: {}", one_line(note)));
    }
    for (name, value) in &report.environment {
        line(&mut out, &format!("- {name}: {}", one_line(value)));
    }
    line(&mut out, "");
    line(&mut out, FAIR_USE);
    out
}

/// The noise in a sentence.
pub fn noise_words(noise: &Noise) -> String {
    let total = noise.overall.totals;
    let place = noise.second_over_first.map_or_else(String::new, |ratio| {
        format!("; the second sample of a pair takes {ratio:.3} times the first, which the order A B B A evens out")
    });
    format!(
        "noise now: two engines of the baseline's configuration differ by more than {} in half of {} pairs; their \
         totals by a factor of {} ({}){place}",
        text::percent((noise.pair_difference.exp_m1() * 1000.0).round() / 1000.0),
        noise.pairs,
        ratio_words(total.ratio),
        interval_words(total.interval)
    )
}

/// Where the figures of several runs come from: once where all say the same, else for each run by its name.
pub fn shared_environment(runs: &[(&str, &Run)]) -> Vec<(&'static str, String)> {
    let each: Vec<_> = runs.iter().map(|(name, run)| (*name, figures::environment(run))).collect();
    let mut shared = Vec::new();
    for (index, (key, value)) in each.first().map_or(&[][..], |(_, first)| first).iter().enumerate() {
        if each.iter().all(|(_, environment)| environment[index].1 == *value) {
            shared.push((*key, value.clone()));
        } else {
            shared.extend(each.iter().map(|(name, environment)| (*key, format!("{name}: {}", environment[index].1))));
        }
    }
    shared
}

fn line(out: &mut String, words: &str) {
    writeln!(out, "{words}").expect("writing to a String does not fail");
}

/// Ratios with as many places as make sense at that size.
fn ratio_words(ratio: f64) -> String {
    match ratio {
        ratio if ratio >= 10.0 => format!("{ratio:.1}"),
        ratio if ratio >= 2.0 => format!("{ratio:.2}"),
        ratio => format!("{ratio:.3}"),
    }
}

fn interval_words(interval: Interval) -> String {
    format!("{} to {}", ratio_words(interval.low), ratio_words(interval.high))
}

/// One of the two figures of a suite, in words.
fn suite_words(name: &str, suite: &SuiteComparison) -> String {
    let interval = suite.interval.map_or_else(String::new, |interval| format!(" ({})", interval_words(interval)));
    format!("{name} {} times{interval}, {}", ratio_words(suite.ratio), suite.verdict)
}

fn headline(comparison: &Comparison) -> String {
    let (baseline, other) = (&comparison.baseline, &comparison.other);
    let figures = match (&comparison.total, &comparison.geomean) {
        (Some(total), Some(geomean)) => {
            format!("{}; {}", suite_words("total", total), suite_words("geometric mean", geomean))
        }
        _ => "there is no statement that both ran well".to_owned(),
    };
    format!("`{other}` against `{baseline}`: {figures}")
}

/// The seconds below the headline, if there are any.
fn suite_seconds(comparison: &Comparison) -> Option<String> {
    let (total, geomean) = (comparison.total.as_ref()?, comparison.geomean.as_ref()?);
    Some(format!(
        "total {} s against {} s, geometric mean {} s against {} s, over {} of {} statements",
        figures::seconds(total.other_seconds),
        figures::seconds(total.baseline_seconds),
        figures::seconds(geomean.other_seconds),
        figures::seconds(geomean.baseline_seconds),
        comparison.counted(),
        comparison.statements.len()
    ))
}

/// The counts, and which statements have too few samples.
fn details(comparison: &Comparison) -> Vec<String> {
    std::iter::once(counts(comparison)).chain(too_few(comparison)).collect()
}

fn counts(comparison: &Comparison) -> String {
    let verdicts = [Verdict::Faster, Verdict::Slower, Verdict::Same, Verdict::Undecided];
    let of_times = verdicts.map(|verdict| format!("{} {verdict}", comparison.count(verdict)));
    let lost = |is: fn(&Finding) -> bool| comparison.statements.iter().filter(|s| is(&s.finding)).count();
    let others = [
        (lost(|finding| matches!(finding, Finding::OtherLost(_))), format!("lost by `{}`", comparison.other)),
        (lost(|finding| matches!(finding, Finding::BaselineLost(_))), format!("lost by `{}`", comparison.baseline)),
        (lost(|finding| matches!(finding, Finding::BothLost(_))), "lost by both".to_owned()),
        (lost(|finding| matches!(finding, Finding::Nothing)), "without times".to_owned()),
    ];
    let others = others.into_iter().filter(|(count, _)| *count > 0).map(|(count, words)| format!("{count} {words}"));
    of_times.into_iter().chain(others).collect::<Vec<_>>().join(", ")
}

/// Which statements cannot have a verdict.
fn too_few(comparison: &Comparison) -> Option<String> {
    let least = comparison.thresholds.least_pairs;
    let has_few = |s: &&StatementComparison| s.finding.verdict().is_some() && s.sample_count < least;
    let few: Vec<&str> = comparison.statements.iter().filter(has_few).map(|s| s.statement.as_str()).collect();
    let needed = match comparison.pairing {
        Pairing::Paired => format!("{least} pairs"),
        Pairing::Unpaired => format!("{least} samples in each run"),
    };
    let who = if few.len() == comparison.counted() { "all statements".to_owned() } else { named(&few) };
    (!few.is_empty()).then(|| format!("a verdict on a statement takes {needed}; too few: {who}"))
}

/// The first names, and how many others there are.
fn named(names: &[&str]) -> String {
    let (first, rest) = names.split_at(names.len().min(NAMED));
    if rest.is_empty() { first.join(", ") } else { format!("{} and {} others", first.join(", "), rest.len()) }
}

/// What a side lost, and why.
fn lost_lines(comparison: &Comparison) -> Vec<String> {
    let words = |statement: &StatementComparison| {
        let (who, why) = match &statement.finding {
            Finding::OtherLost(why) => (format!("`{}`", comparison.other), why),
            Finding::BaselineLost(why) => (format!("`{}`", comparison.baseline), why),
            Finding::BothLost(why) => ("both sides".to_owned(), why),
            Finding::Times(_) | Finding::Nothing => return None,
        };
        Some(format!("{} is lost by {who}: {why}", statement.statement))
    };
    comparison.statements.iter().filter_map(words).collect()
}

/// The difference in seconds that goes with the ratio.
pub(super) fn difference_seconds(statement: &StatementComparison) -> Option<f64> {
    statement.finding.verdict()?;
    Some(statement.baseline_seconds? * (statement.ratio? - 1.0))
}

fn signed_seconds(difference: f64) -> String {
    let sign = if difference < 0.0 { '-' } else { '+' };
    format!("{sign}{}", figures::seconds(difference.abs()))
}

fn finding_word(finding: &Finding) -> String {
    match finding {
        Finding::Times(verdict) => verdict.to_string(),
        Finding::OtherLost(_) => "LOST".to_owned(),
        Finding::BaselineLost(_) => "baseline lost".to_owned(),
        Finding::BothLost(_) => "both lost".to_owned(),
        Finding::Nothing => "no times".to_owned(),
    }
}

/// A column of the table of statements.
struct Column {
    title: String,
    is_words: bool,
}

fn column(title: impl Into<String>) -> Column {
    Column { title: title.into(), is_words: false }
}

fn words(title: impl Into<String>) -> Column {
    Column { is_words: true, ..column(title) }
}

/// The table of statements: with one other side all there is to say, with several the ratios side by side.
fn table(report: &ComparisonReport) -> (Vec<Column>, Vec<Vec<String>>) {
    let comparisons: Vec<&Comparison> = report.comparisons.iter().map(|compared| &compared.comparison).collect();
    let order = order(&comparisons);
    match comparisons.as_slice() {
        [] => (Vec::new(), Vec::new()),
        [only] => (full_header(only), order.into_iter().map(|name| full_row(only, name)).collect()),
        several => (ratio_header(several), order.into_iter().map(|name| ratio_row(several, name)).collect()),
    }
}

/// What was lost first, then the largest difference in seconds, in whichever comparison it is.
fn order<'a>(comparisons: &[&'a Comparison]) -> Vec<&'a str> {
    let mut weighed: Vec<(f64, &str)> = Vec::new();
    for statement in comparisons.iter().flat_map(|comparison| &comparison.statements) {
        let weight = match statement.finding {
            Finding::Times(_) => difference_seconds(statement).map_or(0.0, f64::abs),
            Finding::Nothing => -1.0,
            _ => f64::INFINITY,
        };
        match weighed.iter_mut().find(|(_, name)| *name == statement.statement) {
            Some(known) => known.0 = known.0.max(weight),
            None => weighed.push((weight, &statement.statement)),
        }
    }
    weighed.sort_by(|a, b| b.0.total_cmp(&a.0));
    weighed.into_iter().map(|(_, name)| name).collect()
}

fn find<'a>(comparison: &'a Comparison, name: &str) -> Option<&'a StatementComparison> {
    comparison.statements.iter().find(|statement| statement.statement == name)
}

/// A cell that is a figure only if the statement counts.
fn cell(statement: Option<&StatementComparison>, of: impl Fn(&StatementComparison) -> Option<String>) -> String {
    let counted = statement.filter(|statement| statement.finding.verdict().is_some());
    counted.and_then(of).unwrap_or_else(|| "-".to_owned())
}

fn full_header(comparison: &Comparison) -> Vec<Column> {
    let count = match comparison.pairing {
        Pairing::Paired => "pairs",
        Pairing::Unpaired => "samples",
    };
    vec![
        words("statement"),
        column(format!("{} s", comparison.baseline)),
        column(format!("{} s", comparison.other)),
        column("difference s"),
        column("ratio"),
        column("95% interval"),
        column(count),
        words("verdict"),
    ]
}

fn full_row(comparison: &Comparison, name: &str) -> Vec<String> {
    let statement = find(comparison, name);
    vec![
        name.to_owned(),
        cell(statement, |s| s.baseline_seconds.map(figures::seconds)),
        cell(statement, |s| s.other_seconds.map(figures::seconds)),
        cell(statement, |s| difference_seconds(s).map(signed_seconds)),
        cell(statement, |s| s.ratio.map(ratio_words)),
        cell(statement, |s| s.interval.map(interval_words)),
        cell(statement, |s| Some(s.sample_count.to_string())),
        statement.map_or_else(String::new, |statement| finding_word(&statement.finding)),
    ]
}

fn ratio_header(comparisons: &[&Comparison]) -> Vec<Column> {
    let baseline = comparisons.first().map_or("", |comparison| comparison.baseline.as_str());
    let mut header = vec![words("statement"), column(format!("{baseline} s"))];
    for comparison in comparisons {
        header.extend([column(format!("{} ratio", comparison.other)), words("verdict")]);
    }
    header
}

fn ratio_row(comparisons: &[&Comparison], name: &str) -> Vec<String> {
    let found: Vec<_> = comparisons.iter().map(|comparison| find(comparison, name)).collect();
    // The baseline may be lost in none of the comparisons, and its statement in one of the others.
    let baseline = found.iter().find(|statement| statement.is_some_and(|s| s.finding.verdict().is_some()));
    let mut cells = vec![
        name.to_owned(),
        cell(baseline.copied().flatten(), |statement| statement.baseline_seconds.map(figures::seconds)),
    ];
    for statement in found {
        cells.push(cell(statement, |statement| statement.ratio.map(ratio_words)));
        cells.push(statement.map_or_else(String::new, |statement| finding_word(&statement.finding)));
    }
    cells
}

fn statement_table(out: &mut String, report: &ComparisonReport, style: Style) {
    let (header, rows) = table(report);
    let mut shown = plain(header.iter().map(|column| column.title.as_str()));
    for mut cells in rows {
        // The last column alone may have escape codes: they count as characters when columns are laid out.
        if let Some(last) = cells.last_mut() {
            *last = paint_verdict(last, style);
        }
        shown.add_row(cells);
    }
    align_right(&mut shown, (0..header.len()).filter(|column| !header[*column].is_words));
    line(out, &shown.trim_fmt());
}

fn paint_verdict(word: &str, style: Style) -> String {
    match word {
        "slower" | "LOST" => style.paint(RED, word),
        "faster" | "baseline lost" => style.paint(GREEN, word),
        "both lost" => style.paint(YELLOW, word),
        _ => word.to_owned(),
    }
}

/// The reasons of the statements with the largest differences, and how many others have some.
fn largest_reasons(compared: &ComparisonWithReasons) -> (Vec<(&StatementReasons, Option<f64>)>, usize) {
    let difference = |name: &str| find(&compared.comparison, name).and_then(difference_seconds);
    let mut reasons: Vec<_> = compared.reasons.iter().map(|reason| (reason, difference(&reason.0))).collect();
    reasons.sort_by(|a, b| b.1.unwrap_or(0.0).abs().total_cmp(&a.1.unwrap_or(0.0).abs()));
    let left_out = reasons.len().saturating_sub(EXPLAINED);
    reasons.truncate(EXPLAINED);
    (reasons, left_out)
}

/// The sentences that are all there is to say of each of several statements, as of those of an engine that tells nothing of itself.
fn common_reasons(compared: &ComparisonWithReasons) -> Option<&[String]> {
    let (first, others) = compared.reasons.split_first()?;
    let is_alike = |(_, sentences, diff): &StatementReasons| *sentences == first.1 && diff.is_empty();
    (!others.is_empty() && is_alike(first) && others.iter().all(is_alike)).then_some(&first.1)
}

fn reasons_text(out: &mut String, compared: &ComparisonWithReasons, names_side: bool) {
    let (reasons, left_out) = largest_reasons(compared);
    if reasons.is_empty() {
        return;
    }
    line(out, "");
    line(out, &if names_side { format!("why `{}` differs", compared.comparison.other) } else { "why".to_owned() });
    if let Some(sentences) = common_reasons(compared) {
        sentences.iter().for_each(|sentence| line(out, &format!("  {sentence}")));
        return;
    }
    for ((name, sentences, _), difference) in reasons {
        line(
            out,
            &format!("  {name}{}", difference.map_or_else(String::new, |d| format!(", {} s", signed_seconds(d)))),
        );
        sentences.iter().for_each(|sentence| line(out, &format!("    {sentence}")));
    }
    if left_out > 0 {
        line(out, &format!("  and {left_out} others, which --format json has"));
    }
}

fn suite_markdown(out: &mut String, comparison: &Comparison) {
    let (baseline, other) = (format!("{} s", comparison.baseline), format!("{} s", comparison.other));
    let figures = [("total", &comparison.total), ("geometric mean", &comparison.geomean)];
    if figures.iter().all(|(_, suite)| suite.is_none()) {
        return;
    }
    line(
        out,
        &row(["".to_owned(), baseline, other, "ratio".to_owned(), "95% interval".to_owned(), "verdict".to_owned()]),
    );
    line(out, "|---|---:|---:|---:|---:|---|");
    for (name, suite) in figures {
        let Some(suite) = suite else { continue };
        line(
            out,
            &row([
                name.to_owned(),
                figures::seconds(suite.baseline_seconds),
                figures::seconds(suite.other_seconds),
                ratio_words(suite.ratio),
                suite.interval.map_or_else(|| "-".to_owned(), interval_words),
                suite.verdict.to_string(),
            ]),
        );
    }
    line(out, "");
}

fn reasons_markdown(out: &mut String, compared: &ComparisonWithReasons) {
    let (reasons, left_out) = largest_reasons(compared);
    if reasons.is_empty() {
        return;
    }
    if let Some(sentences) = common_reasons(compared) {
        line(out, &format!("Why `{}` differs: {}", compared.comparison.other, one_line(&sentences.join("; "))));
        line(out, "");
        return;
    }
    folded(out, &format!("Why `{}` differs", compared.comparison.other), |out| {
        for ((name, sentences, diff), difference) in reasons {
            let by = difference.map_or_else(String::new, |difference| format!(", {} s", signed_seconds(difference)));
            line(out, &format!("**{name}**{by}"));
            line(out, "");
            sentences.iter().for_each(|sentence| line(out, &format!("- {}", one_line(sentence))));
            line(out, "");
            if !diff.is_empty() {
                diff_markdown(out, diff);
            }
        }
        if left_out > 0 {
            line(out, &format!("And {left_out} others, which `--format json` has."));
        }
    });
}

fn diff_markdown(out: &mut String, diff: &str) {
    // Longer than any fence in the text could be.
    line(out, "````diff");
    diff.lines().take(DIFF_LINES).for_each(|text| line(out, text));
    line(out, "````");
    let left_out = diff.lines().count().saturating_sub(DIFF_LINES);
    if left_out > 0 {
        line(out, &format!("{left_out} more lines are in `--format json`."));
    }
    line(out, "");
}

/// A part that the reader has to open.
fn folded(out: &mut String, summary: &str, content: impl FnOnce(&mut String)) {
    // Markdown is not read on a line with tags.
    let summary = summary.replace('`', "").replace('&', "&amp;").replace('<', "&lt;");
    line(out, &format!("<details><summary>{summary}</summary>"));
    line(out, "");
    content(out);
    if !out.ends_with("\n\n") {
        line(out, "");
    }
    line(out, "</details>");
    line(out, "");
}

fn row(cells: impl IntoIterator<Item = String>) -> String {
    let cells: Vec<_> = cells.into_iter().map(|cell| one_line(&cell).replace('|', "\\|")).collect();
    format!("| {} |", cells.join(" | "))
}

/// Text that stays on its line and has no tags in it.
fn one_line(words: &str) -> String {
    words.replace('\n', " ").replace('<', "\\<")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::compare::{Overall, OverallRatio, Thresholds};
    use crate::results::test_support::{run_file, sample_rows};
    use expect_test::{Expect, expect};

    fn statement(name: &str, baseline: f64, ratio: f64, verdict: Verdict) -> StatementComparison {
        StatementComparison {
            statement: name.to_owned(),
            baseline_seconds: Some(baseline),
            other_seconds: Some(baseline * ratio),
            ratio: Some(ratio),
            interval: Some(Interval { low: ratio * 0.98, high: ratio * 1.02 }),
            sample_count: 14,
            finding: Finding::Times(verdict),
        }
    }

    fn without_ratio(name: &str, finding: Finding) -> StatementComparison {
        let (ratio, interval) = (None, None);
        StatementComparison { ratio, interval, finding, ..statement(name, 0.5, 0.1, Verdict::Faster) }
    }

    fn suite(baseline_seconds: f64, ratio: f64, verdict: Verdict) -> Option<SuiteComparison> {
        let interval = Some(Interval { low: ratio * 0.99, high: ratio * 1.01 });
        Some(SuiteComparison { baseline_seconds, other_seconds: baseline_seconds * ratio, ratio, interval, verdict })
    }

    fn comparison(other: &str) -> Comparison {
        Comparison {
            baseline: "default".to_owned(),
            other: other.to_owned(),
            pairing: Pairing::Paired,
            statements: vec![
                statement("q1", 0.1, 1.001, Verdict::Same),
                statement("q2", 2.0, 1.5, Verdict::Slower),
                StatementComparison {
                    sample_count: 4,
                    interval: None,
                    ..statement("q3", 0.2, 0.9, Verdict::Undecided)
                },
                without_ratio("q4", Finding::OtherLost("wrong answer: 3 rows | not <4>\nand more".to_owned())),
                without_ratio("q5", Finding::Nothing),
                statement("q6", 120.0, 0.5, Verdict::Faster),
            ],
            total: suite(122.3, 0.515, Verdict::Faster),
            geomean: suite(1.48, 1.001, Verdict::Same),
            thresholds: Thresholds { least_pairs: 14, ..Thresholds::for_tests(6) },
        }
    }

    pub(in crate::report) fn report() -> ComparisonReport {
        let diff = "- HashJoinExec: mode=CollectLeft\n+ HashJoinExec: mode=Partitioned\n".to_owned();
        let reasons = vec![
            ("q2".to_owned(), vec!["0.9 s of 1.0 s: HashJoinExec on x builds from the other side".to_owned()], diff),
            (
                "q6".to_owned(),
                vec!["55.0 s of 60.0 s: no spill".to_owned(), "5.0 s of 60.0 s: planning".to_owned()],
                String::new(),
            ),
        ];
        ComparisonReport {
            comparisons: vec![ComparisonWithReasons { comparison: comparison("other"), reasons }],
            noise: Some(noise()),
            notes: vec!["beware\nof this".to_owned()],
            environment: vec![("run", "a run".to_owned()), ("data", "scale 1".to_owned())],
        }
    }

    fn noise() -> Noise {
        let ratio =
            OverallRatio { ratio: 1.002, interval: Interval { low: 0.991, high: 1.01 }, verdict: Verdict::Same };
        let overall = Overall { totals: ratio, geometric_means: ratio };
        Noise { pairs: 208, pair_difference: 1.012_3_f64.ln(), overall, second_over_first: Some(0.99) }
    }

    #[track_caller]
    fn check(actual: &str, expected: Expect) {
        // Lines of a table end in spaces where its last column is empty.
        let trimmed: Vec<_> = actual.lines().map(str::trim_end).collect();
        expected.assert_eq(&(trimmed.join("\n") + "\n"));
    }

    #[test]
    fn text_of_one_comparison() {
        check(
            &comparison_text(&report(), Style::Plain),
            expect![[r#"
            `other` against `default`: total 0.515 times (0.510 to 0.520), faster; geometric mean 1.001 times (0.991 to 1.011), same
            total 62.98 s against 122.3 s, geometric mean 1.481 s against 1.480 s, over 4 of 6 statements
            1 faster, 1 slower, 1 same, 1 undecided, 1 lost by `other`, 1 without times
            a verdict on a statement takes 14 pairs; too few: q3
            q4 is lost by `other`: wrong answer: 3 rows | not <4>
            and more

             statement  default s  other s  difference s  ratio    95% interval  pairs  verdict
             q4                 -        -             -      -               -      -  LOST
             q6             120.0    60.00        -60.00  0.500  0.490 to 0.510     14  faster
             q2             2.000    3.000        +1.000  1.500  1.470 to 1.530     14  slower
             q3             0.200    0.180        -0.020  0.900               -      4  undecided
             q1             0.100    0.100        +0.000  1.001  0.981 to 1.021     14  same
             q5                 -        -             -      -               -      -  no times

            why
              q6, -60.00 s
                55.0 s of 60.0 s: no spill
                5.0 s of 60.0 s: planning
              q2, +1.000 s
                0.9 s of 1.0 s: HashJoinExec on x builds from the other side

            noise now: two engines of the baseline's configuration differ by more than 1.2% in half of 208 pairs; their totals by a factor of 1.002 (0.991 to 1.010); the second sample of a pair takes 0.990 times the first, which the order A B B A evens out
            note: beware
            of this

            run          a run
            data         scale 1

            This benchmark is derived from the TPC-DS benchmark and is not comparable with published TPC-DS results, as it does not comply with the TPC-DS specification.
        "#]],
        );
    }

    #[test]
    fn markdown_of_one_comparison() {
        check(
            &comparison_markdown(&report()),
            expect![[r#"
            **`other` against `default`: total 0.515 times (0.510 to 0.520), faster; geometric mean 1.001 times (0.991 to 1.011), same**

            |  | default s | other s | ratio | 95% interval | verdict |
            |---|---:|---:|---:|---:|---|
            | total | 122.3 | 62.98 | 0.515 | 0.510 to 0.520 | faster |
            | geometric mean | 1.480 | 1.481 | 1.001 | 0.991 to 1.011 | same |

            1 faster, 1 slower, 1 same, 1 undecided, 1 lost by `other`, 1 without times

            a verdict on a statement takes 14 pairs; too few: q3

            - **q4 is lost by `other`: wrong answer: 3 rows | not \<4> and more**

            <details><summary>All statements</summary>

            | statement | default s | other s | difference s | ratio | 95% interval | pairs | verdict |
            |---|---:|---:|---:|---:|---:|---:|---|
            | q4 | - | - | - | - | - | - | LOST |
            | q6 | 120.0 | 60.00 | -60.00 | 0.500 | 0.490 to 0.510 | 14 | faster |
            | q2 | 2.000 | 3.000 | +1.000 | 1.500 | 1.470 to 1.530 | 14 | slower |
            | q3 | 0.200 | 0.180 | -0.020 | 0.900 | - | 4 | undecided |
            | q1 | 0.100 | 0.100 | +0.000 | 1.001 | 0.981 to 1.021 | 14 | same |
            | q5 | - | - | - | - | - | - | no times |

            </details>

            <details><summary>Why other differs</summary>

            **q6**, -60.00 s

            - 55.0 s of 60.0 s: no spill
            - 5.0 s of 60.0 s: planning

            **q2**, +1.000 s

            - 0.9 s of 1.0 s: HashJoinExec on x builds from the other side

            ````diff
            - HashJoinExec: mode=CollectLeft
            + HashJoinExec: mode=Partitioned
            ````

            </details>

            - noise now: two engines of the baseline's configuration differ by more than 1.2% in half of 208 pairs; their totals by a factor of 1.002 (0.991 to 1.010); the second sample of a pair takes 0.990 times the first, which the order A B B A evens out
            - **note**: beware of this
            - run: a run
            - data: scale 1

            This benchmark is derived from the TPC-DS benchmark and is not comparable with published TPC-DS results, as it does not comply with the TPC-DS specification.
        "#]],
        );
    }

    /// Three runs: the ratios stand side by side, and one of them has lost what the other has not.
    fn three() -> ComparisonReport {
        let mut third = comparison("third");
        third.pairing = Pairing::Unpaired;
        third.statements[3] = statement("q4", 0.5, 12.3, Verdict::Slower);
        third.statements.iter_mut().for_each(|statement| statement.sample_count = 3);
        third.statements[1].finding = Finding::BothLost("io: no file".to_owned());
        let third = ComparisonWithReasons { comparison: third, reasons: Vec::new() };
        let mut report = report();
        report.comparisons.push(third);
        report.noise = None;
        report.notes.clear();
        report
    }

    #[test]
    fn what_holds_for_all_statements_is_said_once() {
        let mut silent = report();
        for (_, sentences, diff) in &mut silent.comparisons[0].reasons {
            let silent = |name| format!("{name} tells nothing of its operators");
            *sentences = vec![silent("the baseline"), silent("the other side")];
            diff.clear();
        }
        let why = |text: &str, begin: &str, lines: usize| {
            let found: Vec<_> = text.lines().skip_while(|line| !line.starts_with(begin)).take(lines).collect();
            found.join("\n")
        };
        check(
            &why(&comparison_text(&silent, Style::Plain), "why", 3),
            expect![[r#"
            why
              the baseline tells nothing of its operators
              the other side tells nothing of its operators
        "#]],
        );
        check(
            &why(&comparison_markdown(&silent), "Why", 1),
            expect![[r#"
            Why `other` differs: the baseline tells nothing of its operators; the other side tells nothing of its operators
        "#]],
        );
        let one = ComparisonWithReasons {
            reasons: silent.comparisons[0].reasons[..1].to_vec(),
            ..silent.comparisons.remove(0)
        };
        assert_eq!(common_reasons(&one), None);
    }

    #[test]
    fn text_of_several_comparisons() {
        check(
            &comparison_text(&three(), Style::Plain),
            expect![[r#"
            `other` against `default`: total 0.515 times (0.510 to 0.520), faster; geometric mean 1.001 times (0.991 to 1.011), same
            total 62.98 s against 122.3 s, geometric mean 1.481 s against 1.480 s, over 4 of 6 statements
            1 faster, 1 slower, 1 same, 1 undecided, 1 lost by `other`, 1 without times
            a verdict on a statement takes 14 pairs; too few: q3
            q4 is lost by `other`: wrong answer: 3 rows | not <4>
            and more

            `third` against `default`: total 0.515 times (0.510 to 0.520), faster; geometric mean 1.001 times (0.991 to 1.011), same
            total 62.98 s against 122.3 s, geometric mean 1.481 s against 1.480 s, over 4 of 6 statements
            1 faster, 1 slower, 1 same, 1 undecided, 1 lost by both, 1 without times
            a verdict on a statement takes 14 samples in each run; too few: all statements
            q2 is lost by both sides: io: no file

             statement  default s  other ratio  verdict    third ratio  verdict
             q2             2.000        1.500  slower               -  both lost
             q4             0.500            -  LOST              12.3  slower
             q6             120.0        0.500  faster           0.500  faster
             q3             0.200        0.900  undecided        0.900  undecided
             q1             0.100        1.001  same             1.001  same
             q5                 -            -  no times             -  no times

            why `other` differs
              q6, -60.00 s
                55.0 s of 60.0 s: no spill
                5.0 s of 60.0 s: planning
              q2, +1.000 s
                0.9 s of 1.0 s: HashJoinExec on x builds from the other side

            run          a run
            data         scale 1

            This benchmark is derived from the TPC-DS benchmark and is not comparable with published TPC-DS results, as it does not comply with the TPC-DS specification.
        "#]],
        );
    }

    #[test]
    fn markdown_of_several_comparisons() {
        let text = comparison_markdown(&three());
        let table: Vec<_> = text.lines().skip_while(|line| !line.contains("All statements")).take(6).collect();
        check(
            &table.join("\n"),
            expect![[r#"
            <details><summary>All statements</summary>

            | statement | default s | other ratio | verdict | third ratio | verdict |
            |---|---:|---:|---|---:|---|
            | q2 | 2.000 | 1.500 | slower | - | both lost |
            | q4 | 0.500 | - | LOST | 12.3 | slower |
        "#]],
        );
    }

    #[test]
    fn nothing_in_common() {
        let mut report = report();
        report.noise = None;
        report.comparisons[0].reasons.clear();
        let comparison = &mut report.comparisons[0].comparison;
        comparison.statements = vec![without_ratio("q1", Finding::BaselineLost("timeout: late".to_owned()))];
        (comparison.total, comparison.geomean) = (None, None);
        check(
            &comparison_text(&report, Style::Plain),
            expect![[r#"
            `other` against `default`: there is no statement that both ran well
            0 faster, 0 slower, 0 same, 0 undecided, 1 lost by `default`
            q1 is lost by `default`: timeout: late

             statement  default s  other s  difference s  ratio  95% interval  pairs  verdict
             q1                 -        -             -      -             -      -  baseline lost

            note: beware
            of this

            run          a run
            data         scale 1

            This benchmark is derived from the TPC-DS benchmark and is not comparable with published TPC-DS results, as it does not comply with the TPC-DS specification.
        "#]],
        );
        assert!(comparison_markdown(&report).contains("| q1 | - | - | - | - | - | - | baseline lost |"));
        let without = ComparisonReport { comparisons: Vec::new(), ..report };
        assert!(comparison_text(&without, Style::Plain).contains("note: beware"));
    }

    #[test]
    fn long_lists_are_cut() {
        let mut report = report();
        let reason = |number: usize| (format!("q{number}"), vec![format!("reason {number}")], "+ line\n".repeat(70));
        report.comparisons[0].reasons = (1..=13).map(reason).collect();
        let text = comparison_text(&report, Style::Plain);
        assert!(text.contains("and 3 others, which --format json has"), "{text}");
        // Those with the largest differences are left.
        assert!(text.find("reason 6\n") < text.find("reason 2\n") && text.contains("reason 3\n"), "{text}");
        let markdown = comparison_markdown(&report);
        assert!(
            markdown.contains("And 3 others") && markdown.contains("10 more lines are in `--format json`."),
            "{markdown}"
        );
        let names: Vec<String> = (1..=10).map(|number| format!("q{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(named(&names), "q1, q2, q3, q4, q5, q6, q7, q8 and 2 others");
        assert_eq!(named(&names[..8]), "q1, q2, q3, q4, q5, q6, q7, q8");
    }

    #[test]
    fn colours_only_when_asked() {
        assert!(!comparison_text(&report(), Style::Plain).contains('\u{1b}'));
        let coloured = comparison_text(&report(), Style::Coloured);
        for painted in ["\u{1b}[31mslower", "\u{1b}[32mfaster", "\u{1b}[31mLOST", "\u{1b}[31mq4 is lost by `other`"] {
            assert!(coloured.contains(painted), "{coloured}");
        }
    }

    #[test]
    fn what_runs_share_is_said_once() {
        let run = |profile: &str| {
            let file = crate::results::format::RunFile { profile: profile.to_owned(), ..run_file() };
            Run { folder: "x".into(), file, samples: sample_rows() }
        };
        let (one, two) = (run("default"), run("other"));
        let shared = shared_environment(&[("a", &one), ("b", &two)]);
        let names: Vec<_> = shared.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["run", "profile", "profile", "data", "program", "machine", "system"]);
        assert_eq!((shared[1].1.as_str(), shared[2].1.as_str()), ("a: default", "b: other"));
        assert_eq!(shared_environment(&[("a", &one)]), figures::environment(&one));
        assert_eq!(shared_environment(&[]), []);
    }
}
