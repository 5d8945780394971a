//! The rules of the house that no compiler knows: layering, and what is written where.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|e| e == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Code that names `word` lives under `allowed` alone.
#[track_caller]
fn check_layer(word: &str, allowed: &[&str]) {
    let sources = [files(&root().join("src"), "rs"), files(&root().join("datagen/src"), "rs")].concat();
    for file in sources {
        let name = file.strip_prefix(root()).expect("inside").to_string_lossy().replace('\\', "/");
        if allowed.iter().any(|place| name.starts_with(place)) {
            continue;
        }
        let text = fs::read_to_string(&file).expect("readable");
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        if let Some(line) = code.into_iter().find(|line| line.contains(word)) {
            panic!("{name} names `{word}`, which belongs under {allowed:?}: {line}");
        }
    }
}

#[test]
fn layers_hold() {
    check_layer("datafusion::", &["src/engine/", "src/tables/"]);
    check_layer("clap::", &["src/cli/"]);
    check_layer("Instant::now", &["src/clock.rs"]);
    check_layer("println!", &["src/cli/"]);
    let manifest = fs::read_to_string(root().join("datagen/Cargo.toml")).expect("readable");
    assert!(!manifest.contains("datafusion") && !manifest.contains("clap"), "datagen knows neither");
}

#[test]
fn wire_types_stand_in_one_place() {
    for file in files(&root().join("src"), "rs") {
        let name = file.strip_prefix(root()).expect("inside").to_string_lossy().replace('\\', "/");
        // The last one is what two processes of one program say to each other; nothing of it is kept.
        let allowed = ["src/results/format.rs", "src/answers/format.rs", "src/runner/protocol.rs"];
        let text = fs::read_to_string(&file).expect("readable");
        assert!(allowed.contains(&name.as_str()) || !text.contains("Serialize)"), "{name} derives Serialize");
    }
}

#[test]
fn committed_runs_stay_readable() {
    let runs = files(&root().join("results"), "json");
    assert!(!runs.is_empty(), "there are reference runs");
    let (comparisons, runs): (Vec<_>, Vec<_>) = runs.into_iter().partition(|file| file.ends_with("ab.json"));
    assert!(!comparisons.is_empty(), "there is a reference A/B");
    for file in comparisons {
        let ab = dsbench::results::Ab::read(&file).unwrap_or_else(|error| panic!("{error}"));
        // With two sides alone the noise of the machine is measured too, by the same side twice.
        let is_complete = ab.sides.len() > 2 || (ab.sides.len() == 2 && ab.control.is_some());
        assert!(is_complete, "{}", file.display());
    }
    for file in runs {
        let run = dsbench::results::Run::read(&file).unwrap_or_else(|error| panic!("{error}"));
        let summary = run.file.summary.as_ref().unwrap_or_else(|| panic!("{}: no summary", file.display()));
        let names = |is_meant: fn(&dsbench::results::format::SampleRow) -> bool| {
            let samples = run.samples.iter().filter(|sample| is_meant(sample));
            samples.map(|sample| sample.statement.as_str()).collect::<BTreeSet<_>>()
        };
        let (all, failed) = (names(|_| true), names(|sample| sample.error_class.is_some()));
        let place = file.display();
        assert_eq!((all.len(), failed.len()), (summary.statements, summary.failed), "{place}: samples tell of all");
        assert_eq!(summary.counted + summary.failed, summary.statements, "{place}: the others are in the total");
        // On a side of an A/B a statement may run into the time limit.
        assert!(failed.is_empty() || run.file.side_of.is_some(), "{place}: {failed:?}");
        assert!(!run.samples.is_empty());
    }
}

#[test]
fn the_tpcs_wording_stands_where_figures_do() {
    let readme = fs::read_to_string(root().join("README.md")).expect("readable");
    let flat = readme.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains(dsbench::report::FAIR_USE), "README.md carries the fair-use wording");
}
