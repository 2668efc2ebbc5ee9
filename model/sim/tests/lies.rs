//! What comes of a host that lies, beside an honest one.

mod clients;
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use raftlab_core::{
    Appended, Body, Entry, Features, Lease, Message, NodeId, Payload, Raft, ReadMode, Round, Span, Time,
    Write,
};
use raftlab_node::chaos::LinkFault;
use raftlab_node::kv::{Command, Operation};
use raftlab_node::node::Ask;
use raftlab_sim::{Honest, Lies, Spec, Told, Wish, World};

use clients::{await_answer, pass};
use support::{MS, SECOND, lying, servers, spec, until_led};

const N1: NodeId = NodeId(1);

fn put(value: &str) -> Wish {
    Wish::Do(Operation::Put { key: "a".into(), value: value.into() })
}

/// The only server of a world writes something down: what clients read when `happens` has happened to it.
fn read_after(lies: impl Lies + Clone + 'static, seed: u64, happens: impl FnOnce(&mut World)) -> Told {
    let mut world = lying(seed, 1, spec(), Arc::new(lies));
    until_led(&mut world);
    let client = world.client(None);
    assert!(matches!(await_answer(&mut world, client, put("1")), Told::Done(_)));
    happens(&mut world);
    until_led(&mut world);
    await_answer(&mut world, client, Wish::Get("a".into()))
}

fn crash(world: &mut World) {
    assert!(world.kill(N1));
    world.start(N1).unwrap();
}

fn written() -> Told {
    Told::Value(Some("1".into()))
}

#[derive(Clone, Debug)]
struct NeverSyncs;

impl Lies for NeverSyncs {
    fn skips_sync(&self, _: &Raft, _: &[Write]) -> bool {
        true
    }
}

#[test]
fn a_disk_that_does_not_sync_loses_what_was_acknowledged() {
    let lost = (0..20).filter(|seed| read_after(NeverSyncs, *seed, crash) != written()).count();
    assert!((1..20).contains(&lost), "chance says what is there: {lost} of 20 lost");
    assert!((0..20).all(|seed| read_after(Honest, seed, crash) == written()));
}

/// Lies once, when the first command is written.
#[derive(Clone, Debug, Default)]
struct SyncsFirstLater(Arc<AtomicU64>);

impl Lies for SyncsFirstLater {
    fn skips_sync(&self, _: &Raft, writes: &[Write]) -> bool {
        let is_command = |entry: &Entry| matches!(entry.payload, Payload::Command(_));
        let has_command = |write: &Write| match write {
            Write::Log { entries, .. } => entries.iter().any(is_command),
            Write::Vote { .. } | Write::Snapshot(_) => false,
        };
        writes.iter().any(has_command) && self.0.fetch_add(1, Ordering::Relaxed) == 0
    }
}

#[test]
fn a_later_sync_makes_up_for_what_was_not_synced() {
    let lost = |is_followed: bool| {
        let lost = (0..20).filter(|seed| {
            let mut world = lying(*seed, 1, spec(), Arc::new(SyncsFirstLater::default()));
            until_led(&mut world);
            let client = world.client(None);
            let once = |key: &str| Wish::DoOnce(Operation::Put { key: key.into(), value: "1".into() });
            assert!(matches!(await_answer(&mut world, client, once("a")), Told::Done(_)));
            if is_followed {
                assert!(matches!(await_answer(&mut world, client, once("b")), Told::Done(_)));
            }
            crash(&mut world);
            until_led(&mut world);
            await_answer(&mut world, client, Wish::Get("a".into())) != written()
        });
        lost.count()
    };
    assert!(lost(false) > 0);
    assert_eq!(lost(true), 0);
}

#[derive(Clone, Debug)]
struct Keeps;

impl Lies for Keeps {
    fn keeps(&self, writes: &[Write]) -> Option<Vec<Write>> {
        Some(writes.iter().filter(|write| matches!(write, Write::Vote { .. })).cloned().collect())
    }
}

