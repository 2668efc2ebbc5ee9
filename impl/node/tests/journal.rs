//! A journal says what a core was given and what came of it, all of it, in the order in which it happened.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use raftlab_core::{
    Body, Change, Command, Config, Durable, Features, Index, Input, Lease, LogId, Message, NodeId, Part,
    Raft, ReadId, ReadMode, Round, Span, Term, Time, Timer, Voters,
};
use raftlab_node::journal::{self, Journal, Kind, Outcome, ReadError, Reader, Record, Recorder, Told};
use raftlab_node::replica::{DiskIo, Observer, Replica};
use raftlab_node::wal::Identity;

const N1: NodeId = NodeId(1);
const IDENTITY: Identity = Identity { cluster: 9, server: N1 };

fn scratch(name: &str) -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("journal").join(name);
    let _ = fs::remove_dir_all(&dir);
    dir
}

/// A true time that goes on by one at each look.
fn create(dir: &Path) -> (Journal, Recorder) {
    let clock = Arc::new(AtomicU64::new(100));
    Journal::create_by(dir, IDENTITY, move || clock.fetch_add(1, Ordering::Relaxed)).unwrap()
}

fn config() -> Config {
    let lease = Lease { promise: Span(100), drift: Span(10) };
    let features = Features { check_quorum: true, reads: ReadMode::Lease(lease), ..Features::default() };
    Config::new(N1, Voters::new([N1, NodeId(2)]), 5).unwrap().with(features).with_max_chunk(77).unwrap()
}

fn records(path: &Path) -> Vec<Record> {
    let mut reader = Reader::open(path).unwrap();
    std::iter::from_fn(|| reader.next_record().unwrap()).collect()
}

/// One of each kind, and what makes a leader of n1.
fn inputs() -> Vec<Input> {
    let message = |body| Input::Receive { from: NodeId(2), message: Message { term: Term(1), body } };
    let round = Round(3);
    let answer = raftlab_core::Appended::Accepted { matched: Index(1) };
    vec![
        Input::Timeout(Timer::Contact),
        Input::Timeout(Timer::Election),
        message(Body::VoteReply { granted: true }),
        message(Body::AppendReply { answer, round }),
        Input::Propose(Command::new(b"\x00\xffvalue")),
        Input::Read(ReadId(7)),
        Input::Compact { through: Index(1), state: vec![1, 2, 3].into() },
        Input::Reconfigure(Change::AddLearner(NodeId(3))),
        Input::Transfer(NodeId(2)),
        message(Body::AppendEntries {
            prev: LogId::ZERO,
            entries: vec![],
            commit: Index(0),
            round: Round(0),
        }),
    ]
}

/// Drives a replica; its disk is quick. Returns the steps that it took, as a core of its own takes them.
fn drive(observer: Option<Box<dyn Observer>>) -> Vec<(Time, Input, Outcome)> {
    let (mut replica, _) =
        Replica::recover_observed(config(), Durable::default(), DiskIo::Parallel, observer);
    let (mut twin, _) = Raft::recover(config(), Durable::default());
    let mut steps = Vec::new();
    let mut note = |now, input: Input| {
        let effects = twin.step(now, input.clone());
        let outcome = Outcome::of(&twin, &effects, &mut Vec::new());
        steps.push((now, input, outcome));
        effects.persist(|_| Ok::<(), ()>(())).unwrap().persisted
    };
    for (number, input) in (0u64..).zip(inputs()) {
        let now = Time(10 * number);
        let persisted = note(now, input.clone());
        drop(replica.step(now, input));
        while let Some(batch) = replica.batch() {
            drop(replica.finish(now, batch.write(|_| Ok::<(), ()>(())).unwrap()));
        }
        if let Some(persisted) = persisted {
            note(now, Input::Persisted(persisted));
        }
    }
    steps
}

#[test]
fn what_a_core_took_and_what_came_of_it_is_read_back() {
    let dir = scratch("round-trip");
    let (journal, recorder) = create(&dir);
    assert_eq!(journal.life(), 1);
    let steps = drive(Some(Box::new(recorder)));
    journal.close().unwrap();
    let records = records(&dir.join("n1-1.journal"));
    let Record::Began(began) = &records[0] else { panic!("{:?}", records[0]) };
    let told = Told { founders: Voters::new([N1, NodeId(2)]), ..Told::of(&config()) };
    assert_eq!((&began.told, &began.durable, began.real), (&told, &Durable::default(), 100));
    assert_eq!(began.told.config(N1).unwrap(), config());
    assert_eq!(records.last(), Some(&Record::End { steps: steps.len() as u64 }));
    let read = records.iter().filter_map(|record| match record {
        Record::Step(step, outcome) => Some((step.now, step.input.clone(), outcome.unwrap())),
        _ => None,
    });
    assert_eq!(read.collect::<Vec<_>>(), steps);
    let batches = records.iter().filter(|record| **record == Record::Batch).count();
    let confirmed = steps.iter().filter(|(_, input, _)| matches!(input, Input::Persisted(_))).count();
    assert!(confirmed >= 4 && batches >= confirmed, "{batches} batches, {confirmed} confirmed");
}

#[test]
fn who_does_not_record_takes_the_same_steps() {
    let dir = scratch("same");
    assert_eq!(drive(Some(Box::new(create(&dir).1))), drive(None));
}

