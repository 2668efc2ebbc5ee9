//! The audit of what a search may take for one state: under a renaming of the servers each of them does what the one
//! does whose name it got, whatever the world and however it is broken. The search is not asked, nor trusted: steps
//! are taken by the servers' own code, worlds are renamed in full, and orbits are counted by trying every
//! permutation.

mod quiet;

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash, Hasher};

use raftlab_core::{
    Answer, Body, Command, Config, Durable, Effects, Index, Input, LogId, Message, Names, NodeId, Raft,
    Round, Rule, Term, Time, Timer,
};
use raftlab_model::{
    Bounds, Done, Event, NO_PANIC, PROPERTIES, Property, RaftModel, Renaming, SESSIONS, Seen, Server,
    ServerActor, Setup, Shim, WITNESSES, Way, Witness, World, actor_id, dead_is_sound_for, is_dead, node,
    symmetry_is_sound_for,
};

/// How a server is renamed: rightly, or, where the audit is to find out, wrongly.
type Rename = fn(&Renaming, &Server) -> Server;

/// A world, and every step of its servers taken again under every renaming.
struct Audit {
    model: RaftModel,
    actors: Vec<ServerActor>,
    renamings: Vec<Renaming>,
    rename: Rename,
    /// What was judged already: servers and what happened to them.
    judged: HashSet<u64>,
    /// Properties that were seen broken.
    broken: BTreeSet<&'static str>,
}

impl Audit {
    fn new(setup: Setup) -> Audit {
        let actors = actors(&setup);
        // Who founds a cluster and who joins it are two kinds: each is interchangeable among its own.
        let (ids, founders): (Vec<_>, _) = (setup.bounds.ids().collect(), setup.bounds.voters());
        let founds = |id| founders.contains(id);
        let keeps_kinds = |of: &Renaming| ids.iter().all(|id| founds(*id) == founds(of.node(*id)));
        let renamings = Renaming::all(&actors).into_iter().filter(keeps_kinds).collect();
        let model = RaftModel::new(setup);
        Audit {
            model,
            actors,
            renamings,
            rename: Renaming::server,
            judged: HashSet::new(),
            broken: BTreeSet::new(),
        }
    }

    fn actor(&self, id: NodeId) -> &ServerActor {
        &self.actors[usize::from(actor_id(id))]
    }

    /// Judges everything that may happen to a server of `world`, whether the world has still something to spend on it
    /// or not; and the world itself, if there was something new in it.
    fn judge(&mut self, world: &World) -> Result<(), String> {
        let mut news = false;
        for server in world.servers() {
            let at = server.raft.id();
            let actor = &self.actors[usize::from(actor_id(at))];
            let arrives = world.messages().into_iter().filter(|envelope| node(envelope.dst) == at);
            let mut events: Vec<_> = arrives
                .map(|envelope| Event::Deliver { from: node(envelope.src), message: envelope.msg.clone() })
                .collect();
            events.extend(actor.armed(server).into_iter().map(Event::Tick));
            events.extend(actor.faults(server).into_iter().map(Event::Fault));
            events.retain(|event| self.judged.insert(digest(&(server, event))));
            if events.is_empty() {
                continue;
            }
            news = true;
            let steps: Vec<_> = events.iter().map(|event| (event, actor.react(server, event))).collect();
            let mut all = self.renamings.iter();
            all.try_for_each(|renaming| self.judge_steps(renaming, server, &steps))?;
        }
        if news {
            self.broken.extend(broken(&world.servers()));
            let renamed = |renaming: &Renaming| {
                let servers = world.servers().into_iter().map(|server| (self.rename)(renaming, server));
                renaming.permuted(servers)
            };
            let (servers, way) = (world.servers(), self.model.setup().way);
            let mut all = self.renamings.iter().map(renamed);
            all.try_for_each(|all| judged_alike(&servers, &all.iter().collect::<Vec<_>>(), way))?;
        }
        Ok(())
    }

