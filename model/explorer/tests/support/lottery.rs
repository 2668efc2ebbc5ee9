//! A small system in which everything names actors: states, messages, timers, choices, storage, and the history.
//!
//! Everybody greets everybody. Who is greeted chooses between itself and who greeted, stores the choice and votes;
//! who is voted for forgets the vote when a timer fires that is named after the voter.

use std::borrow::Cow;
use std::collections::BTreeSet;

use stateright::actor::{Actor, ActorModel, Id, LossyNetwork, Network, Out, model_peers, model_timeout};
use stateright::{Expectation, Rewrite, RewritePlan};

/// A player.
#[derive(Clone, Debug)]
pub struct Player {
    peers: Vec<Id>,
    /// Does the order of ids decide? Then players are not interchangeable.
    favours_low: bool,
}

/// A player's state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct State {
    /// Whom it chose.
    pub favourite: Option<Id>,
    /// Who voted for it.
    pub votes: BTreeSet<Id>,
}

/// What players say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Message {
    /// Here I am.
    Greeting,
    /// I choose you, on behalf of this one.
    Vote(Id),
}

/// Time to forget the vote of this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Forget(pub Id);

/// Who was voted for, ever.
pub type History = BTreeSet<Id>;

/// So many players.
pub fn lottery(
    players: usize,
    favours_low: bool,
    network: Network<Message>,
) -> ActorModel<Player, (), History> {
    ActorModel::new((), History::new())
        .actors((0..players).map(|at| Player { peers: model_peers(at, players), favours_low }))
        .init_network(network)
        .lossy_network(LossyNetwork::Yes)
        .max_crashes(1)
        .record_msg_in(|(), history, envelope| {
            let is_vote = matches!(envelope.msg, Message::Vote(_));
            (is_vote && !history.contains(&envelope.dst))
                .then(|| history.iter().copied().chain([envelope.dst]).collect())
        })
        .property(Expectation::Always, "few votes", |_, state| {
            state.actor_states.iter().all(|player| player.votes.len() < 3)
        })
        .property(Expectation::Sometimes, "two votes", |_, state| {
            state.actor_states.iter().any(|player| player.votes.len() == 2)
        })
}

impl Actor for Player {
    type Msg = Message;
    type State = State;
    type Timer = Forget;
    type Random = Id;
    type Storage = Id;

    fn on_start(&self, _: Id, stored: &Option<Id>, out: &mut Out<Self>) -> State {
        if stored.is_none() {
            out.broadcast(&self.peers, &Message::Greeting);
        }
        State { favourite: *stored, votes: BTreeSet::new() }
    }

    fn on_msg(&self, id: Id, state: &mut Cow<State>, src: Id, message: Message, out: &mut Out<Self>) {
        match message {
            Message::Greeting if self.favours_low && src > id => {}
            Message::Greeting if state.favourite.is_none() => {
                out.choose_random("favourite", vec![id, src]);
            }
            Message::Greeting => {}
            Message::Vote(voter) => {
                state.to_mut().votes.insert(voter);
                out.set_timer(Forget(voter), model_timeout());
            }
        }
    }

    fn on_random(&self, id: Id, state: &mut Cow<State>, chosen: &Id, out: &mut Out<Self>) {
        state.to_mut().favourite = Some(*chosen);
        out.save(*chosen);
        out.send(*chosen, Message::Vote(id));
    }

    fn on_timeout(&self, _: Id, state: &mut Cow<State>, timer: &Forget, _: &mut Out<Self>) {
        state.to_mut().votes.remove(&timer.0);
    }
}

impl Rewrite<Id> for State {
    fn rewrite<S>(&self, plan: &RewritePlan<Id, S>) -> Self {
        State { favourite: self.favourite.rewrite(plan), votes: self.votes.rewrite(plan) }
    }
}

impl Rewrite<Id> for Message {
    fn rewrite<S>(&self, plan: &RewritePlan<Id, S>) -> Self {
        match self {
            Message::Greeting => Message::Greeting,
            Message::Vote(voter) => Message::Vote(voter.rewrite(plan)),
        }
    }
}

impl Rewrite<Id> for Forget {
    fn rewrite<S>(&self, plan: &RewritePlan<Id, S>) -> Self {
        Forget(self.0.rewrite(plan))
    }
}
