//! The world as a stateright model: the actors, what they may still spend, and what the search has seen of them.
//!
//! [`RaftModel`] wraps an [`ActorModel`]. The wrapper is thin, and each of its jobs answers a trap of the checker
//! that it runs under: budgets of causes are enforced where actions are listed, not by a boundary whose outside is
//! never judged; the last delivered message is kept out of the state; messages that can never act again are removed;
//! the hash covers all that equality compares; the first violation is the one that is reported.

use std::collections::VecDeque;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use raftlab_core::NodeId;
use stateright::actor::{ActorModel, ActorModelAction, ActorModelState, Envelope, Id, LossyNetwork, Network};
use stateright::{Expectation, Model, Path, Property as Expected};

use crate::adapter::{Done, ServerActor, actor_id, node};
use crate::bounds::{Bounds, NetworkKind};
use crate::dead;
use crate::event::{Event, Fault, Label, Sent, Tick};
use crate::ledger;
use crate::meters::{Kind, Meters};
use crate::property::{COMPACTION, COUNT, MEMBERSHIP, PROPERTIES, Property, SESSIONS};
use crate::server::Server;
use crate::symmetry::Renaming;
use crate::weakening::Way;
use crate::witness::Witness;

/// What is searched for, in which world.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The size of the world.
    pub bounds: Bounds,
    /// How it is broken, if it is.
    pub way: Option<Way>,
    /// The one property that is judged, or all.
    pub focus: Option<&'static Property>,
    /// What of [`LIVENESS`](crate::LIVENESS) is judged too. A calm schedule calls servers by their names: none is
    /// taken for another one then.
    pub liveness: Vec<&'static Property>,
    /// What must be seen.
    pub witnesses: Vec<&'static Witness>,
    /// Are messages removed that can never act again?
    pub remove_dead: bool,
    /// Does the search end at the first violation, and report that one? A checker that keeps the last violation it met
    /// then reports the first, and the number of states is the number needed to find it. An explorer, which asks about
    /// single states, must not.
    pub first_only: bool,
    /// Are actions that change nothing left out where actions are listed? A walk that picks blindly needs it.
    pub only_changes: bool,
}

/// The actors of a [`Setup`], under stateright.
#[derive(Clone)]
pub struct RaftModel {
    pub(crate) inner: ActorModel<ServerActor>,
    pub(crate) setup: Arc<Setup>,
    /// How much of each cause there is.
    pub(crate) limits: Arc<[u32]>,
    meters: Arc<Meters>,
    pictures: Option<Pictures>,
}

/// How an explorer is to show paths and steps; drawing is not this crate's subject.
#[derive(Clone, Copy)]
pub struct Pictures {
    /// A path from the initial state, as SVG.
    pub path: fn(&RaftModel, Vec<Action>) -> Option<String>,
    /// What a step does, as text.
    pub step: fn(&RaftModel, &World, Action) -> Option<String>,
}

/// One state of the world.
#[derive(Clone)]
pub struct World {
    inner: ActorModelState<ServerActor>,
    /// What servers share without a message (see `ledger.rs`).
    spent: Box<[u32]>,
    /// Steps from the initial state on the path by which the search came. Not part of the state.
    depth: u32,
}

/// What happens next.
pub type Action = ActorModelAction<raftlab_core::Message, Tick, Fault>;

impl Setup {
    /// All properties of a whole world of `bounds`.
    pub fn new(bounds: Bounds) -> Setup {
        Setup {
            bounds,
            way: None,
            focus: None,
            liveness: Vec::new(),
            witnesses: Vec::new(),
            remove_dead: true,
            first_only: true,
            only_changes: false,
        }
    }

    /// The same world, broken, and one property judged in it.
    #[must_use]
    pub fn broken(self, way: Way, focus: &'static Property) -> Setup {
        Setup { way: Some(way), focus: Some(focus), remove_dead: dead::is_sound_for(Some(way)), ..self }
    }

