//! What the kernel says of a process.

use std::fs;
use std::time::Duration;

/// Ticks of processor times in a second, as user space is told them on every Linux.
const TICKS: u64 = 100;

/// Resident memory, in bytes.
pub fn resident(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("memory");
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kilobytes * 1_024
}

/// Processor time so far, of all its threads.
pub fn processor_time(process: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("stat");
    let (_, fields) = stat.rsplit_once(") ").expect("a name");
    // The fields 14 and 15 of proc_pid_stat(5), `utime` and `stime`; the third is the first here.
    let ticks: u64 =
        fields.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("ticks")).sum();
    Duration::from_millis(ticks * 1_000 / TICKS)
}
