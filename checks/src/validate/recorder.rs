//! A journal that stays in memory: for runs that nobody looks at again when they are judged.

use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use raftlab_core::{Body, Config, Durable, Effects, Input, Raft, Time};
use raftlab_node::journal::{Began, Record, Step, Told};
use raftlab_node::replica::Observer;

/// Keeps what a core is given, and not what came of it: whoever replays it has the same core. Its clones keep one
/// journal, that of one life.
#[derive(Clone, Debug)]
pub struct Recorder {
    kept: Arc<Mutex<Kept>>,
    /// True time, in microseconds: of all servers that are judged together, the same.
    real: Arc<AtomicU64>,
}

#[derive(Debug, Default)]
struct Kept {
    records: Vec<Record>,
    /// What the core was given, and has not returned from.
    under_way: Option<Step>,
    /// How many inputs, and entries in them.
    size: u64,
}

impl Recorder {
    /// A journal of nothing yet.
    pub fn new(real: Arc<AtomicU64>) -> Recorder {
        Recorder { kept: Arc::default(), real }
    }

    /// All that was recorded so far. A core that was given something, and has not returned, has panicked.
    pub fn take(&self) -> Vec<Record> {
        let mut kept = self.kept();
        let mut records = mem::take(&mut kept.records);
        records.extend(kept.under_way.take().map(Record::Unfinished));
        records
    }

    /// How many inputs were recorded, and entries in them: what it takes to keep them.
    pub fn size(&self) -> u64 {
        self.kept().size
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn real(&self) -> u64 {
        self.real.load(Ordering::Relaxed)
    }
}

impl Observer for Recorder {
    fn recovers(&mut self, config: &Config, durable: &Durable) {
        let (told, durable) = (Told::of(config), durable.clone());
        let began = Began { real: self.real(), told, durable, outcome: None };
        self.kept().records.push(Record::Began(began.into()));
    }

    fn takes(&mut self, now: Time, input: &Input) {
        let entries = match input {
            Input::Receive { message, .. } => match &message.body {
                Body::AppendEntries { entries, .. } => entries.len() as u64,
                _ => 0,
            },
            _ => 0,
        };
        let mut kept = self.kept();
        kept.size += 1 + entries;
        kept.under_way = Some(Step { real: self.real(), now, input: input.clone() });
    }

    fn took(&mut self, _: &Raft, _: &Effects) {
        let mut kept = self.kept();
        // What is not there was the beginning.
        let step = kept.under_way.take();
        kept.records.extend(step.map(|step| Record::Step(step, None)));
    }

    fn gives_batch(&mut self) {
        self.kept().records.push(Record::Batch);
    }
}
