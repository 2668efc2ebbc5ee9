//! Journals in which something was changed prove nothing, and whoever validates them is told what and where.

use std::fs;
use std::path::{Path, PathBuf};

use raftlab_checks::validate::{Options, Report, validate};
use raftlab_core::{Body, Durable, Input, Message, NodeId, Part, Term};
use raftlab_node::journal::{Outcome, Told};
use raftlab_node::node::Event;

use crate::forge::Forged;
use crate::hand::{Hand, alone, three};
use crate::world::{put, said, scratch};

fn refused(report: &Report, exit: u8, words: &str) {
    assert_eq!((report.exit, said(report).contains(words)), (exit, true), "{words}: {}", said(report));
}

/// A small journal, the only one of its directory, and its bytes.
fn small(name: &str) -> (Hand, PathBuf, Vec<u8>) {
    let dir = scratch(name);
    let mut hand = alone(&dir);
    let report = hand.end();
    assert_eq!(report.exit, 0, "{}", said(&report));
    let path = dir.join("n1-1.journal");
    let bytes = fs::read(&path).unwrap();
    (hand, path, bytes)
}

fn killed(dir: &Path) -> Report {
    validate(dir, &Options { killed: [(NodeId(1), 1)].into(), ..Options::default() })
}

#[test]
fn a_journal_that_is_cut_anywhere_proves_nothing() {
    let (hand, path, bytes) = small("cut");
    for len in 0..bytes.len() {
        fs::write(&path, &bytes[..len]).unwrap();
        let report = hand.validate(None);
        assert_eq!(report.exit, 65, "cut to {len} bytes: {}", said(&report));
        let words = if len == 0 {
            "is empty"
        } else if len < 72 {
            "is cut"
        } else {
            ""
        };
        refused(&report, 65, words);
    }
}

/// A process that is killed may leave a part of a record, of which nobody was told anything.
#[test]
fn a_journal_of_a_life_that_was_killed_may_be_cut_and_is_not_taken_for_more_than_it_says() {
    let (hand, path, bytes) = small("cut-killed");
    let whole = hand.validate(None).totals.steps;
    let mut last = 0;
    for len in 72..bytes.len() {
        fs::write(&path, &bytes[..len]).unwrap();
        let report = killed(&hand.dir);
        assert!([0, 15].contains(&report.exit), "cut to {len} bytes: {}", said(&report));
        assert!(report.totals.steps >= last && report.totals.steps <= whole);
        last = report.totals.steps;
    }
    assert_eq!(last, whole);
    fs::write(&path, b"").unwrap();
    refused(&killed(&hand.dir), 65, "is empty");
}

#[test]
fn a_bit_that_is_flipped_anywhere_is_found_whether_the_life_was_killed_or_not() {
    let (hand, path, bytes) = small("flip");
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, &flipped).unwrap();
        for report in [hand.validate(None), killed(&hand.dir)] {
            let is_named = said(&report).contains("damaged") || said(&report).contains("use a newer one");
            assert!(report.exit == 65 && is_named, "bit {bit}: {}", said(&report));
        }
    }
}

#[test]
fn a_record_that_was_taken_out_doubled_or_moved_is_found() {
    let (hand, path, bytes) = small("removed");
    let lens: Vec<usize> = Forged::read(&path).payloads.iter().map(|payload| 12 + payload.len()).collect();
    let mut at = 72;
    for (number, len) in lens.iter().enumerate() {
        let (record, is_last) = (&bytes[at..at + len], number + 1 == lens.len());
        let without = [&bytes[..at], &bytes[at + len..]].concat();
        fs::write(&path, without).unwrap();
        refused(&hand.validate(None), 65, if is_last { "has no end record" } else { "is damaged" });
        let doubled = [&bytes[..at + len], record, &bytes[at + len..]].concat();
        fs::write(&path, doubled).unwrap();
        refused(&hand.validate(None), 65, "does not fit its place");
        at += len;
    }
}

