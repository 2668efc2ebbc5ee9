//! The audit of what the model throws away: a message called dead must change nothing where it arrives, now and in
//! every state that follows, and the servers must come to the same states with and without it.

mod quiet;

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use raftlab_core::{NodeId, Rule};
use raftlab_model::{
    Action, Bounds, Done, Event, NO_PANIC, Property, RaftModel, Server, ServerActor, Setup, Shim, Way, World,
    actor_id, dead_is_sound_for, is_dead, node,
};

/// A world in which dead messages stay.
struct Audit {
    model: RaftModel,
    actors: Vec<ServerActor>,
    /// Messages that were judged dead, by what they say.
    judged: BTreeSet<&'static str>,
}

impl Audit {
    /// Step properties are not latched: a server that broke one takes no further step, and would hide what comes.
    fn new(bounds: &str, way: Option<Way>) -> Audit {
        let bounds: Bounds = bounds.parse().expect("bounds");
        let focus = Property::named(NO_PANIC);
        let actors = bounds.ids().map(|id| ServerActor::new(id, &bounds, way, focus)).collect();
        let setup = Setup { way, focus, remove_dead: false, ..Setup::new(bounds) };
        Audit { model: RaftModel::new(setup), actors, judged: BTreeSet::new() }
    }

    /// Judges every dead message of `world`, here and one step on.
    fn judge(&mut self, world: &World, successors: &[(Action, World)]) -> Result<(), String> {
        for envelope in world.messages() {
            let (from, to, message) = (node(envelope.src), node(envelope.dst), envelope.msg);
            let receiver = server(world, to);
            if !is_dead(receiver, from, message) {
                continue;
            }
            self.judged.insert(message.body.name());
            let event = Event::Deliver { from, message: message.clone() };
            let (after, done) = self.actors[usize::from(actor_id(to))].react(receiver, &event);
            if after != *receiver || done != Done::default() {
                return Err(format!(
                    "{from} → {to} {message} does {done:?} and makes {} of\n{world:?}",
                    after.raft
                ));
            }
            for (action, next) in successors {
                if !is_dead(server(next, to), from, message) {
                    let action = raftlab_model::label(action);
                    return Err(format!("{from} → {to} {message} revives by {action} in\n{world:?}"));
                }
            }
        }
        Ok(())
    }

    /// Judges worlds breadth first: all, or the first `limit`. Says how many there were, and whether they were all.
    fn search(&mut self, limit: usize) -> Result<(usize, bool), String> {
        let mut seen = HashSet::from([digest(&self.model.initial())]);
        let mut queue = VecDeque::from([self.model.initial()]);
        let mut judged = 0;
        while let Some(world) = queue.pop_front() {
            if judged == limit {
                return Ok((judged, false));
            }
            judged += 1;
            let successors = self.model.successors(&world);
            self.judge(&world, &successors)?;
            queue.extend(
                successors.into_iter().map(|(_, next)| next).filter(|next| seen.insert(digest(next))),
            );
        }
        Ok((judged, true))
    }

    /// Judges the worlds along random walks, each as long as it goes.
    fn walk(&mut self, walks: u64, steps_max: usize) -> Result<(), String> {
        for seed in 0..walks {
            let mut random = Random(seed);
            let mut world = self.model.initial();
            for _ in 0..steps_max {
                let mut successors = self.model.successors(&world);
                self.judge(&world, &successors).map_err(|why| format!("walk {seed}: {why}"))?;
                if successors.is_empty() {
                    break;
                }
                world = successors.swap_remove(random.below(successors.len())).1;
            }
        }
        Ok(())
    }
}

fn server(world: &World, id: NodeId) -> &Server {
    world.servers()[usize::from(actor_id(id))]
}

/// Worlds are many and large: a set of them keeps their digests.
fn digest(world: &World) -> u64 {
    let mut hasher = DefaultHasher::new();
    world.hash(&mut hasher);
    hasher.finish()
}

/// `splitmix64`: small, portable, and good enough to choose steps.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % end as u64).expect("below a usize")
    }
}

const ANSWERS: [&str; 3] = ["AppendReply", "NewerTerm", "VoteReply"];