    /// Whatever `server` does, the renamed server does under the new names.
    fn judge_steps(
        &self,
        renaming: &Renaming,
        server: &Server,
        steps: &[(&Event, (Server, Done))],
    ) -> Result<(), String> {
        let (id, renamed) = (renaming.node(server.raft.id()), (self.rename)(renaming, server));
        expect(renamed.raft.id() == id, || format!("{} became {}", server.raft, renamed.raft))?;
        let (actor, other) = (self.actor(server.raft.id()), self.actor(id));
        // What is armed is a set.
        let mut armed: Vec<_> = actor.armed(server).into_iter().map(|tick| renaming.tick(tick)).collect();
        let mut armed_there = other.armed(&renamed);
        armed.sort_unstable();
        armed_there.sort_unstable();
        let alike = armed == armed_there && actor.faults(server) == other.faults(&renamed);
        expect(alike, || format!("something else may happen to {} than to {}", renamed.raft, server.raft))?;
        for (event, (after, done)) in steps {
            let same = renaming.event(event);
            let (other_after, other_done) = other.react(&renamed, &same);
            let expected = (self.rename)(renaming, after);
            expect(other_after == expected, || {
                format!(
                    "{event:?} makes {after:?} of {server:?}, and {same:?} makes {other_after:?} of {renamed:?}"
                )
            })?;
            let sent = done.sent.iter().map(|(to, message)| (renaming.node(*to), renaming.message(message)));
            let written: Vec<_> = done.written.iter().map(|write| write.renamed(renaming)).collect();
            let alike = by_receiver(sent) == by_receiver(other_done.sent) && written == other_done.written;
            expect(alike, || format!("at {server:?}, {event:?} does {done:?}, and {same:?} does not"))?;
            let seen = seen_in(server, after) == seen_in(&renamed, &other_after);
            expect(seen && is_dead_there(server, event) == is_dead_there(&renamed, &same), || {
                format!("{event:?} at {server:?} is another thing than {same:?} at {renamed:?}")
            })?;
        }
        Ok(())
    }

    /// Judges worlds breadth first: all, or the first `limit`.
    fn search(&mut self, limit: usize) -> Result<(), String> {
        let mut seen = HashSet::from([digest(&self.model.initial())]);
        let mut queue = VecDeque::from([self.model.initial()]);
        for _ in 0..limit {
            let Some(world) = queue.pop_front() else { break };
            self.judge(&world)?;
            let next = self.model.successors(&world).into_iter().map(|(_, next)| next);
            queue.extend(next.filter(|next| seen.insert(digest(next))));
        }
        Ok(())
    }

    /// Judges the worlds along random walks, each as long as it goes.
    fn walk(&mut self, walks: u64, steps_max: usize) -> Result<(), String> {
        for seed in 0..walks {
            let mut random = Random(seed);
            let mut world = self.model.initial();
            for _ in 0..steps_max {
                self.judge(&world).map_err(|why| format!("walk {seed}: {why}"))?;
                let mut successors = self.model.successors(&world);
                if successors.is_empty() {
                    break;
                }
                world = successors.swap_remove(random.below(successors.len())).1;
            }
        }
        Ok(())
    }
}

fn setup(bounds: &str) -> Setup {
    Setup::new(bounds.parse::<Bounds>().expect("bounds"))
}

fn actors(setup: &Setup) -> Vec<ServerActor> {
    let Setup { bounds, way, focus, .. } = setup;
    bounds.ids().map(|id| ServerActor::new(id, bounds, *way, *focus)).collect()
}

fn expect(holds: bool, why: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(why()) }
}

/// What goes to each server, in its order: that is what a queue makes of it. Between servers there is no order.
fn by_receiver(sent: impl IntoIterator<Item = (NodeId, Message)>) -> Vec<(NodeId, Message)> {
    let mut sent: Vec<_> = sent.into_iter().collect();
    sent.sort_by_key(|(to, _)| *to);
    sent
}

fn is_dead_there(server: &Server, event: &Event) -> bool {
    matches!(event, Event::Deliver { from, message } if is_dead(server, *from, message))
}

/// What of a server's step is looked for.
fn seen_in(before: &Server, after: &Server) -> Vec<bool> {
    let seen = |witness: &Witness| match witness.seen {
        Seen::One(seen) => seen(after),
        Seen::Step(seen) => seen(before, after),
        Seen::All(_) => false,
    };
    WITNESSES.iter().map(seen).collect()
}

/// What is said of all servers together is said of them under any names.
fn judged_alike(servers: &[&Server], renamed: &[&Server], way: Option<Way>) -> Result<(), String> {
    expect(broken(servers) == broken(renamed), || {
        format!("{:?} broken in {servers:?}, {:?} in {renamed:?}", broken(servers), broken(renamed))
    })?;
    // What is looked for is looked for in whole worlds. In a broken one with two leaders of one term, "an entry of an
    // older term on a majority waited" asks the one with the last name.
    let differs = WITNESSES.iter().filter(|_| way.is_none()).find(|witness| match witness.seen {
        Seen::All(seen) => seen(servers) != seen(renamed),
        Seen::One(_) | Seen::Step(_) => false,
    });
    differs.map_or(Ok(()), |witness| Err(format!("{} in one of {servers:?} and {renamed:?}", witness.name)))
}

