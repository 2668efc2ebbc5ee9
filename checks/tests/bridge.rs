//! Every counterexample, walked by real nodes: broken, the same property falls; whole, none does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use raftlab_checks::bridge::{Bridged, Broken, Came, End, Unwalkable, Walks, bridge};
use raftlab_checks::index;
use raftlab_checks::trace::Trace;
use raftlab_checks::verdict::exit;

/// Those that real nodes cannot walk, and why.
const UNWALKABLE: [(&str, Unwalkable); 9] = [
    ("answer-after-apply", Unwalkable::InsideNode),
    ("applied-is-not-committed", Unwalkable::InsideStateMachine),
    ("applied-when-executed", Unwalkable::InsideStateMachine),
    ("effects-saved-with-applied", Unwalkable::InsideStateMachine),
    ("never-reuse-an-index", Unwalkable::InsideCore),
    ("restart-forgets-commit", Unwalkable::InsideCore),
    ("retry-executes-once", Unwalkable::InsideStateMachine),
    ("sessions-in-snapshot", Unwalkable::InsideStateMachine),
    ("snapshot-with-compaction", Unwalkable::NoSuchDisk),
];

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../counterexamples")
}

fn read(rule: &str) -> String {
    fs::read_to_string(directory().join(format!("{rule}.trace"))).expect("a trace can be read")
}

fn walked(text: &str) -> Bridged {
    raftlab_checks::console::silence_model_panics();
    bridge(&text.parse::<Trace>().expect("a trace")).expect("a trace that is what it says")
}

fn walks(bridged: &Bridged) -> &Walks {
    match &bridged.came {
        Came::Walked(walks) => walks,
        Came::Unwalkable(why) => panic!("{}: {why}", bridged.rule),
    }
}

fn all() -> Vec<Bridged> {
    let paths = index::traces(&directory()).expect("the gallery can be read");
    paths.iter().map(|path| walked(&fs::read_to_string(path).expect("a trace can be read"))).collect()
}

#[test]
fn broken_nodes_break_what_the_model_broke_and_whole_ones_break_nothing() {
    let mut unwalkable = Vec::new();
    for bridged in all() {
        let Bridged { rule, property, came, .. } = &bridged;
        let Walks { off, on, held } = match came {
            Came::Walked(walks) => walks,
            Came::Unwalkable(why) => {
                unwalkable.push((rule.clone(), *why));
                continue;
            }
        };
        let trace: Trace = read(rule).parse().expect("a trace");
        let steps = trace.steps.len();
        assert!(off.end.is_none(), "{rule}: {:?}", off.end);
        assert_eq!(off.steps.len(), steps, "{rule}");
        let fell = off.breaks(property).unwrap_or_else(|| panic!("{rule}: {property} holds"));
        assert!(fell.step <= steps && !fell.why.is_empty(), "{rule}: {fell:?}");
        assert!(on.broken.is_empty(), "{rule}: {:?}", on.broken);
        assert!(bridged.failure().is_none(), "{rule}");
        // What comes of calm is no step of the trace. All else differs somewhere on the way.
        let is_of_calm = raftlab_model::Property::named(property).expect("a property").is_of_calm();
        assert_eq!(held.is_none(), is_of_calm, "{rule}: {held:?}");
    }
    let expected: Vec<_> = UNWALKABLE.iter().map(|(rule, why)| ((*rule).to_string(), *why)).collect();
    assert_eq!(unwalkable, expected);
}

/// What broke first on the model's way breaks first on the real one, at the same step.
#[test]
fn what_breaks_first_is_what_the_trace_says_breaks_first() {
    for bridged in all() {
        let Came::Walked(Walks { off, .. }) = &bridged.came else { continue };
        let trace: Trace = read(&bridged.rule).parse().expect("a trace");
        let violates = trace.fact("violates").expect("a fact");
        let first = off.broken.first().expect("something broke");
        match violates.split_once("(first broken on this way: ") {
            Some((_, said)) => {
                assert_eq!(said, format!("{}, step {})", first.property, first.step), "{}", bridged.rule);
            }
            None => assert_eq!(
                (first.property, first.step),
                (&*bridged.property, trace.steps.len()),
                "{}",
                bridged.rule
            ),
        }
    }
}

