//! Tells the program how it was built: the cargo profile's name and the compiler's version go into every run.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=queries");
    println!("cargo:rustc-env=DSBENCH_BUILD_PROFILE={}", profile().unwrap_or_else(|| "unknown".to_owned()));
    println!("cargo:rustc-env=DSBENCH_RUSTC_VERSION={}", rustc().unwrap_or_else(|| "unknown".to_owned()));
}

/// Cargo's own `PROFILE` says `release` for every profile that inherits from it; the output folder has the name:
/// `…/target/<profile>/build/<package>-<hash>/out`.
fn profile() -> Option<String> {
    let out = env::var("OUT_DIR").ok()?;
    let parts: Vec<&str> = out.split(['/', '\\']).collect();
    let build = parts.iter().rposition(|part| *part == "build")?;
    Some(parts.get(build.checked_sub(1)?)?.to_string())
}

fn rustc() -> Option<String> {
    let output = Command::new(env::var("RUSTC").ok()?).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.split_whitespace().nth(1).map(str::to_owned)
}