/// Which properties do not hold.
fn broken(servers: &[&Server]) -> Vec<&'static str> {
    let judged = Property::all().filter(|property| !property.is_of_calm());
    judged.filter(|property| property.holds(servers).is_err()).map(|property| property.name).collect()
}

/// Worlds are many and large: a set of them keeps their digests.
fn digest<T: Hash>(of: &T) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
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

/// What `n1` wants done as a follower of `n2`, as a candidate and as the leader, all under new names.
fn effects_of_a_life(names: &Renaming, config: Config) -> Vec<Effects> {
    let command = || Input::Propose(names.command(&Command::new(b"a1")));
    let receive = |from, term, body| Input::Receive {
        from: names.node(NodeId(from)),
        message: names.message(&Message { term: Term(term), body }),
    };
    let heartbeat = Body::AppendEntries {
        prev: LogId::ZERO,
        entries: Vec::new(),
        commit: Index(0),
        round: Round::default(),
    };
    let inputs = [
        receive(2, 1, heartbeat),
        command(),
        Input::Timeout(Timer::Election),
        receive(3, 2, Body::VoteReply { granted: true }),
        command(),
    ];
    let (mut raft, start) = Raft::recover(config, Durable::default());
    let mut all = vec![start];
    for input in inputs {
        let effects = raft.step(Time::default(), input);
        let Ok(outbox) = effects.clone().persist(|_| Ok::<(), Infallible>(()));
        let confirmed = outbox.persisted.map(|done| raft.step(Time::default(), Input::Persisted(done)));
        all.push(effects);
        all.extend(confirmed);
    }
    all
}

/// The model takes out at once what may be early, and forgets timers and answers: no state of it holds them.
#[test]
fn effects_are_renamed_whole() {
    let Setup { bounds, .. } = setup(WITHOUT[0]);
    let renamings = Renaming::all(&actors(&setup(WITHOUT[0])));
    let effects =
        |renaming: &Renaming| effects_of_a_life(renaming, bounds.config(renaming.node(NodeId(1)), None));
    let parts = |mut effects: Effects| (by_receiver(effects.early()), effects);
    let as_they_are = effects(&renamings[0]);
    let refused = Some(Answer::NotLeader { leader: Some(NodeId(2)) });
    assert!(as_they_are.iter().any(|effects| effects.answer == refused), "it followed");
    assert!(as_they_are.iter().any(|effects| effects.clone().early().len() == 2), "it led");
    for renaming in &renamings {
        let renamed = as_they_are.iter().map(|effects| parts(effects.renamed(renaming)));
        let other: Vec<_> = effects(renaming).into_iter().map(parts).collect();
        assert_eq!(renamed.collect::<Vec<_>>(), other);
    }
}

/// Worlds that are walked through whole, with the messages that can never act again and without them.
const WITH_THE_DEAD: [&str; 6] = [
    "3 servers · terms <= 1 · proposals <= 1 · entries a message <= 1 · set network",
    "3 servers · terms <= 1 · crashes <= 1 · entries a message <= 1 · set network",
    "3 servers · terms <= 1 · crashes <= 1 · entries a message <= 1 · buffered disk · set network",
    "3 servers · terms <= 1 · entries a message <= 1 · ordered network",
    "2 servers · terms <= 3 · entries a message <= 1 · set network",
    "2 servers · terms <= 2 · proposals <= 1 · crashes <= 1 · entries a message <= 1 · buffered disk · bag network",
];
const WITHOUT: [&str; 13] = [
    "3 servers · terms <= 2 · time-outs <= 2 · entries a message <= 1 · set network",
    "3 servers · terms <= 2 · time-outs <= 2 · proposals <= 1 · entries a message <= 1 · set network",
    "3 servers · terms <= 2 · time-outs <= 2 · crashes <= 1 · entries a message <= 1 · set network",
    "3 servers · terms <= 1 · entries a message <= 1 · pre-vote · check-quorum · disregard-votes · set network",
    "3 servers · terms <= 2 · time-outs <= 1 · transfers <= 1 · entries a message <= 1 · set network",
    "3 servers · terms <= 1 · changes <= 1 · entries a message <= 1 · set network",
    "3 servers · terms <= 1 · time-outs <= 1 · reads <= 2 · entries a message <= 1 · set network",
    "3 servers · terms <= 1 · time-outs <= 1 · reads <= 1 · clock ticks <= 2 · skew <= 1 · entries a message <= 1 · lease of 2 less 1 · set network",
    "2 servers · terms <= 2 · proposals <= 1 · resends <= 1 · crashes <= 1 · entries a message <= 1 · set network",
    "3 servers · terms <= 1 · time-outs <= 1 · proposals <= 1 · retries <= 1 · compactions <= 1 · entries a message <= 1 · set network",
    "2 servers · terms <= 1 · proposals <= 1 · retries <= 1 · crashes <= 1 · compactions <= 1 · entries a message <= 1 · buffered disk · set network",
    "2 servers · terms <= 2 · changes <= 2 · compactions <= 1 · entries a message <= 1 · set network",
    "3 servers · 2 founders · terms <= 1 · time-outs <= 1 · changes <= 2 · entries a message <= 1 · set network",
];