#[test]
fn what_a_disk_drops_is_gone_also_where_it_ends_as_it_should() {
    assert_eq!(read_after(Keeps, 1, crash), Told::Value(None));
    let stop = |world: &mut World| {
        assert!(world.stop(N1));
        world.start(N1).unwrap();
    };
    assert_eq!(read_after(Keeps, 1, stop), Told::Value(None));
    assert_eq!(read_after(Honest, 1, stop), written());
    let stop_while_it_writes = |lies: Arc<dyn Lies>| {
        let mut world = lying(1, 1, spec(), lies);
        until_led(&mut world);
        let client = world.client(None);
        world.wish(client, Wish::DoOnce(Operation::Put { key: "a".into(), value: "1".into() }));
        let writes = |world: &World| {
            let node = world.server(N1).and_then(|server| server.node());
            node.is_some_and(|node| node.replica().is_writing())
        };
        while !writes(&world) {
            pass(&mut world, 10);
        }
        assert!(world.stop(N1));
        world.start(N1).unwrap();
        until_led(&mut world);
        await_answer(&mut world, client, Wish::Get("a".into()))
    };
    assert_eq!(stop_while_it_writes(Arc::new(Keeps)), Told::Value(None));
    assert_eq!(stop_while_it_writes(Arc::new(Honest)), written());
}

#[derive(Clone, Debug)]
struct Swallows;

impl Lies for Swallows {
    fn swallows_errors(&self) -> bool {
        true
    }
}

#[test]
fn a_failed_write_ends_a_server_or_is_swallowed() {
    let fail = |lies: Arc<dyn Lies>| {
        let mut world = lying(1, 1, spec(), lies);
        until_led(&mut world);
        let client = world.client(None);
        assert!(matches!(await_answer(&mut world, client, put("1")), Told::Done(_)));
        world.fail_write(N1);
        (await_answer(&mut world, client, put("2")), world)
    };
    let (told, world) = fail(Arc::new(Honest));
    let server = world.server(N1).unwrap();
    assert!(matches!(told, Told::Unknown(_)), "{told:?}");
    assert_eq!((server.is_up(), server.ends), (false, 1), "its process has to end");
    let (told, mut world) = fail(Arc::new(Swallows));
    assert!(matches!(told, Told::Done(_)), "{told:?}");
    assert_eq!(world.server(N1).unwrap().ends, 0);
    crash(&mut world);
    until_led(&mut world);
    let client = world.client(None);
    assert_eq!(await_answer(&mut world, client, Wish::Get("a".into())), written(), "2 was never written");
}

#[test]
fn a_write_that_was_to_fail_does_not_when_all_is_healed() {
    let told = read_after(Honest, 1, |world| {
        world.fail_write(N1);
        world.heal();
        let client = world.client(None);
        assert!(matches!(await_answer(world, client, put("1")), Told::Done(_)));
        assert_eq!(world.server(N1).unwrap().ends, 0);
    });
    assert_eq!(told, written());
}

#[derive(Clone, Debug)]
struct Forgets {
    cuts: bool,
}

impl Lies for Forgets {
    fn cuts_what_rots(&self) -> bool {
        self.cuts
    }

    fn forgets_what_is_refused(&self) -> bool {
        !self.cuts
    }
}

#[test]
fn a_log_that_rots_is_refused_or_cut_or_forgotten() {
    let rots = |lies: Arc<dyn Lies>| {
        let mut world = lying(3, 1, spec(), lies);
        until_led(&mut world);
        let client = world.client(None);
        for value in ["1", "2", "3", "4", "5"] {
            assert!(matches!(await_answer(&mut world, client, put(value)), Told::Done(_)));
        }
        let last = world.status(N1).unwrap().last;
        assert!(world.stop(N1));
        world.rot(N1).expect("it has a log");
        let last_after = world.start(N1).ok().and_then(|()| world.status(N1)).map(|status| status.last);
        (last, last_after)
    };
    assert_eq!(rots(Arc::new(Honest)).1, None, "a log that is not whole is refused");
    let (last, cut) = rots(Arc::new(Forgets { cuts: true }));
    assert!(cut.is_some_and(|cut| cut < last && cut.0 > 0), "{cut:?} of {last}");
    let (_, forgotten) = rots(Arc::new(Forgets { cuts: false }));
    assert_eq!(forgotten.map(|last| last.0), Some(0));
}

#[derive(Clone, Debug)]
struct Clocks {
    stops: bool,
}

impl Lies for Clocks {
    fn stops_clock_in_pause(&self) -> bool {
        self.stops
    }

