//! One life of a server, driven by hand: what its disk holds after it, and timers that run out by its host's word.

use raftlab_core::{Config, Durable, NodeId, Span, Term, Time, Timer, Voters, Write};
use raftlab_node::disk::Memory;
use raftlab_node::node::{Output, Settings};
use raftlab_node::replica::DiskIo;
use raftlab_node::timers::Timing;
use raftlab_node::wal::{Identity, Wal};
use raftlab_sim::Host;

const N1: NodeId = NodeId(1);
const SEGMENT_BYTES: u64 = 4096;
/// More operations of a disk than any write takes.
const ALL: u64 = 100;

fn identity() -> Identity {
    Identity { cluster: 1, server: N1 }
}

fn start(disk: Memory) -> Host {
    let config = Config::new(N1, Voters::new([1, 2, 3].map(NodeId)), 1).unwrap();
    let timing = Timing::new(Span(1), Span(10)).unwrap();
    let settings = Settings { timing, seed: 1, disk_io: DiskIo::Parallel, snapshot_entries: 0 };
    Host::start(disk, (identity(), SEGMENT_BYTES), config, settings, Time(0), || None).unwrap().0
}

/// A server that has just begun to campaign.
fn campaigning() -> Host {
    let mut host = start(Memory::default());
    let output = host.node.time_out(Time(0), Timer::Election).unwrap();
    assert!(output.messages.is_empty(), "a vote is on disk before it is asked for: {output:?}");
    host
}

fn held(disk: Memory) -> Durable {
    Wal::open(disk, identity(), SEGMENT_BYTES).unwrap().durable
}

#[test]
fn a_timer_runs_out_by_its_hosts_word_and_is_not_due_any_more() {
    let mut host = start(Memory::default());
    let due = host.node.due(Timer::Election).expect("it runs");
    assert!((Time(10)..Time(21)).contains(&due), "{due:?}");
    drop(host.node.time_out(Time(3), Timer::Election).unwrap());
    assert_eq!(host.node.replica().raft().term(), Term(1));
    let again = host.node.due(Timer::Election).expect("an election may end without a leader");
    assert!(again >= Time(13), "it was started afresh: {again:?}");
    assert_eq!(host.node.due(Timer::Heartbeat), None);
}

#[test]
fn what_waits_for_the_disk_leaves_when_it_is_done() {
    let mut host = campaigning();
    let writes = [Write::Vote { term: Term(1), voted_for: Some(N1) }];
    assert_eq!(host.node.replica().waiting(), Some(&writes[..]));
    assert_eq!(host.begin(), Some(&writes[..]));
    assert_eq!(host.node.replica().waiting(), None);
    let Output { messages, .. } = host.finish(Time(0)).unwrap();
    assert_eq!(messages.len(), 2);
    assert!(host.finish(Time(0)).unwrap().messages.is_empty(), "the disk has nothing");
    assert_eq!(held(host.crash(0, || false)).voted_for, Some(N1));
}

#[test]
fn a_crash_leaves_of_a_write_what_its_operations_did() {
    let of = |begins: bool, operations, survives| {
        let mut host = campaigning();
        if begins {
            assert!(host.begin().is_some());
        }
        held(host.crash(operations, || survives)).term
    };
    assert_eq!(of(false, ALL, true), Term(0), "the disk was given nothing");
    assert_eq!(of(true, 0, true), Term(0), "it had not begun");
    assert_eq!(of(true, 1, false), Term(0), "it was not synced, and is lost");
    assert_eq!(of(true, 1, true), Term(1), "it was not synced, and is there");
    assert_eq!(of(true, ALL, false), Term(1), "it was synced");
}

#[test]
fn a_disk_that_lies_lets_go_what_it_has_not_written() {
    let mut host = campaigning();
    host.begin();
    let mut later = Vec::new();
    let output = host.finish_by(Time(0), |_, writes| {
        later.extend_from_slice(writes);
        Ok(())
    });
    assert_eq!(output.unwrap().messages.len(), 2);
    assert_eq!(held(host.disk().crash(|| true)).term, Term(0));
    host.write(&later).unwrap();
    assert_eq!(held(host.crash(0, || false)).term, Term(1));
}
