//! Servers are interchangeable: under a permutation of their names, whatever one of them does is done by the one that
//! took over its name. A search may therefore visit one state of each *orbit*, the states that differ by names only.
//!
//! What names are is written down here and in the core's `rename.rs`; that nothing else tells servers apart, no rule,
//! no shim, no property, no order of iteration, is what `tests/symmetry.rs` shows. Bounds count causes of all servers
//! together, faults name nobody, and of what is armed only the wishes for a transfer or another configuration do.
//! Where some servers found the cluster and others join it, they are two kinds, and each is interchangeable among its
//! own.

use std::collections::VecDeque;
use std::sync::Arc;

use raftlab_core::{Command, Config, Message, Names, NodeId};
use stateright::actor::{Envelope, Id, Network, Timers};

use crate::adapter::{ServerActor, actor_id, node};
use crate::event::{Event, Tick};
use crate::machine;
use crate::server::{Counted, Ghosts, Server};
use crate::snapshot;
use crate::weakening::Way;

/// A permutation of the servers' names.
#[derive(Clone, Debug)]
pub struct Renaming {
    /// The new names of `n1`, `n2` and on.
    new: Box<[NodeId]>,
    /// The configurations of `n1`, `n2` and on, as they are under any names.
    configs: Arc<[Arc<Config>]>,
}

/// Are servers interchangeable in a world that is broken in this way? In all that there are: a rule that is off, or a
/// host that is broken, is so at every server alike. A way that singles one out has to say so here.
pub fn is_sound_for(way: Option<Way>) -> bool {
    match way {
        None | Some(Way::Rule(_) | Way::Shim(_)) => true,
    }
}

impl Renaming {
    /// All renamings of these servers, `n1` first: n! of them, and the one that changes nothing is the first.
    pub fn all(servers: &[ServerActor]) -> Vec<Renaming> {
        let configs: Arc<[_]> = servers.iter().map(|server| Arc::clone(server.config())).collect();
        let names: Vec<_> = configs.iter().map(|config| config.id()).collect();
        let all = permutations(&names).into_iter();
        all.map(|new| Renaming { new: new.into(), configs: Arc::clone(&configs) }).collect()
    }

    /// The renaming that gives each server the name of the one at its new place.
    pub fn of(servers: &[ServerActor], places: &[usize]) -> Renaming {
        let configs: Arc<[_]> = servers.iter().map(|server| Arc::clone(server.config())).collect();
        Renaming { new: places.iter().map(|&place| configs[place].id()).collect(), configs }
    }

    /// What server `id` is called now. Who is none of the servers keeps its name.
    pub fn node(&self, id: NodeId) -> NodeId {
        self.new.get(usize::from(actor_id(id))).copied().unwrap_or(id)
    }

    /// The same for an actor.
    pub fn actor(&self, id: Id) -> Id {
        actor_id(self.node(node(id)))
    }

    /// A server under its new name, with all that it knows of others. To *be* in the renamed world, it has to stand in
    /// the place of that name too (see [`permuted`](Renaming::permuted)).
    #[must_use]
    pub fn server(&self, server: &Server) -> Server {
        let new = self.node(server.raft.id());
        server.renamed(Arc::clone(&self.configs[usize::from(actor_id(new))]), self)
    }

    /// A message under new names.
    #[must_use]
    pub fn message(&self, message: &Message) -> Message {
        message.renamed(self)
    }

    /// All that is under way, under new names.
    pub(crate) fn network(&self, network: &Network<Message>) -> Network<Message> {
        let envelope = |Envelope { src, dst, msg }: &Envelope<_>| Envelope {
            src: self.actor(*src),
            dst: self.actor(*dst),
            msg: self.message(msg),
        };
        let queue = |((src, dst), queue): (&(Id, Id), &VecDeque<_>)| {
            let messages = queue.iter().map(|message| self.message(message)).collect();
            ((self.actor(*src), self.actor(*dst)), messages)
        };
        match network {
            Network::UnorderedDuplicating(set, last) => {
                Network::UnorderedDuplicating(set.iter().map(envelope).collect(), last.as_ref().map(envelope))
            }
            Network::UnorderedNonDuplicating(bag) => {
                Network::UnorderedNonDuplicating(bag.iter().map(|(sent, n)| (envelope(sent), *n)).collect())
            }
            Network::Ordered(queues) => Network::Ordered(queues.iter().map(queue).collect()),
        }
    }

