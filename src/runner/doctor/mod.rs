//! What would spoil a measurement here.
//!
//! ```text
//! /proc, /sys, the data ──(read.rs)──▶ Readings ──(evaluate)──▶ Findings: ok, warning, problem, unknown; value; advice
//! ```
//!
//! Judging is a pure function of what was read. What a machine does not tell is `unknown`, never `ok`.

mod read;

use std::fmt;

use crate::text;

pub use read::{Place, read};

/// Processors busy with something else beyond this share disturb the samples, and beyond the second one spoil them.
const BUSY_PERCENT: (f64, f64) = (15.0, 50.0);
/// Time that the host gave to other machines.
const STEAL_PERCENT: (f64, f64) = (1.0, 5.0);
/// Swap that is in use beyond this may be fetched back in the middle of a sample.
const SWAP_BYTES: u64 = 64 << 20;
/// Less free memory or disk than this lets statements fail.
const LEAST_BYTES: u64 = 1 << 30;
/// What samples and their records may take.
const RESULTS_BYTES: u64 = 100 << 20;
/// About what a scale factor takes as Parquet.
const BYTES_A_SCALE: f64 = 0.4e9;

/// All that was found out about the machine; nothing where it does not tell.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Readings {
    /// The cargo profile of this program.
    pub build_profile: String,
    /// The processors of the machine.
    pub processors: usize,
    /// Whether a hypervisor runs it.
    pub is_virtual: bool,
    /// The different frequency governors of the processors.
    pub governors: Option<Vec<String>>,
    /// Whether processors may exceed their nominal frequency.
    pub boost: Option<bool>,
    /// Whether a core runs two threads.
    pub smt: Option<bool>,
    /// What the processors did while they were looked at.
    pub load: Option<Load>,
    /// The average number of runnable tasks over a minute.
    pub load_average: Option<f64>,
    /// Memory and swap.
    pub memory: Option<Memory>,
    /// What the engine would reserve at most.
    pub memory_limit_bytes: u64,
    /// The mode of transparent huge pages.
    pub huge_pages: Option<String>,
    /// How many processors the control group allows.
    pub cpu_quota: Option<f64>,
    /// Where the kernel takes the time from.
    pub clock_source: Option<String>,
    /// The places that a run reads and writes.
    pub disks: Vec<Disk>,
    /// The data.
    pub data: Data,
}

impl Readings {
    /// What a virtual machine does not see of its host.
    fn hidden(&self, name: &'static str) -> Finding {
        match self.is_virtual {
            true => Finding { value: "up to the host of this virtual machine".to_owned(), ..Finding::unknown(name) },
            false => Finding::unknown(name),
        }
    }
}

/// What the processors did over some time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Load {
    /// The share of all processors' time that was used.
    pub busy_percent: f64,
    /// The share that the host did not give.
    pub steal_percent: f64,
    /// The processes that used most, in percent of one processor.
    pub busiest: Vec<(String, f64)>,
}

/// Memory and swap in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Memory {
    /// All of it.
    pub total: u64,
    /// What can be had without swapping.
    pub available: u64,
    /// Swap in use.
    pub swap_used: u64,
}

/// A place that a run reads or writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// What for.
    pub role: Role,
    /// The folder.
    pub folder: String,
    /// The type of its file system.
    pub file_system: Option<String>,
    /// What is free.
    pub free_bytes: Option<u64>,
    /// Whether it turns.
    pub is_rotating: bool,
    /// Whether nothing can be written.
    pub is_read_only: bool,
}

/// What a folder is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Tables.
    Data,
    /// Run folders.
    Results,
    /// Data that does not fit into memory.
    Spill,
}