#[test]
fn each_part_of_the_effects_has_its_own_checksum() {
    let steps = drive(None);
    for part in Part::ALL {
        let all: Vec<u32> = steps.iter().map(|(_, _, outcome)| outcome.parts[part as usize]).collect();
        assert!(all.iter().any(|other| *other != all[0]), "{} are never seen to change", part.name());
    }
}

#[test]
fn nothing_is_in_the_file_before_it_is_flushed_and_then_all_of_it() {
    let dir = scratch("flush");
    let path = dir.join("n1-1.journal");
    let (mut journal, recorder) = create(&dir);
    drive(Some(Box::new(recorder)));
    assert!(records(&path).is_empty(), "a head, and no record");
    journal.flush().unwrap();
    let flushed = records(&path);
    assert!(flushed.len() > 10 && matches!(flushed.last(), Some(Record::Step(..) | Record::Batch)));
    journal.flush().unwrap();
    assert_eq!(records(&path), flushed, "once");
    drop(journal);
    assert_eq!(records(&path), flushed, "it did not stop: it has no end");
}

#[test]
fn an_input_from_which_the_core_did_not_return_is_the_last_that_is_said() {
    let dir = scratch("unfinished");
    let (journal, mut recorder) = create(&dir);
    recorder.recovers(&config(), &Durable::default());
    let (raft, effects) = Raft::recover(config(), Durable::default());
    recorder.took(&raft, &effects);
    recorder.takes(Time(5), &Input::Timeout(Timer::Retry));
    drop(journal);
    let records = records(&dir.join("n1-1.journal"));
    let Some(Record::Unfinished(step)) = records.last() else { panic!("{records:?}") };
    assert_eq!((step.now, &step.input, records.len()), (Time(5), &Input::Timeout(Timer::Retry), 2));
}

#[test]
fn each_life_has_a_file_of_its_own() {
    let dir = scratch("lives");
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("n11-8.journal"), "another server's").unwrap();
    fs::write(dir.join("n1-x.journal"), "nobody's").unwrap();
    for life in 1..=11 {
        let (journal, _) = Journal::create(&dir, IDENTITY).unwrap();
        assert_eq!(journal.life(), life);
        let reader = Reader::open(&dir.join(journal::name(N1, life))).unwrap();
        assert_eq!((reader.identity(), reader.life()), (IDENTITY, life));
    }
    assert_eq!(journal::named("n1-11.journal"), Some((N1, 11)));
    for other in
        ["n1-01.journal", "n1-.journal", "1-1.journal", "n1-1.journal.bak", "n1.journal", "n+1-1.journal"]
    {
        assert_eq!(journal::named(other), None, "{other}");
    }
}

#[test]
fn true_time_is_the_same_for_all_and_goes_on() {
    let dir = scratch("time");
    let times = (0..2).map(|_| {
        let (journal, mut recorder) = Journal::create(&dir, IDENTITY).unwrap();
        let (raft, effects) = Raft::recover(config(), Durable::default());
        recorder.recovers(&config(), &Durable::default());
        recorder.took(&raft, &effects);
        let path = dir.join(journal::name(N1, journal.life()));
        journal.close().unwrap();
        let Record::Began(began) = records(&path).swap_remove(0) else { panic!("no beginning") };
        began.real
    });
    let times: Vec<u64> = times.collect();
    assert!(times[0] > 0 && times[0] <= times[1], "{times:?}");
}

#[test]
fn a_journal_that_was_cut_or_changed_is_read_up_to_there_and_no_further() {
    let dir = scratch("damage");
    let (journal, recorder) = create(&dir);
    drive(Some(Box::new(recorder)));
    journal.close().unwrap();
    let path = dir.join("n1-1.journal");
    let (whole, bytes) = (records(&path), fs::read(&path).unwrap());
    let read = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let mut reader = Reader::open(&path)?;
        let mut read = Vec::new();
        loop {
            match reader.next_record() {
                Ok(Some(record)) => read.push(record),
                Ok(None) => return Ok((read, None)),
                Err(error) => return Ok((read, Some(error))),
            }
        }
    };
    for len in 0..bytes.len() {
        match read(&bytes[..len]) {
            Err(ReadError::Empty(_)) => assert_eq!(len, 0),
            Err(ReadError::Cut { .. }) => assert!(len < 72),
            Ok((read, None | Some(ReadError::Cut { .. }))) => {
                assert!(read.len() < whole.len() && whole.starts_with(&read), "cut to {len} bytes");
            }
            other => panic!("cut to {len} bytes: {other:?}"),
        }
    }
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 0x41;
        match read(&changed) {
            Err(ReadError::Damaged { .. } | ReadError::Newer { .. }) => assert!(at < 72),
            Ok((read, Some(ReadError::Damaged { .. }))) => assert!(at >= 72 && whole.starts_with(&read)),
            other => panic!("byte {at}: {other:?}"),
        }
    }
    let longer = [&bytes[..], &bytes[bytes.len() - 14..]].concat();
    assert!(matches!(read(&longer), Ok((_, Some(ReadError::Damaged { .. })))), "behind the end");
    fs::write(&path, &bytes).unwrap();
    let mut reader = Reader::open(&path).unwrap();
    let kinds: Vec<Kind> = std::iter::from_fn(|| reader.skip_record().unwrap()).collect();
    assert_eq!(
        (kinds.len(), kinds.first(), kinds.last()),
        (whole.len(), Some(&Kind::Begin), Some(&Kind::End))
    );
}
