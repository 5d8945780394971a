//! Reading what Linux tells under `/proc` and `/sys`. Elsewhere most of it is not there, and stays unknown.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sysinfo::{DiskKind, Disks};

use super::{Data, Disk, Load, Memory, Readings, Role};
use crate::runner::environment::build_profile;

/// How long the processors are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How many processes are named.
const NAMED_PROCESSES: usize = 3;
/// Processes below this share of a processor are not worth naming.
const NAMED_PERCENT: f64 = 1.0;

/// A folder and what it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// What for.
    pub role: Role,
    /// The folder, which need not be there yet.
    pub folder: PathBuf,
}

/// Reads everything. `root` is `/` but for tests; looking at the load takes a second.
pub fn read(root: &Path, places: &[Place], memory_limit_bytes: u64, data: Data) -> Readings {
    let before = Look::take(root);
    std::thread::sleep(LOOK);
    let after = Look::take(root);
    let load = before.zip(after).and_then(|(before, after)| after.since(&before));
    Readings { load, ..steady(root, places, memory_limit_bytes, data) }
}

/// All that does not need two looks.
fn steady(root: &Path, places: &[Place], memory_limit_bytes: u64, data: Data) -> Readings {
    let mounts = text(root, "proc/self/mountinfo").unwrap_or_default();
    let disks = Disks::new_with_refreshed_list();
    Readings {
        build_profile: build_profile().to_owned(),
        processors: processors(root),
        is_virtual: text(root, "proc/cpuinfo").is_some_and(|info| info.contains(" hypervisor")),
        governors: governors(root),
        boost: boost(root),
        smt: flag(root, "sys/devices/system/cpu/smt/active"),
        load: None,
        load_average: text(root, "proc/loadavg").and_then(|line| line.split(' ').next()?.parse().ok()),
        memory: text(root, "proc/meminfo").and_then(|info| memory(&info)),
        memory_limit_bytes,
        huge_pages: text(root, "sys/kernel/mm/transparent_hugepage/enabled").and_then(|modes| chosen(&modes)),
        cpu_quota: cpu_quota(root),
        clock_source: text(root, "sys/devices/system/clocksource/clocksource0/current_clocksource"),
        disks: places.iter().map(|place| disk(place, &mounts, &disks)).collect(),
        data,
    }
}

/// A file's text without the line end; nothing where it is not there.
fn text(root: &Path, path: &str) -> Option<String> {
    fs::read_to_string(root.join(path)).ok().map(|text| text.trim_end().to_owned())
}

fn flag(root: &Path, path: &str) -> Option<bool> {
    match text(root, path)?.as_str() {
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    }
}

fn processors(root: &Path) -> usize {
    let lines = text(root, "proc/stat").unwrap_or_default();
    let count = lines
        .lines()
        .filter(|line| line.strip_prefix("cpu").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())));
    match count.count() {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        count => count,
    }
}

fn governors(root: &Path) -> Option<Vec<String>> {
    let folders = fs::read_dir(root.join("sys/devices/system/cpu")).ok()?;
    let names: BTreeSet<String> =
        folders.flatten().filter_map(|folder| text(&folder.path(), "cpufreq/scaling_governor")).collect();
    (!names.is_empty()).then(|| names.into_iter().collect())
}

fn boost(root: &Path) -> Option<bool> {
    let intel = flag(root, "sys/devices/system/cpu/intel_pstate/no_turbo").map(|off| !off);
    intel.or_else(|| flag(root, "sys/devices/system/cpu/cpufreq/boost"))
}

/// `always [madvise] never` has the chosen one in brackets.
fn chosen(modes: &str) -> Option<String> {
    let (_, rest) = modes.split_once('[')?;
    rest.split_once(']').map(|(mode, _)| mode.to_owned())
}

fn memory(info: &str) -> Option<Memory> {
    let bytes = |key: &str| {
        let line = info.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
        Some(line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()? * 1024)
    };
    Some(Memory {
        total: bytes("MemTotal")?,
        available: bytes("MemAvailable")?,
        swap_used: bytes("SwapTotal").unwrap_or(0).saturating_sub(bytes("SwapFree").unwrap_or(0)),
    })
}

