//! Servers that ping each other whenever a timer says so: one timer for the peers with even numbers, one for those with
//! odd numbers, and one for nothing. It is here for its timers, which are always armed.
//!
//! Counters grow without end, so the space is infinite: bound the depth.

use std::borrow::Cow;

use stateright::Expectation;
use stateright::actor::{Actor, ActorModel, Id, Network, Out, model_peers, model_timeout};

/// A server: the constants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    peers: Vec<Id>,
}

/// A server: the variables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct State {
    /// Pings sent.
    pub sent: usize,
    /// Pongs received.
    pub received: usize,
}

/// What servers say to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Message {
    /// Are you there?
    Ping,
    /// I am.
    Pong,
}

/// What wakes a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// Ping the peers with even numbers.
    Even,
    /// Ping the peers with odd numbers.
    Odd,
    /// Do nothing.
    Idle,
}

const TIMERS: [Timer; 3] = [Timer::Even, Timer::Odd, Timer::Idle];

/// `servers` that ping each other.
pub fn pinger(servers: usize, network: Network<Message>) -> ActorModel<Server> {
    ActorModel::new((), ())
        .actors((0..servers).map(|at| Server { peers: model_peers(at, servers) }))
        .init_network(network)
        .property(Expectation::Always, "every timer is armed", |_, state| {
            let mut servers = state.timers_set.iter().zip(&state.crashed);
            servers.all(|(timers, crashed)| *crashed || timers.iter().count() == TIMERS.len())
        })
}

impl Actor for Server {
    type Msg = Message;
    type State = State;
    type Timer = Timer;
    type Random = ();
    type Storage = ();

    fn on_start(&self, _: Id, _: &Option<()>, out: &mut Out<Self>) -> State {
        for timer in TIMERS {
            out.set_timer(timer, model_timeout());
        }
        State::default()
    }

    fn on_msg(&self, _: Id, state: &mut Cow<State>, src: Id, message: Message, out: &mut Out<Self>) {
        match message {
            Message::Ping => out.send(src, Message::Pong),
            Message::Pong => state.to_mut().received += 1,
        }
    }

    fn on_timeout(&self, _: Id, state: &mut Cow<State>, timer: &Timer, out: &mut Out<Self>) {
        out.set_timer(*timer, model_timeout());
        for &peer in self.peers.iter().filter(|peer| timer.is_for(**peer)) {
            state.to_mut().sent += 1;
            out.send(peer, Message::Ping);
        }
    }
}

impl Timer {
    fn is_for(self, peer: Id) -> bool {
        let is_even = usize::from(peer).is_multiple_of(2);
        match self {
            Timer::Even => is_even,
            Timer::Odd => !is_even,
            Timer::Idle => false,
        }
    }
}
