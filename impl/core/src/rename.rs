//! Servers under other names. Nothing in the protocol depends on how a server is called: names are compared for
//! equality and counted, never ordered to decide (§5). So a server that is renamed, with all that it knows of others,
//! does under the new names what it did under the old ones, and a checker that has walked through one state has
//! walked through all that differ from it by names only.
//!
//! For checkers alone, hence behind the feature `rename`. Whatever is renamed is taken apart field by field: a new
//! field does not compile before somebody has asked whether it holds a name.
//!
//! ```
//! use raftlab_core::{Command, Config, Durable, Input, Names, NodeId, Raft, Time, Timer, Voters};
//!
//! /// `n1` and `n2` change places; commands carry no names.
//! struct Swapped;
//!
//! impl Names for Swapped {
//!     fn node(&self, id: NodeId) -> NodeId {
//!         NodeId([0, 2, 1, 3][id.0 as usize])
//!     }
//!     fn command(&self, command: &Command) -> Command {
//!         command.clone()
//!     }
//! }
//!
//! let config = |id| Config::new(NodeId(id), Voters::new([1, 2, 3].map(NodeId)), 16).unwrap();
//! let (mut n1, _) = Raft::recover(config(1), Durable::default());
//! let _ = n1.step(Time::default(), Input::Timeout(Timer::Election));
//! let n2 = n1.renamed(config(2).into(), &Swapped);
//! assert_eq!(n1.to_string(), "n1@1 C 0 vote=n1 [] votes={}");
//! assert_eq!(n2.to_string(), "n2@1 C 0 vote=n2 [] votes={}");
//! ```

use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::config::Config;
use crate::durable::{Durable, Write};
use crate::effects::{Answer, Effects};
use crate::log::{Entry, Log, Payload};
use crate::membership::{Membership, Refusal};
use crate::message::{Body, Message};
use crate::quorum::Voters;
use crate::raft::{QuorumCheck, Raft, Role};
use crate::read::{OpenRound, Reads};
use crate::snapshot::{Incoming, Snapshot};
use crate::types::{Command, NodeId};

/// New names for servers, and for commands: to Raft a command is bytes, but whoever made it may have put a name in.
pub trait Names {
    /// What server `id` is called now. No two servers share a name.
    fn node(&self, id: NodeId) -> NodeId;

    /// The command as it would be under the new names. Different commands stay different.
    fn command(&self, command: &Command) -> Command;

    /// Bytes of the state machine's, all or a chunk, as they would be under the new names, and as many. Where no host
    /// compacts its log, there are none.
    fn state(&self, state: &[u8]) -> Arc<[u8]> {
        state.into()
    }
}

impl Raft {
    /// The same server under its new name. `config` is the one that a server of that name has.
    ///
    /// # Panics
    ///
    /// If `config` is another server's.
    #[must_use]
    pub fn renamed(&self, config: Arc<Config>, names: &impl Names) -> Raft {
        let Raft { config: old, term, voted_for, snapshot, log, incoming, commit, role } = self;
        assert_eq!(config.id(), names.node(old.id()), "a server gets the configuration of its new name");
        let voted_for = voted_for.map(|vote| names.node(vote));
        Raft {
            config,
            term: *term,
            voted_for,
            snapshot: snapshot.as_ref().map(|snapshot| snapshot.renamed(names).into()),
            log: log.renamed(names),
            incoming: incoming.as_ref().map(|incoming| incoming.renamed(names).into()),
            commit: *commit,
            role: role.renamed(names),
        }
    }
}

impl Role {
    fn renamed(&self, names: &impl Names) -> Role {
        match self {
            Role::Follower { leader, in_contact } => {
                Role::Follower { leader: leader.map(|leader| names.node(leader)), in_contact: *in_contact }
            }
            Role::PreCandidate { votes } => Role::PreCandidate { votes: renamed_all(votes, names) },
            Role::Candidate { votes } => Role::Candidate { votes: renamed_all(votes, names) },
            Role::Leader { durable, peers, quorum: QuorumCheck { heard, awaited }, transfer, reads } => {
                Role::Leader {
                    durable: *durable,
                    peers: peers.iter().map(|(peer, progress)| (names.node(*peer), *progress)).collect(),
                    quorum: QuorumCheck { heard: renamed_all(heard, names), awaited: *awaited },
                    transfer: transfer.map(|to| names.node(to)),
                    reads: reads.renamed(names),
                }
            }
        }
    }
}

