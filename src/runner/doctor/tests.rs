use super::*;

const GIB: u64 = 1 << 30;

fn counted(uncounted_tables: usize, keys_are_verified: bool) -> Data {
    let (place, verified) = ("/data".to_owned(), Some((25, 25)));
    Data::There { place, bytes: GIB, verified, uncounted_tables, keys_are_verified }
}

/// A machine on which nothing is wrong.
fn quiet() -> Readings {
    let disk = |role, folder: &str| Disk {
        role,
        folder: folder.to_owned(),
        file_system: Some("ext4".to_owned()),
        free_bytes: Some(100 * GIB),
        is_rotating: false,
        is_read_only: false,
    };
    Readings {
        build_profile: "release".to_owned(),
        processors: 8,
        is_virtual: false,
        governors: Some(vec!["performance".to_owned()]),
        boost: Some(false),
        smt: Some(false),
        load: Some(Load { busy_percent: 1.0, steal_percent: 0.0, busiest: Vec::new() }),
        load_average: Some(0.1),
        memory: Some(Memory { total: 32 * GIB, available: 30 * GIB, swap_used: 0 }),
        memory_limit_bytes: 25 * GIB,
        huge_pages: Some("madvise".to_owned()),
        cpu_quota: None,
        clock_source: Some("tsc".to_owned()),
        disks: vec![disk(Role::Data, "/data"), disk(Role::Results, "results"), disk(Role::Spill, "/tmp")],
        data: counted(0, true),
    }
}

#[test]
fn a_quiet_machine_is_well() {
    let findings = evaluate(&quiet());
    assert!(
        findings.iter().all(|finding| finding.severity == Severity::Ok && finding.advice.is_none()),
        "{findings:?}"
    );
    let mut names: Vec<_> = findings.iter().map(|finding| finding.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), findings.len(), "each name once");
}

#[test]
fn what_is_not_told_is_unknown() {
    let findings = evaluate(&Readings { build_profile: "release".to_owned(), processors: 1, ..Readings::default() });
    for finding in findings {
        let expected = match finding.name {
            "build profile" | "processor quota" => Severity::Ok,
            _ => Severity::Unknown,
        };
        assert_eq!(finding.severity, expected, "{finding:?}");
    }
}

/// Changes the quiet machine in one thing; expects that finding alone to be bad, and its value and advice.
#[track_caller]
fn check(change: impl FnOnce(&mut Readings), name: &str, severity: Severity, value: &str, advice: &str) {
    let mut readings = quiet();
    change(&mut readings);
    let findings = evaluate(&readings);
    for finding in &findings {
        let expected = if finding.name == name { severity } else { Severity::Ok };
        assert_eq!(finding.severity, expected, "{finding:?}");
    }
    let found = findings.iter().find(|finding| finding.name == name).expect("looked at");
    assert!(found.value.contains(value), "{found:?}");
    match (&found.advice, severity) {
        (None, Severity::Ok) => assert_eq!(advice, ""),
        (Some(text), Severity::Warning | Severity::Problem) => assert!(text.contains(advice), "{text}"),
        _ => panic!("{found:?}"),
    }
}

#[test]
fn the_build() {
    use Severity::{Ok, Problem, Warning};
    check(|r| r.build_profile = "debug".to_owned(), "build profile", Problem, "debug", "--release");
    check(|r| r.build_profile = "measure".to_owned(), "build profile", Ok, "measure", "");
    check(|r| r.build_profile = "fast".to_owned(), "build profile", Warning, "fast", "comparable with nothing");
}

#[test]
fn the_processors() {
    use Severity::{Ok, Problem, Warning};
    let busy = |percent: f64| {
        move |r: &mut Readings| {
            r.load = Some(Load { busy_percent: percent, steal_percent: 0.0, busiest: vec![("cc".to_owned(), 99.6)] });
        }
    };
    check(busy(14.9), "other load", Ok, "15% busy (cc 100%)", "");
    check(busy(15.0), "other load", Warning, "15% busy (cc 100%)", "stop what else runs");
    check(busy(50.0), "other load", Problem, "50% busy", "stop what else runs");
    let stolen = |percent: f64| {
        move |r: &mut Readings| {
            r.load = Some(Load { busy_percent: 0.0, steal_percent: percent, busiest: Vec::new() });
        }
    };
    check(stolen(0.9), "stolen time", Ok, "0.9%", "");
    check(stolen(1.0), "stolen time", Warning, "1.0%", "dedicated");
    check(stolen(7.5), "stolen time", Problem, "7.5%", "dedicated");
    check(|r| r.load_average = Some(4.0), "load average", Ok, "4.00", "");
    check(|r| r.load_average = Some(4.1), "load average", Warning, "4.10 over a minute, 8 processors", "come to rest");
    let mixed = vec!["performance".to_owned(), "powersave".to_owned()];
    check(|r| r.governors = Some(mixed), "frequency governor", Warning, "performance, powersave", "cpupower");
    check(|r| r.boost = Some(true), "turbo", Warning, "on", "temperature");
    check(|r| r.smt = Some(true), "threads a core", Ok, "two", "");
    check(|r| r.cpu_quota = Some(1.5), "processor quota", Warning, "1.50 of 8 processors", "quota");
    check(|r| r.cpu_quota = Some(8.0), "processor quota", Ok, "none below", "");
    check(|r| r.clock_source = Some("hpet".to_owned()), "clock source", Warning, "hpet", "clocksource=tsc");
    check(|r| r.clock_source = Some("kvm-clock".to_owned()), "clock source", Ok, "kvm-clock", "");
    check(|r| r.huge_pages = Some("always".to_owned()), "huge pages", Ok, "always", "");
}