#[test]
fn in_whole_small_worlds_the_dead_do_nothing_and_stay_dead() {
    for bounds in [
        "3 servers · terms <= 1 · crashes <= 1 · entries a message <= 1 · set network",
        "3 servers · terms <= 1 · proposals <= 1 · entries a message <= 1 · set network",
        "3 servers · terms <= 1 · proposals <= 1 · entries a message <= 1 · bag network",
        "3 servers · terms <= 1 · crashes <= 1 · entries a message <= 1 · buffered disk · set network",
        "2 servers · terms <= 3 · entries a message <= 1 · set network",
        "2 servers · terms <= 2 · crashes <= 1 · entries a message <= 1 · buffered disk · set network",
        "3 servers · terms <= 1 · time-outs <= 1 · entries a message <= 1 · pre-vote · set network",
        "3 servers · terms <= 1 · transfers <= 1 · entries a message <= 1 · check-quorum · set network",
        "2 servers · terms <= 2 · changes <= 2 · entries a message <= 1 · set network",
        "3 servers · 2 founders · terms <= 1 · time-outs <= 1 · changes <= 2 · entries a message <= 1 · set network",
        "3 servers · terms <= 1 · time-outs <= 1 · retries <= 1 · compactions <= 1 · entries a message <= 1 · set network",
        "2 servers · terms <= 1 · proposals <= 1 · retries <= 1 · crashes <= 1 · compactions <= 1 · entries a message <= 1 · buffered disk · set network",
        "3 servers · terms <= 1 · time-outs <= 1 · reads <= 2 · entries a message <= 1 · set network",
        "2 servers · terms <= 2 · reads <= 1 · clock ticks <= 2 · skew <= 1 · entries a message <= 1 · lease of 2 less 0 · set network",
        "2 servers · terms <= 2 · entries a message <= 1 · pre-vote · set network",
        "2 servers · terms <= 2 · proposals <= 1 · resends <= 1 · entries a message <= 1 · set network",
        "2 servers · terms <= 1 · crashes <= 1 · entries a message <= 1 · buffered disk · pre-vote · check-quorum · set network",
    ] {
        let mut audit = Audit::new(bounds, None);
        let (judged, all) = audit.search(300_000).unwrap_or_else(|why| panic!("{bounds}: {why}"));
        assert!(all, "{bounds}: cut after {judged} states");
    }
}

const LARGE: [&str; 8] = [
    "3 servers · terms <= 3 · proposals <= 1 · heartbeats <= 1 · retries <= 1 · crashes <= 1 · compactions <= 3 · entries a message <= 1 · set network",
    "3 servers · terms <= 2 · time-outs <= 3 · proposals <= 1 · heartbeats <= 1 · crashes <= 1 · reads <= 2 · clock ticks <= 3 · skew <= 1 · entries a message <= 1 · lease of 3 less 2 · set network",
    "4 servers · 3 founders · terms <= 3 · proposals <= 1 · heartbeats <= 1 · crashes <= 1 · changes <= 4 · entries a message <= 1 · set network",
    "3 servers · terms <= 2 · time-outs <= 2 · entries a message <= 1 · set network",
    "3 servers · terms <= 2 · time-outs <= 2 · proposals <= 1 · heartbeats <= 1 · crashes <= 1 · entries a message <= 1 · set network",
    "3 servers · terms <= 3 · proposals <= 2 · heartbeats <= 1 · crashes <= 2 · entries a message <= 2 · set network",
    "3 servers · terms <= 3 · proposals <= 1 · heartbeats <= 1 · crashes <= 2 · entries a message <= 1 · buffered disk · set network",
    "3 servers · terms <= 3 · proposals <= 1 · heartbeats <= 1 · crashes <= 2 · entries a message <= 1 · buffered disk · pre-vote · check-quorum · disregard-votes · set network",
];

#[test]
fn at_the_start_of_large_worlds_too() {
    for bounds in LARGE {
        let mut audit = Audit::new(bounds, None);
        audit.search(20_000).unwrap_or_else(|why| panic!("{bounds}: {why}"));
    }
}

#[test]
fn and_along_walks_through_them() {
    for bounds in LARGE {
        let mut audit = Audit::new(bounds, None);
        audit.walk(60, 150).unwrap_or_else(|why| panic!("{bounds}: {why}"));
        assert!(ANSWERS.iter().all(|kind| audit.judged.contains(kind)), "{bounds}: {:?}", audit.judged);
    }
}

/// All states of the servers, memory and disk, that a world comes to: what messages are left does not count.
fn states_of_servers(bounds: &str, remove_dead: bool) -> (HashSet<u64>, usize) {
    let setup = Setup { remove_dead, ..Setup::new(bounds.parse().expect("bounds")) };
    let model = RaftModel::new(setup);
    let mut seen = HashSet::from([digest(&model.initial())]);
    let mut stack = vec![model.initial()];
    let mut states = HashSet::new();
    while let Some(world) = stack.pop() {
        let mut hasher = DefaultHasher::new();
        for server in world.servers() {
            (&server.raft, &server.disk, &server.pending).hash(&mut hasher);
        }
        states.insert(hasher.finish());
        stack.extend(
            model
                .successors(&world)
                .into_iter()
                .map(|(_, next)| next)
                .filter(|next| seen.insert(digest(next))),
        );
    }
    (states, seen.len())
}

