//! Servers that lack a rule, or whose disk does: a replay that has the rule parts from them, and one that lacks it too
//! sees what falls.

use raftlab_checks::validate::{Options, Report, validate};
use raftlab_core::{Body, Message, NodeId, Rule};
use raftlab_node::node::Event;

use crate::hand::Hand;
use crate::world::{World, put, said, scratch};

fn shows(report: &Report, exit: u8, words: &str) {
    assert_eq!((report.exit, said(report).contains(words)), (exit, true), "{words}: {}", said(report));
}

/// n1 and n2 stand for election in term 1, and n3 is asked by both.
fn two_candidates(name: &str, without: Option<Rule>) -> Hand {
    let mut hand = Hand::new(&scratch(name), 3, without);
    hand.times_out(1);
    hand.times_out(2);
    hand.deliver(1, 3);
    hand.deliver(3, 1);
    assert!(hand.leads(1));
    hand
}

#[test]
fn a_disk_that_loses_a_vote_elects_two_leaders() {
    let mut hand = two_candidates("lost-vote", None);
    hand.kill(3);
    hand.disks.get_mut(&3).unwrap().voted_for = None;
    hand.start(3);
    hand.deliver(2, 3);
    hand.deliver(3, 2);
    assert!(hand.leads(2));
    let report = hand.end();
    shows(&report, 12, "VIOLATED Election Safety: n2, life 1");
    shows(&report, 12, "n2 and n1 both led term 1");
    shows(&report, 12, "VIOLATED vote set once a term: n3, life 2");
    shows(&report, 12, "DIVERGED: n3, life 2, step 0: begins with a disk that holds term 1, no vote");
}

#[test]
fn a_server_that_votes_twice_is_found() {
    let rule = Rule::OneVotePerTerm;
    let mut hand = two_candidates("two-votes", Some(rule));
    hand.deliver(2, 3);
    hand.deliver(3, 2);
    assert!(hand.leads(2));
    let report = hand.end();
    shows(
        &report,
        24,
        "DIVERGED: n3, life 1, step 3: took Receive { from: n2, message: @1 RequestVote last=0@0 }",
    );
    shows(&report, 24, "the writes differ: the core gives []");
    let report = hand.validate(Some(rule));
    shows(&report, 12, "VIOLATED Election Safety");
    shows(&report, 12, "VIOLATED vote set once a term: n3, life 1, step 3");
}

/// Figure 8, as far as it takes: a leader counts replicas of an entry that an older term wrote.
#[test]
fn a_leader_that_commits_an_older_terms_entry_by_counting_is_found() {
    let rule = Rule::CommitOwnTerm;
    let mut hand = Hand::new(&scratch("figure-8"), 3, Some(rule));
    hand.times_out(1);
    hand.deliver(1, 3);
    hand.deliver(3, 1);
    assert!(hand.leads(1));
    hand.mail.clear();
    hand.kill(1);
    hand.start(1);
    hand.times_out(1);
    hand.deliver(1, 2);
    hand.deliver(2, 1);
    assert!(hand.leads(1));
    while hand.commit(1) == 0 {
        hand.deliver(1, 2);
        hand.deliver(2, 1);
    }
    assert_eq!(hand.commit(1), 1, "the entry of term 1, and not that of term 2");
    let report = hand.end();
    shows(&report, 24, "the committed entries and reads differ: the core gives restored None committed []");
    let report = hand.validate(Some(rule));
    shows(&report, 12, "VIOLATED commit rule: n1, life 2");
    shows(&report, 12, "n1@2 committed 0 to 1: 2 of 3 servers match");
}

#[test]
fn a_leader_that_counts_nobody_is_found() {
    let rule = Rule::MajorityCommits;
    let mut hand = Hand::new(&scratch("no-majority"), 3, Some(rule));
    hand.times_out(1);
    hand.talk(1, 2);
    hand.mail.clear();
    hand.ask(1, put("a", 1));
    assert_eq!(hand.commit(1), 2);
    assert_eq!(hand.end().exit, 24);
    let report = hand.validate(Some(rule));
    shows(&report, 12, "VIOLATED committed on a quorum: n1");
    shows(&report, 12, "and 1 of 3 disks hold it");
    shows(&report, 12, "VIOLATED commit rule: n1");
}