/// The state of the data.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Data {
    /// Nobody looked.
    #[default]
    Unknown,
    /// There is none.
    Missing {
        /// Where it was looked for.
        place: String,
        /// The scale that was asked for.
        scale: f64,
    },
    /// It cannot be used.
    Unfit(String),
    /// It can.
    There {
        /// Where it is.
        place: String,
        /// Its size.
        bytes: u64,
        /// Files whose content was compared with the manifest, and all files; nothing without a manifest.
        verified: Option<(usize, usize)>,
        /// Tables of which nobody has counted the values.
        uncounted_tables: usize,
        /// Whether the declared keys were looked for in the rows.
        keys_are_verified: bool,
    },
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing to do.
    Ok,
    /// The machine does not tell.
    Unknown,
    /// Samples may be off.
    Warning,
    /// Figures would be worthless, or statements fail.
    Problem,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Unknown => "unknown",
            Self::Warning => "warning",
            Self::Problem => "problem",
        })
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub name: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What was found.
    pub value: String,
    /// What to do about it; nothing where there is nothing to do.
    pub advice: Option<String>,
}

impl Finding {
    fn ok(name: &'static str, value: impl Into<String>) -> Self {
        Self { name, severity: Severity::Ok, value: value.into(), advice: None }
    }

    fn unknown(name: &'static str) -> Self {
        Self { name, severity: Severity::Unknown, value: "this machine does not tell".to_owned(), advice: None }
    }

    fn bad(name: &'static str, severity: Severity, value: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { name, severity, value: value.into(), advice: Some(advice.into()) }
    }
}

/// Judges the readings.
pub fn evaluate(readings: &Readings) -> Vec<Finding> {
    let mut findings = vec![build(readings), load(readings), load_average(readings), steal(readings)];
    findings.extend([governor(readings), boost(readings), smt(readings), quota(readings)]);
    findings.extend([memory(readings), swap(readings), huge_pages(readings), clock_source(readings)]);
    findings.push(data(&readings.data));
    findings.extend(statistics(&readings.data));
    findings.extend(readings.disks.iter().map(|place| disk(place, readings)));
    findings
}

fn build(readings: &Readings) -> Finding {
    let name = "build profile";
    match readings.build_profile.as_str() {
        "measure" => Finding::ok(name, "measure"),
        "release" => Finding::ok(name, "release; published figures are made with `cargo build --profile measure`"),
        "debug" => Finding::bad(name, Severity::Problem, "debug", "build with `cargo build --release`"),
        other => Finding::bad(
            name,
            Severity::Warning,
            other,
            "figures of other build profiles than release and measure are comparable with nothing else",
        ),
    }
}

fn graded(value: f64, (warning, problem): (f64, f64)) -> Severity {
    match value {
        value if value >= problem => Severity::Problem,
        value if value >= warning => Severity::Warning,
        _ => Severity::Ok,
    }
}

fn load(readings: &Readings) -> Finding {
    let name = "other load";
    let Some(load) = &readings.load else { return Finding::unknown(name) };
    let busiest: Vec<_> = load.busiest.iter().map(|(name, percent)| format!("{name} {percent:.0}%")).collect();
    let who = if busiest.is_empty() { String::new() } else { format!(" ({})", busiest.join(", ")) };
    let value = format!("{:.0}% busy{who}", load.busy_percent);
    match graded(load.busy_percent, BUSY_PERCENT) {
        Severity::Ok => Finding::ok(name, value),
        severity => Finding::bad(name, severity, value, "stop what else runs, or wait until it is done"),
    }
}

fn load_average(readings: &Readings) -> Finding {
    let name = "load average";
    let Some(average) = readings.load_average else { return Finding::unknown(name) };
    let value = format!("{average:.2} over a minute, {} processors", readings.processors);
    if average > readings.processors as f64 / 2.0 {
        let advice = "the machine was busy within the last minute: wait until it has come to rest";
        return Finding::bad(name, Severity::Warning, value, advice);
    }
    Finding::ok(name, value)
}

fn steal(readings: &Readings) -> Finding {
    let name = "stolen time";
    let Some(load) = &readings.load else { return Finding::unknown(name) };
    let value = format!("{:.1}%", load.steal_percent);
    match graded(load.steal_percent, STEAL_PERCENT) {
        Severity::Ok => Finding::ok(name, value),
        severity => Finding::bad(
            name,
            severity,
            value,
            "the host gives processor time to other machines: use a dedicated one, take more samples, and compare only \
             what was measured in turns",
        ),
    }
}

