//! Journals that are kept in memory say what files say, and may leave out what came of each step.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use raftlab_checks::validate::{Options, Recorder, Report, replay};
use raftlab_core::{Config, Durable, Input, NodeId, Rule, Time, Timer, Voters};
use raftlab_node::journal::{Reader, Record, named};
use raftlab_node::replica::Observer;

use crate::hand::Hand;
use crate::world::{put, said, scratch};

type Lives = BTreeMap<NodeId, Vec<Vec<Record>>>;

/// The records of all journals there.
fn read(dir: &Path) -> Lives {
    let files =
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut found: Vec<_> = files.filter_map(|name| Some((named(&name)?, name))).collect();
    found.sort();
    let mut lives = Lives::new();
    for ((server, _), name) in found {
        let mut reader = Reader::open(&dir.join(name)).unwrap();
        let records = std::iter::from_fn(|| reader.next_record().unwrap()).collect();
        lives.entry(server).or_default().push(records);
    }
    lives
}

/// The same, as who runs the same core keeps them.
fn without_outcomes(mut lives: Lives) -> Lives {
    for record in lives.values_mut().flatten().flatten() {
        match record {
            Record::Began(began) => began.outcome = None,
            Record::Step(_, outcome) => *outcome = None,
            _ => {}
        }
    }
    lives
}

/// A report, but for how long it took.
fn gist(report: &Report) -> serde_json::Value {
    let mut gist = serde_json::to_value(report).unwrap();
    gist["seconds"] = 0.into();
    // The numbers are for reports, and those are of directories.
    gist["figures"] = ().into();
    gist
}

/// n1 is elected, commits something and restarts, and is elected again; n3 votes for two, if it may.
fn run(name: &str, without: Option<Rule>) -> Hand {
    let mut hand = Hand::new(&scratch(name), 3, without);
    hand.times_out(1);
    hand.talk(1, 2);
    hand.ask(1, put("a", 1));
    hand.talk(1, 2);
    hand.kill(1);
    hand.start(1);
    hand.mail.clear();
    hand.times_out(1);
    hand.times_out(2);
    hand.deliver(1, 3);
    hand.deliver(3, 1);
    hand.deliver(2, 3);
    if without.is_some() {
        hand.deliver(3, 2);
    }
    hand
}

#[test]
fn journals_in_memory_are_judged_as_files_are() {
    for (name, rule) in [("memory-whole", None), ("memory-broken", Some(Rule::OneVotePerTerm))] {
        let mut hand = run(name, rule);
        hand.stop();
        let (files, lives) = (hand.validate(rule), read(&hand.dir));
        let options = Options { without: rule, ..Options::default() };
        assert_eq!(gist(&replay(lives.clone(), &options)), gist(&files), "{name}");
        assert_eq!(gist(&replay(without_outcomes(lives), &options)), gist(&files), "{name}");
        assert_eq!(files.exit, if rule.is_some() { 12 } else { 0 }, "{}", said(&files));
    }
}

#[test]
fn who_runs_another_core_is_found_by_outcomes_at_the_step_and_without_them_by_its_disk_after_it() {
    let mut hand = run("memory-other", Some(Rule::OneVotePerTerm));
    hand.stop();
    let lives = read(&hand.dir);
    let report = replay(lives.clone(), &Options::default());
    assert_eq!(
        (report.exit, said(&report).contains("DIVERGED: n3, life 1, step 3")),
        (24, true),
        "{}",
        said(&report)
    );
    let report = replay(without_outcomes(lives), &Options::default());
    assert_eq!(
        (report.exit, said(&report).contains("DIVERGED: n3, life 1, step 4")),
        (24, true),
        "{}",
        said(&report)
    );
}

#[test]
fn a_life_begins_with_its_beginning_and_founders_have_journals() {
    let mut hand = run("memory-cut", None);
    hand.stop();
    let mut lives = read(&hand.dir);
    lives.get_mut(&NodeId(1)).unwrap()[1].remove(0);
    let report = replay(lives.clone(), &Options::default());
    assert_eq!(report.exit, 65);
    assert!(said(&report).contains("n1-2.journal does not begin with the beginning of a life"));
    lives.remove(&NodeId(1));
    assert_eq!(replay(lives, &Options::default()).exit, 65);
    assert_eq!(replay(Lives::new(), &Options::default()).exit, 15, "nothing is shown by nothing");
}

#[test]
fn a_recorder_keeps_what_the_core_did_not_return_from() {
    let recorder = Recorder::new(Arc::default());
    let config = Config::new(NodeId(1), Voters::new([NodeId(1)]), 1).unwrap();
    let (mut raft, effects) = {
        recorder.clone().recovers(&config, &Durable::default());
        raftlab_core::Raft::recover(config, Durable::default())
    };
    recorder.clone().took(&raft, &effects);
    let mut step = |input: Input| {
        recorder.clone().takes(Time(0), &input);
        let effects = raft.step(Time(0), input);
        recorder.clone().took(&raft, &effects);
        effects
    };
    drop(step(Input::Timeout(Timer::Election)));
    recorder.clone().takes(Time(0), &Input::Timeout(Timer::Retry));
    let kept = recorder.take();
    let kinds = kept.iter().map(|record| match record {
        Record::Began(began) => began.outcome.is_none().into(),
        Record::Step(_, outcome) => 10 + u8::from(outcome.is_none()),
        Record::Unfinished(step) if step.input == Input::Timeout(Timer::Retry) => 2,
        _ => 99,
    });
    assert_eq!(kinds.collect::<Vec<u8>>(), [1, 11, 2]);
    assert_eq!(recorder.take(), []);
}
