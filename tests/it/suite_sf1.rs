//! All 104 statements on real data with the committed answers. Tiny scales answer too many statements with no row.
//! A debug build takes many minutes over it: `cargo test --release`.

use crate::support::{command, json, path, scratch};

#[test]
fn every_answer_at_scale_1_is_right() {
    let out = tempfile::tempdir().expect("a folder");
    let invocation = command(&["run", "--iterations", "1", "--warmup", "0", "--json", "--out", path(out.path())])
        .env("DSBENCH_DATA", scratch())
        .output()
        .expect("the program starts")
        .into();
    let summary = json(&invocation);
    assert_eq!(invocation.code, Some(0), "{}", invocation.stderr);
    for (field, value) in [("statements", 104), ("verified", 104), ("failed", 0), ("unverified", 0)] {
        assert_eq!(summary[field], value, "{}\n{}", summary, invocation.stderr);
    }
}