    /// The properties that are judged.
    pub fn judged(&self) -> impl Iterator<Item = &'static Property> {
        let standing = PROPERTIES.iter().filter(|_| self.focus.is_none());
        let liveness = self.liveness.iter().copied().filter(|_| self.focus.is_none());
        let changes = self.bounds.max_changes > 0;
        let membership = MEMBERSHIP.iter().filter(move |_| self.focus.is_none() && changes);
        let compacts = self.bounds.max_compactions > 0;
        let compaction = COMPACTION.iter().filter(move |_| self.focus.is_none() && compacts);
        let resends = self.bounds.max_resends > 0;
        let sessions = SESSIONS.iter().filter(move |_| self.focus.is_none() && resends);
        let standing = self.focus.into_iter().chain(standing).chain(liveness);
        standing.chain(membership).chain(compaction).chain(sessions)
    }

    /// Is what comes of a calm schedule among them?
    pub fn is_calm_judged(&self) -> bool {
        self.judged().any(Property::is_of_calm)
    }
}

impl RaftModel {
    /// The model of `setup`, with meters at zero.
    pub fn new(setup: Setup) -> RaftModel {
        let network = match setup.bounds.network {
            NetworkKind::Set => Network::new_unordered_duplicating([]),
            NetworkKind::Bag => Network::new_unordered_nonduplicating([]),
            NetworkKind::Ordered => Network::new_ordered([]),
        };
        // In an unordered network a message that is never delivered is lost. In a queue it would stop the rest.
        let lossy =
            if setup.bounds.network == NetworkKind::Ordered { LossyNetwork::Yes } else { LossyNetwork::No };
        let actors = setup.bounds.ids().map(|id| ServerActor::new(id, &setup.bounds, setup.way, setup.focus));
        let inner = ActorModel::new((), ()).actors(actors).init_network(network).lossy_network(lossy);
        let meters = Arc::new(Meters::new(setup.witnesses.len()));
        RaftModel {
            inner,
            limits: ledger::limits(&setup.bounds).into(),
            setup: setup.into(),
            meters,
            pictures: None,
        }
    }

    /// The same model, shown in this way.
    #[must_use]
    pub fn with_pictures(self, pictures: Pictures) -> RaftModel {
        RaftModel { pictures: Some(pictures), ..self }
    }

    /// What it was made of.
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// What a search of it has counted so far.
    pub fn meters(&self) -> &Arc<Meters> {
        &self.meters
    }

    /// The one initial state.
    ///
    /// # Panics
    ///
    /// Never: an actor model has one.
    pub fn initial(&self) -> World {
        let inner = self.inner.init_states().pop().expect("an actor model has one initial state");
        World { inner, spent: vec![0; self.limits.len()].into(), depth: 0 }
    }

    /// What can happen next, leaving out what would change nothing: each with the state that it leads to.
    pub fn successors(&self, world: &World) -> Vec<(Action, World)> {
        let mut actions = Vec::new();
        self.actions(world, &mut actions);
        let next = |action: Action| {
            self.next(world, action.clone()).filter(|next| next != world).map(|next| (action, next))
        };
        actions.into_iter().filter_map(next).collect()
    }

    /// The state after `action`, without counting it.
    pub fn next(&self, world: &World, action: Action) -> Option<World> {
        let mut spent = world.spent.clone();
        self.spends(&action, &mut spent);
        let mut inner = self.inner.next_state(&world.inner, action)?;
        for (before, after) in world.inner.actor_states.iter().zip(&inner.actor_states) {
            if !Arc::ptr_eq(before, after)
                && let Some(news) = self.tells(before, after)
            {
                ledger::note(news, &mut spent);
            }
        }
        if let Network::UnorderedDuplicating(_, last) = &mut inner.network {
            *last = None;
        }
        if self.setup.remove_dead {
            remove_dead(&mut inner);
        }
        Some(World { inner, spent, depth: world.depth + 1 })
    }

    /// What `action` makes its server do in `world`.
    pub fn explain(&self, world: &World, action: &Action) -> Done {
        at(action).map_or_else(Done::default, |(id, event)| {
            let index = usize::from(actor_id(id));
            self.inner.actors[index].react(&world.inner.actor_states[index], &event).1
        })
    }

    /// Is there something left to spend on `action`?
    fn affords(&self, world: &World, action: &Action) -> bool {
        self.spends(action, &mut world.spent.clone())
    }

