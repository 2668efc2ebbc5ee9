//! What makes a run pass, and each thing that makes it fail.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use raftlab_checks::evidence::{self, DeclaredFault, Judgements, LiveVerdict};
use raftlab_checks::verdict::Verdict;

use super::runs::short;
use super::scene::{Scene, lines, us};
use super::{judgements, read, reason, report};

fn is(verdict: &LiveVerdict, word: Verdict, exit: u8, what: &str) {
    assert_eq!((verdict.verdict, verdict.exit), (word, exit), "{}", verdict.says);
    let worst = reason(verdict, what);
    assert_eq!((worst.verdict, worst.exit), (word, exit), "{}", worst.says);
    let others = verdict.reasons.iter().filter(|own| own.what != what);
    for other in others {
        assert!(other.is_good(), "{what} only, and not {}: {}", other.what, other.says);
    }
}

fn append(dir: &Path, name: &str, text: &str) {
    let mut file = OpenOptions::new().append(true).open(dir.join(name)).expect("a file can be opened");
    file.write_all(text.as_bytes()).expect("a file can be written");
}

/// The line of a file, changed.
fn edit(dir: &Path, name: &str, change: impl Fn(&str) -> String) {
    let text = change(&read(dir, name));
    fs::write(dir.join(name), text).expect("a file can be written");
}

#[test]
fn a_run_in_which_all_went_well_is_verified() {
    let dir = short().write("well");
    let verdict = report(&dir);
    assert_eq!((verdict.verdict, verdict.exit), (Verdict::Verified, 0), "{}", verdict.says);
    assert!(verdict.reasons.iter().all(evidence::Reason::is_good));
    let line = read(&dir, "verdict.txt");
    assert!(line.starts_with("VERIFIED  3 servers for 7 s: ") && line.ends_with("   exit 0\n"), "{line}");
    assert!(line.contains("2 of 2 faults, by kind and server, struck"), "{line}");
}

#[test]
fn what_nobody_judged_is_no_pass() {
    let dir = short().write("unjudged");
    let unreplayed = Judgements { validation: None, ..judgements() };
    let verdict = evidence::write(&dir, &unreplayed).expect("a report can be written");
    is(&verdict, Verdict::Incomplete, 3, "replay");
    let unsearched = Judgements { linearizability: None, ..judgements() };
    let verdict = evidence::write(&dir, &unsearched).expect("a report can be written");
    is(&verdict, Verdict::Incomplete, 3, "linearizability");
    // A property about which nothing happened is shown, and said neither to hold nor to be broken.
    assert!(verdict.reasons.iter().all(|own| own.what != "snapshot at its index"));
    assert!(read(&dir, "index.html").contains("· not judged"));
}

#[test]
fn what_is_printed_is_what_was_judged() {
    let mut scene = short();
    scene.fired.clear();
    let dir = scene.write("printed");
    let (text, exit) = evidence::report(&dir, &judgements()).expect("a report can be written");
    assert_eq!(exit, 21);
    let line =
        |start: &str| text.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{text}"));
    assert!(line("  ✔ Log Matching").ends_with("in 41,207 states of 3 servers"));
    assert!(line("  ? faults").contains("VACUOUS  declared and never seen to strike: link_cut all"));
    assert!(line("VERDICT VACUOUS  faults: ").ends_with("exit 21"));
    assert_eq!(line("VERDICT ").trim_start_matches("VERDICT "), read(&dir, "verdict.txt").trim_end());
    assert_eq!(line("rerun "), format!("rerun   lab report {}", dir.display()));
}

#[test]
fn a_run_that_was_not_ended_is_incomplete() {
    let mut scene = short();
    scene.is_ended = false;
    is(&report(&scene.write("unended")), Verdict::Incomplete, 3, "end");
}

#[test]
fn what_other_judges_found_is_kept_with_its_exit_code() {
    let dir = short().write("judged");
    for (verdict, exit) in [(Verdict::Violated, 24), (Verdict::Error, 65)] {
        let mut found = judgements();
        let validation = found.validation.as_mut().expect("it is there");
        (validation.verdict, validation.exit) = (verdict, exit);
        is(&evidence::write(&dir, &found).expect("written"), verdict, exit, "replay");
    }
    for (verdict, exit) in [(Verdict::Violated, 23), (Verdict::Incomplete, 25)] {
        let mut found = judgements();
        let history = found.linearizability.as_mut().expect("it is there");
        (history.verdict, history.exit) = (verdict, exit);
        is(&evidence::write(&dir, &found).expect("written"), verdict, exit, "linearizability");
    }
    let mut found = judgements();
    found.validation.as_mut().expect("it is there").properties[1].holds = Some(false);
    is(&evidence::write(&dir, &found).expect("written"), Verdict::Violated, 12, "Log Matching");
}