#[test]
fn in_whole_small_worlds_a_renamed_server_does_the_same_under_its_new_name() {
    let with = WITH_THE_DEAD.map(|bounds| Setup { remove_dead: false, ..setup(bounds) });
    for setup in with.into_iter().chain(WITHOUT.map(setup)) {
        let bounds = setup.bounds.clone();
        let mut audit = Audit::new(setup);
        audit.search(usize::MAX).unwrap_or_else(|why| panic!("{bounds}: {why}"));
    }
}

/// Worlds too large to be walked through whole.
const LARGE: [&str; 4] = [
    "3 servers · terms <= 3 · proposals <= 2 · heartbeats <= 1 · retries <= 1 · crashes <= 2 · entries a message <= 2 · bag network",
    "3 servers · terms <= 3 · proposals <= 1 · heartbeats <= 1 · crashes <= 2 · entries a message <= 1 · buffered disk · set network",
    "4 servers · terms <= 2 · proposals <= 1 · crashes <= 1 · entries a message <= 1 · buffered disk · ordered network",
    "3 servers · terms <= 3 · proposals <= 1 · heartbeats <= 1 · crashes <= 1 · entries a message <= 1 · buffered disk · pre-vote · check-quorum · disregard-votes · set network",
];

#[test]
fn at_the_start_of_large_worlds_and_along_walks_through_them_too() {
    for bounds in LARGE {
        let mut audit = Audit::new(Setup { remove_dead: false, ..setup(bounds) });
        let judged = audit.search(3_000).and_then(|()| audit.walk(60, 100));
        judged.unwrap_or_else(|why| panic!("{bounds}: {why}"));
    }
}

/// Worlds in which broken ways have room: all causes, both disks.
const BROKEN: [&str; 4] = [
    "3 servers · terms <= 2 · time-outs <= 3 · heartbeats <= 1 · crashes <= 1 · faults <= 1 · transfers <= 1 · reads <= 2 · clock ticks <= 3 · skew <= 1 · entries a message <= 1 · lease of 3 less 2 · set network",
    "2 servers · terms <= 3 · proposals <= 1 · resends <= 1 · heartbeats <= 1 · crashes <= 1 · faults <= 1 · entries a message <= 1 · set network",
    "3 servers · terms <= 3 · proposals <= 2 · heartbeats <= 1 · crashes <= 1 · faults <= 1 · entries a message <= 2 · set network",
    "3 servers · terms <= 3 · proposals <= 2 · heartbeats <= 1 · crashes <= 1 · faults <= 1 · entries a message <= 1 · buffered disk · set network",
];

/// A world in which a new leader reads before it has committed anything.
const STALE: &str =
    "2 servers · terms <= 2 · time-outs <= 2 · reads <= 1 · entries a message <= 1 · set network";

fn ways() -> impl Iterator<Item = Way> {
    Rule::ALL.iter().copied().map(Way::Rule).chain(Shim::ALL.map(Way::Shim))
}

