//! Who belongs to the cluster, and the steps in which that changes (§6; dissertation 4.1 to 4.3).

use alloc::collections::BTreeSet;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::quorum::Voters;
use crate::types::{Index, LogId, NodeId, Term, debug_as_display};

/// A configuration: what one entry of the log makes of the cluster, as a whole and not as a difference, so that the
/// latest such entry says all (dissertation 4.1).
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Membership {
    voters: Voters,
    learners: BTreeSet<NodeId>,
}

/// What a server is in a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// It does not belong to it.
    Outside,
    /// It is sent the log, and counts for nothing (dissertation 4.2.1).
    Learner,
    /// Its votes and acknowledgements count.
    Voter,
}

/// One step from a configuration to the next. Any majorities of two that one server tells apart share a server
/// (dissertation 4.1, Figure 4.3); so there is nothing to do in between.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Change {
    /// A server joins, and is sent the log (dissertation 4.2.1).
    AddLearner(NodeId),
    /// A learner that has caught up becomes a voter.
    Promote(NodeId),
    /// A voter becomes a learner.
    Demote(NodeId),
    /// A server leaves.
    Remove(NodeId),
    /// Whatever of these leads to this configuration, if one of them does.
    To(Membership),
}

/// Why a change is refused. Nothing was done then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Refusal {
    /// The one before is not committed yet (dissertation 4.1).
    InFlight {
        /// Where it stands.
        at: LogId,
        /// The leader's commitIndex.
        commit: Index,
    },
    /// The leader has not committed an entry of its own term yet: a change of an older term that it does not know
    /// might be (D. Ongaro, "bug in single-server membership changes", raft-dev, 2015).
    NoCommitInTerm {
        /// The leader's term.
        term: Term,
        /// The last entry that it has committed.
        commit: LogId,
    },
    /// The server belongs to the cluster already.
    Present(NodeId),
    /// The server does not belong to the cluster.
    Unknown(NodeId),
    /// The server is no learner: either it votes already, or it has to join as one first.
    NotALearner(NodeId),
    /// The server is no voter.
    NotAVoter(NodeId),
    /// The learner lacks entries that are committed: a voter that lags could stop the cluster (dissertation 4.2.1).
    Behind {
        /// The learner.
        learner: NodeId,
        /// Its matchIndex.
        matched: Index,
        /// The leader's commitIndex.
        commit: Index,
    },
    /// Without this voter there is none.
    LastVoter(NodeId),
    /// The configuration that is asked for has no voter.
    NoVoters,
    /// The configuration that is asked for is the present one.
    NoChange,
    /// The configuration that is asked for is not one step away.
    TooFar {
        /// How many steps away it is, one server and one standing each.
        steps: usize,
    },
}

impl Membership {
    /// These voters, and no learners.
    pub fn of(voters: Voters) -> Membership {
        Membership { voters, learners: BTreeSet::new() }
    }

    /// The same with these learners, as far as they do not vote.
    #[must_use]
    pub fn with_learners(self, learners: impl IntoIterator<Item = NodeId>) -> Membership {
        let learners = learners.into_iter().filter(|id| !self.voters.contains(*id)).collect();
        Membership { learners, ..self }
    }

    /// The servers whose votes and acknowledgements count.
    pub fn voters(&self) -> &Voters {
        &self.voters
    }

    /// The servers that are sent the log and count for nothing, in ascending order.
    pub fn learners(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.learners.iter().copied()
    }

    /// All of them: voters first, then learners.
    pub fn servers(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.voters.iter().chain(self.learners())
    }

    /// What `id` is in it.
    pub fn standing(&self, id: NodeId) -> Standing {
        if self.voters.contains(id) {
            Standing::Voter
        } else if self.learners.contains(&id) {
            Standing::Learner
        } else {
            Standing::Outside
        }
    }

    /// How many voters may fail while the others still are a majority.
    pub fn tolerates(&self) -> usize {
        self.voters.len().saturating_sub(self.voters.majority())
    }

    /// The configuration after `change`, if there is such a step from this one. Whether it may be taken now is the
    /// leader's to say ([`Raft::check_change`](crate::Raft::check_change)).
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub fn after(&self, change: &Change) -> Result<Membership, Refusal> {
        match *change {
            Change::AddLearner(id) => match self.standing(id) {
                Standing::Outside => Ok(self.with(id, Standing::Learner)),
                Standing::Learner | Standing::Voter => Err(Refusal::Present(id)),
            },
            Change::Promote(id) => match self.standing(id) {
                Standing::Learner => Ok(self.with(id, Standing::Voter)),
                Standing::Outside | Standing::Voter => Err(Refusal::NotALearner(id)),
            },
            Change::Demote(id) => match self.standing(id) {
                Standing::Voter => self.without_vote(id, Standing::Learner),
                Standing::Outside | Standing::Learner => Err(Refusal::NotAVoter(id)),
            },
            Change::Remove(id) => match self.standing(id) {
                Standing::Outside => Err(Refusal::Unknown(id)),
                Standing::Learner => Ok(self.with(id, Standing::Outside)),
                Standing::Voter => self.without_vote(id, Standing::Outside),
            },
            Change::To(ref to) => self.step_to(to).and_then(|step| self.after(&step)),
        }
    }