/// Checksums keep out accidents. Whoever makes them fit has to say what the core says.
#[test]
fn a_step_that_was_taken_out_with_all_checksums_made_to_fit_is_missed_by_the_core() {
    let (hand, path, _) = small("resealed");
    let whole = Forged::read(&path);
    // The last might not have been taken when the process stopped.
    let steps = whole.steps();
    let [steps @ .., _] = steps.as_slice() else { panic!("no steps") };
    assert!(steps.len() >= 3, "{steps:?}");
    for (record, step) in steps {
        let mut forged = Forged::read(&path);
        forged.payloads.remove(*record);
        let steps = forged.steps().len() as u64;
        forged.write(&path);
        assert!([24, 65].contains(&hand.validate(None).exit), "without {:?}", step.input);
        *forged.payloads.last_mut().unwrap() = postcard::to_extend(&steps, vec![4]).unwrap();
        forged.write(&path);
        let report = hand.validate(None);
        assert!([24, 65].contains(&report.exit), "without {:?}: {}", step.input, said(&report));
        whole.write(&path);
    }
    assert_eq!(hand.validate(None).exit, 0, "what was taken apart was put together again");
}

#[test]
fn an_outcome_that_was_changed_is_named_by_its_part_and_its_step() {
    let dir = scratch("digest");
    let mut hand = three(&dir);
    assert_eq!(hand.end().exit, 0);
    let path = dir.join("n2-1.journal");
    let whole = Forged::read(&path);
    let (record, taken) = whole.steps().swap_remove(1);
    let at = format!("n2, life 1, step 2: took {:?}", taken.input);
    for part in Part::ALL {
        let mut forged = Forged::read(&path);
        forged.edit_step(record, |_, outcome| outcome.parts[part as usize] ^= 1);
        forged.write(&path);
        let report = hand.validate(None);
        refused(&report, 24, &format!("the {} differ: the core gives", part.name()));
        refused(&report, 24, &at);
        whole.write(&path);
    }
    let mut forged = Forged::read(&path);
    forged.edit_step(record, |_, outcome| outcome.term = Term(9));
    forged.write(&path);
    refused(&hand.validate(None), 24, "the process had term 9, commitIndex 0");
}

/// A follower's core does nothing when its disk is done, so no outcome tells.
#[test]
fn a_disk_that_finishes_what_it_was_not_given_is_found() {
    let dir = scratch("persisted");
    let mut hand = three(&dir);
    assert_eq!(hand.end().exit, 0);
    let path = dir.join("n3-1.journal");
    let mut forged = Forged::read(&path);
    let is_disk = |input: &Input| matches!(input, Input::Persisted(_));
    let disk: Vec<_> = forged.steps().into_iter().filter(|(_, step)| is_disk(&step.input)).collect();
    let [(first, _), .., (_, other)] = disk.as_slice() else { panic!("{disk:?}") };
    forged.edit_step(*first, |step, _| step.input = other.input.clone());
    forged.write(&path);
    refused(&hand.validate(None), 24, "the disk finished something else than it was given");
    let mut forged = Forged::read(&path);
    forged.payloads.retain(|payload| payload[0] != 3);
    forged.write(&path);
    refused(&hand.validate(None), 24, "the disk finished what it was not given");
}

#[test]
fn an_input_that_was_changed_is_not_what_was_sent() {
    let dir = scratch("input");
    let mut hand = three(&dir);
    assert_eq!(hand.end().exit, 0);
    let path = dir.join("n3-1.journal");
    let mut forged = Forged::read(&path);
    let (record, _) = forged.steps().swap_remove(0);
    forged.edit_step(record, |step, _| {
        let Input::Receive { message, .. } = &mut step.input else { panic!("{step:?}") };
        message.term = Term(7);
    });
    forged.write(&path);
    refused(
        &hand.validate(None),
        65,
        "n3, life 1, step 1 took @7 RequestVote last=0@0 from n1, which n1 never sent",
    );
}

/// The server took it for a vote, and its journal is its own: that nobody cast it the voter's journal says.
#[test]
fn a_vote_that_nobody_cast_is_found() {
    let dir = scratch("forged-vote");
    let mut hand = Hand::new(&dir, 3, None);
    hand.times_out(1);
    let message = Message { term: Term(1), body: Body::VoteReply { granted: true } };
    hand.event(1, Event::Receive { from: NodeId(3), message });
    assert!(hand.leads(1));
    let report = hand.end();
    refused(
        &report,
        65,
        "n1, life 1, step 3 took @1 VoteReply granted from n3, which n3 never sent by its journals",
    );
}

