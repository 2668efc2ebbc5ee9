//! What each scenario shows: the table in PROPERTIES.md, followed link by link; and what is kept of their runs, done again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use raftlab_checks::catalogue::CHECKS;
use raftlab_checks::gallery;
use raftlab_checks::lab::scenarios::SCENARIOS;
use raftlab_checks::trace::Trace;
use raftlab_core::Rule;
use raftlab_model::Property;

fn here() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The rows under "What each scenario shows", a vector of cells each.
fn rows() -> Vec<Vec<String>> {
    let page = fs::read_to_string(here().join("PROPERTIES.md")).expect("the page can be read");
    let section =
        page.split("\n## ").find(|own| own.starts_with("What each scenario shows")).expect("a section");
    let rows = section.lines().filter(|line| line.starts_with("| ")).skip(1);
    rows.map(|row| row.trim_matches('|').split(" | ").map(|cell| cell.trim().to_string()).collect()).collect()
}

/// The links of a cell: what they say, and where they lead.
fn links(cell: &str) -> Vec<(String, PathBuf)> {
    let after = cell.split('[').skip(1);
    let link = |text: &str| {
        let (says, rest) = text.split_once("](")?;
        Some((says.trim_matches('`').to_string(), here().join(rest.split(')').next()?)))
    };
    after.filter_map(link).collect()
}

/// A rule's name in the code: `prev-entry-matches` is `PrevEntryMatches`.
fn in_code(rule: &str) -> String {
    let word = |word: &str| {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    };
    rule.split('-').map(word).collect()
}

fn only(cell: &str) -> (String, PathBuf) {
    let links = links(cell);
    assert_eq!(links.len(), 1, "{cell}");
    links.into_iter().next().expect("one")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn all_five_links_of_each_row_lead_to_what_they_say() {
    let rows = rows();
    assert!(rows.len() >= 12, "{rows:?}");
    for row in &rows {
        let [_, property, rule, check, trace, captured] = &row[..] else { panic!("six cells: {row:?}") };
        let (property, file) = only(property);
        assert!(Property::all().any(|own| own.name == property), "{property}");
        assert!(read(&file).contains(&format!("name: \"{property}\"")), "{property} in {}", file.display());
        let (rule, file) = only(rule);
        assert!(Rule::named(&rule).is_some(), "no rule {rule}");
        assert!(read(&file).contains(&format!("Rule::{}", in_code(&rule))), "{rule} in {}", file.display());
        let (check, file) = only(check);
        assert!(CHECKS.iter().any(|own| own.name == check), "{check}");
        assert!(read(&file).contains(&format!("name: \"{check}\"")), "{check} in {}", file.display());
        let (_, file) = only(trace);
        let trace =
            Trace::parse(&read(&file)).unwrap_or_else(|error| panic!("{}: {error:?}", file.display()));
        let fact =
            |key: &str| trace.facts.iter().find(|(own, _)| own == key).map_or("", |(_, says)| says.as_str());
        assert_eq!(fact("rule").split(' ').next(), Some(rule.as_str()), "{}", file.display());
        assert_eq!(fact("violates").split("  ").next(), Some(property.as_str()), "{}", file.display());
        let captured = links(captured);
        assert!(!captured.is_empty(), "{row:?}");
        for (_, file) in captured {
            let text = read(&file);
            let ends = text.trim_end().lines().last().unwrap_or_default();
            assert!(
                ends.starts_with("VERDICT VERIFIED") && ends.ends_with("exit 0"),
                "{}: {ends}",
                file.display()
            );
        }
    }
    let page = read(&here().join("PROPERTIES.md"));
    for (name, _) in SCENARIOS {
        assert!(page.contains(&format!("(evidence/{name}.txt)")), "no row shows what {name} captured");
    }
}

/// What a reader sees in checks/evidence is what the program does.
#[test]
fn what_is_kept_is_what_comes_of_it_again() {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("captured");
    let _ = fs::remove_dir_all(&dir);
    let (to, runs) = (dir.join("evidence"), dir.join("runs"));
    let output = Command::new(env!("CARGO_BIN_EXE_lab"))
        .args(["run", "all", "--capture"])
        .arg(&to)
        .arg("--out")
        .arg(&runs)
        .output()
        .expect("lab runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let names = |dir: &Path| {
        let entries = fs::read_dir(dir).expect("a directory");
        let mut names: Vec<_> = entries.map(|entry| entry.expect("an entry").file_name()).collect();
        names.sort();
        names
    };
    let kept = here().join("evidence");
    assert_eq!(names(&kept), names(&to), "lab run all --capture checks/evidence");
    for name in names(&kept) {
        let (was, is) = (read(&kept.join(&name)), read(&to.join(&name)));
        let line = was.lines().zip(is.lines()).position(|(was, is)| was != is).unwrap_or(0);
        assert!(
            was == is,
            "{} differs from line {} on: lab run all --capture checks/evidence",
            name.display(),
            line + 1
        );
    }
    fs::remove_dir_all(&dir).expect("it can be removed");
}

/// The table of weakenings has each of them, and what it says of seeds can be seen again.
#[test]
fn the_table_of_weakenings_is_whole() {
    let table = read(&here().join("bench/weakenings.txt"));
    let row = |name: &str| {
        let found = table.lines().find(|line| line.split_whitespace().next() == Some(name));
        found.unwrap_or_else(|| panic!("no row for {name}"))
    };
    let exhibits = gallery::all().filter(|exhibit| exhibit.name != "figure-8");
    let found = |line: &str| line.split_whitespace().nth(1).is_some_and(|seeds| seeds.parse::<u64>().is_ok());
    let caught = exhibits.filter(|exhibit| found(row(exhibit.name))).count();
    assert!(caught >= 40, "{caught} of them are caught by the simulator");
    let tried = table.lines().filter(|line| !line.contains("not simulated")).count() - 2;
    let total =
        format!("{caught} of {tried} weakenings of the simulator were found out, with 1000 seeds at most");
    assert_eq!(table.lines().last(), Some(total.as_str()));
    let told =
        format!("of 88, {caught} take 1,000 at most, {} more, and {} break", tried - caught, 88 - tried);
    let readme = read(&here().join("../README.md")).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(readme.contains(&told), "the README has other numbers than: {told}");
    for rule in [
        "commit-own-term",
        "pre-vote-first",
        "leader-disk-moves",
        "rejection-goes-back",
        "lease-within-drift",
        "ack-after-sync",
        "corruption-is-no-torn-tail",
        "prev-entry-known",
        "retry-executes-once",
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_lab"))
            .args(["random", "--without", rule, "--seeds", "20"])
            .current_dir(here().join(".."))
            .output()
            .expect("lab runs");
        let says = String::from_utf8_lossy(&output.stdout);
        assert!(says.contains(row(rule)), "{says}\nis not what the table says:\n{}", row(rule));
    }
}