/// The tightest quota of the control group and those above it, in processors; of version 2 or 1.
fn cpu_quota(root: &Path) -> Option<f64> {
    let groups = text(root, "proc/self/cgroup")?;
    let mut quotas = Vec::new();
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (fields.next(), fields.next()) else { continue };
        let is_old = controllers.split(',').any(|controller| controller == "cpu");
        if !is_old && !controllers.is_empty() {
            continue;
        }
        let base = if is_old { "sys/fs/cgroup/cpu" } else { "sys/fs/cgroup" };
        for folder in Path::new(group.trim_start_matches('/')).ancestors() {
            let folder = root.join(base).join(folder);
            quotas.extend(if is_old { old_quota(&folder) } else { new_quota(&folder) });
        }
    }
    quotas.into_iter().reduce(f64::min)
}

/// `cpu.max` holds `max 100000`, or the microseconds of each period.
fn new_quota(folder: &Path) -> Option<f64> {
    let line = text(folder, "cpu.max")?;
    let (quota, period) = line.split_once(' ')?;
    Some(quota.parse::<f64>().ok()? / period.parse::<f64>().ok().filter(|period| *period > 0.0)?)
}

fn old_quota(folder: &Path) -> Option<f64> {
    let quota: f64 = text(folder, "cpu.cfs_quota_us")?.parse().ok()?;
    let period: f64 = text(folder, "cpu.cfs_period_us")?.parse().ok()?;
    (quota > 0.0 && period > 0.0).then(|| quota / period)
}

/// The processors' and processes' time since the start, in ticks.
struct Look {
    busy: u64,
    stolen: u64,
    all: u64,
    processors: usize,
    processes: HashMap<u32, (String, u64)>,
}

impl Look {
    fn take(root: &Path) -> Option<Self> {
        let stat = text(root, "proc/stat")?;
        let line = stat.lines().next()?.strip_prefix("cpu ")?;
        // user, nice, system, idle, iowait, irq, softirq, steal; guests' time is part of the first two.
        let ticks: Vec<u64> = line.split_whitespace().take(8).map_while(|ticks| ticks.parse().ok()).collect();
        let [user, nice, system, idle, iowait, irq, softirq, stolen] = ticks[..] else { return None };
        let busy = user + nice + system + irq + softirq;
        let all = busy + idle + iowait + stolen;
        Some(Self { busy, stolen, all, processors: processors(root), processes: processes(root) })
    }

    fn since(&self, before: &Self) -> Option<Load> {
        let all = self.all.checked_sub(before.all).filter(|ticks| *ticks > 0)? as f64;
        let percent = |now: u64, then: u64| now.saturating_sub(then) as f64 / all * 100.0;
        let mut busiest: Vec<(String, f64)> = Vec::new();
        for (id, (name, ticks)) in &self.processes {
            let then = before.processes.get(id).map_or(0, |(_, ticks)| *ticks);
            let of_one = percent(*ticks, then) * self.processors as f64;
            if of_one >= NAMED_PERCENT && *id != std::process::id() {
                busiest.push((name.clone(), of_one));
            }
        }
        busiest.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        busiest.truncate(NAMED_PROCESSES);
        Some(Load {
            busy_percent: percent(self.busy, before.busy),
            steal_percent: percent(self.stolen, before.stolen),
            busiest,
        })
    }
}

fn processes(root: &Path) -> HashMap<u32, (String, u64)> {
    let folders = fs::read_dir(root.join("proc")).into_iter().flatten().flatten();
    let found = folders.filter_map(|folder| {
        let id = folder.file_name().to_str()?.parse().ok()?;
        Some((id, process(&text(&folder.path(), "stat")?)?))
    });
    found.collect()
}

/// `1 (name) S …`: the name may hold blanks and brackets; user and system time are the 12th and 13th field after it.
fn process(stat: &str) -> Option<(String, u64)> {
    let (begin, end) = (stat.find('(')?, stat.rfind(')')?);
    let mut fields = stat.get(end + 1..)?.split_whitespace().skip(11);
    let ticks = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    Some((stat.get(begin + 1..end)?.to_owned(), ticks))
}

