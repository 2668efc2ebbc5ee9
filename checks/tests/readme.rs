//! The README against the command: what its blocks show is what is printed, figures of time and memory aside.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The console blocks: a command, and what it prints.
fn blocks(readme: &str) -> Vec<(String, String)> {
    let console = readme.split("```").filter_map(|block| block.strip_prefix("console\n$ "));
    let split = |block: &str| {
        block.split_once('\n').map(|(command, output)| (command.to_string(), output.to_string()))
    };
    console.filter_map(split).collect()
}

/// Numbers that depend on the machine, as `#`: seconds, rates, memory in whatever unit, threads.
fn without_figures(text: &str) -> Vec<String> {
    let memory = ["B", "KiB", "MiB", "GiB"];
    let measured = ["s", "states/s", "bytes"];
    let line = |line: &str| {
        let one_unit = |word| if memory.contains(&word) { "bytes" } else { word };
        let words: Vec<&str> = line.split_whitespace().map(one_unit).collect();
        let word = |at: usize| match words.get(at + 1) {
            Some(unit) if measured.contains(unit) || unit.starts_with("thread") => "#",
            _ if words[at].starts_with("thread") => "threads,",
            _ => words[at],
        };
        (0..words.len()).map(word).collect::<Vec<_>>().join(" ")
    };
    text.lines().map(line).filter(|line| !line.is_empty()).collect()
}

#[test]
fn its_blocks_are_what_the_commands_print() {
    let readme = fs::read_to_string(top().join("README.md")).expect("the README can be read");
    let blocks = blocks(&readme);
    assert!(blocks.len() >= 3);
    for (command, shown) in blocks {
        let args = command.strip_prefix("check ").expect("a block shows check").split(' ');
        let out = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("readme");
        let mut run = Command::new(env!("CARGO_BIN_EXE_check"));
        run.args(args).arg("--color=never").current_dir(top());
        if !command.starts_with("check replay") {
            run.arg("--out").arg(&out);
        }
        let output = run.output().expect("check runs");
        let printed = without_figures(&String::from_utf8(output.stdout).expect("stdout is text"));
        let shown = without_figures(&shown);
        // A block may show the first lines of a long output.
        assert_eq!(shown, printed[..shown.len().min(printed.len())], "{command}");
    }
}

/// Its picture is drawn from its trace.
#[test]
fn its_picture_is_what_replay_draws() {
    let mut run = Command::new(env!("CARGO_BIN_EXE_check"));
    let output =
        run.args(["replay", "counterexamples/commit-own-term.trace", "--svg"]).current_dir(top()).output();
    let drawn = output.expect("check runs").stdout;
    let shown = fs::read(top().join("counterexamples/commit-own-term.svg")).expect("the picture can be read");
    assert!(
        drawn == shown,
        "check replay counterexamples/commit-own-term.trace --svg > …/commit-own-term.svg"
    );
}

/// A README that names a file that is not there leads nowhere.
#[test]
fn its_links_lead_somewhere() {
    let readme = fs::read_to_string(top().join("README.md")).expect("the README can be read");
    let links = readme.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    for link in links.filter(|link| !link.starts_with("http")) {
        let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
        let text = fs::read_to_string(top().join(file));
        assert!(top().join(file).exists(), "{link}");
        // A heading's anchor is what it says, in small letters and with dashes.
        let of = |line: &str| {
            line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-").replace(',', "")
        };
        let has = |text: &str| text.lines().any(|line| line.starts_with('#') && of(line) == anchor);
        assert!(anchor.is_empty() || text.is_ok_and(|text| has(&text)), "{link}");
    }
}

/// The page of properties says what the code says.
#[test]
fn the_page_of_properties_is_complete() {
    let page = fs::read_to_string(top().join("checks/PROPERTIES.md")).expect("the page can be read");
    for property in raftlab_model::Property::all() {
        let row = format!("| {} | {} | {} |", property.name, property.section, property.says);
        assert!(page.contains(&row), "{row}");
    }
    let named = page.split('`').skip(1).step_by(2).filter(|word| raftlab_core::Rule::named(word).is_some());
    assert!(named.count() > 8);
}
