//! What two runs differ in beside their times.
//!
//! ```text
//! data, settings, machine ─▶ refused unless allowed: the times would not be of the same work, or not of the same means
//! program                 ─▶ told: it is what one compares
//! statements              ─▶ left out: another text is another statement
//! ```
//!
//! What is not known of both runs, because an older program wrote one of them, is no difference.

use std::collections::BTreeMap;
use std::fmt;

use crate::results::Run;
use crate::results::format::{Isolation, RunFile, Setting};
use crate::text;

/// Settings that say where something is and not how it is done, and one that names the program.
const PLACES: [&str; 3] =
    ["datafusion.catalog.location", "datafusion.execution.parquet.created_by", "datafusion.runtime.temp_directory"];

/// What a difference is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DifferenceKind {
    /// Other rows, or the same in other files.
    Data,
    /// The engine was to do it another way, or with other means.
    Settings,
    /// Another machine.
    Machine,
    /// Another program, or other software beneath it.
    Program,
    /// Another text of a statement, whose name is [`Difference::what`].
    Statement,
}

impl fmt::Display for DifferenceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Data => "data",
            Self::Settings => "settings",
            Self::Machine => "machine",
            Self::Program => "program",
            Self::Statement => "statement",
        })
    }
}

/// One thing that two runs differ in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What it is about.
    pub kind: DifferenceKind,
    /// What differs, in a word or two, or a setting's key.
    pub what: String,
    /// What it is in the baseline.
    pub baseline: String,
    /// What it is in the other run.
    pub other: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.what, self.baseline, self.other)
    }
}

/// All that the other run differs in, in the order of the kinds.
pub fn differences(baseline: &Run, other: &Run) -> Vec<Difference> {
    let files = [&baseline.file, &other.file];
    let mut found = Found { files, differences: Vec::new() };
    data(&mut found);
    settings(&mut found);
    machine(&mut found);
    program(&mut found);
    statements(&mut found);
    found.differences
}

/// The two runs, and what was found.
struct Found<'a> {
    files: [&'a RunFile; 2],
    differences: Vec<Difference>,
}

impl Found<'_> {
    /// Adds a difference if the words of the two runs differ.
    fn compare(&mut self, kind: DifferenceKind, what: &str, words: impl Fn(&RunFile) -> String) {
        let [baseline, other] = self.files.map(words);
        self.add(kind, what, baseline, other);
    }

    /// The same where both runs know.
    fn compare_known(&mut self, kind: DifferenceKind, what: &str, words: impl Fn(&RunFile) -> Option<String>) {
        if let [Some(baseline), Some(other)] = self.files.map(words) {
            self.add(kind, what, baseline, other);
        }
    }

    fn add(&mut self, kind: DifferenceKind, what: &str, baseline: String, other: String) {
        if baseline != other {
            self.differences.push(Difference { kind, what: what.to_owned(), baseline, other });
        }
    }

    /// Whether the engines are two that have no settings in common.
    fn has_other_engine(&self) -> bool {
        let [baseline, other] = self.files.map(|file| file.peer.as_ref().map(|peer| &peer.name));
        baseline != other
    }
}

fn data(found: &mut Found<'_>) {
    let kind = DifferenceKind::Data;
    found.compare_known(kind, "scale", |file| file.data.scale.clone());
    found.compare_known(kind, "content", |file| file.data.fingerprint.as_deref().map(short));
    if found.files.iter().any(|file| file.data.fingerprint.is_none()) {
        let [baseline, other] = found.files.map(|file| &file.data.row_counts);
        for (table, [ours, theirs]) in differing(baseline, other) {
            let rows = |count: Option<&u64>| count.map_or_else(|| "no such table".to_owned(), |n| text::thousands(*n));
            found.add(kind, &format!("rows of {table}"), rows(ours), rows(theirs));
        }
    }
    found.compare_known(kind, "layout", |file| file.data.layout.clone());
    // The same rows are joined in another order.
    found.compare_known(kind, "statistics", |file| file.data.statistics.as_deref().map(short));
    // The same rows in other files take another time to read.
    found.compare(kind, "bytes of all files", |file| text::thousands(file.data.bytes));
    found.compare(kind, "kind of place", |file| match file.data.url.split_once("://") {
        Some(("file", _)) | None => "folder".to_owned(),
        Some((scheme, _)) => scheme.to_owned(),
    });
}