fn disk(place: &Place, mounts: &str, disks: &Disks) -> Disk {
    let folder = existing(&place.folder);
    let mount = mount_of(mounts, &folder);
    let point = mount.as_ref().map(|mount| mount.point.as_path());
    let known = disks.list().iter().find(|disk| Some(disk.mount_point()) == point);
    Disk {
        role: place.role,
        folder: crate::paths::shown(&place.folder),
        file_system: mount.as_ref().map(|mount| mount.file_system.clone()),
        free_bytes: free_bytes(&folder).or_else(|| known.map(sysinfo::Disk::available_space)),
        is_rotating: known.is_some_and(|disk| disk.kind() == DiskKind::HDD),
        is_read_only: mount.is_some_and(|mount| mount.is_read_only),
    }
}

/// What may still be written; of every file system, where sysinfo leaves out those in memory.
#[cfg(unix)]
fn free_bytes(folder: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(folder).ok()?;
    found.f_bavail.checked_mul(found.f_frsize)
}

#[cfg(not(unix))]
fn free_bytes(_folder: &Path) -> Option<u64> {
    None
}

/// The folder, or the one above it that is there, without links.
fn existing(folder: &Path) -> PathBuf {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    absolute.ancestors().find_map(|folder| folder.canonicalize().ok()).unwrap_or(absolute)
}

#[derive(Debug, PartialEq, Eq)]
struct Mount {
    point: PathBuf,
    file_system: String,
    is_read_only: bool,
}

