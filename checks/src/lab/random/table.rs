//! How many seeds it takes until a rule that is switched off is found out.

use std::time::Duration;

use raftlab_core::Rule;
use rayon::prelude::*;

use super::draw::draw;
use super::judge::{Broken, run};
use crate::console::Console;
use crate::failure::Failure;
use crate::nearest::unknown;
use crate::verdict::exit;

use super::super::cli::RandomArgs;

/// How many seeds are run side by side.
const CHUNK: u64 = 8;

/// A line of the table.
struct Row {
    rule: Rule,
    /// The seed that found it, counted from 1, and what fell.
    found: Option<(u64, Broken)>,
}

/// The rules of these names, or all.
///
/// # Errors
///
/// If there is no rule of a name.
pub fn without(names: &[String], args: &RandomArgs, console: &Console) -> Result<u8, Failure> {
    let rules = if names == ["all"] {
        Rule::ALL.to_vec()
    } else {
        names.iter().map(|name| named(name)).collect::<Result<_, _>>()?
    };
    console.print("rule                              seeds  property\n");
    let mut found = 0;
    for rule in &rules {
        let row = Row { rule: *rule, found: first(*rule, args.seeds, args.lasts) };
        found += u64::from(row.found.is_some());
        console.print(&row.line(args.seeds));
    }
    console.print(&format!("{found} of {} rules were missed by somebody\n", rules.len()));
    Ok(if found == rules.len() as u64 { exit::OK } else { exit::INCOMPLETE })
}

fn named(name: &str) -> Result<Rule, Failure> {
    let known = || Rule::ALL.iter().map(|rule| rule.name());
    let found = Rule::ALL.iter().find(|rule| rule.name() == name);
    found.copied().ok_or_else(|| Failure::usage(unknown("rule", name, known().chain(["all"]))))
}

/// The first of the seeds from 1 on in which something falls.
fn first(rule: Rule, seeds: u64, lasts: Duration) -> Option<(u64, Broken)> {
    let mut at = 1;
    while at <= seeds {
        let chunk: Vec<u64> = (at..(at + CHUNK).min(seeds + 1)).collect();
        let runs: Vec<_> =
            chunk.par_iter().map(|seed| (*seed, run(&draw(*seed, lasts), Some(rule)).1)).collect();
        let found = runs.into_iter().find_map(|(seed, broken)| Some((seed, broken?)));
        if found.is_some() {
            return found;
        }
        at += CHUNK;
    }
    None
}

impl Row {
    fn line(&self, seeds: u64) -> String {
        let name = self.rule.name();
        match &self.found {
            Some((seed, Broken { property, .. })) => format!("{name:32} {seed:6}  {property}\n"),
            None => format!("{name:32} {:>6}  not found\n", format!(">{seeds}")),
        }
    }
}