#[test]
fn the_servers_come_to_the_same_states_without_the_dead() {
    for bounds in [
        "3 servers · terms <= 1 · proposals <= 1 · entries a message <= 1 · set network",
        "3 servers · terms <= 1 · crashes <= 1 · entries a message <= 1 · set network",
        "3 servers · terms <= 1 · crashes <= 1 · entries a message <= 1 · buffered disk · set network",
        "3 servers · terms <= 1 · entries a message <= 1 · bag network",
        "2 servers · terms <= 3 · entries a message <= 1 · set network",
        "2 servers · terms <= 2 · crashes <= 1 · entries a message <= 1 · buffered disk · set network",
        "3 servers · terms <= 1 · entries a message <= 1 · check-quorum · set network",
        "2 servers · terms <= 1 · crashes <= 1 · entries a message <= 1 · buffered disk · pre-vote · set network",
    ] {
        let (with, all) = states_of_servers(bounds, false);
        let (without, fewer) = states_of_servers(bounds, true);
        assert!(with == without, "{bounds}: {} states with the dead, {} without", with.len(), without.len());
        assert!(fewer < all, "{bounds}: nothing was removed from {all} states");
    }
}

/// Worlds in which broken ways have room: all causes, both disks.
const BROKEN: [&str; 7] = [
    "2 servers · terms <= 3 · proposals <= 1 · resends <= 1 · crashes <= 1 · faults <= 1 · entries a message <= 1 · set network",
    "3 servers · terms <= 2 · time-outs <= 3 · proposals <= 1 · heartbeats <= 1 · crashes <= 1 · faults <= 1 · entries a message <= 1 · set network",
    "3 servers · terms <= 3 · proposals <= 1 · heartbeats <= 1 · crashes <= 1 · faults <= 1 · entries a message <= 2 · set network",
    "3 servers · terms <= 2 · proposals <= 1 · heartbeats <= 1 · crashes <= 1 · faults <= 1 · entries a message <= 1 · buffered disk · set network",
    "3 servers · terms <= 2 · proposals <= 1 · heartbeats <= 1 · crashes <= 1 · entries a message <= 1 · pre-vote · check-quorum · disregard-votes · set network",
    "3 servers · 2 founders · terms <= 2 · time-outs <= 2 · proposals <= 1 · retries <= 2 · crashes <= 1 · faults <= 1 · changes <= 3 · compactions <= 2 · entries a message <= 1 · buffered disk · set network",
    "3 servers · terms <= 2 · time-outs <= 2 · heartbeats <= 1 · crashes <= 1 · faults <= 1 · transfers <= 1 · reads <= 2 · clock ticks <= 3 · skew <= 1 · entries a message <= 1 · lease of 3 less 2 · set network",
];

fn ways() -> impl Iterator<Item = Way> {
    Rule::ALL.iter().copied().map(Way::Rule).chain(Shim::ALL.map(Way::Shim))
}

fn audit_broken(way: Way) -> Result<(), String> {
    quiet::silence_the_core();
    for bounds in BROKEN {
        let mut audit = Audit::new(bounds, Some(way));
        audit
            .search(3_000)
            .and_then(|_| audit.walk(60, 80))
            .map_err(|why| format!("{way:?}, {bounds}: {why}"))?;
    }
    Ok(())
}

#[test]
fn where_a_rule_is_off_and_the_dead_are_removed_the_claim_still_holds() {
    let failed: Vec<_> = ways()
        .filter(|way| dead_is_sound_for(Some(*way)))
        .filter_map(|way| audit_broken(way).err())
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// The audit can fail: it finds out each of the rules on which the claim rests, and hosts that break it.
#[test]
fn the_audit_finds_the_rules_without_which_the_dead_walk() {
    for way in [
        Way::Rule(Rule::TermNeverFalls),
        Way::Rule(Rule::VotesOfThisTerm),
        Way::Rule(Rule::AcksOfThisTerm),
        Way::Rule(Rule::MatchNeverFalls),
        Way::Rule(Rule::NextAboveMatch),
        Way::Shim(Shim::WipedServerReturns),
        Way::Shim(Shim::RewriteAfterError),
        Way::Shim(Shim::TruncateAppendTorn),
    ] {
        assert!(!dead_is_sound_for(Some(way)));
        assert!(audit_broken(way).is_err(), "{way:?} passes the audit");
    }
}
