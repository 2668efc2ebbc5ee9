//! What servers say to each other, as datagrams: one datagram, one envelope, one of the core's messages.
//!
//! | offset | bytes | |
//! |---|---|---|
//! | 0 | 4 | `raft` |
//! | 4 | 1 | version |
//! | 5 | 1 | how it is sealed: 0 by a checksum, 1 by the cluster's key |
//! | 6 | 2 | zero |
//! | 8 | 16 | cluster |
//! | 24 | 8 | from |
//! | 32 | 8 | to |
//! | 40 | 8 | incarnation: drawn at each start of the sender |
//! | 48 | 8 | sequence: counted from 1 by the sender, for each receiver |
//! | 56 | 12 | when it was sent, the last such time that was heard, and how long ago ([`Stamps`]) |
//! | 68 | | the message, in postcard |
//! | end | 4 or 16 | crc32c of all before it, or the first half of its keyed BLAKE3 hash |
//!
//! All integers are little-endian. What does not read as that, is for or from somebody else, or is sealed wrongly, is
//! counted by its reason and dropped: to Raft it is a message that was lost.
//!
//! # Why a datagram that comes again does no harm
//!
//! Whoever holds a datagram can send it again, at any time. That is a duplicate, late as may be, and Raft takes any
//! message at any time any number of times: the `set` network of the checker is exactly that, and every property is
//! explored on it. So there is no window of sequences outside of which something is refused; sequences are counted, for
//! people ([`Arrivals`]). A *client's* command that comes again is another matter, since it may stand in the log twice:
//! the sessions of the state machine tell it from the first (dissertation 6.3).
//!
//! # What does not fit
//!
//! A leader may send fewer entries than it has (§5.3: nextIndex says what comes next), so of an AppendEntries that is
//! too long the longest beginning is sent that fits; the answer brings the rest. One entry always fits, if commands are
//! no longer than [`Limits::command_bytes_max`]: whoever takes them from clients has to see to that.

mod arrivals;
mod coalesce;
mod key;
mod round_trip;

use raftlab_core::{Body, Entry, Membership, Message, NodeId, Payload};

pub use self::arrivals::{Arrival, Arrivals};
pub use self::coalesce::coalesce;
pub use self::key::{Key, KeyError};
pub use self::round_trip::{RoundTrip, Stamps};

/// The version that is spoken here.
pub const VERSION: u8 = 1;

/// The longest datagram that UDP carries over IPv4, in bytes of payload.
pub const DATAGRAM_BYTES_MAX: usize = 65_507;

const MAGIC: &[u8; 4] = b"raft";
const HEADER_BYTES: usize = 68;
const CHECKSUM_BYTES: usize = 4;
const TAG_BYTES: usize = 16;

/// Room for all of an AppendEntries or `InstallSnapshot` that is neither entries, nor servers, nor state.
const FRAME_BYTES_MAX: usize = HEADER_BYTES + TAG_BYTES + 80;

/// Room for all of an entry that is no command.
const ENTRY_BYTES_MAX: usize = 32;

/// Room for the name of a server.
const SERVER_BYTES_MAX: usize = 10;

/// The most servers that a cluster may have.
pub const SERVERS_MAX: usize = 100;

/// How long things may be, so that they fit into a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    datagram_bytes_max: usize,
}

/// Writes and reads datagrams for one server.
#[derive(Debug)]
pub struct Codec {
    cluster: u128,
    own: NodeId,
    incarnation: u64,
    key: Option<Key>,
    limits: Limits,
}

/// A datagram that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Who sent it.
    pub from: NodeId,
    /// Which life of its sender did.
    pub incarnation: u64,
    /// Its number among those that the sender sent here.
    pub sequence: u64,
    /// When it was sent, and what it echoes.
    pub stamps: Stamps,
    /// What it says.
    pub message: Message,
}

macro_rules! reasons {
    ($($reason:ident $name:literal $says:literal)*) => {
        /// Why a datagram was dropped.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Dropped { $(#[doc = $says] $reason,)* }

        impl Dropped {
            /// All reasons, in the order in which a datagram meets them.
            pub const ALL: &'static [Dropped] = &[$(Dropped::$reason),*];

            /// Its name, for metrics.
            pub const fn name(self) -> &'static str {
                match self { $(Dropped::$reason => $name,)* }
            }
        }
    };
}

reasons! {
    Short "short" "It is too short to be one."
    NotOurs "not_ours" "It does not begin as ours do."
    OtherVersion "other_version" "It is of a version that is not spoken here."
    OtherCluster "other_cluster" "It is of another cluster."
    OtherReceiver "other_receiver" "It is for another server."
    OtherSeal "other_seal" "It has no tag, and this cluster has a key; or the other way round."
    WrongSeal "wrong_seal" "Its tag or its checksum is not that of its bytes."
    UnknownSender "unknown_sender" "It is from nobody who is known."
    Malformed "malformed" "What it says is no message."
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { datagram_bytes_max: DATAGRAM_BYTES_MAX }
    }
}

impl Limits {
    /// Datagrams of at most so many bytes; `None` if a command of a hundred bytes, or a chunk of a snapshot with the
    /// names of all servers, would not fit, or UDP would not carry it.
    pub fn new(datagram_bytes_max: usize) -> Option<Limits> {
        let least = FRAME_BYTES_MAX + SERVERS_MAX * SERVER_BYTES_MAX + 100;
        let fits = (least..=DATAGRAM_BYTES_MAX).contains(&datagram_bytes_max);
        fits.then_some(Limits { datagram_bytes_max })
    }