/// The mount that a folder is in: the one with the longest path, and of those the last one, which hides the others.
fn mount_of(mounts: &str, folder: &Path) -> Option<Mount> {
    let mounts = mounts.lines().filter_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        let fields: Vec<&str> = before.split(' ').collect();
        let point = PathBuf::from(fields.get(4)?.replace("\\040", " "));
        let is_read_only = fields.get(5)?.split(',').any(|option| option == "ro");
        Some(Mount { point, file_system: after.split(' ').next()?.to_owned(), is_read_only })
    });
    mounts.filter(|mount| folder.starts_with(&mount.point)).max_by_key(|mount| mount.point.components().count())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A made-up `/proc` and `/sys`.
    fn machine(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a folder");
        for (path, content) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("inside")).expect("made");
            fs::write(path, content).expect("written");
        }
        root
    }

    #[test]
    fn a_machine_that_tells() {
        let root = machine(&[
            ("proc/stat", "cpu  1 1 1 1 1 1 1 1 0 0\ncpu0 1\ncpu1 1\nintr 5\n"),
            ("proc/cpuinfo", "flags\t\t: fpu hypervisor\n"),
            ("proc/loadavg", "1.50 0.70 0.30 2/345 6789\n"),
            ("proc/meminfo", "MemTotal:  2048 kB\nMemAvailable: 1024 kB\nSwapTotal: 10 kB\nSwapFree: 4 kB\n"),
            ("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave\n"),
            ("sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "performance\n"),
            ("sys/devices/system/cpu/intel_pstate/no_turbo", "0\n"),
            ("sys/devices/system/cpu/smt/active", "1\n"),
            ("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n"),
            ("sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n"),
            ("proc/self/cgroup", "0::/a/b\n"),
            ("sys/fs/cgroup/a/cpu.max", "150000 100000\n"),
            ("sys/fs/cgroup/a/b/cpu.max", "max 100000\n"),
        ]);
        let found = steady(root.path(), &[], 7, Data::Unknown);
        let expected = Readings {
            build_profile: build_profile().to_owned(),
            processors: 2,
            is_virtual: true,
            governors: Some(vec!["performance".to_owned(), "powersave".to_owned()]),
            boost: Some(true),
            smt: Some(true),
            load: None,
            load_average: Some(1.5),
            memory: Some(Memory { total: 2 << 20, available: 1 << 20, swap_used: 6 << 10 }),
            memory_limit_bytes: 7,
            huge_pages: Some("madvise".to_owned()),
            cpu_quota: Some(1.5),
            clock_source: Some("tsc".to_owned()),
            disks: Vec::new(),
            data: Data::Unknown,
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn a_machine_that_tells_nothing() {
        let root = machine(&[]);
        let found = read(root.path(), &[], 7, Data::Unknown);
        let unknown = Readings {
            build_profile: build_profile().to_owned(),
            processors: std::thread::available_parallelism().expect("known").get(),
            memory_limit_bytes: 7,
            ..Readings::default()
        };
        assert_eq!(found, unknown);
    }

    #[test]
    fn this_machine_can_be_read() {
        let place = Place { role: Role::Spill, folder: std::env::temp_dir().join("not/there/yet") };
        let found = read(Path::new("/"), &[place], 1, Data::Unknown);
        if Path::new("/proc/stat").exists() {
            let load = found.load.expect("two looks");
            assert!((0.0..=100.0).contains(&load.busy_percent), "{load:?}");
            assert!(found.disks[0].file_system.is_some(), "{:?}", found.disks);
        }
    }

    #[track_caller]
    fn check_quota(files: &[(&str, &str)], expected: Option<f64>) {
        assert_eq!(cpu_quota(machine(files).path()), expected);
    }

    #[test]
    fn quotas_of_both_versions() {
        check_quota(&[("proc/self/cgroup", "0::/\n"), ("sys/fs/cgroup/cpu.max", "50000 100000")], Some(0.5));
        check_quota(&[("proc/self/cgroup", "0::/\n"), ("sys/fs/cgroup/cpu.max", "max 100000")], None);
        let old = ("proc/self/cgroup", "3:cpu,cpuacct:/docker/x\n0::/\n");
        let period = ("sys/fs/cgroup/cpu/docker/x/cpu.cfs_period_us", "100000");
        check_quota(&[old, period, ("sys/fs/cgroup/cpu/docker/x/cpu.cfs_quota_us", "200000")], Some(2.0));
        check_quota(&[old, period, ("sys/fs/cgroup/cpu/docker/x/cpu.cfs_quota_us", "-1")], None);
        check_quota(&[("proc/self/cgroup", "nonsense")], None);
    }

    #[test]
    fn the_load_is_what_happened_between_two_looks() {
        let before = machine(&[
            ("proc/stat", "cpu  100 0 100 800 0 0 0 0 0 0\ncpu0 1\ncpu1 1\n"),
            ("proc/7/stat", "7 (a (b) c) R 1 7 7 0 -1 4194304 1 0 0 0 50 10 0 0 20 0 1 0 1 1 1"),
        ]);
        let after = machine(&[
            ("proc/stat", "cpu  140 0 110 930 0 0 0 20 0 0\ncpu0 1\ncpu1 1\n"),
            ("proc/7/stat", "7 (a (b) c) R 1 7 7 0 -1 4194304 1 0 0 0 90 10 0 0 20 0 1 0 1 1 1"),
            ("proc/8/stat", "8 (new) S 1 7 7 0 -1 4194304 1 0 0 0 5 5 0 0 20 0 1 0 1 1 1"),
            ("proc/9/stat", "9 (idle) S 1 7 7 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 1 1 1"),
            ("proc/10/stat", "cut off"),
        ]);
        let looks = (Look::take(before.path()).expect("a look"), Look::take(after.path()).expect("a look"));
        let load = looks.1.since(&looks.0).expect("time has passed");
        let expected = Load {
            busy_percent: 25.0,
            steal_percent: 10.0,
            busiest: vec![("a (b) c".to_owned(), 40.0), ("new".to_owned(), 10.0)],
        };
        assert_eq!(load, expected);
        assert_eq!(looks.1.since(&looks.1), None);
    }

    #[track_caller]
    fn check_mount(folder: &str, expected: Option<(&str, &str, bool)>) {
        let mounts = "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n\
                      28 27 0:30 / /tmp rw - tmpfs tmpfs rw\n\
                      29 27 0:31 / /data\\040disk ro,noatime shared:1 - xfs /dev/vdb rw\n\
                      30 27 0:32 / /tmp rw - ramfs none rw\n\
                      nonsense\n";
        let found = mount_of(mounts, Path::new(folder));
        let found = found.as_ref().map(|m| (m.point.to_str().expect("UTF-8"), m.file_system.as_str(), m.is_read_only));
        assert_eq!(found, expected);
    }

    #[test]
    fn a_folder_is_in_its_nearest_mount() {
        check_mount("/home/x", Some(("/", "ext4", false)));
        check_mount("/tmp/a/b", Some(("/tmp", "ramfs", false)));
        check_mount("/tmpfoo", Some(("/", "ext4", false)));
        check_mount("/data disk/x", Some(("/data disk", "xfs", true)));
        check_mount("relative", None);
    }
}