    /// Spends what `action` costs, if there is so much left.
    fn spends(&self, action: &Action, spent: &mut [u32]) -> bool {
        let cause = ledger::cause(&self.setup.bounds, action);
        cause.is_none_or(|cause| ledger::spend(&self.limits, self.setup.bounds.max_skew, cause, spent))
    }

    /// What a step of a server makes known to clients.
    pub(crate) fn tells(&self, before: &Server, after: &Server) -> Option<u32> {
        ledger::news(&self.setup.bounds, before, after)
    }

    fn judge<const AT: usize>(&self, world: &World) -> bool {
        let property = Property::all().nth(AT).expect("as many judgements as properties");
        if property.holds(&world.servers()).is_ok() {
            // stateright's simulation starts walk after walk until something is discovered. One that was told to stop
            // is given a discovery; the meters know that it is none.
            let walks_for_ever = self.setup.only_changes && self.setup.first_only;
            return !(walks_for_ever && self.meters.is_stopped());
        }
        let first = self.meters.note_violation(AT, world.depth);
        if self.setup.first_only {
            self.meters.stop();
        }
        !first && self.setup.first_only
    }
}

impl Model for RaftModel {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![self.initial()]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        // A search that was told to stop runs out of work; it does not call itself complete.
        if self.meters.is_stopped() {
            return;
        }
        self.meters.note_expanded();
        self.inner.actions(&world.inner, actions);
        actions.retain(|action| self.affords(world, action));
        if self.setup.only_changes {
            actions.retain(|action| self.next(world, action.clone()).is_some_and(|next| next != *world));
        }
        for action in actions.iter() {
            self.meters.note_enabled(Kind::of(action));
        }
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let kind = Kind::of(&action);
        let next = self.next(world, action)?;
        self.meters.note_taken(kind, next.depth);
        let (before, after) = (&world.inner.actor_states, &next.inner.actor_states);
        for (at, witness) in self.setup.witnesses.iter().enumerate() {
            if !self.meters.is_seen(at) && witness.is_seen_in(before, after) {
                self.meters.note_seen(at, next.depth);
            }
        }
        Some(next)
    }

    fn format_action(&self, action: &Action) -> String {
        label(action)
    }

    fn format_step(&self, world: &World, action: Action) -> Option<String> {
        self.pictures.and_then(|pictures| (pictures.step)(self, world, action))
    }

    fn as_svg(&self, path: Path<World, Action>) -> Option<String> {
        self.pictures.and_then(|pictures| (pictures.path)(self, path.into_actions()))
    }

    fn properties(&self) -> Vec<Expected<Self>> {
        let always = |property: &Property| Expected {
            expectation: Expectation::Always,
            name: property.name,
            condition: judges()[property.index()],
        };
        self.setup.judged().map(always).collect()
    }
}

/// Property judgements as the plain function pointers that stateright wants: a pointer captures nothing, so the place
/// of the property is a constant of its function.
fn judges() -> [fn(&RaftModel, &World) -> bool; COUNT] {
    macro_rules! at {
        ($($at:literal)*) => { [$(RaftModel::judge::<$at>),*] };
    }
    at!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30)
}

impl World {
    /// The servers, `n1` first.
    pub fn servers(&self) -> Vec<&Server> {
        self.inner.actor_states.iter().map(|server| &**server).collect()
    }

    /// The messages that can still arrive, sorted; those of a queue in their order.
    pub fn messages(&self) -> Vec<Envelope<&raftlab_core::Message>> {
        // stateright's own iterator repeats the first message of a queue for ever.
        if let Network::Ordered(queues) = &self.inner.network {
            return queues.iter().flat_map(|((src, dst), queue)| envelopes(*src, *dst, queue)).collect();
        }
        let mut all: Vec<_> = self.inner.network.iter_all().collect();
        all.sort_unstable();
        all
    }

    /// The same world under other names: what it is for a search that treats servers as interchangeable, built in full.
    #[must_use]
    pub fn renamed(&self, renaming: &Renaming) -> World {
        let World { inner, spent, depth } = self;
        let servers = inner.actor_states.iter().map(|server| Arc::new(renaming.server(server)));
        let inner = ActorModelState {
            actor_states: renaming.permuted(servers),
            network: renaming.network(&inner.network),
            timers_set: renaming.permuted(inner.timers_set.iter().map(|timers| renaming.timers(timers))),
            random_choices: renaming.permuted(inner.random_choices.iter().cloned()),
            crashed: renaming.permuted(inner.crashed.iter().copied()),
            history: (),
            actor_storages: renaming.permuted(inner.actor_storages.iter().copied()),
        };
        let spent = ledger::permuted(spent, |at| usize::from(renaming.actor(Id::from(at)))).into();
        World { inner, spent, depth: *depth }
    }

