//! How many seeds it takes until a rule is found out that is switched off in all cores, or broken by all hosts; and who else
//! finds it out: the checker, and the judges of live runs, where real nodes walk the checker's counterexample.

use std::fs;
use std::path::Path;
use std::time::Duration;

use raftlab_model::Way;
use rayon::prelude::*;

use super::draw::draw;
use super::judge::{Broken, run};
use super::lies::can_be;
use crate::bridge::lies::unwalkable;
use crate::bridge::{Bridged, Came, bridge};
use crate::console::Console;
use crate::failure::Failure;
use crate::gallery::{self, Exhibit};
use crate::nearest::unknown;
use crate::trace::Trace;
use crate::verdict::exit;

use super::super::bridged::GALLERY;
use super::super::cli::RandomArgs;

/// How many seeds are run side by side.
const CHUNK: u64 = 8;

/// A line of the table.
struct Row {
    exhibit: &'static Exhibit,
    simulated: Simulated,
    checked: Option<Checked>,
}

/// What came of it in the simulator.
enum Simulated {
    /// Hosts cannot be broken in this way.
    Absent,
    /// Nothing fell.
    NotFound,
    /// By this seed, counted from 1, that fell.
    Found(u64, Broken),
}

/// What comes of the counterexample that is kept.
struct Checked {
    steps: usize,
    property: String,
    /// Do the judges of live runs find it out, where real nodes walk it?
    live: Result<bool, String>,
}

/// The weakenings of these names, or all.
///
/// # Errors
///
/// If there is none of a name, or it cannot be simulated, or a counterexample that is kept cannot be read.
pub fn without(names: &[String], args: &RandomArgs, console: &Console) -> Result<u8, Failure> {
    let exhibits = if names == ["all"] {
        gallery::all().filter(|exhibit| exhibit.name != "figure-8").collect()
    } else {
        names.iter().map(|name| named(name)).collect::<Result<Vec<_>, _>>()?
    };
    let head =
        ("weakening", "seeds", "falls in the simulator", "checker", "real nodes, judged as live runs are");
    console.print(&line(head.0, head.1, head.2, head.3, head.4));
    let (mut found, mut tried) = (0, 0);
    for exhibit in exhibits {
        let simulated = match exhibit.way {
            Way::Shim(shim) if !can_be(shim) => Simulated::Absent,
            way => first(way, args.seeds, args.lasts)
                .map_or(Simulated::NotFound, |(seed, broken)| Simulated::Found(seed, broken)),
        };
        tried += u64::from(!matches!(simulated, Simulated::Absent));
        found += u64::from(matches!(simulated, Simulated::Found(..)));
        let row = Row { exhibit, simulated, checked: checked(exhibit.name)? };
        console.print(&row.line(args.seeds));
    }
    console.print(&format!(
        "{found} of {tried} weakenings of the simulator were found out, with {} seeds at most\n",
        args.seeds
    ));
    Ok(if found == tried { exit::OK } else { exit::INCOMPLETE })
}

fn named(name: &str) -> Result<&'static Exhibit, Failure> {
    let known = || gallery::all().filter(|exhibit| exhibit.name != "figure-8");
    let Some(found) = known().find(|exhibit| exhibit.name == name) else {
        let names: Vec<_> = known().map(|exhibit| exhibit.name).chain(["all"]).collect();
        return Err(Failure::usage(unknown("rule", name, names)));
    };
    match found.way {
        Way::Shim(shim) if !can_be(shim) => {
            let why = unwalkable(Some(found.way)).map_or(String::new(), |why| format!(": {why}"));
            Err(Failure::usage(format!(
                "{name} is not simulated{why}; its counterexample is {GALLERY}/{name}.trace"
            )))
        }
        _ => Ok(found),
    }
}

/// The first of the seeds from 1 on in which something falls.
fn first(way: Way, seeds: u64, lasts: Duration) -> Option<(u64, Broken)> {
    let mut at = 1;
    while at <= seeds {
        let chunk: Vec<u64> = (at..(at + CHUNK).min(seeds + 1)).collect();
        let runs: Vec<_> =
            chunk.par_iter().map(|seed| (*seed, run(&draw(*seed, lasts), Some(way)).1)).collect();
        let is_found = |broken: &Broken| ![exit::UNDECIDED, exit::INTERNAL].contains(&broken.exit);
        let found = runs.into_iter().find_map(|(seed, broken)| Some((seed, broken.filter(is_found)?)));
        if found.is_some() {
            return found;
        }
        at += CHUNK;
    }
    None
}

/// What the gallery has of it, where there is one.
fn checked(name: &str) -> Result<Option<Checked>, Failure> {
    let path = Path::new(GALLERY).join(format!("{name}.trace"));
    let Ok(text) = fs::read_to_string(&path) else { return Ok(None) };
    let wrong = |error: &dyn std::fmt::Display| Failure::data(format!("{}: {error}", path.display()));
    let trace: Trace = text.parse().map_err(|error| wrong(&error))?;
    let bridged = bridge(&trace).map_err(|error| wrong(&error))?;
    let Bridged { property, came, .. } = &bridged;
    let live = match came {
        Came::Unwalkable(why) => Err(why.to_string()),
        Came::Walked(_) => Ok(bridged.failure().is_none()),
    };
    Ok(Some(Checked { steps: trace.steps.len(), property: property.clone(), live }))
}

impl Row {
    fn line(&self, seeds: u64) -> String {
        let (count, property) = match &self.simulated {
            Simulated::Found(seed, Broken { property, .. }) => (seed.to_string(), property.as_str()),
            Simulated::NotFound => (format!(">{seeds}"), "not found"),
            Simulated::Absent => ("–".into(), "not simulated"),
        };
        let (checker, live) = match &self.checked {
            None => (format!("no {GALLERY}/{}.trace here", self.exhibit.name), "–".to_string()),
            Some(Checked { steps, property, live }) => {
                let live = match live {
                    Ok(true) => "found".into(),
                    Ok(false) => "NOT FOUND".into(),
                    Err(why) => format!("not walked: {why}"),
                };
                (format!("{property}, {steps} steps"), live)
            }
        };
        line(self.exhibit.name, &count, property, &checker, &live)
    }
}

fn line(name: &str, seeds: &str, property: &str, checker: &str, live: &str) -> String {
    format!("{name:30} {seeds:>6}  {property:30} {checker:50} {live}\n")
}
