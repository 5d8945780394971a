//! `dsbench sql --udf-profile`: what functions took, at the end.

use std::path::Path;

use super::exit::{Code, Failure};
use super::output;
use super::session::file_name;
use crate::engine::{CodeProfile, Engine, flame_graph};
use crate::paths;
use crate::report::UdfReport;
use crate::results::format::UdfRow;
use crate::results::write_udfs;

/// So many functions of the code are shown of each place that calls it; a `.pstats` file has all.
const SHOWN: usize = 20;

/// Shows what functions took, and writes it into a folder if one is named.
pub(super) fn show(engine: &Engine, folder: Option<&Path>) -> Result<Code, Failure> {
    let (profiles, code) = (engine.udf_profiles(), engine.code_profiles());
    let rows: Vec<UdfRow> = profiles.iter().map(UdfRow::from).collect();
    if let Some(folder) = folder {
        write(engine, folder, &rows, flame_graph(&profiles, &code).as_deref(), &code)?;
    }
    let Some(report) = UdfReport::new(rows) else {
        output::note("no function was called");
        return Ok(Code::Well);
    };
    let mut text = format!("\n{}", report.text());
    for profile in &code {
        text += &format!("\n{0}\n{1}\n{0}\n{2}", "=".repeat(60), title(profile), profile.table(SHOWN));
    }
    // Standard output has the rows.
    output::note(text.trim_end());
    Ok(Code::Well)
}

fn title(profile: &CodeProfile) -> String {
    match profile.place {
        Some((line, position)) => {
            format!("Profile of {}, line {line}, position {position}: {}", profile.function, profile.written)
        }
        None => format!("Profile of {}", profile.function),
    }
}

/// `udfs.csv`, `udfs.svg`, and a `.pstats` file for each place that calls Python.
fn write(
    engine: &Engine,
    folder: &Path,
    rows: &[UdfRow],
    picture: Option<&str>,
    code: &[CodeProfile],
) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::Other(format!("cannot write into {}: {error}", folder.display()));
    std::fs::create_dir_all(folder).map_err(failed)?;
    write_udfs(folder, rows)?;
    if let Some(svg) = picture {
        paths::write_atomically(&folder.join("udfs.svg"), svg.as_bytes()).map_err(failed)?;
    }
    for profile in code {
        let place = profile.place.map_or_else(String::new, |(line, position)| format!("-{line}-{position}"));
        let path = folder.join(file_name(&format!("{}{place}.pstats", profile.function)));
        paths::write_atomically(&path, &engine.pstats(profile)?).map_err(failed)?;
    }
    output::note(&format!("the profile of functions is in {}", folder.display()));
    Ok(())
}
