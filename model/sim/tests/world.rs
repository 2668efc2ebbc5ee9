//! Worlds do what clusters do, and the same again with the same seed.

mod clients;
mod support;

use std::sync::Arc;

use raftlab_core::{NodeId, Span, Time};
use raftlab_node::chaos::{DiskFault, Fault, LinkFault};
use raftlab_node::kv::{Bytes, Operation, Response};
use raftlab_sim::server::StartError;
use raftlab_sim::{Founded, Honest, Spec, Told, Wish, World};

use clients::{await_answer, pass};
use support::{MS, SECOND, leader, lying, servers, spec, until_led};

/// On honest hosts.
fn world(seed: u64, count: u64, spec: Spec) -> World {
    lying(seed, count, spec, Arc::new(Honest))
}

fn put(key: &str, value: &str) -> Wish {
    Wish::Do(Operation::Put { key: key.into(), value: value.into() })
}

fn value(world: &World, id: NodeId, key: &str) -> Option<Bytes> {
    let node = world.server(id).and_then(|server| server.node())?;
    node.store().get(key.as_bytes()).map(|pair| pair.value.clone())
}

#[test]
fn a_write_is_replicated_and_read() {
    let mut world = world(1, 3, spec());
    until_led(&mut world);
    let client = world.client(None);
    assert!(matches!(
        await_answer(&mut world, client, put("a", "1")),
        Told::Done(Response::Done { existed: false, .. })
    ));
    assert_eq!(await_answer(&mut world, client, Wish::Get("a".into())), Told::Value(Some("1".into())));
    pass(&mut world, 200 * MS);
    for id in servers(3) {
        assert_eq!(value(&world, id, "a"), Some("1".into()), "{id}");
    }
}

#[test]
fn what_was_acknowledged_survives_a_crash_of_all() {
    for seed in 0..50 {
        let mut world = world(seed, 3, spec());
        until_led(&mut world);
        let client = world.client(None);
        assert!(matches!(await_answer(&mut world, client, put("a", "1")), Told::Done(_)));
        for id in servers(3) {
            assert!(world.kill(id));
        }
        for id in servers(3) {
            world.start(id).unwrap();
        }
        until_led(&mut world);
        let read = await_answer(&mut world, client, Wish::Get("a".into()));
        assert_eq!(read, Told::Value(Some("1".into())), "seed {seed}");
    }
}

#[test]
fn a_crash_loses_what_was_not_synced_in_some_worlds() {
    let mut lost = 0;
    for seed in 0..20 {
        let mut world = world(seed, 1, spec());
        until_led(&mut world);
        let client = world.client(None);
        world.wish(client, put("a", "1"));
        // It is under way to the disk, and the disk is not done.
        pass(&mut world, 450);
        world.kill(NodeId(1));
        assert!(matches!(
            world.run(Time(world.now().0 + 10 * SECOND)).unwrap().told,
            Told::Unknown(_) | Told::NotDone(_)
        ));
        world.start(NodeId(1)).unwrap();
        until_led(&mut world);
        lost += u32::from(value(&world, NodeId(1), "a").is_none());
    }
    assert!(lost > 0);
}

#[test]
fn another_one_leads_when_the_leader_is_gone() {
    let mut world = world(2, 3, spec());
    let first = until_led(&mut world);
    let term = world.status(first).unwrap().term;
    world.kill(first);
    let second = until_led(&mut world);
    assert!(second != first && world.status(second).unwrap().term > term);
    let notes = world.take_notes();
    let became = |note: &&raftlab_sim::Note| note.kind == "role" && note.text.ends_with("⇨ leader");
    assert_eq!(notes.iter().filter(became).count(), 2, "{notes:?}");
}

#[test]
fn one_seed_is_one_world() {
    let story = |seed| {
        let mut world = world(seed, 3, spec());
        let first = until_led(&mut world);
        let client = world.client(None);
        await_answer(&mut world, client, put("a", "1"));
        world.kill(first);
        until_led(&mut world);
        world.start(first).unwrap();
        await_answer(&mut world, client, put("b", "2"));
        pass(&mut world, SECOND);
        (world.print(), world.events(), world.now())
    };
    assert_eq!(story(7), story(7));
    assert_ne!(story(7).0, story(8).0);
}

#[test]
fn a_leader_that_is_cut_off_is_followed_by_another_and_steps_down() {
    let mut world = world(3, 3, spec());
    let first = until_led(&mut world);
    let cut = LinkFault { cut: true, ..LinkFault::default() };
    for other in servers(3).into_iter().filter(|other| *other != first) {
        world.set_link(first, other, cut);
        world.set_link(other, first, cut);
    }
    pass(&mut world, 4 * SECOND);
    let second = leader(&world).unwrap();
    assert_ne!(second, first);
    assert_eq!(world.status(first).unwrap().role, "pre-candidate");
    assert!(world.server(first).unwrap().fired.count(Fault::LinkCut) > 0);
    world.heal();
    pass(&mut world, 2 * SECOND);
    assert_eq!(world.status(first).unwrap().leader, Some(second));
}

