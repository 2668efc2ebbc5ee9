//! `counterexamples/README.md`, made of the traces beside it and nothing else.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::gallery::{self, UNREACHABLE};
use crate::trace::Trace;

const HEAD: &str = "\
# Counterexamples

One trace for each rule of Raft that can be taken away: the shortest way from the initial state to the property that
falls without it. A guard of the core is switched off (`rule`), or the core is whole and its host is broken (`shim`).
`check replay FILE` walks a trace through the core and draws it; `check weaken RULE` finds it again. Every search starts
at the initial state, breadth first, and nothing guides it: no way is shorter than the one that is kept.

`check weaken all --write` makes the traces, and this page from them. *States* are the distinct states until the
violation, *rule on* those of the same world with the rule on, exhausted without a violation: the bounds reach the bug,
and the property is not false by itself. States that differ by the names of servers only are counted once; in parentheses
stands how many they are in full. In worlds where a removed rule can bring a dead message back to life, messages
that can never act again are kept while the rule is off, so the first number can exceed the second. Times are of one
thread of the explorer. The column *bug* names what the linked reports have in common.

";

/// Every `.trace` in `gallery`, in the order of their names.
///
/// # Errors
///
/// The system's.
pub fn traces(gallery: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = fs::read_dir(gallery).map_err(|error| Failure::at(gallery, &error))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "trace"));
    paths.sort();
    Ok(paths)
}

/// Writes the index of `gallery`.
///
/// # Errors
///
/// If a trace cannot be read, or the index not written.
pub fn write(gallery: &Path) -> Result<(), Failure> {
    let path = gallery.join("README.md");
    fs::write(&path, render(gallery)?).map_err(|error| Failure::at(&path, &error))
}

/// The index of `gallery`.
///
/// # Errors
///
/// If a trace cannot be read.
pub fn render(gallery: &Path) -> Result<String, Failure> {
    let mut traces = traces(gallery)?.into_iter().map(|path| read(&path)).collect::<Result<Vec<_>, _>>()?;
    let order = |trace: &Trace| gallery::all().position(|exhibit| Some(exhibit.name) == rule(trace));
    traces.sort_by_key(order);
    let mut text = HEAD.to_string();
    text += "| rule | violates | steps | states | time | rule on | way | bug | seen in | a published checker needed |\n";
    text += "|---|---|---:|---:|---:|---:|---|---|---|---|\n";
    for trace in &traces {
        text += &row(trace);
    }
    let _ = writeln!(text, "\n## What happens\n");
    for trace in &traces {
        let name = rule(trace).unwrap_or_default();
        let says = trace.fact("rule").and_then(|fact| fact.split_once("  ")).map_or("", |(_, says)| says);
        let _ = writeln!(text, "- **[{name}]({name}.trace)** {} *{says}*", trace.title);
    }
    let _ = writeln!(text, "\n## What is not here, and why\n");
    for row in UNREACHABLE {
        let _ = writeln!(text, "- `{}`: {}", row.bug, row.reason);
    }
    Ok(text)
}

fn read(path: &Path) -> Result<Trace, Failure> {
    let text = fs::read_to_string(path).map_err(|error| Failure::at(path, &error))?;
    text.parse().map_err(|error| Failure::data(format!("{}: {error}", path.display())))
}

fn rule(trace: &Trace) -> Option<&str> {
    trace.fact("rule")?.split_whitespace().next()
}

fn row(trace: &Trace) -> String {
    let fact = |key| trace.fact(key).unwrap_or_default();
    let part = |key, at| fact(key).split(" · ").nth(at).unwrap_or_default();
    let name = rule(trace).unwrap_or_default();
    let violates = fact("violates").split("  ").next().unwrap_or_default();
    let seen: Vec<_> =
        trace.facts.iter().filter(|(key, _)| key == "seen in").map(|(_, value)| link(value)).collect();
    let steps = part("found", 0);
    let steps = steps.replace(" steps", "").replace(", shortest", "");
    let count = |key| part(key, 1).replace(" states", "").replace(" in full", "");
    let (states, whole) = (count("found"), count("rule on"));
    format!(
        "| [{name}]({name}.trace) | {violates} | {steps} | {states} | {} | {whole} | {} | {} | {} | {} |\n",
        part("found", 2),
        fact("way"),
        fact("bug"),
        seen.join(", "),
        fact("published"),
    )
}

/// `name  address` as a link.
fn link(seen: &str) -> String {
    seen.split_once("  ").map_or(seen.to_string(), |(name, address)| format!("[{name}]({address})"))
}