#[test]
fn the_memory() {
    use Severity::{Ok, Problem, Warning};
    let available = |bytes: u64| {
        move |r: &mut Readings| {
            r.memory = Some(Memory { total: 32 * GIB, available: bytes, swap_used: 0 });
        }
    };
    check(available(25 * GIB), "memory", Ok, "25.0 GiB of 32.0 GiB free, 25.0 GiB for the engine", "");
    check(available(10 * GIB), "memory", Warning, "10.0 GiB of 32.0 GiB free", "--memory-limit 9216MiB");
    check(available(GIB / 2), "memory", Problem, "512.0 MiB", "stop what uses the memory");
    let swapped = |bytes: u64| {
        move |r: &mut Readings| {
            r.memory = Some(Memory { total: 32 * GIB, available: 30 * GIB, swap_used: bytes });
        }
    };
    check(swapped(SWAP_BYTES), "swap", Ok, "64.0 MiB in use", "");
    check(swapped(GIB), "swap", Warning, "1.0 GiB in use", "swapoff");
}

#[test]
fn the_data() {
    use Severity::{Ok, Problem, Warning};
    let there = |of| {
        let mut data = counted(0, true);
        if let Data::There { verified, .. } = &mut data {
            *verified = of;
        }
        data
    };
    check(|r| r.data = there(Some((5, 25))), "data", Ok, "20 of 25 files are verified by the next run", "");
    check(|r| r.data = there(None), "data", Warning, "without a manifest", "--verify-with");
    check(|r| r.data = Data::Unfit("x.parquet was cut".to_owned()), "data", Problem, "x.parquet was cut", "mend it");
    let missing = Data::Missing { place: "/data".to_owned(), scale: 10.0 };
    check(|r| r.data = missing, "data", Warning, "none in /data", "about 3.7 GiB are needed");
}

#[test]
fn the_statistics() {
    use Severity::{Ok, Warning};
    check(|r| r.data = counted(0, true), "statistics", Ok, "every table counted, keys verified", "");
    check(|r| r.data = counted(0, false), "statistics", Warning, "keys not verified", "trusts none");
    check(|r| r.data = counted(3, true), "statistics", Warning, "3 tables not counted", "dsbench analyze");
}

#[test]
fn the_disks() {
    use Severity::{Ok, Problem, Warning};
    let free = |index: usize, bytes: u64| move |r: &mut Readings| r.disks[index].free_bytes = Some(bytes);
    check(free(0, 0), "data folder", Ok, "0 B free", "");
    check(free(1, 99 << 20), "results folder", Problem, "99.0 MiB free", "make room");
    check(free(1, 100 << 20), "results folder", Ok, "100.0 MiB free", "");
    check(free(2, 24 * GIB), "spill folder", Warning, "24.0 GiB free", "up to 25.0 GiB");
    check(free(2, GIB / 2), "spill folder", Problem, "512.0 MiB free", "up to 25.0 GiB");
    let file_system = |index: usize, name: &'static str| {
        move |r: &mut Readings| {
            r.disks[index].file_system = Some(name.to_owned());
        }
    };
    check(file_system(2, "tmpfs"), "spill folder", Warning, "tmpfs", "--spill-dir");
    check(file_system(0, "tmpfs"), "data folder", Ok, "tmpfs", "");
    check(file_system(0, "nfs4"), "data folder", Warning, "nfs4", "local disk");
    check(file_system(1, "nfs4"), "results folder", Ok, "nfs4", "");
    check(|r| r.disks[0].is_rotating = true, "data folder", Warning, "/data", "a disk that turns");
    let virtual_disk = |r: &mut Readings| (r.disks[0].is_rotating, r.is_virtual) = (true, true);
    check(virtual_disk, "data folder", Ok, "/data", "");
    check(|r| r.disks[1].is_read_only = true, "results folder", Problem, "results", "nothing can be written");
    check(|r| r.disks[0].is_read_only = true, "data folder", Ok, "/data", "");
}

#[test]
fn data_that_is_still_to_be_made_needs_room() {
    let mut readings = quiet();
    readings.data = Data::Missing { place: "/data".to_owned(), scale: 100.0 };
    readings.disks[0].free_bytes = Some(20 * GIB);
    let findings = evaluate(&readings);
    let folder = findings.iter().find(|finding| finding.name == "data folder").expect("looked at");
    assert_eq!(folder.severity, Severity::Warning);
    assert!(folder.advice.as_ref().is_some_and(|advice| advice.contains("37.3 GiB")), "{folder:?}");
}
