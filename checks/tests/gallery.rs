//! The gallery against the code: every trace still happens, every exhibit is there, and the index is made of the
//! traces.

use std::fs;
use std::path::{Path, PathBuf};

use raftlab_checks::gallery::{self, UNREACHABLE};
use raftlab_checks::index;
use raftlab_checks::trace::Trace;
use raftlab_core::Rule;
use raftlab_model::{Property, Way};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../counterexamples")
}

fn traces() -> Vec<(String, Trace)> {
    let paths = index::traces(&directory()).expect("the gallery can be read");
    let read = |path: &PathBuf| {
        let name = path.file_stem().expect("a trace has a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(path).expect("a trace can be read");
        (name.clone(), text.parse().unwrap_or_else(|error| panic!("{name}: {error}")))
    };
    paths.iter().map(read).collect()
}

#[test]
fn every_trace_is_walked_by_the_core_line_by_line() {
    raftlab_checks::console::silence_model_panics();
    for (name, trace) in traces() {
        let story = trace.replay().unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(story.steps.len(), trace.steps.len());
    }
}

#[test]
fn a_trace_is_printed_as_it_was_read() {
    for (name, trace) in traces() {
        let text =
            fs::read_to_string(directory().join(format!("{name}.trace"))).expect("a trace can be read");
        assert_eq!(trace.to_string(), text, "{name}");
    }
}

/// Found by fuzzing: a key with longer characters was printed into other columns than it was read from.
#[test]
fn a_fact_whose_key_is_not_ascii_is_refused() {
    let text = fs::read_to_string(directory().join("persist-vote.trace")).expect("a trace can be read");
    let odd = text.replacen("\nfound     ", "\nfoün\u{fffd}  ", 1);
    assert_ne!(odd, text);
    let error = odd.parse::<Trace>().unwrap_err();
    assert!(error.reason.contains("is not a fact"), "{error}");
}

#[test]
fn every_exhibit_has_its_trace_and_says_the_same() {
    let traces = traces();
    for exhibit in gallery::all() {
        let found = traces.iter().find(|(name, _)| name == exhibit.name);
        let (_, trace) =
            found.unwrap_or_else(|| panic!("{}.trace is missing: check weaken {0} --write", exhibit.name));
        assert_eq!(trace.title, exhibit.title);
        assert_eq!(trace.fact("bounds"), Some(exhibit.bounds), "{}", exhibit.name);
        assert_eq!(trace.fact("bug"), Some(exhibit.bug), "{}", exhibit.name);
        let violates = trace.fact("violates").and_then(|fact| fact.split("  ").next());
        assert_eq!(violates, Some(exhibit.property), "{}", exhibit.name);
        assert!(trace.fact("found").is_some_and(|found| found.contains("shortest")), "{}", exhibit.name);
        let whole = trace.fact("rule on");
        assert!(
            whole.is_some_and(|whole| whole.starts_with("exhausted, no violation")),
            "{}: {whole:?}",
            exhibit.name
        );
    }
    assert_eq!(traces.len(), gallery::all().count(), "a trace without an exhibit");
    assert!(traces.len() >= 25);
}

#[test]
fn the_index_is_made_of_the_traces() {
    let written = fs::read_to_string(directory().join("README.md")).expect("the index can be read");
    assert_eq!(
        written,
        index::render(&directory()).expect("the index can be made"),
        "check weaken RULE --write"
    );
}

#[test]
fn names_are_unique_and_bounds_and_properties_are_known() {
    let mut names: Vec<_> = gallery::all().flat_map(|exhibit| [exhibit.name, exhibit.bug]).collect();
    names.extend(UNREACHABLE.iter().map(|row| row.bug));
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    for exhibit in gallery::all() {
        assert_eq!(exhibit.bounds().to_string(), exhibit.bounds);
        assert!(
            !exhibit.title.is_empty() && !exhibit.seen_in.is_empty() && !exhibit.says.is_empty(),
            "{}",
            exhibit.name
        );
        let _ = exhibit.property();
    }
}

/// A rule that cannot be taken away is not a rule; one whose absence shows nothing is listed with the reason.
#[test]
fn every_rule_of_the_core_is_exhibited_or_argued() {
    for rule in Rule::ALL {
        let exhibited = gallery::all().any(|exhibit| exhibit.way == Way::Rule(*rule));
        let argued = UNREACHABLE.iter().any(|row| row.reason.contains(rule.name()));
        assert!(exhibited != argued, "{rule}");
    }
}

/// Properties that nothing can break would say nothing. Some break on the way to what an exhibit names, or in the
/// same step as another one; all have a control of their own among the model's tests.
#[test]
fn every_property_falls_somewhere() {
    let all: String =
        traces().iter().filter_map(|(_, trace)| trace.fact("violates").map(str::to_string)).collect();
    let elsewhere = [
        "no panic",
        "Leader Append-Only",
        "matchIndex is true",
        "commit rule",
        "configurations overlap",
        "one change in flight",
    ];
    for property in Property::all() {
        assert!(all.contains(property.name) || elsewhere.contains(&property.name), "{}", property.name);
    }
}
