//! Scenarios that somebody wrote, or changed: each command of what reads as one is printed and read again.

use std::sync::OnceLock;

use raftlab_checks::scenario::{Command, Scenario, VERBS};

use crate::{Reached, Source};

const DEMO: &str = include_str!("../../../../../checks/scenarios/demo.scenario");

/// What words are replaced by.
const WORDS: &[&str] = &[
    "n1",
    "n2",
    "n9",
    "n0",
    "leader",
    "follower",
    "all",
    "3",
    "0",
    "1",
    "18446744073709551615",
    "10ms",
    "99h",
    "0s",
    "-5s",
    "+2s",
    "1:1",
    "0:0",
    "110%",
    "0%",
    "1e9%",
    "|",
    "n1,n2",
    "within",
    "one-way",
    "clients",
    "voters",
    "#",
    "é",
    "\"",
    "--snapshot-count",
    "drop",
    "keys",
    "rate",
    "for",
];

/// A file that is said to be a scenario.
///
/// # Panics
///
/// If its parser does, or a command that was read is not read again.
pub fn run(input: &[u8], reached: &mut Reached) {
    let mut source = Source::new(input);
    let text = match source.byte() % 16 {
        0 => String::from_utf8_lossy(source.rest()).into_owned(),
        1..=5 => source.mutate_text(DEMO),
        _ => shuffled(&mut source),
    };
    for line in text.lines() {
        match Command::parse_line(line) {
            Ok(Some(command)) => {
                reached.note("commands");
                let written = command.to_string();
                let again = Command::parse_line(&written);
                assert!(
                    again.as_ref().is_ok_and(|again| *again == Some(command)),
                    "{line:?}, {written:?}: {again:?}"
                );
            }
            Ok(None) => reached.note("lines without a command"),
            Err(_) => reached.note("lines that are refused"),
        }
    }
    match Scenario::parse("fuzz.scenario", &text) {
        Ok(_) => reached.note("scenarios"),
        Err(error) => {
            reached.note("no scenarios");
            assert!(!error.to_string().is_empty());
        }
    }
}

/// Lines of the demo and those of the grammar's own examples, with words in the place of others.
fn shuffled(source: &mut Source) -> String {
    let mut text = String::from("up 3\n");
    for _ in 0..source.below(5) {
        let mut words: Vec<&str> = source.one_of(lines()).split(' ').collect();
        for _ in 0..source.below(3) {
            let at = source.below(words.len());
            words[at] = *source.one_of(WORDS);
        }
        text.push_str(&words.join(" "));
        text.push('\n');
    }
    text
}

fn lines() -> &'static [&'static str] {
    static LINES: OnceLock<Vec<&'static str>> = OnceLock::new();
    LINES.get_or_init(|| DEMO.lines().skip(4).chain(VERBS.iter().map(|verb| verb.usage)).collect())
}
