//! What processes say to each other.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A message from one process to another.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Parcel {
    pub from: u32,
    pub to: u32,
    pub load: Load,
}

/// What is in it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Load {
    /// Fingerprints of which the receiver, who owns them, shall say whether they are new. The number is the asker's.
    Ask(u64, Bytes),
    /// The answer to the ask of this number: one bit for each fingerprint, set if it is new.
    Answer(u64, Bytes),
    /// All shall rest, and end the round of this number.
    Rest(u64),
    /// What a process says when all agree.
    Word(Box<Word>),
}

/// What a process says when all agree. Counts are of what it did itself, from the start.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Word {
    /// Which agreement this is.
    pub number: u64,
    /// Who says it.
    pub from: u32,
    /// What the model is, and how it is explored: must be equal everywhere.
    pub identity: (u64, u64),
    pub states: u64,
    pub generated: u64,
    pub full: u64,
    pub idle: Vec<u64>,
    pub taken: Vec<u64>,
    /// States that are left to expand in this level.
    pub left: u64,
    /// New states that it found in this level.
    pub frontier: u64,
    /// Properties of which something was reported before, as bits.
    pub reported: u32,
    /// Of each property, the lowest fingerprint of what it found in this level.
    pub found: Vec<Option<u64>>,
    /// The lowest fingerprint of a step at which the model's code panicked.
    pub panic: Option<u64>,
    /// The place in [`LIMITS`](super::levels::LIMITS) of what made it stop.
    pub limit: Option<u8>,
    /// What makes it impossible to go on.
    pub fault: Option<String>,
    /// Is a checkpoint due?
    pub saves: bool,
    /// The rounds of which it has a checkpoint.
    pub saved: Vec<u64>,
    pub asks: u64,
    pub bytes: u64,
    pub witnesses: Vec<Witness>,
}

/// The way to a discovery, in fingerprints of states: numbers are a process's own, fingerprints mean the same to all.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Witness {
    /// The place of the property; none for a panic.
    pub property: Option<u32>,
    /// Every state on the way, without the initial one.
    pub prints: Vec<u64>,
    /// The place of the actor whose code panics after that.
    pub panics: Option<u32>,
    /// What the panic said.
    pub message: Option<String>,
}

/// Bytes, which are written and read as a whole and not one by one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bytes(pub Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
        from.deserialize_byte_buf(Visitor)
    }
}

struct Visitor;

impl serde::de::Visitor<'_> for Visitor {
    type Value = Bytes;

    fn expecting(&self, to: &mut std::fmt::Formatter) -> std::fmt::Result {
        to.write_str("bytes")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bytes, E> {
        Ok(Bytes(bytes.to_vec()))
    }

    fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Bytes, E> {
        Ok(Bytes(bytes))
    }
}

/// Fingerprints as bytes, little end first.
pub(crate) fn pack(prints: impl ExactSizeIterator<Item = u64>) -> Bytes {
    let mut bytes = Vec::with_capacity(prints.len() * 8);
    prints.for_each(|print| bytes.extend_from_slice(&print.to_le_bytes()));
    Bytes(bytes)
}

/// And back.
pub(crate) fn unpack(bytes: &Bytes) -> impl Iterator<Item = u64> {
    let (words, _) = bytes.0.as_chunks::<8>();
    words.iter().map(|word| u64::from_le_bytes(*word))
}

/// Is the bit at `at` set?
pub(crate) fn bit(bytes: &Bytes, at: usize) -> bool {
    bytes.0.get(at / 8).is_some_and(|byte| byte >> (at % 8) & 1 == 1)
}