#[test]
fn a_stalled_disk_returns_when_it_is_healed() {
    let mut world = world(4, 1, spec());
    until_led(&mut world);
    let client = world.client(None);
    world.set_disk(NodeId(1), DiskFault { stall: true, ..DiskFault::default() });
    world.wish_for(client, put("a", "1"), Span(60 * SECOND));
    pass(&mut world, 30 * SECOND);
    assert_eq!(world.server(NodeId(1)).unwrap().fired.count(Fault::DiskStall), 1);
    world.heal();
    assert!(matches!(world.run(Time(100 * SECOND)).unwrap().told, Told::Done(_)));
}

#[test]
fn a_paused_server_does_nothing_and_then_all_of_it() {
    let mut world = world(5, 3, spec());
    let first = until_led(&mut world);
    assert!(world.pause(first, Span(3 * SECOND)));
    pass(&mut world, 2_900 * MS);
    let second = leader(&world).unwrap();
    assert!(world.status(first).is_none() && second != first);
    pass(&mut world, 200 * MS);
    assert_eq!(world.status(first).unwrap().role, "follower");
}

#[test]
fn a_clock_that_runs_fast_lets_time_run_out_early() {
    let mut world = world(6, 3, spec());
    let first = until_led(&mut world);
    let other = servers(3).into_iter().find(|id| *id != first).unwrap();
    let asked = |world: &World, of: NodeId| {
        let sent = world.server(of).unwrap().traffic.sent_by_kind().find(|(kind, _)| *kind == "pre_vote");
        sent.unwrap().1
    };
    let before = (asked(&world, other), asked(&world, first));
    world.set_clock(other, 50_000_000);
    pass(&mut world, SECOND);
    assert!(world.server(other).unwrap().fired.count(Fault::ClockRate) > 0);
    assert!(asked(&world, other) > before.0 + 10, "{}", asked(&world, other));
    assert_eq!(asked(&world, first), before.1, "and nobody else asks");
}

#[test]
fn a_bit_that_turned_is_found_at_the_next_start_or_was_never_needed() {
    let mut refused = 0;
    for seed in 0..30 {
        let mut world = world(seed, 1, spec());
        until_led(&mut world);
        let client = world.client(None);
        await_answer(&mut world, client, put("a", "1"));
        assert_eq!(world.rot(NodeId(1)), None, "it runs");
        world.stop(NodeId(1));
        assert!(world.rot(NodeId(1)).is_some());
        match world.start(NodeId(1)) {
            Err(StartError::Log(_)) => refused += 1,
            Err(other) => panic!("{other}"),
            Ok(()) => {
                until_led(&mut world);
                assert_eq!(value(&world, NodeId(1), "a"), Some("1".into()), "seed {seed}");
            }
        }
    }
    assert!(refused > 10, "{refused}");
}

#[test]
fn a_server_joins_catches_up_and_votes() {
    let mut world = world(8, 3, spec());
    until_led(&mut world);
    let (n4, client) = (NodeId(4), world.client(None));
    await_answer(&mut world, client, put("a", "1"));
    world.add(n4, Founded::Joins);
    world.start(n4).unwrap();
    let changes = [raftlab_core::Change::AddLearner(n4), raftlab_core::Change::Promote(n4)];
    for change in changes {
        assert_eq!(await_answer(&mut world, client, Wish::Change(change)), Told::Changed);
        pass(&mut world, 500 * MS);
    }
    let status = world.status(n4).unwrap();
    assert_eq!((status.membership.voters().len(), value(&world, n4, "a")), (4, Some("1".into())));
}

/// A leader sends the next chunk of a snapshot when its retry timer runs out. Commands that went on coming started that
/// timer afresh, each time, and who needed a snapshot got none for as long as clients worked.
#[test]
fn a_snapshot_is_sent_while_clients_work() {
    let mut world = world(9, 3, Spec { snapshot_entries: 50, ..spec() });
    let first = until_led(&mut world);
    let others: Vec<_> = servers(3).into_iter().filter(|id| *id != first).collect();
    let (next, away) = (others[0], others[1]);
    // The leader that comes next hears nothing of `away`, which hears it.
    let cut = LinkFault { cut: true, ..LinkFault::default() };
    world.set_link(away, first, cut);
    world.set_link(away, next, cut);
    let client = world.client(None);
    assert_eq!(await_answer(&mut world, client, Wish::Transfer(next)), Told::Changed);
    let work = |world: &mut World, count: u32| {
        for at in 0..count {
            // More often than a heartbeat.
            assert!(matches!(await_answer(world, client, put("a", &at.to_string())), Told::Done(_)));
            pass(world, 20 * MS);
        }
    };
    work(&mut world, 100);
    let behind = |world: &World| {
        let commit = |id| world.status(id).unwrap().commit.0;
        commit(next) - commit(away)
    };
    world.heal();
    work(&mut world, 50);
    assert!(behind(&world) < 3, "{} entries behind", behind(&world));
}
