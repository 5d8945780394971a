//! The machine and the program, for the record.

use std::time::Duration;

use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};
use twox_hash::XxHash3_128;

use crate::engine::versions::{ARROW, DATAFUSION};
use crate::results::format::{Machine, Versions};

/// What the program is made of.
pub fn versions() -> Versions {
    Versions {
        dsbench: env!("CARGO_PKG_VERSION").to_owned(),
        datafusion: DATAFUSION.to_owned(),
        arrow: ARROW.to_owned(),
        rustc: env!("DSBENCH_RUSTC_VERSION").to_owned(),
        build_profile: build_profile().to_owned(),
        binary_xxh3: binary_hash(),
    }
}

/// The cargo profile of the build.
pub fn build_profile() -> &'static str {
    env!("DSBENCH_BUILD_PROFILE")
}

fn binary_hash() -> Option<String> {
    let bytes = std::fs::read(std::env::current_exe().ok()?).ok()?;
    Some(format!("{:032x}", XxHash3_128::oneshot(&bytes)))
}

/// What the program runs on. Looks at the processors for a moment to see whether somebody else uses them.
pub fn machine() -> Machine {
    let what = RefreshKind::nothing()
        .with_cpu(CpuRefreshKind::nothing().with_cpu_usage())
        .with_memory(MemoryRefreshKind::nothing().with_ram());
    let mut system = System::new_with_specifics(what);
    // The usage is that of the time between two looks.
    std::thread::sleep(Duration::from_millis(400).max(sysinfo::MINIMUM_CPU_UPDATE_INTERVAL));
    system.refresh_cpu_usage();
    let (memory_bytes, available_memory_bytes) = memory(&system);
    let (cpu, logical_cpus) = processors_of(&system);
    Machine {
        cpu,
        logical_cpus,
        memory_bytes,
        available_memory_bytes,
        os: System::long_os_version().unwrap_or_default(),
        kernel: System::kernel_version().unwrap_or_default(),
        busy_percent: (system.global_cpu_usage() * 10.0).round() / 10.0,
    }
}

/// The name and the number of the processors, as [`machine`] has them, without looking at what they do.
pub fn processors() -> (String, usize) {
    let system = System::new_with_specifics(RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing()));
    processors_of(&system)
}

fn processors_of(system: &System) -> (String, usize) {
    let name = system.cpus().first().map(|cpu| cpu.brand().trim().to_owned()).unwrap_or_default();
    (name, std::thread::available_parallelism().map_or(1, usize::from))
}

/// The memory limit where none is given: 80% of what the machine, or the control group of this process, allows.
pub fn default_memory_limit_bytes() -> u64 {
    let what = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let (total, _) = memory(&System::new_with_specifics(what));
    total / 10 * 8
}

/// Total and available memory in bytes, the smaller of the machine's and the control group's.
fn memory(system: &System) -> (u64, u64) {
    let machine = (system.total_memory(), system.available_memory());
    match system.cgroup_limits() {
        Some(group) if group.total_memory > 0 => {
            (machine.0.min(group.total_memory), machine.1.min(group.free_memory.max(1)))
        }
        _ => machine,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_is_known() {
        let machine = machine();
        assert!(machine.logical_cpus >= 1 && machine.memory_bytes > 1 << 20, "{machine:?}");
        let limit = default_memory_limit_bytes();
        assert!(limit > 0 && limit <= machine.memory_bytes);
        assert_eq!(processors(), (machine.cpu, machine.logical_cpus));
    }

    #[test]
    fn versions_are_those_of_the_lock_file() {
        let lock = include_str!("../../Cargo.lock");
        let versions = versions();
        for (name, version) in [("datafusion", &versions.datafusion), ("arrow", &versions.arrow)] {
            assert!(lock.contains(&format!("name = \"{name}\"\nversion = \"{version}\"\n")), "{name} {version}");
        }
        assert_ne!(versions.build_profile, "unknown");
    }
}
