//! What waits for the disk, and what may overtake it.

use std::collections::BTreeMap;
use std::convert::Infallible;

use raftlab_core::{
    Answer, Appended, Body, Change, Command, Config, Durable, Index, Input, LogId, Message, NodeId, ReadId,
    Round, Term, Time, Timer, Voters,
};
use raftlab_node::replica::{Batch, DiskIo, News, Replica, Turn, Written};

const NOW: Time = Time(0);

/// Three servers, of which one is looked at. What the others say comes from cores of their own, whose disks are
/// instant.
struct Cluster {
    replica: Replica,
    disk: Durable,
    others: BTreeMap<NodeId, Replica>,
}

fn config(id: u64) -> Config {
    Config::new(NodeId(id), Voters::new([1, 2, 3].map(NodeId)), 16).unwrap()
}

fn replica(id: u64, disk_io: DiskIo) -> Replica {
    Replica::recover(config(id), Durable::default(), disk_io).0
}

fn written(batch: Batch) -> Written {
    let Ok(written) = batch.write(|_| Ok::<(), Infallible>(()));
    written
}

impl Cluster {
    /// The server leads, and its no-op is committed everywhere.
    fn led(disk_io: DiskIo) -> Cluster {
        let others = [2, 3].map(|id| (NodeId(id), replica(id, DiskIo::Parallel))).into();
        let mut cluster = Cluster { replica: replica(1, disk_io), disk: Durable::default(), others };
        let turn = cluster.replica.step(NOW, Input::Timeout(Timer::Election));
        cluster.settle(turn);
        assert!(cluster.replica.raft().is_leader());
        assert_eq!(cluster.replica.raft().commit(), Index(1));
        cluster
    }

    /// Passes messages on, and writes, until nothing happens any more. What the state machine was given.
    fn settle(&mut self, mut turn: Turn) -> Vec<News> {
        let mut news = Vec::new();
        loop {
            let answers = self.answers(&turn);
            news.append(&mut turn.news);
            turn = Turn::default();
            for answer in answers {
                turn.extend(self.replica.step(NOW, answer));
            }
            if let Some(batch) = self.replica.batch() {
                batch.writes().iter().for_each(|write| self.disk.apply(write));
                turn.extend(self.replica.finish(NOW, written(batch)));
            } else if turn.messages.is_empty() {
                news.append(&mut turn.news);
                return news;
            }
        }
    }

    /// What the others say to what was said to them.
    fn answers(&mut self, turn: &Turn) -> Vec<Input> {
        let mut answers = Vec::new();
        for (to, message) in &turn.messages {
            let other = self.others.get_mut(to).expect("one of the others");
            let mut said = other.step(NOW, Input::Receive { from: NodeId(1), message: message.clone() });
            if let Some(batch) = other.batch() {
                said.extend(other.finish(NOW, written(batch)));
            }
            let own = said.messages.into_iter().filter(|(to, _)| *to == NodeId(1));
            answers.extend(own.map(|(_, message)| Input::Receive { from: *to, message }));
        }
        answers
    }

    fn propose(&mut self, command: &str) -> Turn {
        self.replica.step(NOW, Input::Propose(Command::new(command.as_bytes())))
    }
}

fn committed(news: &[News]) -> Vec<LogId> {
    let entries = news.iter().flat_map(|news| match news {
        News::Committed(entries) => entries.as_slice(),
        News::Restored(_) | News::Readable(_) => &[],
    });
    entries.map(|entry| entry.id).collect()
}

fn at(index: u64) -> LogId {
    LogId::new(Term(1), Index(index))
}

#[test]
fn what_comes_while_the_disk_works_shares_the_next_write() {
    let mut cluster = Cluster::led(DiskIo::Parallel);
    let _first = cluster.propose("a");
    let batch = cluster.replica.batch().expect("the disk is free");
    assert_eq!(batch.writes().len(), 1);
    let turns = ["b", "c", "d"].map(|command| cluster.propose(command));
    assert_eq!(turns.map(|turn| turn.answer), [3, 4, 5].map(|index| Some(Answer::Proposed(at(index)))));
    assert!(cluster.replica.batch().is_none(), "one batch at a time");
    let _turn = cluster.replica.finish(NOW, written(batch));
    assert_eq!(cluster.replica.batch().expect("three proposals").writes().len(), 3);
}

#[test]
fn a_leaders_entries_leave_while_its_disk_works_and_not_with_inline_disk_io() {
    let sends = |message: &Message| matches!(&message.body, Body::AppendEntries { entries, .. } if !entries.is_empty());
    for (disk_io, early) in [(DiskIo::Parallel, 2), (DiskIo::Inline, 0)] {
        let mut cluster = Cluster::led(disk_io);
        let turn = cluster.propose("a");
        assert_eq!(turn.messages.iter().filter(|(_, message)| sends(message)).count(), early);
        let batch = cluster.replica.batch().expect("an entry");
        assert_eq!(cluster.replica.takes_input(), disk_io == DiskIo::Parallel);
        let turn = cluster.replica.finish(NOW, written(batch));
        assert_eq!(turn.messages.iter().filter(|(_, message)| sends(message)).count(), 2 - early);
        assert!(cluster.replica.takes_input());
    }
}