#[test]
fn where_the_rule_held_is_said_in_the_words_of_the_paper() {
    let held = |rule: &str| {
        let bridged = walked(&read(rule));
        let held = walks(&bridged).held.as_ref().map(|end| (end.step, end.why.clone()));
        held.expect("something differs")
    };
    let (step, why) = held("one-vote-per-term");
    assert_eq!((step, &*why), (4, "n1 did not grant: it voted for n1 in term 1 (§5.2)"));
    let (step, why) = held("figure-8");
    assert_eq!(step, 16);
    assert!(why.starts_with("n1 does not commit index 1: it is of term 1"), "{why}");
    let (step, why) = held("only-leader-appends");
    assert_eq!((step, &*why), (4, "n2 says that it does not lead"));
    let (_, why) = held("corruption-is-no-torn-tail");
    assert!(why.contains("n1 does not start: log-0000000000000001 is damaged"), "{why}");
    let (_, why) = held("stop-on-write-error");
    assert!(why.starts_with("n2 stops: writing to log-0000000000000001"), "{why}");
}

#[test]
fn a_message_that_no_real_node_sent_does_not_arrive() {
    let bridged = walked(&read("one-vote-per-term"));
    let end = walks(&bridged).on.end.as_ref().expect("it ends early");
    assert!(end.why.starts_with("the real n1 never sent n1@1 → "), "{}", end.why);
    assert!(end.why.ends_with("VoteReply granted"), "{}", end.why);
}

#[test]
fn a_trace_that_was_tampered_with_is_refused() {
    let tampered = |from: &str, to: &str| {
        let text = read("one-vote-per-term");
        assert!(text.contains(from), "{from}");
        let trace: Trace = text.replacen(from, to, 1).parse().expect("a trace by its form");
        bridge(&trace).expect_err("it is not what it says").to_string()
    };
    let why = tampered("> timeout n1", "> timeout n9");
    assert!(why.contains("`timeout n9` cannot happen here"), "{why}");
    let why = tampered("n1 disk: term 1 vote n1", "n1 disk: term 1 vote n2");
    assert!(why.contains("here the servers now print"), "{why}");
    let why = tampered("violates  Election Safety", "violates  Log Matching   ");
    assert!(why.contains("`Log Matching`"), "{why}");
}

#[test]
fn both_walks_stand_beside_each_other() {
    let text = walked(&read("one-vote-per-term")).to_string();
    assert!(text.starts_with("one-vote-per-term (rule): Election Safety\n"), "{text}");
    assert!(text.contains(" step  event") && text.contains("the same") && text.contains('✗'), "{text}");
    assert!(text.contains("rule off  first, at step 4, `vote set once a term` breaks"), "{text}");
    assert!(text.contains("`Election Safety` is violated: n1 and n3 both led term 1"), "{text}");
    assert!(text.contains("rule on   holds at step 4: n1 did not grant"), "{text}");
    assert!(text.ends_with("rule on   nothing is violated\n"), "{text}");
    let calm = walked(&read("answers-bind")).to_string();
    assert!(calm.contains("rule on   goes the same way, and something else comes of it\n"), "{calm}");
    let never = walked(&read("retry-executes-once")).to_string();
    assert!(
        never.ends_with("not walked: it breaks the state machine, and a real node has its own\n"),
        "{never}"
    );
}