#[test]
fn two_leaders_of_one_term_are_a_violation() {
    let mut scene = short();
    scene.event(5500, "n3", 2, "leader", "n3 leads");
    let verdict = report(&scene.write("two-leaders"));
    is(&verdict, Verdict::Violated, 12, "one leader a term");
    assert!(
        verdict.says.contains("term 2 has 2 leaders: n2 led at 3.20 s, n3 led, said n3 at 5.50 s"),
        "{}",
        verdict.says
    );
    let dir = short().write("two-leaders-sampled");
    append(
        &dir,
        "samples.jsonl",
        &format!(
            "{{\"at_us\":{},\"server\":\"n3\",\"reachable\":true,\"role\":\"leader\",\"term\":2,\"commit\":99999999}}\n",
            us(7000)
        ),
    );
    is(&report(&dir), Verdict::Violated, 12, "one leader a term");
}

#[test]
fn a_term_that_falls_is_a_violation() {
    let mut scene = short();
    scene.event(5600, "n3", 1, "members", "{n1 n2 n3} since 0");
    let verdict = report(&scene.write("term-falls"));
    is(&verdict, Verdict::Violated, 12, "terms never fall");
    assert!(verdict.says.contains("n3 was in term 2, and in term 1 at 5.60 s"), "{}", verdict.says);
}

#[test]
fn a_commit_index_that_falls_is_a_violation_within_a_life_only() {
    let dir = short().write("commit-falls");
    append(
        &dir,
        "samples.jsonl",
        &format!(
            "{{\"at_us\":{},\"server\":\"n2\",\"reachable\":true,\"role\":\"leader\",\"term\":2,\"commit\":1}}\n",
            us(6999)
        ),
    );
    is(&report(&dir), Verdict::Violated, 12, "commitIndex never falls");
    // n1 is restarted in this scene, and starts again from nothing.
    let samples = read(&short().write("commit-restarts"), "samples.jsonl");
    let first = samples.lines().filter(|line| line.contains("\"n1\"") && line.contains("\"commit\":0,"));
    assert!(first.count() > 2, "n1 had committed nothing at its start, and nothing at its second one");
}

#[test]
fn a_process_that_ends_by_itself_is_an_error() {
    let mut scene = short();
    let dir = scene.write("ends-by-itself");
    // The same run, of whose first kill and start nobody wrote.
    scene.faults.retain(|fault| fault["server"] != "n1");
    let faults = lines(&scene.faults);
    fs::write(dir.join("faults.jsonl"), faults).expect("a file can be written");
    let verdict = report(&dir);
    is(&verdict, Verdict::Error, 70, "processes");
    assert!(
        verdict.says.contains("n1 was another process at 4.20 s, and nobody ended the one before"),
        "{}",
        verdict.says
    );
}

#[test]
fn a_server_that_was_seen_to_end_by_itself_is_an_error() {
    let mut scene = short();
    scene.fault(6500, "end", Some("n3"), "n3 ended by itself, exit 74: no space left on device");
    let verdict = report(&scene.write("ends"));
    is(&verdict, Verdict::Error, 70, "processes");
    assert!(verdict.says.contains("exit 74: no space left on device, at 6.50 s"), "{}", verdict.says);
}

#[test]
fn a_fault_that_never_struck_makes_a_run_vacuous() {
    let mut scene = short();
    scene.fired.insert("n3", vec![("link_cut", 0)]);
    let verdict = report(&scene.write("no-strike"));
    is(&verdict, Verdict::Vacuous, 21, "faults");
    assert!(verdict.says.contains("link_cut all"), "{}", verdict.says);
    // A count of another kind is no proof, and one of the link's other end is.
    scene.fired.insert("n3", vec![("link_drop", 7)]);
    is(&report(&scene.write("strike-otherwise")), Verdict::Vacuous, 21, "faults");
    scene.fired.insert("n1", vec![("link_cut", 9)]);
    assert_eq!(report(&scene.write("strike-elsewhere")).exit, 0);
}

#[test]
fn each_flaw_of_a_link_has_to_strike_at_one_of_its_ends() {
    let link = |n1: &[(&'static str, u64)], n3: &[(&'static str, u64)]| {
        let mut scene = short();
        scene.fault(6200, "link", None, "link n1 n2 drop 10% delay 5ms jitter 2ms");
        // Well again: nothing has to strike.
        scene.fault(6400, "link", None, "link n1 n2");
        scene.fault(6500, "clock", Some("n2"), "skew n2 100%");
        scene.fired.insert("n1", n1.to_vec());
        scene.fired.insert("n3", [&[("link_cut", 42)], n3].concat());
        report(&scene.write("flaws"))
    };
    assert_eq!(link(&[("link_drop", 3), ("link_delay", 30)], &[]).exit, 0);
    let verdict = link(&[("link_delay", 30)], &[]);
    is(&verdict, Verdict::Vacuous, 21, "faults");
    assert!(verdict.says.ends_with("link_drop n1,n2"), "{}", verdict.says);
    is(&link(&[("link_delay", 30)], &[("link_drop", 3)]), Verdict::Vacuous, 21, "faults");
}