fn governor(readings: &Readings) -> Finding {
    let name = "frequency governor";
    let Some(governors) = &readings.governors else { return readings.hidden(name) };
    let value = governors.join(", ");
    if governors.iter().all(|governor| governor == "performance") {
        return Finding::ok(name, value);
    }
    let advice = "frequencies follow the load with a delay: `sudo cpupower frequency-set -g performance`";
    Finding::bad(name, Severity::Warning, value, advice)
}

fn boost(readings: &Readings) -> Finding {
    let name = "turbo";
    match readings.boost {
        None => readings.hidden(name),
        Some(false) => Finding::ok(name, "off"),
        Some(true) => Finding::bad(
            name,
            Severity::Warning,
            "on",
            "the frequency depends on temperature and on how many cores work: switch it off (`echo 0 | sudo tee \
             /sys/devices/system/cpu/cpufreq/boost`, or 1 into intel_pstate/no_turbo), or let runs last long enough to \
             get warm",
        ),
    }
}

/// Two threads a core are how most machines run; it is said because figures with and without are not comparable.
fn smt(readings: &Readings) -> Finding {
    match readings.smt {
        None => Finding::unknown("threads a core"),
        Some(true) => Finding::ok("threads a core", "two (SMT is on)"),
        Some(false) => Finding::ok("threads a core", "one"),
    }
}

fn quota(readings: &Readings) -> Finding {
    let name = "processor quota";
    match readings.cpu_quota {
        Some(quota) if quota < readings.processors as f64 => Finding::bad(
            name,
            Severity::Warning,
            format!("{quota:.2} of {} processors", readings.processors),
            "the control group stops all threads when its time is used up, which makes samples spread: raise the quota, or \
             bind the program to whole processors (taskset, --cpuset-cpus)",
        ),
        _ => Finding::ok(name, format!("none below the {} processors", readings.processors)),
    }
}

fn memory(readings: &Readings) -> Finding {
    let name = "memory";
    let Some(memory) = readings.memory else { return Finding::unknown(name) };
    let value = format!(
        "{} of {} free, {} for the engine",
        text::bytes(memory.available),
        text::bytes(memory.total),
        text::bytes(readings.memory_limit_bytes)
    );
    if memory.available < LEAST_BYTES {
        return Finding::bad(name, Severity::Problem, value, "stop what uses the memory");
    }
    if memory.available < readings.memory_limit_bytes {
        let advice = format!(
            "the engine may ask for more than is free, and the system would swap or kill: stop what uses the memory, or set \
             --memory-limit {}MiB",
            (memory.available >> 20) / 10 * 9
        );
        return Finding::bad(name, Severity::Warning, value, advice);
    }
    Finding::ok(name, value)
}

fn swap(readings: &Readings) -> Finding {
    let name = "swap";
    let Some(memory) = readings.memory else { return Finding::unknown(name) };
    match memory.swap_used {
        0 => Finding::ok(name, "not in use"),
        used if used <= SWAP_BYTES => Finding::ok(name, format!("{} in use", text::bytes(used))),
        used => Finding::bad(
            name,
            Severity::Warning,
            format!("{} in use", text::bytes(used)),
            "memory that is fetched back from disk makes samples spread: stop what uses the memory, then `sudo swapoff -a`",
        ),
    }
}

/// No mode is wrong; it is said because figures under different modes are not comparable.
fn huge_pages(readings: &Readings) -> Finding {
    let name = "huge pages";
    readings.huge_pages.as_ref().map_or_else(|| Finding::unknown(name), |mode| Finding::ok(name, mode))
}

fn clock_source(readings: &Readings) -> Finding {
    let name = "clock source";
    let Some(source) = &readings.clock_source else { return Finding::unknown(name) };
    if ["hpet", "acpi_pm", "jiffies", "pit"].contains(&source.as_str()) {
        let advice = "reading it is slow or coarse: boot with clocksource=tsc if the processor's counter is stable";
        return Finding::bad(name, Severity::Warning, source, advice);
    }
    Finding::ok(name, source)
}