    fn takes_time_before_event(&self) -> bool {
        !self.stops
    }
}

#[test]
fn a_clock_may_stand_still_in_a_pause() {
    let shown = |lies: Arc<dyn Lies>| {
        let mut world = lying(1, 3, spec(), lies);
        let leader = until_led(&mut world);
        world.pause(leader, Span(2 * SECOND));
        pass(&mut world, 3 * SECOND);
        world.server(leader).unwrap().clock.now(world.now())
    };
    let (honest, stops) = (shown(Arc::new(Honest)), shown(Arc::new(Clocks { stops: true })));
    assert_eq!(honest.0 - stops.0, 2 * SECOND);
}

/// One that is killed in a pause has a clock that goes when it is back.
#[test]
fn a_clock_that_stood_still_goes_when_its_server_is_back() {
    let mut world = lying(1, 3, spec(), Arc::new(Clocks { stops: true }));
    let leader = until_led(&mut world);
    world.pause(leader, Span(2 * SECOND));
    pass(&mut world, SECOND);
    assert!(world.kill(leader));
    world.start(leader).unwrap();
    let shown = |world: &World| world.server(leader).unwrap().clock.now(world.now()).0;
    let before = shown(&world);
    pass(&mut world, SECOND);
    assert_eq!(shown(&world), before + SECOND);
}

/// A leader that reads by its lease wakes after a pause in which another one has led, and hears nobody but a client: what
/// that is told.
fn told_after_pause(lies: Arc<dyn Lies>) -> Told {
    let election = Span(1000 * MS);
    let reads = ReadMode::Lease(Lease { promise: election, drift: Span(100 * MS) });
    let features = Features { reads, ..spec().features };
    let mut world = lying(1, 3, Spec { features, ..spec() }, lies);
    let leader = until_led(&mut world);
    let (writer, reader) = (world.client(None), world.client(Some(leader)));
    assert!(matches!(await_answer(&mut world, writer, put("1")), Told::Done(_)));
    assert_eq!(await_answer(&mut world, reader, Wish::Get("a".into())), written());
    for other in servers(3).into_iter().filter(|other| *other != leader) {
        world.set_link(other, leader, LinkFault { cut: true, ..LinkFault::default() });
    }
    let began = world.now().0;
    world.pause(leader, Span(8 * SECOND));
    assert!(matches!(await_answer(&mut world, writer, put("2")), Told::Done(_)));
    let wakes = began + 8 * SECOND;
    assert!(world.now().0 < wakes - 300 * MS, "another one has led before it wakes");
    let before_it_wakes = wakes - 300 * MS - world.now().0;
    pass(&mut world, before_it_wakes);
    world.wish_for(reader, Wish::Get("a".into()), Span(600 * MS));
    world.run(Time(wakes + SECOND)).expect("it is told something").told
}

#[test]
fn who_does_not_know_how_late_it_is_reads_by_a_lease_that_is_over() {
    for lies in [Clocks { stops: false }, Clocks { stops: true }] {
        assert_eq!(told_after_pause(Arc::new(lies.clone())), written(), "{lies:?}");
    }
    let told = told_after_pause(Arc::new(Honest));
    assert!(matches!(told, Told::NotDone(_)), "{told:?}");
}

/// Says what it says, and counts what it was asked for.
#[derive(Clone, Debug, Default)]
struct Between {
    forged: Arc<AtomicU64>,
    waived: Arc<AtomicU64>,
    imagined: Arc<AtomicU64>,
}

impl Lies for Between {
    fn mishears_client(&self, ask: &mut Ask) {
        if let Ask::Do(Command::Do { operation: Operation::Put { value, .. }, .. }) = ask {
            *value = "misheard".into();
        }
    }

    fn does_later(&self, _: &Raft, _: NodeId, message: &Message) -> bool {
        matches!(message.body, Body::RequestVote { .. })
    }

    fn waives_check(&self, _: &Raft, _: &mut Message) {
        self.waived.fetch_add(1, Ordering::Relaxed);
    }

