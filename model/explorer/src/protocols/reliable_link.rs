//! A link that numbers, acknowledges and repeats what it sends, over a network that loses and duplicates: a sender
//! and a receiver, and what the link of each keeps in storage.
//!
//! It does what stateright's own `ordered_reliable_link` does, which a test holds it to. It is written anew because the
//! state of that one cannot be looked into from outside, so that nothing could be said about what arrives.
//!
//! # Caveats
//!
//! - A link that has delivered a number takes every smaller one for a duplicate. A message that is overtaken is
//!   therefore acknowledged and never delivered: what arrives is in order, and may have gaps.
//! - What was received is not stored. A receiver that crashes forgets it, and a sender that crashes sends all of it
//!   again under new numbers, so with crashes "no redelivery" does not hold.
//! - Repetition never ends: the boundary is what makes the space finite.

use std::borrow::Cow;
use std::collections::BTreeMap;

use stateright::Expectation;
use stateright::actor::{Actor, ActorModel, Id, LossyNetwork, Network, Out, model_timeout};

/// How much is sent, and how much of it at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Values that the sender sends: 1, 2, and so on.
    pub values: u64,
    /// The most messages that the network holds within the boundary.
    pub in_flight_max: usize,
}

/// One end of the link, and who uses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Sends these many values to the receiver when it starts.
    Sender {
        /// Where to.
        receiver: Id,
        /// How many.
        values: u64,
    },
    /// Notes what it is sent.
    Receiver,
}

/// One end of the link: the variables.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct State {
    /// What the link keeps.
    pub link: Link,
    /// What was delivered, and by whom.
    pub received: Vec<(Id, Value)>,
}

/// What the link keeps, in storage too.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Link {
    /// The number of the next message.
    pub next: Sequence,
    /// What was sent and not acknowledged.
    pub unacknowledged: BTreeMap<Sequence, (Id, Value)>,
    /// The last number that was delivered, for each sender.
    pub delivered: BTreeMap<Id, Sequence>,
}

/// Numbers the messages of one sender, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(pub u64);

/// What is sent over the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Value(pub u64);

/// What one end sends to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Message {
    /// A value under its number.
    Data(Sequence, Value),
    /// What came under this number is here.
    Ack(Sequence),
}

/// Time to repeat what was not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resend;

/// A sender and a receiver. The network loses messages, unless the builder is told otherwise.
pub fn reliable_link(config: Config, network: Network<Message>) -> ActorModel<End, Config> {
    ActorModel::new(config, ())
        .actor(End::Sender { receiver: Id::from(1), values: config.values })
        .actor(End::Receiver)
        .init_network(network)
        .lossy_network(LossyNetwork::Yes)
        .within_boundary(|config, state| state.network.len() <= config.in_flight_max)
        .property(Expectation::Always, "no redelivery", |_, state| {
            let received = &state.actor_states[1].received;
            received.iter().enumerate().all(|(at, value)| !received[..at].contains(value))
        })
        .property(Expectation::Always, "ordered", |_, state| state.actor_states[1].received.is_sorted())
        .property(Expectation::Always, "what is received was sent", |model, state| {
            let mut received = state.actor_states[1].received.iter().map(|(_, value)| value.0);
            received.all(|value| (1..=model.cfg.values).contains(&value))
        })
        .property(Expectation::Sometimes, "delivered", |model, state| {
            let received = state.actor_states[1].received.iter().map(|(_, value)| value.0);
            received.eq(1..=model.cfg.values)
        })
}

impl Actor for End {
    type Msg = Message;
    type State = State;
    type Timer = Resend;
    type Random = ();
    type Storage = Link;

    fn on_start(&self, _: Id, storage: &Option<Link>, out: &mut Out<Self>) -> State {
        out.set_timer(Resend, model_timeout());
        let mut link = storage.clone().unwrap_or_else(Link::new);
        if let End::Sender { receiver, values } = self {
            (1..=*values).for_each(|value| link.send(*receiver, Value(value), out));
            out.save(link.clone());
        }
        State { link, received: Vec::new() }
    }

    fn on_msg(&self, _: Id, state: &mut Cow<State>, src: Id, message: Message, out: &mut Out<Self>) {
        match message {
            Message::Data(number, value) => {
                out.send(src, Message::Ack(number));
                if state.link.has_delivered(src, number) {
                    return;
                }
                let state = state.to_mut();
                state.received.push((src, value));
                state.link.delivered.insert(src, number);
            }
            Message::Ack(number) => {
                state.to_mut().link.unacknowledged.remove(&number);
            }
        }
        out.save(state.link.clone());
    }

    fn on_timeout(&self, _: Id, state: &mut Cow<State>, _: &Resend, out: &mut Out<Self>) {
        out.set_timer(Resend, model_timeout());
        for (number, (dst, value)) in &state.link.unacknowledged {
            out.send(*dst, Message::Data(*number, *value));
        }
    }
}

impl Link {
    fn new() -> Link {
        Link { next: Sequence(1), unacknowledged: BTreeMap::new(), delivered: BTreeMap::new() }
    }

    fn send(&mut self, dst: Id, value: Value, out: &mut Out<End>) {
        out.send(dst, Message::Data(self.next, value));
        self.unacknowledged.insert(self.next, (dst, value));
        self.next = Sequence(self.next.0 + 1);
    }

    fn has_delivered(&self, from: Id, number: Sequence) -> bool {
        self.delivered.get(&from).is_some_and(|last| number <= *last)
    }
}