    /// What happens to the renamed server when `event` happens to the server.
    #[must_use]
    pub fn event(&self, event: &Event) -> Event {
        match event {
            Event::Deliver { from, message } => {
                Event::Deliver { from: self.node(*from), message: self.message(message) }
            }
            Event::Tick(tick) => Event::Tick(self.tick(*tick)),
            Event::Fault(fault) => Event::Fault(*fault),
        }
    }

    /// The same for what is armed at a server.
    #[must_use]
    pub fn tick(&self, tick: Tick) -> Tick {
        match tick {
            Tick::Transfer(to) => Tick::Transfer(self.node(to)),
            Tick::Change(wish) => Tick::Change(wish.renamed(|id| self.node(id))),
            unnamed => unnamed,
        }
    }

    pub(crate) fn timers(&self, timers: &Timers<Tick>) -> Timers<Tick> {
        let mut renamed = Timers::new();
        for tick in timers.iter() {
            renamed.set(self.tick(*tick));
        }
        renamed
    }

    /// What belongs to each server, `n1` first, each now in the place of its new name.
    ///
    /// # Panics
    ///
    /// If there are not as many as servers.
    #[must_use]
    pub fn permuted<T>(&self, each: impl IntoIterator<Item = T>) -> Vec<T> {
        let mut placed: Vec<_> = self.new.iter().zip(each).collect();
        assert_eq!(placed.len(), self.new.len(), "one for each server");
        placed.sort_by_key(|(new, _)| **new);
        placed.into_iter().map(|(_, one)| one).collect()
    }
}

impl Names for Renaming {
    fn node(&self, id: NodeId) -> NodeId {
        Renaming::node(self, id)
    }

    fn command(&self, command: &Command) -> Command {
        machine::renamed_value(command, |proposer| self.node(proposer))
    }

    fn state(&self, state: &[u8]) -> Arc<[u8]> {
        snapshot::renamed(state, |id| self.node(id)).into()
    }
}

impl Server {
    /// The same server under its new name, with the configuration of that name.
    ///
    /// What is said of a property that broke stays as it is, in the old names: it is no part of the state (see
    /// [`Broken`](crate::Broken)), and a trace takes it from a step that really happened.
    #[must_use]
    pub fn renamed(&self, config: Arc<Config>, names: &impl Names) -> Server {
        let Server { raft, disk, pending, applied, machine, ghosts, held, clock, proposed, broken } = self;
        let held = held.as_ref().map(|(from, message)| (names.node(*from), message.renamed(names)));
        Server {
            raft: raft.renamed(config, names),
            disk: disk.renamed(names),
            pending: pending.renamed(names),
            applied: *applied,
            machine: machine.as_ref().map(|machine| machine.renamed(names)),
            ghosts: ghosts.renamed(names),
            held,
            clock: *clock,
            proposed: *proposed,
            broken: broken.clone(),
        }
    }
}

impl Ghosts {
    fn renamed(&self, names: &impl Names) -> Ghosts {
        let Ghosts { led, applied, committed_in, known, counted, misapplied, answered, stale } = self;
        Ghosts {
            led: led.clone(),
            applied: applied.iter().map(|entry| entry.renamed(names)).collect(),
            committed_in: committed_in.clone(),
            known: *known,
            counted: counted.iter().map(|counted| counted.renamed(names)).collect(),
            misapplied: misapplied.as_ref().map(|entry| entry.renamed(names)),
            answered: *answered,
            stale: *stale,
        }
    }
}

impl Counted {
    fn renamed(&self, names: &impl Names) -> Counted {
        let Counted { from, to, members } = self;
        Counted { from: *from, to: *to, members: members.renamed(names) }
    }
}

/// All orders of `items`, the given one first.
fn permutations<T: Copy>(items: &[T]) -> Vec<Vec<T>> {
    if items.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (at, first) in items.iter().enumerate() {
        let rest = [&items[..at], &items[at + 1..]].concat();
        all.extend(permutations(&rest).into_iter().map(|rest| [&[*first][..], &rest].concat()));
    }
    all
}