fn settings(found: &mut Found<'_>) {
    let kind = DifferenceKind::Settings;
    // The default is a share of the machine's memory, which differs by a page or two from one start to the next.
    found.compare(kind, "memory limit", |file| text::bytes(file.plan.memory_limit_bytes));
    found.compare(kind, "cold", |file| file.plan.cold.to_string());
    if found.has_other_engine() {
        return;
    }
    found.compare(kind, "isolate", |file| match &file.plan.isolate {
        Some(Isolation { memory_limit_bytes }) => text::bytes(*memory_limit_bytes),
        None => "false".to_owned(),
    });
    for (key, [ours, theirs]) in differing_settings(found.files) {
        let words = |setting: Option<&Setting>| match setting {
            Some(Setting { value: Some(value), .. }) => value.clone(),
            Some(_) => "not set".to_owned(),
            None => "not set, or not known to that program".to_owned(),
        };
        found.add(kind, &key, words(ours), words(theirs));
    }
}

/// The settings whose values differ. A knob that only one of two programs has, and that nobody turned, is part of the
/// program.
fn differing_settings(files: [&RunFile; 2]) -> Vec<(String, [Option<&Setting>; 2])> {
    let [baseline, other] = files.map(|file| {
        let settings = file.settings.iter().filter(|setting| !PLACES.contains(&setting.key.as_str()));
        settings.map(|setting| (setting.key.clone(), setting)).collect::<BTreeMap<_, _>>()
    });
    let differing =
        differing(&baseline, &other).into_iter().map(|(key, pair)| (key.clone(), pair.map(Option::<&&_>::copied)));
    differing
        .filter(|(_, pair)| match pair {
            [Some(ours), Some(theirs)] => ours.value != theirs.value,
            [Some(setting), None] | [None, Some(setting)] => !is_built_in(&setting.source),
            [None, None] => false,
        })
        .collect()
}

/// Whether a value came with the program: nobody but a profile inside it named it.
fn is_built_in(source: &str) -> bool {
    // A knob under an umbrella has the source of the umbrella's value in brackets.
    let source = source.strip_suffix(')').and_then(|text| text.split_once(" (")).map_or(source, |(_, source)| source);
    ["default", "profile default", "profile datafusion"].contains(&source)
}

/// The keys of either map with both values, where these are not equal.
fn differing<'a, K: Ord, V: PartialEq>(
    baseline: &'a BTreeMap<K, V>,
    other: &'a BTreeMap<K, V>,
) -> Vec<(&'a K, [Option<&'a V>; 2])> {
    let only_there = other.keys().filter(|key| !baseline.contains_key(key));
    let mut keys: Vec<&K> = baseline.keys().chain(only_there).collect();
    keys.sort();
    let pairs = keys.into_iter().map(|key| (key, [baseline.get(key), other.get(key)]));
    pairs.filter(|(_, [ours, theirs])| ours != theirs).collect()
}

fn machine(found: &mut Found<'_>) {
    let kind = DifferenceKind::Machine;
    found.compare(kind, "processor", |file| file.machine.cpu.clone());
    found.compare(kind, "processors", |file| file.machine.logical_cpus.to_string());
    found.compare(kind, "memory", |file| text::bytes(file.machine.memory_bytes));
}

fn program(found: &mut Found<'_>) {
    let kind = DifferenceKind::Program;
    found.compare(kind, "engine", |file| match &file.peer {
        Some(peer) => format!("{} {}", peer.name, peer.version),
        None => format!("dsbench {}", file.versions.dsbench),
    });
    if !found.has_other_engine() {
        found.compare(kind, "datafusion", |file| file.versions.datafusion.clone());
        found.compare(kind, "arrow", |file| file.versions.arrow.clone());
        found.compare(kind, "rustc", |file| file.versions.rustc.clone());
        found.compare(kind, "build profile", |file| file.versions.build_profile.clone());
        found.compare_known(kind, "program file", |file| file.versions.binary_xxh3.as_deref().map(short));
    }
    found.compare(kind, "system", |file| format!("{}, kernel {}", file.machine.os, file.machine.kernel));
}

