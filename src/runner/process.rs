//! Processor time and resident memory of this process, from Linux's `/proc`. On other systems both are unknown.
//!
//! Two files know of processor time. `/proc/self/stat` has user and system time apart and counts threads that have ended, but in
//! steps of 10 ms. `/proc/self/task/*/schedstat` has nanoseconds, but not apart, and only of threads that still run. So the
//! nanoseconds are taken for what is short, and the steps for what is long, and user and system time are told apart in the
//! proportion of the steps, as the kernel itself does it.
//!
//! The peak of resident memory is the kernel's own; writing 5 to `clear_refs` begins it anew at what is resident now.

use std::collections::HashMap;
use std::fs;

/// What one step of `/proc/self/stat` is: a hundredth of a second, on every architecture that this program runs on.
const TICK_NS: u64 = 10_000_000;

/// From here on steps of 10 ms are fine enough: two of them are 1%.
const LONG_NS: u64 = 2_000_000_000;

/// Processor time, of all threads together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CpuTime {
    /// In the program.
    pub user_ns: u64,
    /// In the kernel on the program's behalf.
    pub system_ns: u64,
}

/// The processor time until a moment, of which only differences make sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CpuMark {
    user_ticks: u64,
    system_ticks: u64,
    thread_ns: HashMap<String, u64>,
}

impl CpuMark {
    /// Until now.
    pub(super) fn now() -> Option<Self> {
        let (user_ticks, system_ticks) = parse_stat(&fs::read_to_string("/proc/self/stat").ok()?)?;
        let mut thread_ns = HashMap::new();
        for thread in fs::read_dir("/proc/self/task").ok()?.flatten() {
            // A thread that ends meanwhile has no such file any more.
            let text = fs::read_to_string(thread.path().join("schedstat")).ok();
            let time = text.and_then(|text| text.split_whitespace().next()?.parse().ok());
            if let (Some(time), Ok(id)) = (time, thread.file_name().into_string()) {
                thread_ns.insert(id, time);
            }
        }
        Some(Self { user_ticks, system_ticks, thread_ns })
    }

    /// From this moment to a later one.
    pub(super) fn until(&self, later: &Self) -> CpuTime {
        let user_ns = later.user_ticks.saturating_sub(self.user_ticks) * TICK_NS;
        let system_ns = later.system_ticks.saturating_sub(self.system_ticks) * TICK_NS;
        let by_ticks = user_ns + system_ns;
        if by_ticks >= LONG_NS || later.thread_ns.is_empty() {
            return CpuTime { user_ns, system_ns };
        }
        let of_thread = |(id, time): (&String, &u64)| time.saturating_sub(self.thread_ns.get(id).copied().unwrap_or(0));
        let by_threads: u64 = later.thread_ns.iter().map(of_thread).sum();
        let system_share = u128::from(by_threads) * u128::from(system_ns) / u128::from(by_ticks.max(1));
        let system_ns = u64::try_from(system_share).unwrap_or(by_threads);
        CpuTime { user_ns: by_threads - system_ns, system_ns }
    }
}

/// User and system time in steps, from the text of `/proc/self/stat`.
fn parse_stat(text: &str) -> Option<(u64, u64)> {
    // The program's name comes second, in brackets, and may have blanks and brackets in it.
    let (_, rest) = text.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

/// Begins the peak of resident memory anew, and says whether that could be done.
pub(super) fn reset_peak_rss() -> bool {
    fs::write("/proc/self/clear_refs", "5").is_ok()
}

/// The most memory that was resident since the peak began.
pub(super) fn peak_rss_bytes() -> Option<u64> {
    parse_peak_rss(&fs::read_to_string("/proc/self/status").ok()?)
}

fn parse_peak_rss(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::clock;

    const MS: u64 = 1_000_000;

    fn mark(user_ticks: u64, system_ticks: u64, threads: &[(&str, u64)]) -> CpuMark {
        let thread_ns = threads.iter().map(|(id, milliseconds)| ((*id).to_owned(), milliseconds * MS)).collect();
        CpuMark { user_ticks, system_ticks, thread_ns }
    }

    #[track_caller]
    fn check(before: &CpuMark, after: &CpuMark, user_ms: u64, system_ms: u64) {
        assert_eq!(before.until(after), CpuTime { user_ns: user_ms * MS, system_ns: system_ms * MS });
    }

    #[test]
    fn short_times_are_the_threads_and_long_ones_the_ticks() {
        let before = mark(100, 50, &[("1", 1000), ("2", 500)]);
        // One thread ended, one is new: 31 + 5 ms, three quarters of them in the program.
        check(&before, &mark(103, 51, &[("1", 1031), ("3", 5)]), 27, 9);
        // Less than a tick.
        check(&before, &mark(100, 50, &[("1", 1003), ("2", 500)]), 3, 0);
        check(&before, &mark(300, 150, &[("1", 1003)]), 2000, 1000);
        // A kernel without scheduler statistics.
        check(&mark(100, 50, &[]), &mark(101, 50, &[]), 10, 0);
        check(&before, &before, 0, 0);
    }

    #[test]
    fn the_kernels_texts_are_read() {
        let stat = "12 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 111 22 33 44 20 0 1";
        assert_eq!(parse_stat(stat), Some((111, 22)));
        assert_eq!(parse_stat("12 (short) S 1 2"), None);
        assert_eq!(parse_stat(""), None);
        assert_eq!(parse_peak_rss("VmPeak:\t 9 kB\nVmHWM:\t    2172 kB\nVmRSS:\t 1 kB\n"), Some(2172 * 1024));
        assert_eq!(parse_peak_rss("VmRSS:\t 1 kB\n"), None);
        assert_eq!(parse_peak_rss("VmHWM:\t many kB\n"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn work_takes_processor_time() {
        let before = CpuMark::now().expect("Linux tells");
        let begun = clock::now();
        let mut sum = 0_u64;
        while clock::now().nanoseconds_since(begun) < 100 * MS {
            sum = std::hint::black_box(sum.wrapping_mul(31).wrapping_add(7));
        }
        let used = before.until(&CpuMark::now().expect("Linux tells"));
        // Other tests of this process and a busy machine change the figure, but not whether there is one.
        assert!(used.user_ns + used.system_ns > 10 * MS, "{used:?}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_peak_of_memory_is_seen_after_it_has_passed() {
        reset_peak_rss();
        let before = peak_rss_bytes().expect("Linux tells");
        let size = 200 << 20;
        drop(std::hint::black_box(vec![1_u8; size]));
        let after = peak_rss_bytes().expect("Linux tells");
        // Other tests may free memory meanwhile.
        assert!(after > before && after > size as u64, "{before} {after}");
    }
}
