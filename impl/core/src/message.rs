//! What servers say to each other (Figure 2). The term sits once, in the envelope.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::log::{Entry, bracketed};
use crate::membership::Membership;
use crate::types::{Index, LogId, Round, Term, debug_as_display};

/// A message and the sender's term when it was sent. Who sent it, the transport says.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Message {
    /// The sender's currentTerm.
    pub term: Term,
    /// What is said.
    pub body: Body,
}

/// The paper's two remote calls and their answers, and those of the dissertation's extensions.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Body {
    /// A candidate asks for a vote (§5.2).
    RequestVote {
        /// lastLogTerm and lastLogIndex: the end of the candidate's log (§5.4.1).
        last: LogId,
        /// The leader itself asked for this election (dissertation 3.10): who hears it may not disregard it (4.2.3).
        transfer: bool,
    },
    /// A voter's answer, in the term of the request.
    VoteReply {
        /// voteGranted.
        granted: bool,
    },
    /// A server asks whether it would get a vote in the term after its own, which it has not entered (dissertation
    /// 9.6). The one request whose term its receiver does not adopt: it is an enquiry, and changes nothing.
    PreVote {
        /// The end of its log (§5.4.1).
        last: LogId,
    },
    /// The answer. It promises nothing.
    PreVoteReply {
        /// The asker's term when it asked: the voter may be in an older one.
        asked: Term,
        /// Would a vote be granted?
        granted: bool,
    },
    /// A leader replicates entries; with none it is a heartbeat (§5.2, §5.3).
    AppendEntries {
        /// prevLogTerm and prevLogIndex: what stands right before `entries` in the leader's log.
        prev: LogId,
        /// Entries in order, at most [`Config::max_entries`](crate::Config::max_entries).
        entries: Vec<Entry>,
        /// leaderCommit.
        commit: Index,
        /// The leader's latest round, 0 if there was none (dissertation 6.4).
        round: Round,
    },
    /// A follower's answer, in the term of the request.
    AppendReply {
        /// What became of the request.
        answer: Appended,
        /// The round of the request: who answers it has heard the leader since that round began.
        round: Round,
    },
    /// A leader sends a chunk of its snapshot to a follower that needs entries which it has compacted (§7, Figure
    /// 13). In place of Figure 13's `done` it says how long the whole is: so every chunk can be checked by itself.
    InstallSnapshot {
        /// lastIncludedIndex and lastIncludedTerm: the last entry that the snapshot covers.
        last: LogId,
        /// The configuration in force there (dissertation 5.1.1).
        membership: Arc<Membership>,
        /// Where in the state machine's state the chunk belongs, in bytes.
        offset: u64,
        /// How long that state is, in bytes.
        length: u64,
        /// The chunk, at most [`Config::max_chunk`](crate::Config::max_chunk) bytes.
        #[serde(with = "crate::bytes")]
        data: Arc<[u8]>,
    },
    /// A follower's answer as long as it has not all of the snapshot. When it has, and holds it on disk, it answers
    /// as if it had been sent the entries: it agrees up to the last.
    SnapshotReply {
        /// The last entry that the snapshot covers.
        last: LogId,
        /// How many bytes of it the follower holds: where the next chunk belongs.
        held: u64,
    },
    /// A leader hands over: its receiver is to start an election at once (dissertation 3.10).
    TimeoutNow,
    /// The one answer to every request from an older term; only its term is read (§5.1).
    ///
    /// A departure from Figure 2, where such a request is answered by a vote refused or an append failed. The sender
    /// does the same with all of them (it steps down), so one message says it, and cannot be taken for a verdict
    /// about a log.
    NewerTerm,
}

/// What became of an AppendEntries in the term of its sender.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Appended {
    /// The follower's log now agrees with the leader's up to here: prev and the entries sent, and no more. What the
    /// follower holds beyond may be an older term's.
    Accepted {
        /// The last index known to agree.
        matched: Index,
    },
    /// The follower has no entry at `prev`, or one of another term (§5.3).
    Rejected {
        /// The prevLogIndex that was refused: it tells the leader which of its requests this answers.
        prev: Index,
        /// The last position in the follower's log that may still agree (see [`Log::latest_at_or_below`]).
        ///
        /// [`Log::latest_at_or_below`]: crate::Log::latest_at_or_below
        hint: LogId,
    },
}

impl Body {
    /// What it is, in one word: the first of its notation.
    pub const fn name(&self) -> &'static str {
        match self {
            Body::RequestVote { .. } => "RequestVote",
            Body::VoteReply { .. } => "VoteReply",
            Body::PreVote { .. } => "PreVote",
            Body::PreVoteReply { .. } => "PreVoteReply",
            Body::AppendEntries { .. } => "AppendEntries",
            Body::AppendReply { .. } => "AppendReply",
            Body::InstallSnapshot { .. } => "InstallSnapshot",
            Body::SnapshotReply { .. } => "SnapshotReply",
            Body::TimeoutNow => "TimeoutNow",
            Body::NewerTerm => "NewerTerm",
        }
    }

    /// Does it answer a request?
    pub fn is_answer(&self) -> bool {
        match self {
            Body::VoteReply { .. }
            | Body::PreVoteReply { .. }
            | Body::AppendReply { .. }
            | Body::SnapshotReply { .. }
            | Body::NewerTerm => true,
            Body::RequestVote { .. }
            | Body::PreVote { .. }
            | Body::AppendEntries { .. }
            | Body::InstallSnapshot { .. }
            | Body::TimeoutNow => false,
        }
    }
}

impl fmt::Display for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        let granted = |granted: &bool| if *granted { "granted" } else { "refused" };
        match self {
            Body::RequestVote { last, transfer: true } => write!(f, " last={last} transfer"),
            Body::RequestVote { last, transfer: false } | Body::PreVote { last } => write!(f, " last={last}"),
            Body::VoteReply { granted: reply } => write!(f, " {}", granted(reply)),
            Body::PreVoteReply { asked, granted: reply } => write!(f, " asked={asked} {}", granted(reply)),
            Body::AppendEntries { prev, entries, commit, round } => {
                write!(f, " prev={prev} {} commit={commit}", bracketed(entries))?;
                write_round(f, *round)
            }
            Body::AppendReply { answer, round } => {
                write!(f, " {answer}")?;
                write_round(f, *round)
            }
            Body::InstallSnapshot { last, membership, offset, length, data } => {
                let end = offset.saturating_add(data.len() as u64);
                write!(f, " to {last} {membership} bytes {offset}..{end} of {length}")
            }
            Body::SnapshotReply { last, held } => write!(f, " to {last} holds {held} bytes"),
            Body::TimeoutNow | Body::NewerTerm => Ok(()),
        }
    }
}

/// Nothing where there was no round yet.
fn write_round(f: &mut fmt::Formatter<'_>, round: Round) -> fmt::Result {
    if round == Round::default() { Ok(()) } else { write!(f, " round={round}") }
}

impl fmt::Display for Appended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Appended::Accepted { matched } => write!(f, "accepted to {matched}"),
            Appended::Rejected { prev, hint } => write!(f, "rejected prev={prev} hint={hint}"),
        }
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{} {}", self.term, self.body)
    }
}

debug_as_display!(Body, Appended, Message);