fn data(data: &Data) -> Finding {
    let name = "data";
    match data {
        Data::Unknown => Finding::unknown(name),
        Data::Missing { place, scale } => Finding::bad(
            name,
            Severity::Warning,
            format!("none in {place}"),
            format!("`dsbench run` makes it first; about {} are needed", text::bytes((scale * BYTES_A_SCALE) as u64)),
        ),
        Data::Unfit(message) => Finding::bad(name, Severity::Problem, message, "mend it before measuring"),
        Data::There { place, bytes, verified: None, .. } => Finding::bad(
            name,
            Severity::Warning,
            format!("{} in {place}, without a manifest", text::bytes(*bytes)),
            "nothing vouches for its rows, so that no stored answer is for it; compare with --verify-with datafusion",
        ),
        Data::There { place, bytes, verified: Some((verified, files)), .. } => {
            let size = text::bytes(*bytes);
            Finding::ok(
                name,
                match verified == files {
                    true => format!("{size} in {place}, every file verified"),
                    false => {
                        format!("{size} in {place}; {} of {files} files are verified by the next run", files - verified)
                    }
                },
            )
        }
    }
}

/// What the optimizer can know of the data; nothing to say of data that is not there.
fn statistics(data: &Data) -> Option<Finding> {
    let name = "statistics";
    match data {
        Data::Unknown => Some(Finding::unknown(name)),
        Data::Missing { .. } | Data::Unfit(_) => None,
        Data::There { uncounted_tables: 0, keys_are_verified: true, .. } => {
            Some(Finding::ok(name, "every table counted, keys verified"))
        }
        Data::There { uncounted_tables: 0, .. } => Some(Finding::bad(
            name,
            Severity::Warning,
            "every table counted, keys not verified",
            "`dsbench analyze` verifies them; until then the optimizer trusts none",
        )),
        Data::There { uncounted_tables, .. } => Some(Finding::bad(
            name,
            Severity::Warning,
            format!("{uncounted_tables} tables not counted"),
            "`dsbench analyze` counts them; until then the optimizer goes by samples, and trusts no key",
        )),
    }
}

fn disk(disk: &Disk, readings: &Readings) -> Finding {
    let (name, needed) = match disk.role {
        Role::Data => ("data folder", needed_for_data(&readings.data)),
        Role::Results => ("results folder", RESULTS_BYTES),
        Role::Spill => ("spill folder", readings.memory_limit_bytes),
    };
    let file_system = disk.file_system.as_deref().unwrap_or("unknown file system");
    let free = disk.free_bytes.map_or_else(String::new, |bytes| format!(", {} free", text::bytes(bytes)));
    let value = format!("{} ({file_system}{free})", disk.folder);
    let bad = |severity, advice: String| Finding::bad(name, severity, value.clone(), advice);
    let writes = disk.role != Role::Data || needed > 0;
    if disk.is_read_only && writes {
        return bad(Severity::Problem, "nothing can be written there: name another folder".to_owned());
    }
    if disk.role == Role::Spill && ["tmpfs", "ramfs"].contains(&file_system) {
        return bad(
            Severity::Warning,
            "what is spilled there stays in memory, on top of the limit: name a folder on a disk with --spill-dir"
                .to_owned(),
        );
    }
    if let Some(free) = disk.free_bytes.filter(|free| *free < needed) {
        let severity = if free < LEAST_BYTES.min(needed) { Severity::Problem } else { Severity::Warning };
        return bad(
            severity,
            format!("up to {} may be written there: make room, or name another folder", text::bytes(needed)),
        );
    }
    let is_remote =
        ["nfs", "nfs4", "cifs", "smb3", "9p", "fuse", "fuse.sshfs", "ceph", "glusterfs"].contains(&file_system);
    if is_remote && disk.role != Role::Results {
        return bad(Severity::Warning, "times would be those of the network: use a local disk".to_owned());
    }
    // A virtual disk says of itself that it turns, whatever is behind it.
    if disk.is_rotating && !readings.is_virtual && disk.role != Role::Results {
        return bad(Severity::Warning, "a disk that turns: cold reads and spilling take many times longer".to_owned());
    }
    Finding::ok(name, value)
}

/// What is still to be made.
fn needed_for_data(data: &Data) -> u64 {
    match data {
        Data::Missing { scale, .. } => (scale * BYTES_A_SCALE) as u64,
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
