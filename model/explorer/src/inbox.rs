//! Messages in flight to one actor, by their numbers: a message lives with its receiver, and a network as such is gone.

use stateright::actor::{Envelope, Id, Network};
use std::hash::Hash;

use crate::hash::{Sort, content};

/// A sender and a receiver.
type Flow = (Id, Id);

/// What the network does with what it carries; stateright's three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    /// Unordered and duplicating: a set; what was delivered stays.
    Set,
    /// Unordered and not duplicating: a multiset.
    Bag,
    /// One queue for each sender and receiver.
    Queues,
}

impl Carrier {
    pub fn of<M: Eq + Hash>(network: &Network<M>) -> Carrier {
        match network {
            Network::UnorderedDuplicating(..) => Carrier::Set,
            Network::UnorderedNonDuplicating(_) => Carrier::Bag,
            Network::Ordered(_) => Carrier::Queues,
        }
    }

    /// Puts an envelope into an inbox: sorted by number, or, of queues, by flow, and then as they came.
    pub fn put(self, inbox: &mut Vec<u32>, envelope: u32, flow: impl Fn(u32) -> Flow) {
        let place = match self {
            Carrier::Set | Carrier::Bag => inbox.partition_point(|&other| other < envelope),
            Carrier::Queues => inbox.partition_point(|&other| flow(other) <= flow(envelope)),
        };
        if self != Carrier::Set || inbox.get(place) != Some(&envelope) {
            inbox.insert(place, envelope);
        }
    }

    /// Takes one copy of an envelope out, the first.
    pub fn take(inbox: &mut Vec<u32>, envelope: u32) {
        if let Some(place) = inbox.iter().position(|&other| other == envelope) {
            inbox.remove(place);
        }
    }

    /// The envelopes of an inbox that can be delivered, or lost, next: each different one, or the first of each queue.
    pub fn heads(self, inbox: &[u32], flow: impl Fn(u32) -> Flow) -> Vec<u32> {
        let mut heads = inbox.to_vec();
        match self {
            Carrier::Set | Carrier::Bag => heads.dedup(),
            Carrier::Queues => heads.dedup_by_key(|envelope| flow(*envelope)),
        }
        heads
    }

    /// The content hash of an inbox; `keys` are those of its envelopes. Hashes of what is in no order are added.
    pub fn key(self, inbox: &[u32], keys: impl Fn(u32) -> u128, flow: impl Fn(u32) -> Flow) -> u128 {
        match self {
            Carrier::Set | Carrier::Bag => inbox.iter().fold(0, |sum: u128, &at| sum.wrapping_add(keys(at))),
            Carrier::Queues => inbox
                .chunk_by(|&a, &b| flow(a) == flow(b))
                .map(|queue| content(Sort::Queue, &queue.iter().map(|&at| keys(at)).collect::<Vec<_>>()))
                .fold(0, u128::wrapping_add),
        }
    }
}

/// All envelopes of a network; those of a queue in their order.
pub(crate) fn envelopes<M: Clone + Eq + Hash>(network: &Network<M>) -> Vec<Envelope<M>> {
    match network {
        Network::UnorderedDuplicating(set, _) => set.iter().cloned().collect(),
        Network::UnorderedNonDuplicating(bag) => {
            bag.iter().flat_map(|(envelope, &copies)| vec![envelope.clone(); copies]).collect()
        }
        // stateright's own iterator repeats the first message of a queue for ever.
        Network::Ordered(queues) => {
            let queue = |(&(src, dst), queue): (&(Id, Id), &std::collections::VecDeque<M>)| {
                queue.iter().map(|msg| Envelope { src, dst, msg: msg.clone() }).collect::<Vec<_>>()
            };
            queues.iter().flat_map(queue).collect()
        }
    }
}
