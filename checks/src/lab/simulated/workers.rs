//! Clients of a simulated world that ask for one thing after another: what for is drawn as real ones draw it.

use std::time::Duration;

use raftlab_core::{NodeId, Span};
use raftlab_node::kv::{Bytes, Operation as Done, Response};
use raftlab_sim::{Answered, ClientId, Told, Wish, World};

use super::super::load::chooser::Chooser;
use crate::history::{Action, Operation, Outcome};
use crate::scenario::Load;

/// For how long a client that asks one server pursues what it asks for.
const BOUND_PURSUES: Span = Span(200_000);

/// All of one load, or several.
#[derive(Debug, Default)]
pub struct Workers(Vec<Worker>);

#[derive(Debug)]
struct Worker {
    client: ClientId,
    /// It asks one server, in no session, since one that leads for a moment has no time to open one; and not for long.
    is_bound: bool,
    chooser: Chooser,
    /// How far apart its operations begin, in microseconds; as soon as it can, if absent.
    pace: Option<u64>,
    /// When the next one does.
    next_at: u64,
    asked: Option<Asked>,
}

/// What one waits for.
#[derive(Debug)]
struct Asked {
    key: String,
    action: Action,
    start_us: u64,
}

impl Workers {
    /// Others begin. The first of all has this number in the history, and all draw by this seed. Each asks one of these
    /// servers and no other, if there are any.
    pub fn begin(&mut self, world: &mut World, (first, seed): (u64, u64), load: &Load, asked: &[NodeId]) {
        let (now, before) = (world.now().0, self.0.len() as u64);
        for at in 0..u64::from(load.clients) {
            let mut chooser = Chooser::new(first + before + at, seed, load.clone());
            let pace = chooser.pace().map(|(each, first)| (micros(each), micros(first)));
            let next_at = now + pace.map_or(0, |(each, first)| each + first);
            let only = asked.iter().copied().cycle().nth(usize::try_from(at).unwrap_or(0));
            let (client, is_bound) = (world.client(only), only.is_some());
            let pace = pace.map(|(each, _)| each);
            self.0.push(Worker { client, is_bound, chooser, pace, next_at, asked: None });
        }
    }

    /// When the next of them begins something.
    pub fn next_at(&self) -> u64 {
        let idle = self.0.iter().filter(|worker| worker.asked.is_none());
        idle.map(|worker| worker.next_at).min().unwrap_or(u64::MAX)
    }

    /// Who is due begins.
    pub fn tick(&mut self, world: &mut World) {
        let now = world.now().0;
        let due = self.0.iter_mut().filter(|worker| worker.asked.is_none() && worker.next_at <= now);
        for worker in due {
            let (key, action) = worker.chooser.choose();
            match wish(&key, &action) {
                wish if !worker.is_bound => world.wish(worker.client, wish),
                Wish::Do(operation) => world.wish_for(worker.client, Wish::DoOnce(operation), BOUND_PURSUES),
                wish => world.wish_for(worker.client, wish, BOUND_PURSUES),
            }
            worker.asked = Some(Asked { key, action, start_us: now });
            // Who waited longer than its pace does not make up for it.
            worker.next_at = worker.pace.map_or(0, |pace| now + pace);
        }
    }

    /// One has its answer, if it is one of these: what came of what it asked for.
    pub fn hear(&mut self, answered: &Answered) -> Option<Operation> {
        let worker = self.0.iter_mut().find(|worker| worker.client == answered.client)?;
        worker.ends(Some(&answered.told), answered.at.0)
    }

    /// They end: nobody knows of what is under way.
    pub fn end(self, now_us: u64) -> Vec<Operation> {
        self.0.into_iter().filter_map(|mut worker| worker.ends(None, now_us)).collect()
    }
}

impl Worker {
    fn ends(&mut self, told: Option<&Told>, at_us: u64) -> Option<Operation> {
        let Asked { key, action, start_us } = self.asked.take()?;
        let outcome = outcome(&action, told);
        self.chooser.learn(&key, &action, &outcome);
        Some(Operation::new(self.chooser.id, key, action, (start_us, at_us), outcome))
    }
}

/// A length of time in microseconds.
pub fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// An action as a client pursues it.
pub fn wish(key: &str, action: &Action) -> Wish {
    let key = || Bytes::from(key);
    let bytes = |text: &Option<String>| text.as_deref().map(Bytes::from);
    match action {
        Action::Get => Wish::Get(key()),
        Action::Put(value) => Wish::Do(Done::Put { key: key(), value: value.as_str().into() }),
        Action::Delete => Wish::Do(Done::Delete { key: key() }),
        Action::Cas { expected, value } => {
            Wish::Do(Done::CompareAndSwap { key: key(), expected: bytes(expected), value: bytes(value) })
        }
    }
}

/// What a client knows when it was told this, or nothing.
pub fn outcome(action: &Action, told: Option<&Told>) -> Outcome {
    let text =
        |bytes: &Option<Bytes>| bytes.as_ref().map(|bytes| String::from_utf8_lossy(&bytes.0).into_owned());
    match (told, action) {
        (Some(Told::Value(value)), _) => Outcome::Read(text(value)),
        // A read has no effect.
        (_, Action::Get) | (Some(Told::NotDone(_)), _) => Outcome::Failed,
        (Some(Told::Done(Response::Unequal { value })), _) => Outcome::Unequal(text(value)),
        (Some(Told::Done(Response::Done { .. })), Action::Cas { .. }) => Outcome::Swapped,
        (Some(Told::Done(Response::Done { .. }) | Told::Changed), _) => Outcome::Done,
        (Some(Told::Unknown(_)) | None, _) => Outcome::Unknown,
    }
}