/// Judges every broken world, and says which properties broke. Of the properties of a step only `focus` is judged, if
/// it is given.
fn audit_broken(focus: Option<&'static Property>) -> BTreeSet<&'static str> {
    quiet::silence_the_core();
    let mut broken = BTreeSet::new();
    for way in ways().map(Some).filter(|way| symmetry_is_sound_for(*way)) {
        for bounds in BROKEN {
            let remove_dead = dead_is_sound_for(way);
            let mut audit = Audit::new(Setup { way, focus, remove_dead, ..setup(bounds) });
            let judged = audit.search(300).and_then(|()| audit.walk(20, 60));
            judged.unwrap_or_else(|why| panic!("{way:?}, {bounds}: {why}"));
            broken.append(&mut audit.broken);
        }
    }
    broken
}

#[test]
fn servers_that_are_all_broken_in_one_way_are_interchangeable_too() {
    let all: BTreeSet<_> = PROPERTIES.iter().chain(SESSIONS).map(|property| property.name).collect();
    // A stale read takes more steps than a short walk finds: it has a small world of its own, walked through whole.
    let way = Some(Way::Rule(Rule::ReadAfterOwnCommit));
    let mut stale = Audit::new(Setup { way, ..setup(STALE) });
    stale.search(usize::MAX).unwrap_or_else(|why| panic!("{STALE}: {why}"));
    let broken: BTreeSet<_> = audit_broken(None).union(&stale.broken).copied().collect();
    assert!(all.is_subset(&broken), "that verdicts agree says nothing of what always holds: {broken:?}");
}

/// A server that broke a property of a step takes no further one: here it does.
#[test]
fn and_so_they_are_after_properties_of_a_step_broke() {
    audit_broken(Property::named(NO_PANIC));
}

/// Worlds, their states, and the orbits that these fall into.
const ORBITS: &[(&str, usize, usize)] = &[
    ("2 servers · terms <= 2 · proposals <= 1 · entries a message <= 1 · ordered network", 550, 281),
    ("3 servers · terms <= 1 · entries a message <= 1 · set network", 158, 31),
    ("3 servers · terms <= 1 · proposals <= 1 · entries a message <= 1 · set network", 1_373, 236),
    ("3 servers · terms <= 1 · heartbeats <= 1 · entries a message <= 1 · set network", 698, 124),
    (
        "3 servers · terms <= 1 · time-outs <= 1 · reads <= 1 · clock ticks <= 1 · skew <= 1 · entries a message <= 1 · lease of 2 less 1 · set network",
        16_547,
        2_793,
    ),
    ("3 servers · terms <= 1 · crashes <= 1 · entries a message <= 1 · set network", 652, 121),
    (
        "3 servers · terms <= 1 · crashes <= 1 · entries a message <= 1 · buffered disk · set network",
        6_816,
        1_170,
    ),
    ("3 servers · terms <= 1 · entries a message <= 1 · ordered network", 4_075, 704),
    ("3 servers · terms <= 2 · time-outs <= 2 · entries a message <= 1 · bag network", 13_462, 2_253),
    ("4 servers · terms <= 1 · entries a message <= 1 · set network", 1_004, 66),
];

/// Walks through the whole world of `setup`, or its first `limit` states, and finds their orbits by trying every
/// renaming. Counts states and orbits, or says in what an orbit is not one thing: it was not all reached, it is
/// judged differently from place to place, or leads elsewhere.
fn orbits(setup: Setup, limit: usize) -> Result<(usize, usize), String> {
    let renamings = Renaming::all(&actors(&setup));
    let way = setup.way;
    let model = RaftModel::new(setup);
    let mut seen = HashSet::from([digest(&model.initial())]);
    let mut queue = VecDeque::from([model.initial()]);
    let mut all = Vec::new();
    while let Some(world) = queue.pop_front().filter(|_| all.len() < limit) {
        let successors: Vec<_> = model.successors(&world).into_iter().map(|(_, next)| next).collect();
        let mut orbit = Vec::new();
        for renaming in &renamings {
            let renamed = world.renamed(renaming);
            judged_alike(&world.servers(), &renamed.servers(), way)?;
            let one: BTreeSet<_> = successors.iter().map(|next| digest(&next.renamed(renaming))).collect();
            let other: BTreeSet<_> =
                model.successors(&renamed).iter().map(|(_, next)| digest(next)).collect();
            expect(one == other, || format!("{world:?} leads elsewhere than {renamed:?}"))?;
            orbit.push(digest(&renamed));
        }
        expect(orbit[0] == digest(&world), || {
            format!("the renaming that changes nothing changed {world:?}")
        })?;
        all.push(orbit);
        queue.extend(successors.into_iter().filter(|next| seen.insert(digest(next))));
    }
    let states: HashSet<_> = all.iter().map(|orbit| orbit[0]).collect();
    let missing = all.iter().flatten().filter(|state| !states.contains(state)).count();
    expect(missing == 0, || format!("{missing} renamed states were not reached"))?;
    // Of each orbit, the state with the least digest stands for all.
    let first = |orbit: &&Vec<u64>| orbit.iter().min() == orbit.first();
    let sizes: Vec<_> =
        all.iter().filter(first).map(|orbit| orbit.iter().collect::<HashSet<_>>().len()).collect();
    expect(sizes.iter().sum::<usize>() == states.len(), || {
        "the sizes of the orbits do not add up".to_string()
    })?;
    Ok((states.len(), sizes.len()))
}

#[test]
fn the_orbits_of_a_world_are_whole_and_their_sizes_add_up() {
    let counted = ORBITS.iter().map(|(bounds, ..)| {
        let (states, orbits) =
            orbits(setup(bounds), usize::MAX).unwrap_or_else(|why| panic!("{bounds}: {why}"));
        (*bounds, states, orbits)
    });
    assert_eq!(counted.collect::<Vec<_>>(), ORBITS);
}

/// The audit can fail: a state that is not reached is missed.
#[test]
fn orbits_of_a_search_that_was_cut_are_not_whole() {
    let cut = orbits(setup(ORBITS[1].0), 100);
    assert!(cut.as_ref().is_err_and(|why| why.contains("not reached")), "{cut:?}");
}

/// Renames a server, and leaves all commands as they are.
struct WithoutCommands<'a>(&'a Renaming);