fn renamed_all(servers: &BTreeSet<NodeId>, names: &impl Names) -> BTreeSet<NodeId> {
    servers.iter().map(|server| names.node(*server)).collect()
}

impl Reads {
    /// Who confirmed a round has a name; a read has none that Raft knows of.
    fn renamed(&self, names: &impl Names) -> Reads {
        let Reads { round, open, waiting, logged, lease } = self;
        let open = open.as_ref().map(|OpenRound { index, reads, confirmed, sent }| OpenRound {
            index: *index,
            reads: reads.clone(),
            confirmed: renamed_all(confirmed, names),
            sent: *sent,
        });
        Reads { round: *round, open, waiting: waiting.clone(), logged: logged.clone(), lease: *lease }
    }
}

impl Snapshot {
    /// The same snapshot under new names.
    #[must_use]
    pub fn renamed(&self, names: &impl Names) -> Snapshot {
        let Snapshot { last, membership, state } = self;
        Snapshot { last: *last, membership: membership.renamed(names).into(), state: names.state(state) }
    }
}

impl Incoming {
    fn renamed(&self, names: &impl Names) -> Incoming {
        let Incoming { last, data } = self;
        Incoming { last: *last, data: names.state(data).to_vec() }
    }
}

impl Durable {
    /// The same disk under new names.
    #[must_use]
    pub fn renamed(&self, names: &impl Names) -> Durable {
        let Durable { term, voted_for, snapshot, log } = self;
        Durable {
            term: *term,
            voted_for: voted_for.map(|vote| names.node(vote)),
            snapshot: snapshot.as_ref().map(|snapshot| snapshot.renamed(names).into()),
            log: log.renamed(names),
        }
    }
}

impl Write {
    /// The same record under new names.
    #[must_use]
    pub fn renamed(&self, names: &impl Names) -> Write {
        match self {
            Write::Vote { term, voted_for } => {
                Write::Vote { term: *term, voted_for: voted_for.map(|vote| names.node(vote)) }
            }
            Write::Log { after, entries } => Write::Log {
                after: *after,
                entries: entries.iter().map(|entry| entry.renamed(names)).collect(),
            },
            Write::Snapshot(snapshot) => Write::Snapshot(snapshot.renamed(names).into()),
        }
    }
}

impl Log {
    /// The same log under new names.
    #[must_use]
    pub fn renamed(&self, names: &impl Names) -> Log {
        let entries: Vec<Entry> = self.entries().iter().map(|entry| entry.renamed(names)).collect();
        let mut log = Log::starting_after(self.base());
        log.replace_after(self.base().index, &entries);
        log
    }
}

impl Entry {
    /// The same entry under new names. Who wrote it shows in its command only: a term is nobody's name.
    #[must_use]
    pub fn renamed(&self, names: &impl Names) -> Entry {
        let Entry { id, payload } = self;
        let payload = match payload {
            Payload::Noop => Payload::Noop,
            Payload::Command(command) => Payload::Command(names.command(command)),
            Payload::Membership(membership) => Payload::Membership(membership.renamed(names).into()),
        };
        Entry { id: *id, payload }
    }
}

impl Membership {
    /// The same configuration under new names.
    #[must_use]
    pub fn renamed(&self, names: &impl Names) -> Membership {
        let voters = Voters::new(self.voters().iter().map(|id| names.node(id)));
        Membership::of(voters).with_learners(self.learners().map(|id| names.node(id)))
    }
}

