//! The table of a comparison: of each row the median of all its runs, and one system's over the other's.

use std::collections::BTreeMap;

use serde_json::Value;

/// What rows are told apart by: where the logs are, what was asked, by how many clients.
type Row = (String, String, u64);

/// Prints the table of these lines of JSON.
pub fn print(lines: &str) -> Result<(), serde_json::Error> {
    let mut runs: BTreeMap<Row, BTreeMap<String, Vec<Value>>> = BTreeMap::new();
    for line in lines.lines().filter(|line| !line.trim().is_empty()) {
        let run: Value = serde_json::from_str(line)?;
        let text = |name: &str| run[name].as_str().unwrap_or_default().to_string();
        let row = (text("medium"), text("operation"), run["clients"].as_u64().unwrap_or(0));
        runs.entry(row).or_default().entry(text("system")).or_default().push(run);
    }
    println!(
        "{:8} {:5} {:>8} {:>12} {:>12} {:>6}   {:>9} {:>9}   {:>9} {:>9}   {:>11} {:>11}   {:>12} {:>12} {:>5}",
        "medium",
        "what",
        "clients",
        "raftlab/s",
        "etcd/s",
        "ratio",
        "p50 ms",
        "p50 ms",
        "p99 ms",
        "p99 ms",
        "fsync p50us",
        "fsync p50us",
        "cpu leader %",
        "cpu leader %",
        "runs"
    );
    for ((medium, operation, clients), systems) in &runs {
        let of = |system: &str, what: &str| median(systems.get(system).map_or(&[][..], Vec::as_slice), what);
        let (ours, theirs) = (of("raftlab", "per_second"), of("etcd", "per_second"));
        println!(
            "{medium:8} {operation:5} {clients:>8} {ours:>12.0} {theirs:>12.0} {:>6.2}   {:>9.2} {:>9.2}   {:>9.2} \
             {:>9.2}   {:>11.0} {:>11.0}   {:>12.0} {:>12.0} {:>5}",
            ours / theirs,
            of("raftlab", "p50_ms"),
            of("etcd", "p50_ms"),
            of("raftlab", "p99_ms"),
            of("etcd", "p99_ms"),
            of("raftlab", "fsync_p50_us"),
            of("etcd", "fsync_p50_us"),
            of("raftlab", "leader_cpu_percent"),
            of("etcd", "leader_cpu_percent"),
            systems.values().map(Vec::len).min().unwrap_or(0),
        );
    }
    let errors: u64 =
        runs.values().flat_map(BTreeMap::values).flatten().filter_map(|run| run["errors"].as_u64()).sum();
    println!(
        "\nleft of each pair raftlab, right etcd; medians of the runs; {errors} operations failed in all"
    );
    Ok(())
}

/// The median of what runs say under a name; not a number if none does.
fn median(runs: &[Value], what: &str) -> f64 {
    let mut values: Vec<f64> = runs.iter().filter_map(|run| run[what].as_f64()).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
