//! How much memory this process holds, where the system says so (Linux), and 0 elsewhere.

use std::fs;

/// Bytes held now.
pub fn current() -> u64 {
    of_status("VmRSS:")
}

/// Bytes held at most so far.
pub fn peak() -> u64 {
    of_status("VmHWM:")
}

/// Forgets the most that was held so far: from now on [`peak`] is the most that is held after this.
pub fn reset_peak() {
    // A system that refuses leaves a number that is too large, not too small.
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// Three quarters of the memory that is free now: a search that wants more is stopped before the system kills it.
pub fn sensible_limit() -> Option<u64> {
    let free = field(&fs::read_to_string("/proc/meminfo").ok()?, "MemAvailable:")?;
    Some(free / 4 * 3)
}

fn of_status(name: &str) -> u64 {
    fs::read_to_string("/proc/self/status").ok().and_then(|text| field(&text, name)).unwrap_or(0)
}

/// A line `Name:   1234 kB`, in bytes.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
}