#[test]
fn files_that_were_exchanged_are_found() {
    let dir = scratch("exchanged");
    let mut hand = three(&dir);
    hand.kill(3);
    hand.start(3);
    assert_eq!(hand.end().exit, 0);
    let exchange = |a: &str, b: &str| {
        let [a, b, aside] = [a, b, "aside"].map(|name| dir.join(name));
        fs::rename(&a, &aside).unwrap();
        fs::rename(&b, &a).unwrap();
        fs::rename(&aside, &b).unwrap();
    };
    for (a, b) in [("n1-1.journal", "n2-1.journal"), ("n3-1.journal", "n3-2.journal")] {
        exchange(a, b);
        refused(&hand.validate(None), 65, "files were exchanged");
        exchange(a, b);
    }
    let (first, second) = (dir.join("n3-1.journal"), dir.join("n3-2.journal"));
    let mut forged = Forged::read(&second);
    forged.head[40] = 1;
    forged.write(&first);
    refused(&hand.validate(None), 65, "which n3 never sent by its journals");
}

#[test]
fn a_server_that_recorded_only_later_is_found() {
    let dir = scratch("late");
    let mut hand = alone(&dir);
    hand.kill(1);
    hand.start(1);
    hand.killed.clear();
    hand.stop();
    let mut forged = Forged::read(&dir.join("n1-2.journal"));
    forged.head[40] = 1;
    forged.write(&dir.join("n1-1.journal"));
    fs::remove_file(dir.join("n1-2.journal")).unwrap();
    refused(&hand.validate(None), 65, "its disk held something already: record from the first start on");
}

/// What the first record of a journal says, but for the outcome.
type Began = (u64, Told, Durable);

/// What the second life of n3 says that its disk held, changed.
fn with_disk(name: &str, edit: impl FnOnce(&mut Durable)) -> Report {
    let dir = scratch(name);
    let mut hand = three(&dir);
    hand.kill(3);
    hand.start(3);
    assert_eq!(hand.end().exit, 0);
    let path = dir.join("n3-2.journal");
    let mut forged = Forged::read(&path);
    let ((real, told, mut disk), rest) =
        postcard::take_from_bytes::<Began>(&forged.payloads[0][1..]).unwrap();
    let mut outcome: Outcome = postcard::from_bytes(rest).unwrap();
    edit(&mut disk);
    (outcome.term, outcome.last) = (disk.term, disk.log.last());
    let begins = postcard::to_extend(&(real, told, disk), vec![1]).unwrap();
    forged.payloads[0] = postcard::to_extend(&outcome, begins).unwrap();
    forged.write(&path);
    hand.validate(None)
}

#[test]
fn a_life_that_forgot_its_vote_is_found() {
    let report = with_disk("forgotten-vote", |disk| disk.voted_for = None);
    refused(&report, 12, "n3, life 2, step 0: begins with a disk that holds term 1, no vote");
    refused(&report, 12, "its disk had said that it holds term 1, vote n1");
    refused(&report, 12, "VIOLATED vote set once a term: n3, life 2");
}

#[test]
fn a_life_that_forgot_its_term_is_found() {
    let report = with_disk("forgotten-term", |disk| (disk.term, disk.voted_for) = (Term(0), None));
    refused(
        &report,
        12,
        "VIOLATED term monotone: n3, life 2, step 0: begins, and n3's term fell from 1 to 0",
    );
}

#[test]
fn a_life_that_forgot_entries_is_found() {
    let report = with_disk("forgotten-entries", |disk| disk.log = raftlab_core::Log::default());
    refused(&report, 12, "DIVERGED: n3, life 2, step 0: begins with a disk");
    refused(&report, 12, "n1 takes n3 for matched to 2");
}

#[test]
fn disks_that_lose_what_was_committed_are_found_when_too_few_are_left() {
    let dir = scratch("lost-quorum");
    let mut hand = three(&dir);
    for (id, holds) in [(2, true), (3, false)] {
        hand.kill(id);
        hand.disks.get_mut(&id).unwrap().log = raftlab_core::Log::default();
        hand.start(id);
        let report = hand.validate_so_far();
        assert_eq!(said(&report).contains("committed on a quorum"), !holds, "{}", said(&report));
    }
    refused(
        &hand.end(),
        12,
        "VIOLATED committed on a quorum: n3, life 2, step 0: begins, and n1 took 1@1 for committed",
    );
}

