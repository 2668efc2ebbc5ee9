//! Small systems of actors, drawn at random, that try every feature of stateright's [`ActorModel`]: what an engine must
//! agree with stateright on.
//!
//! An actor here is a table ([`Table`]), so that a system prints as its own source, shrinks rule by rule, and costs
//! nothing to run. [`systems`] draws them; [`for_each_system`] draws the same ones in every run. Some of what is
//! drawn is a trap: handlers that take the state by `to_mut` and change nothing, timers that renew themselves once
//! (which stateright ignores) or twice (which it does not), one message sent twice, one choice offered twice, a
//! history recorded again as it was, messages to and from nobody, an initial state outside the boundary, a boundary
//! that reads every field.
//!
//! What is absent: panics in handlers, `Eventually` properties (stateright's verdicts on them are unsound), symmetry.
//! `Network::iter_all` is never called: on an ordered network it does not end.

mod history;
mod judges;
mod notation;
mod strategy;
mod table;

use stateright::actor::{ActorModel, ActorModelState, Envelope, Id, LossyNetwork, Network};

pub use history::{History, Recorder, Recording};
pub use judges::PROPERTIES;
#[allow(unused_imports, reason = "each test program draws systems in one of two ways")]
pub use strategy::{for_each_system, systems};
pub use table::{Effect, Next, Rule, Start, Table, TableActor, Trigger};

use super::walk::{Counts, TooLarge, walk};

/// The model that a [`System`] describes.
pub type TableModel = ActorModel<TableActor, Cfg, History>;

/// One of its states.
pub type TableModelState = ActorModelState<TableActor, History>;

/// Values of an actor's state: 0 to 2.
pub const VALUES: u8 = 3;
/// Kinds of message: 0 to 2.
pub const MESSAGES: u8 = 3;
/// Timers: 0 and 1.
pub const TIMERS: u8 = 2;
/// Keys of random choices: 0 and 1.
pub const KEYS: u8 = 2;
/// Things to choose: 0 and 1.
pub const CHOICES: u8 = 2;
/// Things to save: 0 and 1.
pub const SAVED: u8 = 2;
/// Events that an actor remembers.
pub const NOTES_MAX: usize = 2;
/// Envelopes that the history remembers.
pub const LOG_MAX: usize = 3;
/// States of a system that [`systems`] draws, at most.
pub const STATES_MAX: usize = 3_000;

/// States of nine of ten that it draws, at least one more.
pub const STATES_WORTHWHILE: usize = 20;

/// A system of one to three actors: all that its [`TableModel`] is made of.
#[derive(Clone, Debug)]
pub struct System {
    /// What each actor does.
    pub tables: Vec<Table>,
    /// Which of stateright's networks.
    pub network: NetworkKind,
    /// What is under way before anybody starts.
    pub sent: Vec<Sent>,
    /// What a duplicating network takes for its last delivery.
    pub delivered: Option<Sent>,
    /// Are messages lost?
    pub lossy: bool,
    /// Actors down at once, at most.
    pub max_crashes: usize,
    /// What boundary and history read.
    pub cfg: Cfg,
    /// Names of [`PROPERTIES`], besides the first, which always holds and is always there: without it stateright
    /// stops as soon as it has found what it looks for, and its counts mean nothing.
    pub properties: Vec<&'static str>,
}

/// The three kinds of stateright network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkKind {
    /// Unordered and duplicating: a set, and the last delivery.
    Set,
    /// Unordered and not duplicating: a multiset.
    Bag,
    /// A queue for each sender and receiver.
    Ordered,
}

/// An envelope of the first network.
#[derive(Clone, Copy)]
pub struct Sent {
    /// Its sender, to actor 0.
    pub src: Peer,
    /// Its receiver, to actor 0.
    pub dst: Peer,
    /// Its message.
    pub msg: u8,
}

/// Somebody to send to, in a system whose size shrinking may change.
#[derive(Clone, Copy)]
pub enum Peer {
    /// The actor so many after oneself, past the last going on with the first: 0 is oneself.
    After(u8),
    /// An id past the last actor.
    Nobody,
}

/// What boundary and history read: functions without captures, so all that varies is here.
#[derive(Clone, Debug)]
pub struct Cfg {
    /// Where the space ends, if it ends anywhere but by itself.
    pub boundary: Option<Boundary>,
    /// What becomes of the history when a message is delivered.
    pub record_in: Option<Recorder>,
    /// What becomes of the history when a message is sent.
    pub record_out: Option<Recorder>,
}

/// Where a space ends.
#[derive(Clone, Debug)]
pub struct Boundary {
    /// Messages under way, at most.
    pub network_max: usize,
    /// One state in so many is out, by a digest of all its fields.
    pub holes: Option<u64>,
}

impl System {
    /// The model.
    pub fn model(&self) -> TableModel {
        let actors = self.tables.len();
        let boundary = self.cfg.boundary.is_some();
        let mut model = ActorModel::new(self.cfg.clone(), History::default())
            .actors(self.tables.iter().map(|table| TableActor { table: table.clone(), actors }))
            .init_network(self.first_network())
            .lossy_network(if self.lossy { LossyNetwork::Yes } else { LossyNetwork::No })
            .max_crashes(self.max_crashes);
        if boundary {
            model = model.within_boundary(judges::within_boundary);
        }
        if self.cfg.record_in.is_some() {
            model = model.record_msg_in(|cfg, history, envelope| {
                cfg.record_in.as_ref().and_then(|recorder| recorder.record(history, envelope, 0))
            });
        }
        if self.cfg.record_out.is_some() {
            model = model.record_msg_out(|cfg, history, envelope| {
                cfg.record_out.as_ref().and_then(|recorder| recorder.record(history, envelope, 100))
            });
        }
        let chosen = |name| name == PROPERTIES[0].1 || self.properties.contains(&name);
        for (expectation, name, condition) in PROPERTIES {
            if chosen(name) {
                model = model.property(expectation, name, condition);
            }
        }
        model
    }

    /// How large its space is.
    ///
    /// # Errors
    ///
    /// [`TooLarge`] if it has more than `states_max` states.
    pub fn counts(&self, states_max: usize) -> Result<Counts, TooLarge> {
        walk(&self.model(), states_max)
    }

    /// Has its space at most `states_max` states?
    pub fn is_small(&self, states_max: usize) -> bool {
        self.counts(states_max).is_ok()
    }

    fn first_network(&self) -> Network<u8> {
        let resolve = |sent: Sent| sent.resolve(self.tables.len());
        let sent = self.sent.iter().copied().map(resolve);
        match self.network {
            NetworkKind::Set => {
                Network::new_unordered_duplicating_with_last_msg(sent, self.delivered.map(resolve))
            }
            NetworkKind::Bag => Network::new_unordered_nonduplicating(sent),
            NetworkKind::Ordered => Network::new_ordered(sent),
        }
    }
}

impl Sent {
    fn resolve(self, actors: usize) -> Envelope<u8> {
        let id = |peer: Peer| peer.id(Id::from(0), actors);
        Envelope { src: id(self.src), dst: id(self.dst), msg: self.msg }
    }
}

impl Peer {
    /// The id that this is to `oneself`, among so many actors.
    pub fn id(self, oneself: Id, actors: usize) -> Id {
        match self {
            Peer::After(steps) => Id::from((usize::from(oneself) + usize::from(steps)) % actors),
            Peer::Nobody => Id::from(actors),
        }
    }
}
