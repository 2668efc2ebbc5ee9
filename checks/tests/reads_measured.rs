//! The scenario `reads` in a simulated world: its rows, what theory says of their order, and that a seed is one table.

use std::path::PathBuf;
use std::process::Command;

use raftlab_checks::measured::{Document, FILE, Row, SCHEMA};

/// Runs it with this seed: what it measured, and the report.
fn measured(name: &str) -> (String, PathBuf) {
    let dir = std::env::temp_dir().join(format!("raftlab-reads-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    let mut lab = Command::new(env!("CARGO_BIN_EXE_lab"));
    let output = lab.args(["run", "reads", "--seed", "7", "--dir", dir.to_str().unwrap()]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let text = std::fs::read_to_string(dir.join(FILE)).unwrap();
    let document: Document = serde_json::from_str(&text).unwrap();
    assert!(said.contains(&document.to_string()), "the table is printed: {said}");
    (text, dir)
}

fn row<'a>(document: &'a Document, name: &str, (reads, writes): (u32, u32), clients: u32) -> &'a Row {
    let is_meant =
        |row: &&Row| row.name == name && (row.reads, row.writes) == (reads, writes) && row.clients == clients;
    document.rows.iter().find(is_meant).unwrap_or_else(|| panic!("{name} {reads}:{writes} {clients}"))
}

#[test]
fn each_mode_costs_what_theory_says_and_a_seed_is_one_table() {
    let (text, dir) = measured("first");
    let document: Document = serde_json::from_str(&text).unwrap();
    assert_eq!((document.schema.as_str(), document.rows.len()), (SCHEMA, 15));
    for name in ["log", "index", "lease"] {
        for ratio in [(1, 1), (10, 1), (100, 1)] {
            let own = row(&document, name, ratio, 8);
            let speed = own.operations_per_second;
            assert!(speed.n == 5 && speed.low < Some(speed.mean) && Some(speed.mean) < speed.high, "{own:?}");
            assert!(own.read_p50_us.mean > 0.0 && own.read_p50_us.mean < own.read_p99_us.mean, "{own:?}");
            // A write's rounds cannot be told from a read's.
            assert!(
                own.fsync_p50_us.mean > 0.0 && own.rounds_per_read.is_none() && own.failed == 0,
                "{own:?}"
            );
        }
    }
    for clients in [1, 8] {
        let cost = |name| {
            let own = row(&document, name, (1, 0), clients);
            let mean = |of: Option<raftlab_checks::measured::Interval>| of.unwrap().mean;
            (mean(own.rounds_per_read), mean(own.fsyncs_per_read))
        };
        let (log, index, lease) = (cost("log"), cost("index"), cost("lease"));
        assert!(lease.0 < index.0 && index.0 <= 1.01, "rounds: lease {lease:?} index {index:?}");
        assert!(lease.0.abs() < 0.01, "a lease needs no round: {lease:?}");
        assert!(
            log.1 > 0.1 && index.1.abs() < 0.01 && lease.1.abs() < 0.01,
            "fsyncs: {log:?} {index:?} {lease:?}"
        );
        if clients == 1 {
            assert!(index.0 > 0.9 && log.1 > 0.9, "nothing is shared: log {log:?} index {index:?}");
        }
    }
    let page = std::fs::read_to_string(dir.join("index.html")).unwrap();
    assert!(page.contains("<section id=\"measured\"") && page.contains("100:1"));
    let report = std::fs::read_to_string(dir.join("report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["reads"].as_array().map(Vec::len), Some(15));
    let (again, second) = measured("second");
    assert!(text == again, "one seed is one table to the byte");
    for dir in [dir, second] {
        std::fs::remove_dir_all(dir).unwrap();
    }
}