    /// The longest datagram, in bytes.
    pub fn datagram_bytes_max(self) -> usize {
        self.datagram_bytes_max
    }

    /// The longest command that fits into a datagram with all that is around it, in bytes.
    pub fn command_bytes_max(self) -> usize {
        self.datagram_bytes_max - FRAME_BYTES_MAX - ENTRY_BYTES_MAX
    }

    /// The longest chunk of a snapshot, in bytes: for [`Config::with_max_chunk`](raftlab_core::Config::with_max_chunk).
    pub fn chunk_bytes_max(self) -> usize {
        self.datagram_bytes_max - FRAME_BYTES_MAX - SERVERS_MAX * SERVER_BYTES_MAX
    }

    /// Leaves out the last entries, if all of them do not fit; never the first.
    fn trim(self, message: &mut Message) {
        let Body::AppendEntries { entries, .. } = &mut message.body else { return };
        let mut left = self.datagram_bytes_max - FRAME_BYTES_MAX;
        let fit = entries.iter().take_while(|entry| {
            let rest = left.checked_sub(entry_bytes_max(entry));
            left = rest.unwrap_or(0);
            rest.is_some()
        });
        let fit = fit.count().max(1);
        entries.truncate(fit);
    }
}

/// How many bytes an entry takes, at most.
fn entry_bytes_max(entry: &Entry) -> usize {
    let payload = match &entry.payload {
        Payload::Noop => 0,
        Payload::Command(command) => command.0.len(),
        Payload::Membership(membership) => servers_bytes_max(membership),
    };
    ENTRY_BYTES_MAX + payload
}

fn servers_bytes_max(membership: &Membership) -> usize {
    membership.servers().count() * SERVER_BYTES_MAX
}

impl Codec {
    /// Datagrams of `own` in this cluster. `incarnation` is to be another one at each start.
    pub fn new(cluster: u128, own: NodeId, incarnation: u64, key: Option<Key>, limits: Limits) -> Codec {
        Codec { cluster, own, incarnation, key, limits }
    }

    /// What fits into datagrams.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// May it be spoken where others listen? Without a key anybody who reaches the port could say anything.
    pub fn has_key(&self) -> bool {
        self.key.is_some()
    }

    /// Writes a datagram into `bytes`, in place of what is there. Of entries that do not fit, the last are left out.
    /// `None` if it does not fit even so: nothing that [`Limits`] allow is so long.
    pub fn encode(
        &self,
        to: NodeId,
        (sequence, stamps): (u64, Stamps),
        mut message: Message,
        bytes: &mut Vec<u8>,
    ) -> Option<()> {
        self.limits.trim(&mut message);
        bytes.clear();
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&[VERSION, u8::from(self.key.is_some()), 0, 0]);
        bytes.extend_from_slice(&self.cluster.to_le_bytes());
        for word in [self.own.0, to.0, self.incarnation, sequence] {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        for word in [stamps.sent, stamps.echo, stamps.held] {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        *bytes = postcard::to_extend(&message, std::mem::take(bytes)).ok()?;
        match &self.key {
            Some(key) => bytes.extend_from_slice(&key.tag(bytes)),
            None => bytes.extend_from_slice(&crc32c::crc32c(bytes).to_le_bytes()),
        }
        (bytes.len() <= self.limits.datagram_bytes_max).then_some(())
    }

    /// Reads a datagram. Whatever it is, this does not panic, and takes no more memory than some times its length: what
    /// claims to be long has to be there.
    ///
    /// # Errors
    ///
    /// Why it is to be dropped.
    pub fn decode(&self, bytes: &[u8], is_known: impl Fn(NodeId) -> bool) -> Result<Received, Dropped> {
        let seal_bytes = if self.key.is_some() { TAG_BYTES } else { CHECKSUM_BYTES };
        if bytes.len() < HEADER_BYTES + seal_bytes {
            return Err(Dropped::Short);
        }
        let (sealed, seal) = bytes.split_at(bytes.len() - seal_bytes);
        let word = |at: usize| u64::from_le_bytes(sealed[at..at + 8].try_into().unwrap_or_default());
        let from = NodeId(word(24));
        let is_sealed = || match &self.key {
            Some(key) => key.is_tag(sealed, seal),
            None => crc32c::crc32c(sealed).to_le_bytes() == seal,
        };
        let is = |holds: bool, or: Dropped| if holds { Ok(()) } else { Err(or) };
        is(&sealed[..4] == MAGIC, Dropped::NotOurs)?;
        is(sealed[4] == VERSION, Dropped::OtherVersion)?;
        is(sealed[8..24] == self.cluster.to_le_bytes(), Dropped::OtherCluster)?;
        is(word(32) == self.own.0, Dropped::OtherReceiver)?;
        is(sealed[5..8] == [u8::from(self.key.is_some()), 0, 0], Dropped::OtherSeal)?;
        is(is_sealed(), Dropped::WrongSeal)?;
        is(from != self.own && is_known(from), Dropped::UnknownSender)?;
        match postcard::take_from_bytes(&sealed[HEADER_BYTES..]) {
            Ok((message, [])) => {
                let half = |at: usize| u32::from_le_bytes(sealed[at..at + 4].try_into().unwrap_or_default());
                let stamps = Stamps { sent: half(56), echo: half(60), held: half(64) };
                Ok(Received { from, incarnation: word(40), sequence: word(48), stamps, message })
            }
            _ => Err(Dropped::Malformed),
        }
    }
}
