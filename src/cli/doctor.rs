//! `dsbench doctor`: what would spoil a measurement here.

use std::path::{Path, PathBuf};

use super::args::{DataArgs, EngineArgs, runtime};
use super::exit::{Code, Failure, chain};
use super::output;
use crate::runner::doctor::{self, Data, Finding, Place, Role, Severity};
use crate::tables::{DataError, DataSet, Expectation};

/// Look for what would spoil a measurement on this machine: other load, stolen time, frequencies, memory, disks, the build,
/// the data.
///
/// Each finding is ok, a warning, a problem, or unknown where the machine does not tell, with advice. Looking takes a second. The
/// exit code is 0 whatever is found, unless --strict.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    data: DataArgs,
    /// The parent of run folders
    #[arg(long, value_name = "DIR", default_value = "results", env = "DSBENCH_OUT")]
    out: PathBuf,
    /// Print the findings as JSON
    #[arg(long)]
    json: bool,
    /// Exit with 1 if there is a warning or a problem
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    engine: EngineArgs,
}

pub(super) fn run(args: Args) -> Result<Code, Failure> {
    let limits = args.engine.limits.limits()?;
    let (url, _) = args.data.locate()?;
    let data = runtime()?.block_on(look_at_data(&args.data))?;
    let data_place = url.local_path().map(|folder| Place { role: Role::Data, folder });
    let mut places = Vec::from_iter(data_place);
    places.push(Place { role: Role::Results, folder: args.out.clone() });
    places.push(Place { role: Role::Spill, folder: limits.spill_dir.clone() });
    let readings = doctor::read(Path::new("/"), &places, limits.memory_bytes, data);
    let findings = doctor::evaluate(&readings);
    output::data(&if args.json { json(&findings)? } else { text(&findings) })?;
    let is_bad = findings.iter().any(|finding| finding.severity >= Severity::Warning);
    Ok(if args.strict && is_bad { Code::Other } else { Code::Well })
}

/// Whether the data could be measured on; what is wrong with it is a finding and no failure.
async fn look_at_data(args: &DataArgs) -> Result<Data, Failure> {
    let (url, scale) = args.locate()?;
    let place = url.local_path().map_or_else(|| url.to_string(), |folder| crate::paths::shown(&folder));
    let set = match DataSet::open(url, &Expectation { scale, verify_hashes: false }).await {
        Ok(set) => set,
        Err(DataError::Empty { .. }) => {
            return Ok(Data::Missing { place, scale: args.scale_or_default().as_f64() });
        }
        Err(error) => return Ok(Data::Unfit(chain(&error))),
    };
    match set.verified_files().await {
        Ok(verified) => Ok(Data::There {
            place,
            bytes: set.bytes(),
            verified,
            uncounted_tables: set.uncounted().len(),
            keys_are_verified: set.keys_are_verified(),
        }),
        Err(error) => Ok(Data::Unfit(chain(&error))),
    }
}

fn count(findings: &[Finding], severity: Severity) -> usize {
    findings.iter().filter(|finding| finding.severity == severity).count()
}

fn text(findings: &[Finding]) -> String {
    let mut out = String::new();
    for finding in findings {
        out.push_str(&format!("{:<9}{:<20}{}\n", finding.severity, finding.name, finding.value));
        if let Some(advice) = &finding.advice {
            out.push_str(&format!("{:<29}{advice}\n", ""));
        }
    }
    let counted = |severity: Severity, one: &str| match count(findings, severity) {
        1 => format!("1 {one}"),
        number => format!("{number} {one}s"),
    };
    out.push_str(&format!("{}, {}\n", counted(Severity::Problem, "problem"), counted(Severity::Warning, "warning")));
    out
}

fn json(findings: &[Finding]) -> Result<String, Failure> {
    let entries = findings.iter().map(|finding| {
        serde_json::json!({
            "name": finding.name,
            "severity": finding.severity.to_string(),
            "value": finding.value,
            "advice": finding.advice,
        })
    });
    let report = serde_json::json!({
        "problems": count(findings, Severity::Problem),
        "warnings": count(findings, Severity::Warning),
        "findings": entries.collect::<Vec<_>>(),
    });
    output::json(&report)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn findings() -> [Finding; 3] {
        let finding = |name, severity, value: &str, advice: Option<&str>| Finding {
            name,
            severity,
            value: value.to_owned(),
            advice: advice.map(str::to_owned),
        };
        [
            finding("memory", Severity::Ok, "30.0 GiB free", None),
            finding("turbo", Severity::Unknown, "this machine does not tell", None),
            finding("swap", Severity::Warning, "1.0 GiB in use", Some("stop what uses the memory")),
        ]
    }

    #[test]
    fn for_people() {
        expect![[r#"
            ok       memory              30.0 GiB free
            unknown  turbo               this machine does not tell
            warning  swap                1.0 GiB in use
                                         stop what uses the memory
            0 problems, 1 warning
        "#]]
        .assert_eq(&text(&findings()));
    }

    #[test]
    fn for_programs() {
        let text = json(&findings()).unwrap_or_else(|failure| panic!("{failure}"));
        let report: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!((report["problems"].as_u64(), report["warnings"].as_u64()), (Some(0), Some(1)));
        assert_eq!(report["findings"][2]["severity"], "warning");
        assert_eq!(report["findings"][0]["advice"], serde_json::Value::Null);
    }
}