fn statements(found: &mut Found<'_>) {
    let kind = DifferenceKind::Statement;
    let [baseline, other] = found.files;
    for name in baseline.plan.statements.iter().filter(|name| other.plan.statements.contains(name)) {
        let text = |file: &RunFile| file.plan.sql_xxh3.get(name).map(|hash| format!("text {}", short(hash)));
        match [text(baseline), text(other)] {
            [Some(ours), Some(theirs)] => found.add(kind, name, ours, theirs),
            // Without the texts, what they are made from must do.
            _ => found.compare(kind, name, made_from),
        }
    }
}

/// What the texts of a run's statements are made from.
fn made_from(file: &RunFile) -> String {
    let seed = file.plan.seed.map_or_else(|| "qualification values".to_owned(), |seed| format!("seed {seed}"));
    let parameters: String = file.plan.parameters.iter().map(|parameter| format!(", {parameter}")).collect();
    format!("suite {}, {seed}{parameters}", file.plan.suite)
}

/// The first digits of a hash, enough to tell it from another.
fn short(hash: &str) -> String {
    hash.chars().take(12).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::format::Peer;
    use crate::results::test_support::run_file;

    fn setting(key: &str, value: Option<&str>, source: &str) -> Setting {
        Setting { key: key.to_owned(), value: value.map(str::to_owned), source: source.to_owned() }
    }

    /// What is found between two runs that were the same before these changes.
    #[track_caller]
    fn check(ours: impl Fn(&mut RunFile), theirs: impl Fn(&mut RunFile), expected: &[&str]) {
        let changed = |change: &dyn Fn(&mut RunFile)| {
            let mut file = run_file();
            change(&mut file);
            Run { folder: "x".into(), file, samples: Vec::new() }
        };
        let found = differences(&changed(&ours), &changed(&theirs));
        let words: Vec<_> = found.iter().map(|difference| format!("{} {difference}", difference.kind)).collect();
        assert_eq!(words, expected);
    }

    fn nothing(_: &mut RunFile) {}

    #[test]
    fn what_differs_between_any_two_runs_is_no_difference() {
        check(nothing, nothing, &[]);
        let other = |file: &mut RunFile| {
            file.run = "other".to_owned();
            file.label = Some("mine".to_owned());
            file.profile = "other".to_owned();
            file.started_at = "2026-03-02T03:04:05Z".to_owned();
            file.data.url = "/elsewhere/sf1".to_owned();
            file.machine.available_memory_bytes = 5;
            file.machine.memory_bytes += 4096;
            file.plan.memory_limit_bytes += 4096;
            file.plan.aggregate = "min".to_owned();
            file.plan.timeout_seconds = 1.0;
            file.plan.iterations = 8;
        };
        check(nothing, other, &[]);
    }

    #[test]
    fn data() {
        let sorted = |file: &mut RunFile| {
            file.data.layout = Some("sorted-by-date".to_owned());
            file.data.bytes = 999_999;
        };
        check(nothing, sorted, &["data bytes of all files: 1,048,576; 999,999"]);
        let plain = |file: &mut RunFile| file.data.layout = Some("plain".to_owned());
        check(plain, sorted, &["data layout: plain; sorted-by-date", "data bytes of all files: 1,048,576; 999,999"]);
        let told = |file: &mut RunFile| file.data.statistics = Some("0123456789abcdef".to_owned());
        let not_told = |file: &mut RunFile| file.data.statistics = Some("none".to_owned());
        check(nothing, told, &[]);
        check(not_told, told, &["data statistics: none; 0123456789ab"]);
        let scale_10 = |file: &mut RunFile| {
            file.data.scale = Some("10".to_owned());
            file.data.fingerprint = Some("0123456789abcdef".to_owned());
        };
        check(nothing, scale_10, &["data scale: 1; 10", "data content: abc; 0123456789ab"]);
        let on_s3 = |file: &mut RunFile| file.data.url = "s3://bucket/sf1".to_owned();
        check(nothing, on_s3, &["data kind of place: folder; s3"]);
    }

    #[test]
    fn rows_are_counted_where_the_content_is_not_known() {
        let unknown = |file: &mut RunFile| file.data.fingerprint = None;
        check(nothing, unknown, &[]);
        let other = |file: &mut RunFile| {
            file.data.fingerprint = None;
            file.data.row_counts = [("item".to_owned(), 5), ("store".to_owned(), 6)].into();
        };
        check(nothing, other, &["data rows of item: 18,000; 5", "data rows of store: no such table; 6"]);
    }

    #[test]
    fn settings() {
        let ours = |file: &mut RunFile| {
            file.settings = vec![
                setting("a.same", Some("1"), "default"),
                setting("a.x", Some("1"), "default"),
                setting("a.unset", None, "default"),
                setting("datafusion.catalog.location", Some("/here"), "--set"),
                setting("old.knob", Some("1"), "default"),
                setting("old.turned", Some("1"), "--set"),
                setting("old.umbrella", Some("1"), "old.all (profile default)"),
                setting("old.mine", Some("1"), "old.all (profile mine)"),
            ];
        };
        let theirs = |file: &mut RunFile| {
            file.settings = vec![
                setting("a.same", Some("1"), "--set"),
                setting("a.x", Some("2"), "--set"),
                setting("a.unset", Some("3"), "--set"),
                setting("new.knob", Some("true"), "profile datafusion"),
            ];
            file.plan.cold = true;
            file.plan.memory_limit_bytes = 2 << 30;
            file.plan.isolate = Some(Isolation { memory_limit_bytes: 3 << 30 });
        };
        let expected = [
            "settings memory limit: 1.0 GiB; 2.0 GiB",
            "settings cold: false; true",
            "settings isolate: false; 3.0 GiB",
            "settings a.unset: not set; 3",
            "settings a.x: 1; 2",
            "settings old.mine: 1; not set, or not known to that program",
            "settings old.turned: 1; not set, or not known to that program",
        ];
        check(ours, theirs, &expected);
        let peer = |file: &mut RunFile| {
            theirs(file);
            file.peer = Some(Peer { name: "duckdb".to_owned(), version: "2.0.0".to_owned(), command: String::new() });
        };
        let mut without = expected[..2].to_vec();
        without.push("program engine: dsbench 0.1.0; duckdb 2.0.0");
        check(ours, peer, &without);
        check(peer, peer, &[]);
    }

    #[test]
    fn machine_and_program() {
        let other = |file: &mut RunFile| {
            file.machine.cpu = "another".to_owned();
            file.machine.logical_cpus = 8;
            file.machine.kernel = "6.2".to_owned();
            file.versions.binary_xxh3 = Some("0123456789abcdef".to_owned());
            file.versions.build_profile = "measure".to_owned();
        };
        let expected = [
            "machine processor: a processor; another",
            "machine processors: 2; 8",
            "program build profile: release; measure",
            "program system: an OS, kernel 6.1; an OS, kernel 6.2",
        ];
        check(nothing, other, &expected);
    }

    #[test]
    fn statements_with_another_text() {
        let texts = |hashes: [&'static str; 2]| {
            move |file: &mut RunFile| {
                let named = ["q1", "q2"].map(str::to_owned).into_iter().zip(hashes.map(str::to_owned));
                file.plan.sql_xxh3 = named.filter(|(_, hash)| !hash.is_empty()).collect();
            }
        };
        check(texts(["aa", "bb"]), texts(["aa", "bb"]), &[]);
        check(texts(["aa", "bb"]), texts(["aa", "cc"]), &["statement q2: text bb; text cc"]);
        // Without the text of one of them, other parameters are another text.
        check(texts(["aa", ""]), texts(["aa", "cc"]), &[]);
        let seeded = |file: &mut RunFile| {
            texts(["aa", ""])(file);
            file.plan.statements.truncate(2);
            file.plan.seed = Some(7);
        };
        check(texts(["aa", "bb"]), seeded, &["statement q2: suite tpcds, qualification values; suite tpcds, seed 7"]);
    }
}