impl Names for WithoutCommands<'_> {
    fn node(&self, id: NodeId) -> NodeId {
        self.0.node(id)
    }

    fn command(&self, command: &Command) -> Command {
        command.clone()
    }
}

/// Wrong renamings, and a world and a way in which each is found out.
const WRONG: &[(&str, &str, Option<Way>, Rename)] = &[
    ("the vote on disk is forgotten", WITHOUT[0], None, |renaming, server| {
        let mut renamed = renaming.server(server);
        renamed.disk.voted_for = server.disk.voted_for;
        renamed
    }),
    ("commands are forgotten", WITHOUT[1], None, |renaming, server| {
        let config = renaming.server(server).raft.config().clone();
        server.renamed(config.into(), &WithoutCommands(renaming))
    }),
    ("what waits for the disk is forgotten", WITH_THE_DEAD[2], None, |renaming, server| Server {
        pending: server.pending.clone(),
        ..renaming.server(server)
    }),
    ("the state machine is forgotten", WITHOUT[8], None, |renaming, server| Server {
        machine: server.machine.clone(),
        ..renaming.server(server)
    }),
    ("ghosts are forgotten", WITH_THE_DEAD[0], None, |renaming, server| Server {
        ghosts: server.ghosts.clone(),
        ..renaming.server(server)
    }),
    (
        "a request that is held is forgotten",
        BROKEN[2],
        Some(Way::Shim(Shim::VoteCheckTornFromGrant)),
        |renaming, server| Server { held: server.held.clone(), ..renaming.server(server) },
    ),
    ("what memory holds is lost", WITHOUT[0], None, |renaming, server| {
        let renamed = renaming.server(server);
        let (raft, _) = Raft::recover(renamed.raft.config().clone(), renamed.disk.clone());
        Server { raft, ..renamed }
    }),
];

/// The audit can fail: whatever is forgotten in a renaming, it finds out.
#[test]
fn the_audit_finds_out_a_renaming_that_forgets_something() {
    for (name, bounds, way, rename) in WRONG {
        let mut audit = Audit::new(Setup { way: *way, ..setup(bounds) });
        assert_eq!(audit.search(3_000).and(audit.walk(20, 80)), Ok(()), "{name}: the right renaming passes");
        let mut audit = Audit { rename: *rename, ..Audit::new(Setup { way: *way, ..setup(bounds) }) };
        assert!(audit.search(3_000).and(audit.walk(20, 80)).is_err(), "{name}: it passes the audit");
    }
}

/// The audit can fail: it finds out a server that is not like the others.
#[test]
fn the_audit_finds_out_that_one_server_alone_is_broken() {
    let sound = setup(WITH_THE_DEAD[1]);
    let broken = Setup { way: Some(Way::Shim(Shim::VoteNotPersisted)), ..sound.clone() };
    let mut audit = Audit::new(sound);
    audit.actors[0] = actors(&broken).swap_remove(0);
    assert!(audit.search(usize::MAX).is_err(), "n1 forgets its votes, and passes for one of three");
}
