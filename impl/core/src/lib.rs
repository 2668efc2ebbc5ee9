//! Raft as a pure function: one input in, effects out.
//!
//! The protocol of Ongaro and Ousterhout, *In Search of an Understandable Consensus Algorithm* (extended version; §
//! numbers here are its sections) and of Ongaro's dissertation *Consensus: Bridging Theory and Practice* (D or
//! "dissertation" here). This crate decides; it performs nothing. A host feeds it what happens and carries out what it
//! asks for:
//!
//! ```
//! use raftlab_core::{Config, Durable, Input, NodeId, Raft, Time, Timer, Voters};
//!
//! let voters = Voters::new([NodeId(1), NodeId(2), NodeId(3)]);
//! let config = Config::new(NodeId(1), voters, 16)?;
//! let (mut n1, _start_timers) = Raft::recover(config, Durable::default());
//!
//! // The election timer fires: n1 wants a vote of its own on disk first, and then to ask for the others'.
//! let effects = n1.step(Time(150_000), Input::Timeout(Timer::Election));
//! assert_eq!(format!("{:?}", effects.writes()), "[term 1 vote n1]");
//! let outbox = effects.persist(|_writes| Ok::<(), ()>(())).unwrap();
//! assert_eq!(format!("{:?}", outbox.messages[0]), "(n2, @1 RequestVote last=0@0)");
//! assert_eq!(n1.to_string(), "n1@1 C 0 vote=n1 [] votes={}");
//! # Ok::<(), raftlab_core::ConfigError>(())
//! ```
//!
//! # Where to read
//!
//! | file | subject |
//! |---|---|
//! | `raft.rs` | the state of a server, `recover`, `step`, the rule of terms |
//! | `election.rs` | §5.2, §5.4.1: campaigning, voting, winning |
//! | `replication.rs` | §5.3, §5.4.2: appending, acknowledging, committing |
//! | `contact.rs` | D 4.2.3, 6.2, 9.6: pre-vote, check-quorum, who is heard |
//! | `membership.rs`, `reconfigure.rs` | §6, D 4: configurations, and the steps from one to the next |
//! | `transfer.rs` | D 3.10: a leader hands over |
//! | `snapshot.rs` | §7, D 5: compaction, and snapshots for those who fell behind it |
//! | `read.rs`, `lease.rs` | D 6.4: reads that are not stale |
//! | `session.rs` | D 6.3: commands that are sent again take effect once; for the host's state machine |
//! | `effects.rs` | inputs, timers, effects, and the order of disk and network |
//! | `part.rs` | effects by their parts, to be compared and no more |
//! | `durable.rs` | what the disk holds, and the records by which it changes |
//! | `log.rs`, `message.rs`, `types.rs` | the nouns |
//! | `quorum.rs`, `progress.rs` | majorities; matchIndex and nextIndex |
//! | `rule.rs` | every safety rule by name: what it says, where, and what falls without it |
//! | `weaken.rs`, `rename.rs` | for checkers, behind features: a rule switched off; servers under other names |
//!
//! # Invariants of this crate
//!
//! - It names no clock, socket, file, thread, random number or log line, and no order of iteration that is not defined.
//! - Messages other than a leader's AppendEntries, `InstallSnapshot` and `TimeoutNow` cannot be had before the writes
//!   they depend on ([`Effects`]).
//! - A server counts itself towards a majority only when its disk has said so ([`Input::Persisted`]).
//! - [`Write`] is the only way in which durable state changes; replaying writes is recovery.
//! - No input makes it panic. It asserts what the algorithm proves and ignores what no correct server can have sent.
//!
//! # What is absent
//!
//! Each costs what is said here, and none changes what is present. Joint consensus (§6, D 4.3): one server changes at
//! a time. Snapshots are sent by the leader alone, and whole (D 5.1.3 and 5.4 have more). Reads at followers (6.4,
//! last paragraph): a follower sends its clients to the leader. nextIndex does not run ahead of acknowledgements
//! (10.2.2): what is proposed within a round trip is sent together with what was not acknowledged yet, again. A lost
//! RequestVote is not sent again; the next election time-out asks anew. A follower that lost its disk within a
//! leader's term is not repaired in that term: it broke the promise of §5.5, and needs a new name.

#![no_std]

extern crate alloc;

pub mod bytes;
mod config;
mod contact;
mod durable;
mod effects;
mod election;
mod lease;
mod log;
mod membership;
mod message;
mod part;
mod progress;
mod quorum;
mod raft;
mod read;
mod reconfigure;
#[cfg(feature = "rename")]
mod rename;
mod replication;
mod rule;
mod session;
mod snapshot;
mod transfer;
mod types;
#[cfg(feature = "weaken")]
mod weaken;

pub use config::{Config, ConfigError, Features, Lease, ReadMode};
pub use durable::{Durable, Persisted, Write};
pub use effects::{Answer, Effects, Input, Outbox, Readable, Timer};
pub use lease::LeaseHeld;
pub use log::{Entry, Log, Payload, is_continuation};
pub use membership::{Change, Membership, Refusal, Standing};
pub use message::{Appended, Body, Message};
pub use part::{Part, Shown};
pub use progress::Progress;
pub use quorum::Voters;
pub use raft::{QuorumCheck, Raft, Role};
pub use read::{OpenRound, Reads};
#[cfg(feature = "rename")]
pub use rename::Names;
pub use rule::Rule;
pub use session::{Opened, Outcome, Request, Sequence, SessionId, Sessions};
pub use snapshot::{Ignored, Incoming, Snapshot};
pub use types::{Command, Index, LogId, NodeId, ReadId, Round, Span, Term, Time};