#[test]
fn what_a_majority_has_is_committed_before_this_disk_is_done() {
    let mut cluster = Cluster::led(DiskIo::Parallel);
    let turn = cluster.propose("a");
    let stuck = cluster.replica.batch().expect("an entry");
    let answers = cluster.answers(&turn);
    let turns: Vec<Turn> = answers.into_iter().map(|answer| cluster.replica.step(NOW, answer)).collect();
    assert_eq!(
        committed(&turns[0].news),
        [],
        "one other server is no majority, since this disk has not said so"
    );
    assert_eq!(committed(&turns[1].news), [at(2)], "two are");
    assert!(cluster.replica.is_writing());
    let turn = cluster.replica.finish(NOW, written(stuck));
    assert_eq!(committed(&turn.news), [], "once");
}

#[test]
fn a_read_is_answered_while_the_disk_works() {
    let mut cluster = Cluster::led(DiskIo::Parallel);
    let _turn = cluster.propose("a");
    let _stuck = cluster.replica.batch().expect("an entry");
    let asked = cluster.replica.step(NOW, Input::Read(ReadId(7)));
    assert_eq!(asked.answer, Some(Answer::Reading));
    let answers = cluster.answers(&asked);
    let news: Vec<News> =
        answers.into_iter().flat_map(|answer| cluster.replica.step(NOW, answer).news).collect();
    let read = news.iter().find_map(|news| match news {
        News::Readable(reads) => Some(reads[0]),
        _ => None,
    });
    assert_eq!(read.map(|read| (read.id, read.index)), Some((ReadId(7), Index(1))));
}

#[test]
fn a_follower_says_nothing_that_its_disk_does_not_hold() {
    let mut cluster = Cluster::led(DiskIo::Parallel);
    let sent = cluster.propose("a").messages;
    let (to, message) = sent.into_iter().next().expect("an entry for each");
    let follower = cluster.others.get_mut(&to).expect("one of the others");
    let append = |message: &Message| Input::Receive { from: NodeId(1), message: message.clone() };
    let turn = follower.step(NOW, append(&message));
    assert_eq!(turn.messages, []);
    let batch = follower.batch().expect("an entry");
    let again = follower.step(NOW, append(&message));
    assert_eq!(
        again.messages,
        [],
        "a duplicate writes nothing, and its answer waits for the first all the same"
    );
    assert_eq!(follower.finish(NOW, written(batch)).messages.len(), 1);
    assert!(follower.batch().expect("the second answer").writes().is_empty());
}

#[test]
fn what_was_written_is_what_a_restart_begins_with() {
    let mut cluster = Cluster::led(DiskIo::Parallel);
    let turn = cluster.propose("a");
    let news = cluster.settle(turn);
    assert_eq!(committed(&news), [at(2)]);
    let (again, _) = Replica::recover(config(1), cluster.disk.clone(), DiskIo::Parallel);
    assert_eq!(again.raft().log(), cluster.replica.raft().log());
    assert_eq!((again.raft().term(), again.raft().voted_for()), (Term(1), Some(NodeId(1))));
}

/// A server is removed, and a round of reads that too few had answered is answered by enough: so the step that writes the
/// new configuration lets reads go, which wait for the disk with it. What is committed meanwhile waits behind them.
#[test]
fn reads_that_a_smaller_majority_confirms_are_not_overtaken() {
    let config = Config::new(NodeId(1), Voters::new([1, 2, 3, 4].map(NodeId)), 16).unwrap();
    let mut leader = Replica::recover(config, Durable::default(), DiskIo::Parallel).0;
    let settle = |leader: &mut Replica| {
        let mut news = Vec::new();
        while let Some(batch) = leader.batch() {
            news.extend(leader.finish(NOW, written(batch)).news);
        }
        news
    };
    let hears = |leader: &mut Replica, from: u64, body| {
        let message = Message { term: Term(1), body };
        leader.step(NOW, Input::Receive { from: NodeId(from), message }).news
    };
    let accepted = |matched: u64, round: u64| {
        let answer = Appended::Accepted { matched: Index(matched) };
        Body::AppendReply { answer, round: Round(round) }
    };
    let _turn = leader.step(NOW, Input::Timeout(Timer::Election));
    settle(&mut leader);
    hears(&mut leader, 2, Body::VoteReply { granted: true });
    hears(&mut leader, 3, Body::VoteReply { granted: true });
    settle(&mut leader);
    hears(&mut leader, 2, accepted(1, 0));
    assert_eq!(committed(&hears(&mut leader, 3, accepted(1, 0))), [at(1)]);
    let _turn = leader.step(NOW, Input::Propose(Command::new(b"a")));
    settle(&mut leader);

    let _turn = leader.step(NOW, Input::Read(ReadId(7)));
    assert!(hears(&mut leader, 2, accepted(1, 1)).is_empty(), "two of four are too few");
    let turn = leader.step(NOW, Input::Reconfigure(Change::Remove(NodeId(4))));
    assert!(turn.news.is_empty(), "what goes with a write waits for it");
    // Whether the disk has it already or not.
    assert!(hears(&mut leader, 2, accepted(2, 1)).is_empty(), "nothing overtakes the read");
    assert_eq!(leader.raft().commit(), Index(2));
    let removes = leader.batch().expect("the new configuration is to be written");
    let _turn = leader.step(NOW, Input::Propose(Command::new(b"b")));
    let mut news = leader.finish(NOW, written(removes)).news;
    news.extend(settle(&mut leader));
    let shown: Vec<_> = news.iter().filter(|news| matches!(news, News::Readable(_))).collect();
    assert_eq!(shown.len(), 1, "the read is answered: {news:?}");
    assert_eq!(committed(&news), [at(2)]);
}