#[test]
fn a_time_that_falls_is_found() {
    let dir = scratch("time");
    let mut hand = three(&dir);
    assert_eq!(hand.end().exit, 0);
    let path = dir.join("n2-1.journal");
    let mut forged = Forged::read(&path);
    let (record, _) = forged.steps().swap_remove(4);
    forged.edit_step(record, |step, _| step.real = 0);
    forged.write(&path);
    refused(&hand.validate(None), 65, "n2-1.journal, record of step 5: true time falls");
}

#[test]
fn whatever_is_missing_is_asked_for() {
    let dir = scratch("missing");
    refused(&validate(&dir, &Options::default()), 65, "holds no journals");
    refused(&validate(&dir.join("nowhere"), &Options::default()), 65, "nowhere: ");
    let mut hand = three(&dir);
    hand.kill(3);
    hand.start(3);
    assert_eq!(hand.end().exit, 0);
    refused(
        &validate(&dir, &Options::default()),
        65,
        "n3-1.journal has no end record, and no kill of that life",
    );
    let without = |name: &str| {
        fs::rename(dir.join(name), dir.join("aside")).unwrap();
        let report = hand.validate(None);
        fs::rename(dir.join("aside"), dir.join(name)).unwrap();
        report
    };
    refused(&without("n3-1.journal"), 65, "n3-1.journal is missing: it is said that this life was killed");
    refused(
        &without("n1-1.journal"),
        65,
        "n1-1.journal is missing: another server received messages from it",
    );
    hand.killed.insert((NodeId(2), 5));
    refused(&hand.validate(None), 65, "n2-5.journal is missing");
    hand.killed.remove(&(NodeId(2), 5));
    fs::write(dir.join("n03-1.journal"), "").unwrap();
    refused(&hand.validate(None), 65, "n03-1.journal is not named as a journal is");
    fs::remove_file(dir.join("n03-1.journal")).unwrap();
    assert_eq!(hand.validate(None).exit, 0);
}

#[test]
fn a_founder_that_recorded_nothing_is_asked_for_even_if_nobody_heard_of_it() {
    let dir = scratch("silent-founder");
    let mut hand = Hand::new(&dir, 3, None);
    hand.times_out(1);
    hand.talk(1, 2);
    assert!(hand.leads(1));
    assert_eq!(hand.end().exit, 0);
    fs::remove_file(dir.join("n3-1.journal")).unwrap();
    refused(&hand.validate(None), 65, "n3-1.journal is missing: it founded the cluster");
}

#[test]
fn journals_of_two_clusters_and_of_other_founders_are_told_apart() {
    let dir = scratch("clusters");
    let mut hand = three(&dir);
    assert_eq!(hand.end().exit, 0);
    let path = dir.join("n2-1.journal");
    let whole = Forged::read(&path);
    let mut forged = Forged::read(&path);
    forged.head[16] = 8;
    forged.write(&path);
    refused(&hand.validate(None), 65, "n2-1.journal is of cluster 00000000000000000000000000000008");
    whole.write(&path);
    let other = scratch("other-founders");
    let mut two = Hand::new(&other, 2, None);
    two.stop();
    fs::copy(other.join("n2-1.journal"), &path).unwrap();
    refused(&hand.validate(None), 65, "n2-1.journal was told other founders");
}

#[test]
fn a_run_in_which_nothing_happened_shows_nothing() {
    let dir = scratch("vacuous");
    let mut hand = Hand::new(&dir, 3, None);
    hand.times_out(1);
    assert_eq!(hand.end().exit, 15);
}

#[test]
fn a_snapshot_that_is_not_the_state_machine_is_found() {
    let dir = scratch("snapshot");
    let mut hand = three(&dir);
    let Event::Snapshot { through, state } = hand.snapshot(1) else { panic!("no snapshot") };
    let mut changed = state.to_vec();
    *changed.last_mut().unwrap() ^= 1;
    hand.event(1, Event::Snapshot { through, state: changed.into() });
    let report = hand.end();
    refused(&report, 12, "VIOLATED snapshots are true: n1, life 1");
    let dir = scratch("snapshot-true");
    let mut hand = three(&dir);
    hand.event(1, hand.snapshot(1));
    hand.ask(1, put("b", 2));
    let report = hand.end();
    assert_eq!((report.exit, report.totals.snapshots), (0, 1), "{}", said(&report));
}