    /// The one step that leads to `to`.
    fn step_to(&self, to: &Membership) -> Result<Change, Refusal> {
        if to.voters.is_empty() {
            return Err(Refusal::NoVoters);
        }
        let servers: BTreeSet<NodeId> = self.servers().chain(to.servers()).collect();
        let steps = servers.into_iter().flat_map(|id| steps_of(id, self.standing(id), to.standing(id)));
        let steps: alloc::vec::Vec<Change> = steps.collect();
        match steps.as_slice() {
            [] => Err(Refusal::NoChange),
            [step] => Ok(step.clone()),
            more => Err(Refusal::TooFar { steps: more.len() }),
        }
    }

    fn without_vote(&self, id: NodeId, standing: Standing) -> Result<Membership, Refusal> {
        if self.voters.len() == 1 { Err(Refusal::LastVoter(id)) } else { Ok(self.with(id, standing)) }
    }

    fn with(&self, id: NodeId, standing: Standing) -> Membership {
        let but_it = |servers: &mut dyn Iterator<Item = NodeId>| -> BTreeSet<NodeId> {
            servers.filter(|server| *server != id).collect()
        };
        let (mut voters, mut learners) = (but_it(&mut self.voters.iter()), but_it(&mut self.learners()));
        match standing {
            Standing::Outside => {}
            Standing::Learner => _ = learners.insert(id),
            Standing::Voter => _ = voters.insert(id),
        }
        Membership { voters: Voters::new(voters), learners }
    }
}

/// The steps in which a server goes from one standing to another: up through each, down at once.
fn steps_of(id: NodeId, from: Standing, to: Standing) -> impl Iterator<Item = Change> {
    let steps = match (from, to) {
        (Standing::Outside, Standing::Learner) => [Some(Change::AddLearner(id)), None],
        (Standing::Outside, Standing::Voter) => [Some(Change::AddLearner(id)), Some(Change::Promote(id))],
        (Standing::Learner, Standing::Voter) => [Some(Change::Promote(id)), None],
        (Standing::Voter, Standing::Learner) => [Some(Change::Demote(id)), None],
        (Standing::Learner | Standing::Voter, Standing::Outside) => [Some(Change::Remove(id)), None],
        _ => [None, None],
    };
    steps.into_iter().flatten()
}

impl fmt::Display for Membership {
    /// `{n1 n2 n3}`, and with learners `{n1 n2 n3 | n4}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (at, id) in self.voters.iter().enumerate() {
            write!(f, "{}{id}", if at > 0 { " " } else { "" })?;
        }
        for (at, id) in self.learners().enumerate() {
            write!(f, "{}{id}", if at > 0 { " " } else { " | " })?;
        }
        f.write_str("}")
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::AddLearner(id) => write!(f, "add learner {id}"),
            Change::Promote(id) => write!(f, "promote {id}"),
            Change::Demote(id) => write!(f, "demote {id}"),
            Change::Remove(id) => write!(f, "remove {id}"),
            Change::To(membership) => write!(f, "change to {membership}"),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::InFlight { at, commit } => write!(
                f,
                "the change at {at} is in flight: it is committed when commitIndex, {commit}, reaches {}",
                at.index
            ),
            Refusal::NoCommitInTerm { term, commit } => write!(
                f,
                "the leader of term {term} has committed up to {commit}, and nothing of its own term yet"
            ),
            Refusal::Present(id) => write!(f, "{id} belongs to the cluster already"),
            Refusal::Unknown(id) => write!(f, "{id} does not belong to the cluster"),
            Refusal::NotALearner(id) => {
                write!(f, "{id} is no learner: a server joins as one, and is promoted once")
            }
            Refusal::NotAVoter(id) => write!(f, "{id} is no voter"),
            Refusal::Behind { learner, matched, commit } => {
                write!(f, "{learner} holds the log up to {matched}, and {commit} entries are committed")
            }
            Refusal::LastVoter(id) => write!(f, "{id} is the last voter"),
            Refusal::NoVoters => f.write_str("a cluster needs a voter"),
            Refusal::NoChange => f.write_str("the cluster is what it is to become"),
            Refusal::TooFar { steps } => {
                write!(
                    f,
                    "that is {steps} steps away, one server and one standing each, and one is taken at a time"
                )
            }
        }
    }
}

impl core::error::Error for Refusal {}

debug_as_display!(Membership);
