//! The same world for the explorer: its properties by what they read, its budgets, and what in it is dead.

use raftlab_core::Message;
use raftlab_explorer::{Action, Permutation, Property as Explored, Reads, System};
use stateright::Expectation;
use stateright::actor::{ActorModel, Id};

use crate::adapter::{ServerActor, node};
use crate::dead;
use crate::event::Tick;
use crate::ledger;
use crate::meters::Kind;
use crate::property::{Judge, Property};
use crate::server::{Observed, Server};
use crate::symmetry::{self, Renaming};
use crate::witness::{Seen, Witness};
use crate::world::RaftModel;

impl System for RaftModel {
    type Actor = ServerActor;
    type Config = ();
    type History = ();

    fn model(&self) -> &ActorModel<ServerActor> {
        &self.inner
    }

    fn properties(&self) -> Vec<Explored<RaftModel>> {
        self.setup
            .judged()
            .map(explored)
            .chain(self.setup.witnesses.iter().map(|own| witnessed(own)))
            .collect()
    }

    fn has_boundary(&self) -> bool {
        false
    }

    fn remembers_last_message(&self) -> bool {
        false
    }

    fn budgets(&self) -> Vec<u32> {
        self.limits.to_vec()
    }

    fn cause(&self, action: &Action<RaftModel>) -> Option<usize> {
        ledger::cause(&self.setup.bounds, action)
    }

    fn spend(&self, budgets: &[u32], cause: usize, spent: &mut [u32]) -> bool {
        ledger::spend(budgets, self.setup.bounds.max_skew, cause, spent)
    }

    fn news(&self, before: &Server, after: &Server) -> Option<u32> {
        self.tells(before, after)
    }

    fn note(&self, news: u32, spent: &mut [u32]) {
        ledger::note(news, spent);
    }

    fn permute_spent(&self, spent: &[u32], by: &Permutation) -> Vec<u32> {
        ledger::permuted(spent, |at| by.place(at))
    }

    fn kinds(&self) -> &'static [&'static str] {
        Kind::NAMES
    }

    fn kind(&self, action: &Action<RaftModel>) -> usize {
        Kind::of(action) as usize
    }

    fn is_dead(&self, _: Id, state: &Server, sender: Id, message: &Message) -> bool {
        dead::is_dead(state, node(sender), message)
    }

    fn removes_dead(&self) -> bool {
        self.setup.remove_dead
    }

    fn symmetries(&self) -> Vec<Permutation> {
        let servers = self.inner.actors.len();
        let founders = self.setup.bounds.founders.unwrap_or(servers);
        if symmetry::is_sound_for(self.setup.way) && !self.setup.is_calm_judged() {
            // Who founds the cluster is told what who joins it is not.
            Permutation::all_of(0..servers, servers)
                .into_iter()
                .filter(|by| by.places().iter().take(founders).all(|place| *place < founders))
                .collect()
        } else {
            vec![Permutation::identity(servers)]
        }
    }

    fn permute_state(&self, _: Id, server: &Server, by: &Permutation) -> Server {
        self.renaming(by).server(server)
    }

    fn permute_timer(&self, tick: &Tick, by: &Permutation) -> Tick {
        self.renaming(by).tick(*tick)
    }

    fn permute_message(&self, message: &Message, by: &Permutation) -> Message {
        self.renaming(by).message(message)
    }
}

impl RaftModel {
    fn renaming(&self, by: &Permutation) -> Renaming {
        Renaming::of(&self.inner.actors, by.places())
    }
}

/// A property, by what it reads. Those of a step were judged when the step was taken: their verdict is in the server.
fn explored(own: &'static Property) -> Explored<RaftModel> {
    let reads = match own.judge {
        Judge::One(judge) => Reads::One(Box::new(move |_, server: &Server| judge(server.observed()).is_ok())),
        Judge::Pair(judge) => Reads::Pair(Box::new(move |(_, a): (Id, &Server), (_, b): (Id, &Server)| {
            judge(a.observed(), b.observed()).is_ok()
        })),
        Judge::All(judge) => Reads::All(Box::new(move |servers: &[&Server]| {
            let observed: Vec<Observed> = servers.iter().map(|server| server.observed()).collect();
            judge(&observed).is_ok()
        })),
        Judge::Calm(calm) => Reads::All(Box::new(|servers: &[&Server]| calm.holds(servers).is_ok())),
        Judge::Step(_) | Judge::Recovery(_) | Judge::NoPanic => Reads::One(Box::new(|_, server: &Server| {
            server.broken.as_ref().is_none_or(|broken| broken.property != own.name)
        })),
    };
    Explored { expectation: Expectation::Always, name: own.name, reads }
}

/// A witness: it holds sometimes.
fn witnessed(own: &'static Witness) -> Explored<RaftModel> {
    let reads = match own.seen {
        Seen::One(seen) => Reads::One(Box::new(move |_, server: &Server| seen(server))),
        Seen::Step(seen) => Reads::Step(Box::new(move |_, was: &Server, is: &Server| seen(was, is))),
        Seen::All(seen) => Reads::All(Box::new(move |servers: &[&Server]| seen(servers))),
    };
    Explored { expectation: Expectation::Sometimes, name: own.name, reads }
}