    fn forges(&self, _: &Raft, message: &mut Message) {
        if let Body::AppendReply { answer: Appended::Accepted { .. }, .. } = &message.body {
            self.forged.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn has_imagination(&self) -> bool {
        true
    }

    fn imagines(&self, before: &Raft, after: &Raft, _: (NodeId, &Message)) -> Vec<(NodeId, Message)> {
        if before.is_leader() || !after.is_leader() {
            return Vec::new();
        }
        self.imagined.fetch_add(1, Ordering::Relaxed);
        let answer = Appended::Accepted { matched: after.log().last().index };
        let body = Body::AppendReply { answer, round: Round::default() };
        let message = Message { term: after.term(), body };
        after.peers().map(|peer| (peer, message.clone())).collect()
    }
}

#[test]
fn a_host_stands_between_its_core_and_the_world() {
    let lies = Between::default();
    let mut world = lying(1, 3, spec(), Arc::new(lies.clone()));
    let leader = until_led(&mut world);
    assert_eq!(lies.imagined.load(Ordering::Relaxed), 1);
    assert!(lies.waived.load(Ordering::Relaxed) > 0, "votes are given after a while");
    let client = world.client(None);
    assert!(matches!(await_answer(&mut world, client, put("1")), Told::Done(_)));
    let read = await_answer(&mut world, client, Wish::Get("a".into()));
    assert_eq!(read, Told::Value(Some("misheard".into())));
    pass(&mut world, 200 * MS);
    assert!(lies.forged.load(Ordering::Relaxed) >= 2, "both followers have answered {leader}");
}

#[derive(Clone, Debug)]
struct Replaces;

impl Lies for Replaces {
    fn replaces_in_two(&self) -> bool {
        true
    }
}

/// A leader sends an entry again, of which it does not know that it is there; the follower fails in the middle.
#[test]
fn a_store_that_replaces_in_two_writes_loses_entries() {
    let lost = |lies: Arc<dyn Lies>| {
        let mut lost = 0;
        for seed in 0..40 {
            let mut world = lying(seed, 3, spec(), Arc::clone(&lies));
            let leader = until_led(&mut world);
            let follower = servers(3).into_iter().find(|id| *id != leader).unwrap();
            let cut = LinkFault { cut: true, ..LinkFault::default() };
            world.set_link(follower, leader, cut);
            let client = world.client(None);
            assert!(matches!(await_answer(&mut world, client, put("1")), Told::Done(_)));
            let written = world.status(leader).unwrap().last;
            // What is sent again is on its way, or has just arrived.
            pass(&mut world, 95 * MS + seed * 500);
            let Some(held) = world.status(follower).map(|status| status.last) else { continue };
            world.kill(follower);
            world.start(follower).unwrap();
            let found = world.status(follower).unwrap().last;
            lost += u64::from(held == written && found < written);
        }
        lost
    };
    assert_eq!(lost(Arc::new(Honest)), 0);
    assert!(lost(Arc::new(Replaces)) > 0);
}

/// A leader that was cut off has an entry that nobody else has; the next leader's take its place, and it fails meanwhile.
#[test]
fn a_store_that_replaces_in_two_writes_may_have_neither() {
    let found = |lies: Arc<dyn Lies>| {
        let mut world = lying(1, 3, spec(), lies);
        let old = until_led(&mut world);
        let last = |world: &World| world.server(old).unwrap().node().unwrap().replica().raft().log().last();
        let (asks, cut) = (world.client(Some(old)), LinkFault { cut: true, ..LinkFault::default() });
        for other in servers(3).into_iter().filter(|other| *other != old) {
            world.set_link(old, other, cut);
            world.set_link(other, old, cut);
        }
        world.wish_for(asks, Wish::DoOnce(Operation::Delete { key: "b".into() }), Span(50 * MS));
        assert!(world.run(Time(world.now().0 + 5 * SECOND)).is_some(), "nobody knows");
        let before = last(&world);
        pass(&mut world, 5 * SECOND);
        let client = world.client(None);
        assert!(matches!(await_answer(&mut world, client, put("1")), Told::Done(_)));
        world.heal();
        while last(&world).term == before.term {
            pass(&mut world, 10);
        }
        assert!(world.kill(old));
        world.start(old).unwrap();
        (before.index, last(&world).index)
    };
    let (before, honest) = found(Arc::new(Honest));
    assert!(honest >= before, "one or the other: {honest} beside {before}");
    let (before, torn) = found(Arc::new(Replaces));
    assert!(torn < before, "{torn} beside {before}");
}
