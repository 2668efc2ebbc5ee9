//! A world of some servers, for tests.

use std::sync::Arc;

use raftlab_core::{Features, NodeId, Span, Time};
use raftlab_node::replica::DiskIo;
use raftlab_node::timers::Timing;
use raftlab_sim::{Founded, Lies, Physics, Silent, Spec, World};

pub const MS: u64 = 1000;
pub const SECOND: u64 = 1_000_000;

pub fn spec() -> Spec {
    Spec {
        features: Features { pre_vote: true, check_quorum: true, ..Features::default() },
        timing: Timing::new(Span(100 * MS), Span(1000 * MS)).unwrap(),
        disk_io: DiskIo::Parallel,
        snapshot_entries: 0,
        max_entries: 1024,
        max_chunk: 16 << 10,
        segment_bytes: 64 << 10,
    }
}

pub fn servers(count: u64) -> Vec<NodeId> {
    (1..=count).map(NodeId).collect()
}

/// Servers that are founding a cluster, all up, on hosts that tell these lies.
pub fn lying(seed: u64, count: u64, spec: Spec, lies: Arc<dyn Lies>) -> World {
    let world = World::new(seed, spec, Physics::default(), Box::new(Silent));
    let mut world = world.with_lies(lies);
    for id in servers(count) {
        world.add(id, Founded::By(servers(count)));
    }
    for id in servers(count) {
        world.start(id).unwrap();
    }
    world
}

/// The server that leads and that a majority follows, if there is one.
pub fn leader(world: &World) -> Option<NodeId> {
    let statuses: Vec<_> = world.servers().filter_map(|server| world.status(server.id)).collect();
    let leads = statuses.iter().filter(|status| status.role == "leader");
    let followed = |id: NodeId| statuses.iter().filter(|status| status.leader == Some(id)).count();
    let majority = world.servers().count() / 2 + 1;
    leads.map(|status| status.server).find(|id| followed(*id) >= majority)
}

/// Lets time pass until there is a leader, for ten seconds at most.
pub fn until_led(world: &mut World) -> NodeId {
    let deadline = Time(world.now().0 + 10 * SECOND);
    while world.now() < deadline {
        if let Some(leader) = leader(world) {
            return leader;
        }
        let until = Time(world.now().0 + 10 * MS);
        let _ = world.run(until);
    }
    panic!("no leader in ten seconds: {world:?}");
}
