//! What real nodes say, in the words of the model. The two differ in bytes alone: a command of a real node is a put
//! whose value is the model's command, and a snapshot is a store's, where the model has the entries that it was given.

use std::sync::Arc;

use raftlab_core::{Body, Command, Entry, LogId, Message, Names, NodeId, Payload};
use raftlab_model::{Bounds, Event, Tick, decode_state, encode_state};
use raftlab_node::kv::{self, Bytes, Operation, Store};

use crate::story::{self, Story};

/// The one key.
const KEY: &[u8] = b"key";

/// How many bytes of the model's an entry is in a snapshot.
const ENTRY_BYTES: usize = raftlab_model::ENTRY_BYTES;

/// The way from real bytes to those of the model.
#[derive(Debug)]
pub struct Translation {
    /// The most bytes of a snapshot in a real message, and in one of the model.
    chunk: (usize, usize),
    /// The snapshots that were taken.
    images: Vec<Image>,
}

/// A snapshot in both forms.
#[derive(Debug)]
struct Image {
    last: LogId,
    real: Arc<[u8]>,
    model: Arc<[u8]>,
}

/// What a client asks a real node for, where one of the model proposes this.
pub fn put(value: &Command) -> kv::Command {
    let (key, value) = (Bytes(KEY.into()), Bytes(Arc::clone(&value.0)));
    kv::Command::Do { request: None, operation: Operation::Put { key, value } }
}

/// The key that all is put under.
pub fn key() -> Bytes {
    Bytes(KEY.into())
}

impl Translation {
    /// For the walk of a story: a snapshot comes in as many chunks on both sides.
    pub fn of(bounds: &Bounds, story: &Story) -> Translation {
        let in_model = bounds.max_chunk * ENTRY_BYTES;
        let length = |(state, chunks): (Arc<[u8]>, usize)| stored(&state).len().div_ceil(chunks);
        let taken = story.steps.iter().filter_map(|step| match &step.at {
            Some((id, Event::Tick(Tick::Compact))) => {
                let snapshot = story::server(&step.after, *id).raft.snapshot()?;
                let chunks = snapshot.state.len().div_ceil(in_model).max(1);
                Some((Arc::clone(&snapshot.state), chunks))
            }
            _ => None,
        });
        let real = taken.map(length).max().unwrap_or(in_model);
        Translation { chunk: (real.max(1), in_model), images: Vec::new() }
    }

    /// The most bytes of a snapshot in a real message.
    pub fn chunk_bytes(&self) -> usize {
        self.chunk.0
    }

    /// A snapshot is taken: these bytes stand for what these entries did.
    pub fn note(&mut self, last: LogId, real: &Arc<[u8]>, entries: &[Entry]) {
        let model = encode_state(entries).into();
        self.images.push(Image { last, real: Arc::clone(real), model });
    }

    /// A message in the words of the model.
    pub fn message(&self, message: &Message) -> Message {
        let mut told = message.renamed(self);
        match &mut told.body {
            Body::InstallSnapshot { last, offset, length, .. } => {
                (*offset, *length) = (self.place(*last, *offset), self.place(*last, *length));
            }
            Body::SnapshotReply { last, held } => *held = self.place(*last, *held),
            _ => {}
        }
        told
    }

    /// A number of bytes of the snapshot up to `last`: whole chunks, or all.
    fn place(&self, last: LogId, bytes: u64) -> u64 {
        let is_all = |image: &&Image| image.last == last && image.real.len() as u64 <= bytes;
        if let Some(image) = self.images.iter().find(is_all) {
            return image.model.len() as u64;
        }
        bytes / self.chunk.0 as u64 * self.chunk.1 as u64
    }

    /// The bytes of the model for a chunk of a known snapshot.
    fn chunk(&self, bytes: &[u8]) -> Option<&[u8]> {
        let both = self
            .images
            .iter()
            .flat_map(|image| image.real.chunks(self.chunk.0).zip(image.model.chunks(self.chunk.1)));
        both.into_iter().find(|(real, _)| *real == bytes).map(|(_, model)| model)
    }
}

impl Names for Translation {
    fn node(&self, id: NodeId) -> NodeId {
        id
    }

    fn command(&self, command: &Command) -> Command {
        match kv::Command::decode(command) {
            Ok(kv::Command::Do { operation: Operation::Put { value, .. }, .. }) => Command(value.0),
            _ => command.clone(),
        }
    }

    /// Of bytes that belong to no snapshot it is kept that they do not.
    fn state(&self, state: &[u8]) -> Arc<[u8]> {
        if let Some(image) = self.images.iter().find(|image| *image.real == *state) {
            return Arc::clone(&image.model);
        }
        let chunks = state.chunks(self.chunk.0).map(|bytes| self.chunk(bytes).unwrap_or(bytes));
        chunks.collect::<Vec<_>>().concat().into()
    }
}

/// What the store of a real node is after what this state of the model stands for, in bytes.
fn stored(state: &[u8]) -> Vec<u8> {
    let mut store = Store::default();
    for entry in decode_state(state) {
        let payload = match &entry.payload {
            Payload::Command(value) => Payload::Command(put(value).encode()),
            other => other.clone(),
        };
        store.apply(&Entry { payload, ..entry });
    }
    store.snapshot()
}