    /// Steps from the initial state on the path by which the search came here.
    pub fn depth(&self) -> u32 {
        self.depth
    }
}

/// Where an action happens and what it is, unless it happens to the network.
pub fn at(action: &Action) -> Option<(NodeId, Event)> {
    match action {
        ActorModelAction::Deliver { src, dst, msg } => {
            Some((node(*dst), Event::Deliver { from: node(*src), message: msg.clone() }))
        }
        ActorModelAction::Timeout(id, tick) => Some((node(*id), Event::Tick(*tick))),
        ActorModelAction::SelectRandom { actor, random, .. } => Some((node(*actor), Event::Fault(*random))),
        ActorModelAction::Drop(_) | ActorModelAction::Crash(_) | ActorModelAction::Recover(_) => None,
    }
}

/// The one line by which an action is known in traces, tables and the Explorer.
pub fn label(action: &Action) -> String {
    match (action, at(action)) {
        (_, Some((id, event))) => Label(id, &event).to_string(),
        (ActorModelAction::Drop(Envelope { src, dst, msg }), None) => {
            format!("lose {}", Sent { from: node(*src), to: node(*dst), message: msg })
        }
        _ => format!("{action:?}"),
    }
}

/// The messages of one queue.
fn envelopes(
    src: Id,
    dst: Id,
    queue: &VecDeque<raftlab_core::Message>,
) -> Vec<Envelope<&raftlab_core::Message>> {
    queue.iter().map(|msg| Envelope { src, dst, msg }).collect()
}

/// Takes out of the network what can never act again.
fn remove_dead(state: &mut ActorModelState<ServerActor>) {
    let servers = &state.actor_states;
    let alive = |envelope: &Envelope<raftlab_core::Message>| {
        let receiver = &servers[usize::from(envelope.dst)];
        !dead::is_dead(receiver, node(envelope.src), &envelope.msg)
    };
    match &mut state.network {
        Network::UnorderedDuplicating(set, _) => set.retain(alive),
        Network::UnorderedNonDuplicating(bag) => bag.retain(|envelope, _| alive(envelope)),
        // A dead message at the head of a queue is in the way until it is delivered or lost.
        Network::Ordered(_) => {}
    }
}

impl PartialEq for World {
    fn eq(&self, other: &World) -> bool {
        self.spent == other.spent
            && self.inner.actor_states == other.inner.actor_states
            && self.inner.network == other.inner.network
    }
}

impl Eq for World {}

/// Hashes all that equality compares. What is armed follows from the servers; nothing is stored, and stateright crashes
/// nobody here.
impl Hash for World {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.spent.hash(state);
        self.inner.actor_states.hash(state);
        match &self.inner.network {
            Network::UnorderedDuplicating(set, _) => {
                unordered(set.iter().map(|envelope| (envelope, 1))).hash(state);
            }
            Network::UnorderedNonDuplicating(bag) => unordered(bag.iter().map(|(e, n)| (e, *n))).hash(state),
            Network::Ordered(queues) => queues.hash(state),
        }
    }
}

/// A digest of a multiset that does not depend on the order in which it is walked: the count, and the sum of hashes.
fn unordered<T: Hash>(all: impl Iterator<Item = (T, usize)>) -> (u64, u64) {
    all.fold((0, 0), |(count, sum), item| {
        let mut hasher = DefaultHasher::new();
        item.hash(&mut hasher);
        (count + 1, sum.wrapping_add(hasher.finish()))
    })
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for server in self.servers() {
            writeln!(f, "{}{}", server.raft, if server.is_synced() { "" } else { " unsynced" })?;
        }
        for Envelope { src, dst, msg } in self.messages() {
            writeln!(f, "  {}", Sent { from: node(src), to: node(dst), message: msg })?;
        }
        Ok(())
    }
}