/// What the real walks would not be told apart by, if anything went wrong in them.
#[test]
fn walks_that_go_wrong_fail_each_by_its_own_code() {
    let failed = |change: fn(&mut Walks)| {
        let mut bridged = walked(&read("one-vote-per-term"));
        let Came::Walked(walks) = &mut bridged.came else { panic!("it can be walked") };
        change(walks);
        let failure = bridged.failure().expect("something went wrong");
        assert_eq!(bridged.mark(), '✗');
        (failure.exit, failure.message)
    };
    let (code, why) = failed(|walks| walks.off.end = Some(End { step: 4, why: "another way".into() }));
    assert_eq!(code, exit::DIVERGED);
    assert!(why.starts_with("step 4, with the rule off: another way"), "{why}");
    let (code, why) = failed(|walks| walks.off.broken.retain(|broken| broken.property != "Election Safety"));
    assert_eq!(code, exit::DIVERGED);
    assert!(why.contains("`Election Safety` holds at the end"), "{why}");
    let (code, why) = failed(|walks| walks.on.broken.append(&mut walks.off.broken.split_off(1)));
    assert_eq!(code, exit::DIVERGED, "that it fell with the rule off comes first: {why}");
    let (code, why) = failed(|walks| {
        let why = "seen".into();
        walks.on.broken.push(Broken { property: "Log Matching", step: 2, why });
    });
    assert_eq!(code, exit::VIOLATED);
    assert_eq!(why, "step 2, with the rule on: `Log Matching` is violated: seen");
}

/// What `lab run` says to a shell.
fn lab(args: &[&str]) -> (u8, String, String) {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let output =
        Command::new(env!("CARGO_BIN_EXE_lab")).arg("run").args(args).current_dir(repository).output();
    let Output { status, stdout, stderr } = output.expect("lab runs");
    let text = |bytes| String::from_utf8(bytes).expect("a text");
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    (code.expect("lab ends by itself"), text(stdout), text(stderr))
}

#[test]
fn all_of_the_gallery_is_one_table() {
    let (code, table, _) = lab(&["--from", "all"]);
    assert_eq!(code, exit::OK);
    assert!(table.contains("Election Safety falls at step"), "{table}");
    assert!(table.contains("not walked: it breaks the state machine"), "{table}");
    let verdict =
        "of 89 traces 80 were walked by real nodes: on 80 the same property fell, and none with the rule on";
    assert!(table.contains(verdict), "{table}");
}

#[test]
fn a_walk_in_json_is_one_document() {
    let (code, text, _) = lab(&["--from", "counterexamples/persist-vote.trace", "-w", "json"]);
    let report: serde_json::Value = serde_json::from_str(&text).expect("one document");
    assert_eq!((code, &report["schema"], &report["exit"]), (exit::OK, &"raftlab-bridge/1".into(), &0.into()));
    let trace = &report["traces"][0];
    assert_eq!((&trace["rule"], &trace["way"]), (&"persist-vote".into(), &"shim".into()));
    let broken = trace["walked"]["off"]["broken"].as_array().expect("what broke");
    assert!(broken.iter().any(|broken| broken["property"] == "Election Safety"), "{broken:?}");
    assert_eq!(trace["walked"]["on"]["broken"], serde_json::json!([]));
}

#[test]
fn what_cannot_be_walked_shows_nothing_and_what_is_no_trace_is_refused() {
    let (code, text, _) = lab(&["--from", "counterexamples/retry-executes-once.trace"]);
    assert_eq!(code, exit::VACUOUS, "{text}");
    let (code, _, error) = lab(&["--from", "README.md"]);
    assert_eq!(code, exit::DATA);
    assert!(error.contains("README.md: line"), "{error}");
    let (code, _, error) = lab(&["--from", "checks/src"]);
    assert_eq!(code, exit::DATA);
    assert!(error.contains("holds no traces"), "{error}");
    let (code, _, error) = lab(&["--from", "nowhere.trace"]);
    assert_eq!(code, exit::IO);
    assert!(error.contains("nowhere.trace"), "{error}");
}

#[test]
fn a_scenario_or_a_trace_is_asked_for_and_not_both() {
    for args in [&[][..], &["demo", "--from", "all"], &["--from", "all", "--on", "udp"]] {
        assert_eq!(lab(args).0, exit::USAGE, "{args:?}");
    }
}