/// n2 alone has an entry that another one replaced elsewhere, and hears how far the new leader has committed.
#[test]
fn a_leftover_that_is_applied_is_found() {
    let rule = Rule::CommitWithinMatch;
    let mut hand = Hand::new(&scratch("leftover"), 5, Some(rule));
    hand.times_out(1);
    (2..=5).chain([2]).for_each(|other| hand.talk(1, other));
    hand.ask(1, put("a", 1));
    hand.deliver(1, 2);
    hand.mail.clear();
    hand.times_out(3);
    hand.talk(3, 4);
    hand.talk(3, 5);
    hand.talk(3, 4);
    assert_eq!((hand.leads(3), hand.commit(3)), (true, 2));
    hand.mail.clear();
    hand.wakes(3);
    let is_heartbeat = |message: &Message| matches!(&message.body, Body::AppendEntries { entries, .. } if entries.is_empty());
    hand.mail.retain(|(_, _, message)| is_heartbeat(message));
    hand.deliver(3, 2);
    assert_eq!(hand.commit(2), 2);
    assert_eq!(hand.end().exit, 24);
    let report = hand.validate(Some(rule));
    shows(&report, 12, "VIOLATED State Machine Safety: n2, life 1");
    shows(&report, 12, "at index 2");
}

/// n2 takes an entry behind one that the leader does not have there, and says that it agrees.
#[test]
fn a_follower_that_says_more_than_it_holds_is_found() {
    let rule = Rule::PrevEntryMatches;
    let mut hand = Hand::new(&scratch("prev"), 5, Some(rule));
    hand.times_out(1);
    (2..=5).chain([2]).for_each(|other| hand.talk(1, other));
    hand.ask(1, put("a", 1));
    hand.deliver(1, 2);
    hand.mail.clear();
    hand.times_out(3);
    hand.talk(3, 4);
    hand.talk(3, 5);
    hand.talk(3, 4);
    hand.mail.clear();
    hand.times_out(4);
    for voter in [5, 1] {
        hand.deliver(4, voter);
        hand.deliver(voter, 4);
    }
    assert!(hand.leads(4));
    hand.talk(4, 2);
    assert_eq!(hand.end().exit, 24);
    let report = hand.validate(Some(rule));
    let taken =
        "took Receive { from: n2, message: @3 AppendReply accepted to 3 }, and n4 takes n2 for matched to 3";
    shows(&report, 12, taken);
    shows(&report, 12, "VIOLATED Log Matching");
}

#[test]
fn a_vote_for_a_log_that_lacks_entries_loses_what_was_committed() {
    let rule = Rule::UpToDateLog;
    let mut hand = Hand::new(&scratch("lost-entries"), 3, Some(rule));
    hand.times_out(1);
    hand.talk(1, 2);
    assert_eq!(hand.commit(1), 1);
    hand.mail.clear();
    // n3 has heard of nothing yet; it goes to term 2 by a first election that nobody hears of.
    hand.times_out(3);
    hand.mail.clear();
    hand.times_out(3);
    hand.deliver(3, 2);
    hand.deliver(2, 3);
    assert!(hand.leads(3));
    assert_eq!(hand.end().exit, 24);
    let report = hand.validate(Some(rule));
    shows(&report, 12, "VIOLATED Leader Completeness: n3, life 1");
    shows(&report, 12, "had committed 1@1 in term 1");
}

#[test]
fn a_panic_of_the_core_is_found_and_so_is_one_that_is_only_said() {
    let rule = Rule::CommitNeverFalls;
    let mut hand = Hand::new(&scratch("panic"), 3, Some(rule));
    hand.times_out(1);
    hand.deliver(1, 2);
    hand.deliver(2, 1);
    let late: Vec<_> = hand.mail.iter().filter(|(from, to, _)| (*from, *to) == (1, 2)).cloned().collect();
    hand.talk(1, 2);
    hand.ask(1, put("a", 1));
    hand.talk(1, 2);
    hand.wakes(1);
    hand.talk(1, 2);
    assert_eq!(hand.commit(2), 2);
    hand.event(2, hand.snapshot(2));
    let (_, _, message) = late[0].clone();
    hand.panics_at(2, Event::Receive { from: NodeId(1), message });
    let report = hand.end();
    shows(&report, 24, "the process panicked, and the core does not");
    let report = hand.validate(Some(rule));
    shows(&report, 12, "VIOLATED no panic: n2, life 1");
}

#[test]
fn what_bad_networks_do_to_servers_without_a_rule_is_found() {
    let rule = Rule::MatchNeverFalls;
    let mut found = 0;
    for seed in 1..=6 {
        let dir = scratch(&format!("weak-story-{seed}"));
        let mut world = World::new(&dir, seed);
        world.without = Some(rule);
        (1..=3).for_each(|id| world.start(id));
        world.is_healthy = false;
        for count in 0..40 {
            world.insist(&put("count", count));
        }
        world.stop();
        let options = world.options();
        let on = validate(&dir, &options);
        let options = Options { without: Some(rule), ..options };
        let off = validate(&dir, &options);
        if on.exit == 24 {
            shows(&off, 12, "VIOLATED matchIndex monotone");
            found += 1;
        } else {
            assert_eq!((on.exit, off.exit), (0, 0), "{}{}", said(&on), said(&off));
        }
    }
    assert!(found >= 3, "in {found} of 6 runs an acknowledgement came late");
}