#[test]
fn disks_and_clocks_have_to_strike_at_their_own_server() {
    for (verb, text, counter) in [
        ("disk", "slow-disk n2 40ms", "disk_slow"),
        ("stall", "stall-disk n2", "disk_stall"),
        ("clock", "skew n2 120%", "clock_rate"),
        ("clock", "jump n2 +500ms", "clock_jump"),
        ("pause", "pause n2 300ms", "pause"),
    ] {
        let mut scene = short();
        scene.fault(6200, verb, Some("n2"), text);
        scene.fired.insert("n1", vec![(counter, 5)]);
        let verdict = report(&scene.write("strikes"));
        is(&verdict, Verdict::Vacuous, 21, "faults");
        assert!(verdict.says.ends_with(&format!("{counter} n2")), "{}", verdict.says);
        scene.fired.insert("n2", vec![(counter, 1)]);
        assert_eq!(report(&scene.write("strikes")).exit, 0, "{text}");
    }
}

#[test]
fn who_saw_a_fault_begin_knows_better_than_the_counts_of_the_run() {
    let dir = short().write("declared");
    let mut found = judgements();
    let fault = |name: &str, fired| DeclaredFault { name: name.into(), fired };
    found.faults = Some(vec![fault("isolate n3 (link_cut)", 42), fault("isolate n3 again (link_cut)", 0)]);
    let verdict = evidence::write(&dir, &found).expect("written");
    is(&verdict, Verdict::Vacuous, 21, "faults");
    assert!(verdict.says.ends_with("isolate n3 again (link_cut)"), "{}", verdict.says);
}

#[test]
fn a_kill_that_nobody_noticed_makes_a_run_vacuous() {
    let mut scene = short();
    // Said to be killed, while its samples go on as before: the scene is written without it, and it is added after.
    let dir = scene.write("no-kill");
    scene.fault(6100, "kill", Some("n2"), "kill n2");
    scene.fault(6150, "start", Some("n2"), "start n2");
    let faults = lines(&scene.faults);
    fs::write(dir.join("faults.jsonl"), faults).expect("a file can be written");
    let verdict = report(&dir);
    assert_eq!((verdict.verdict, verdict.exit), (Verdict::Vacuous, 21), "{}", verdict.says);
    assert!(reason(&verdict, "faults").says.contains("kill n2"));
    assert!(!reason(&verdict, "faults").says.contains("kill n1"));
}

#[test]
fn clients_to_whom_nothing_was_acknowledged_prove_nothing() {
    let dir = short().write("nothing-done");
    edit(&dir, "load.jsonl", |text| {
        let line = |line: &str| {
            let mut own: serde_json::Value = serde_json::from_str(line).expect("JSON");
            own["done"] = 0.into();
            format!("{own}\n")
        };
        text.lines().map(line).collect()
    });
    let mut found = judgements();
    found.linearizability.as_mut().expect("it is there").writes = 0;
    is(&evidence::write(&dir, &found).expect("written"), Verdict::Vacuous, 15, "acknowledged");
    // What is in the history was done, if in no second of load: a scenario asked for it.
    let verdict = report(&dir);
    assert!(
        verdict.reasons.iter().all(|reason| reason.what != "acknowledged" || reason.is_good()),
        "{verdict:?}"
    );
    let dir = short().write("no-writes");
    is(&evidence::write(&dir, &found).expect("written"), Verdict::Vacuous, 15, "acknowledged");
}

#[test]
fn a_panic_in_a_servers_log_is_an_error() {
    let dir = short().write("panic");
    append(&dir, "n3.log", "thread 'core' panicked at src/raft.rs:7:\nindex out of bounds\n");
    let verdict = report(&dir);
    is(&verdict, Verdict::Error, 70, "panics");
    assert!(verdict.says.contains("n3.log:3: thread 'core' panicked"), "{}", verdict.says);
}

#[test]
fn a_run_without_a_leader_proves_nothing() {
    let dir = Scene::new(&["n1", "n2", "n3"], 3).write("leaderless");
    fs::write(dir.join("events.jsonl"), "").expect("a file can be written");
    let verdict = report(&dir);
    assert_eq!(reason(&verdict, "one leader a term").verdict, Verdict::Vacuous);
    fs::write(dir.join("samples.jsonl"), "").expect("a file can be written");
    let unseen = report(&dir);
    for what in ["terms never fall", "commitIndex never falls", "processes"] {
        assert_eq!(
            reason(&unseen, what).verdict,
            Verdict::Vacuous,
            "{what}: of what nobody saw, nothing holds"
        );
    }
    assert_eq!(reason(&verdict, "record").says, "events.jsonl: empty");
    assert_eq!((verdict.verdict, verdict.exit), (Verdict::Error, 65));
}