impl Refusal {
    fn renamed(self, names: &impl Names) -> Refusal {
        match self {
            Refusal::Present(id) => Refusal::Present(names.node(id)),
            Refusal::Unknown(id) => Refusal::Unknown(names.node(id)),
            Refusal::NotALearner(id) => Refusal::NotALearner(names.node(id)),
            Refusal::NotAVoter(id) => Refusal::NotAVoter(names.node(id)),
            Refusal::Behind { learner, matched, commit } => {
                Refusal::Behind { learner: names.node(learner), matched, commit }
            }
            Refusal::LastVoter(id) => Refusal::LastVoter(names.node(id)),
            nameless @ (Refusal::InFlight { .. }
            | Refusal::NoCommitInTerm { .. }
            | Refusal::NoVoters
            | Refusal::NoChange
            | Refusal::TooFar { .. }) => nameless,
        }
    }
}

impl Message {
    /// The same message under new names. From whom and to whom it goes, the transport says.
    #[must_use]
    pub fn renamed(&self, names: &impl Names) -> Message {
        let Message { term, body } = self;
        let body = match body {
            Body::RequestVote { last, transfer } => Body::RequestVote { last: *last, transfer: *transfer },
            Body::VoteReply { granted } => Body::VoteReply { granted: *granted },
            Body::PreVote { last } => Body::PreVote { last: *last },
            Body::PreVoteReply { asked, granted } => Body::PreVoteReply { asked: *asked, granted: *granted },
            Body::AppendEntries { prev, entries, commit, round } => Body::AppendEntries {
                prev: *prev,
                entries: entries.iter().map(|entry| entry.renamed(names)).collect(),
                commit: *commit,
                round: *round,
            },
            Body::AppendReply { answer, round } => Body::AppendReply { answer: *answer, round: *round },
            Body::InstallSnapshot { last, membership, offset, length, data } => Body::InstallSnapshot {
                last: *last,
                membership: membership.renamed(names).into(),
                offset: *offset,
                length: *length,
                data: names.state(data),
            },
            Body::SnapshotReply { last, held } => Body::SnapshotReply { last: *last, held: *held },
            Body::TimeoutNow => Body::TimeoutNow,
            Body::NewerTerm => Body::NewerTerm,
        };
        Message { term: *term, body }
    }
}

impl Effects {
    /// The same effects under new names. What may leave [early](Effects::early) keeps its order, which between
    /// different receivers is that of their old names: it means nothing, and only who compares lists has to know.
    pub fn renamed(&self, names: &impl Names) -> Effects {
        let Effects { writes, early, late, restored, committed, reads, refused, restart, ignored, answer } =
            self;
        let addressed = |(to, message): &(NodeId, Message)| (names.node(*to), message.renamed(names));
        Effects {
            writes: writes.iter().map(|write| write.renamed(names)).collect(),
            early: early.iter().map(addressed).collect(),
            late: late.iter().map(addressed).collect(),
            restored: restored.as_ref().map(|snapshot| snapshot.renamed(names).into()),
            committed: committed.iter().map(|entry| entry.renamed(names)).collect(),
            reads: reads.clone(),
            refused: refused.clone(),
            restart: restart.clone(),
            ignored: *ignored,
            answer: answer.map(|answer| answer.renamed(names)),
        }
    }
}

impl Answer {
    /// The same answer under new names.
    #[must_use]
    pub fn renamed(&self, names: &impl Names) -> Answer {
        match self {
            Answer::Proposed(id) => Answer::Proposed(*id),
            Answer::Reading => Answer::Reading,
            Answer::NotLeader { leader } => {
                Answer::NotLeader { leader: leader.map(|leader| names.node(leader)) }
            }
            Answer::Transferring { to } => Answer::Transferring { to: names.node(*to) },
            Answer::NoPeer(id) => Answer::NoPeer(names.node(*id)),
            Answer::Refused(refusal) => Answer::Refused(refusal.renamed(names)),
            Answer::Compacted(last) => Answer::Compacted(*last),
            Answer::NotCompacted { base, commit } => Answer::NotCompacted { base: *base, commit: *commit },
        }
    }
}
