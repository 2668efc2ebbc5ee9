//! A scenario: what is done to a cluster, in order, one command a line, and what is expected to come of it.
//!
//! ```text
//! # A leader dies, and another one takes over.
//! up 3
//! load 8 clients
//! kill leader
//! expect leader within 4s
//! start all
//! expect all agree within 10s
//! down
//! ```
//!
//! A command is data and nothing else: whoever runs it decides how. The words of a person who breaks a live cluster
//! (`lab chaos kill leader`) are read by the same grammar, [`VERBS`], and refused in the same words.

mod check;
mod error;
mod measure;
mod options;
mod parse;
mod soak;
mod verbs;
mod words;
mod write;

use std::path::PathBuf;
use std::time::Duration;

use raftlab_core::NodeId;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

pub use self::error::{Mistake, ScenarioError};
pub use self::measure::Measure;
pub use self::options::ratio;
pub use self::soak::soak;
pub use self::verbs::{Group, VERBS, Verb};
pub use self::write::Time;

/// A scenario that could be read: it begins with `up`, and names no server that cannot be there.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// What it is called: the file's name without its end.
    pub name: String,
    /// The comment with which the file begins, for people.
    pub about: String,
    /// What is done, in order.
    pub steps: Vec<Step>,
}

/// A line of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Where it stands, from 1.
    pub line: usize,
    /// What it says.
    pub command: Command,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Command {
    /// Found a cluster, and start its servers.
    Up {
        /// How many servers, n1 and on.
        servers: u64,
        /// What each is told besides.
        flags: Vec<String>,
    },
    /// Let clients work, while the scenario goes on.
    Load(Load),
    /// Let them stop.
    StopLoad,
    /// Do nothing.
    Wait(Duration),
    /// Measure what clients get done.
    Measure(Measure),
    /// Stop every server that runs, and start it again.
    Restart {
        /// What each is told from now on, in place of what it was told under the same names.
        flags: Vec<String>,
    },
    /// Break something, or mend it.
    Fault(Fault),
    /// Change who belongs to the cluster.
    Member(Member),
    /// Let a client of its own ask for one thing, and go on meanwhile.
    Operate(Operate),
    /// See something come about, or fail.
    Expect(Expect),
    /// This run is to break that, and it is to be found.
    Violates(Violation),
    /// End the cluster.
    Down,
}

/// Clients at work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// How many clients, each asking for one thing at a time.
    pub clients: u32,
    /// For how long; until they are stopped, if absent.
    pub lasts: Option<Duration>,
    /// Reads to writes.
    pub reads: (u32, u32),
    /// On how many keys.
    pub keys: u32,
    /// How many operations a second all of them together begin at most; as many as they can, if absent.
    pub rate: Option<u32>,
}

/// One thing that a client asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operate {
    /// What it is called where its outcome is expected.
    pub name: String,
    /// Under which key.
    pub key: String,
    /// The value to be written; nothing, to read.
    pub value: Option<String>,
    /// Whom it asks, and no other; whoever leads, if absent.
    pub to: Option<Target>,
}

/// What a run is to break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Violation {
    /// What clients were told cannot all be true.
    Linearizability,
    /// A property of the servers falls.
    Safety,
}

/// Which server is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// The one that leads when the command is carried out.
    Leader,
    /// One that does not: the first by name of those that run.
    Follower,
    /// This one.
    Server(NodeId),
}

/// Something that goes wrong, or well again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// A process ends from one moment to the next.
    Kill(Target),
    /// A process ends as it should.
    Stop(Target),
    /// A server that is down starts again; all that are, if none is named.
    Start(Option<NodeId>),
    /// A server does nothing for a while, and does not know of it.
    Pause {
        /// Which.
        server: Target,
        /// For how long.
        lasts: Duration,
    },
    /// No datagram gets from one side to the other.
    Partition {
        /// One side.
        from: Vec<Target>,
        /// The other.
        to: Vec<Target>,
        /// May datagrams pass from `to` to `from`?
        is_one_way: bool,
    },
    /// A server is cut off from all others.
    Isolate(Target),
    /// The link between two servers goes bad.
    Link {
        /// One of them.
        from: Target,
        /// The other.
        to: Target,
        /// How it is from now on.
        quality: Quality,
        /// Is the way back left alone?
        is_one_way: bool,
    },
    /// Every sync of a disk takes longer.
    SlowDisk {
        /// Whose.
        server: Target,
        /// By how much,
        by: Duration,
        /// and by up to so much more.
        jitter: Duration,
    },
    /// No sync of a disk returns.
    StallDisk(Target),
    /// A clock runs too fast, or too slowly.
    Skew {
        /// Whose.
        server: Target,
        /// How fast, in percent of the truth.
        percent: f64,
    },
    /// A clock jumps.
    Jump {
        /// Whose.
        server: Target,
        /// By how much, in milliseconds. A monotonic clock does not go back: it stands still as long.
        ms: i64,
    },
    /// A server's log moves to another directory, as if to another disk: what is wrong with the old one stays there.
    MoveLog {
        /// Whose.
        server: Target,
        /// Where to; a new directory beside the old one, if absent.
        to: Option<PathBuf>,
    },
    /// A bit of a log turns, whose server is down.
    RotDisk(Target),
    /// At its next start a server is told that these founded the cluster, which nobody should ever be told.
    EditCluster {
        /// Which; a new one, if it is not known.
        server: NodeId,
        /// Who are said to have founded the cluster.
        founders: Vec<NodeId>,
    },
    /// Links, disks and clocks are well again.
    Heal,
}

/// What a link does to datagrams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// So many are lost, of 1.
    pub drop: f64,
    /// So many come twice, of 1.
    pub duplicate: f64,
    /// Each is under way for so long,
    pub delay: Duration,
    /// and up to so much longer.
    pub jitter: Duration,
}

/// A change of who belongs to the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Member {
    /// A server joins, catches up, and gets a vote.
    Add(NodeId),
    /// A server leaves, and its process ends.
    Remove(Target),
    /// Servers join until there are so many voters.
    Grow(u64),
    /// Another server is to lead.
    MoveLeader(Target),
    /// A server that is not started is to join, and nobody waits for that: a second change may come meanwhile.
    ProposeAdd {
        /// Which.
        server: NodeId,
        /// What it is called where its outcome is expected.
        name: String,
    },
}

/// Something that has to come about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expect {
    /// What.
    pub what: Expected,
    /// In which time at most.
    pub within: Duration,
}

/// What can be expected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expected {
    /// A server leads, and a majority of its voters say so; this one, if one is named.
    Leader(Option<NodeId>),
    /// No server leads with a majority of its voters behind it.
    NoLeader,
    /// Every server that runs follows the same leader and has applied what was committed when this was asked.
    AllAgree,
    /// So many voters, by the leader's configuration, and that is committed.
    Voters(u64),
    /// Clients are answered: one more operation is done.
    Progress,
    /// A process has ended.
    Down(NodeId),
    /// What a client was told of what it asked for.
    Outcome {
        /// What that is called.
        name: String,
        /// What it was told.
        outcome: Word,
    },
    /// What is under a key, by the state machines of all servers that run, or of this one.
    Value {
        /// The key.
        key: String,
        /// The value; nothing, if there is none.
        value: Option<String>,
        /// Where.
        at: Option<NodeId>,
    },
    /// Uncommitted entries of a server gave way to a leader's.
    Truncated(NodeId),
    /// A server was sent a snapshot, and has installed it.
    Installed(NodeId),
    /// For all of the time the same server leads in the same term, and nobody is in a higher one.
    Steady,
    /// So many leaderships are seen, one after another.
    Leaders(u64),
    /// Two servers lead at once, and each hears a majority of the voters that it knows.
    TwoAtOnce,
}

impl Scenario {
    /// The first line of what it says of itself.
    pub fn title(&self) -> &str {
        self.about.lines().next().unwrap_or_default()
    }

    /// How many servers found the cluster, and what each is told besides.
    ///
    /// # Errors
    ///
    /// If it does not begin with `up`: one that was read does.
    pub fn founding(&self) -> Result<(u64, Vec<String>), Failure> {
        match self.steps.first().map(|step| &step.command) {
            Some(Command::Up { servers, flags }) => Ok((*servers, flags.clone())),
            _ => Err(Failure::internal("a scenario that does not begin with `up` was read")),
        }
    }

    /// What it is to break, if anything.
    pub fn violations(&self) -> Vec<Violation> {
        let of = |step: &Step| match step.command {
            Command::Violates(violation) => Some(violation),
            _ => None,
        };
        self.steps.iter().filter_map(of).collect()
    }
}

impl Violation {
    /// What it is called where it is written.
    pub fn name(self) -> &'static str {
        match self {
            Violation::Linearizability => "linearizability",
            Violation::Safety => "safety",
        }
    }
}

/// What a client was told, in a word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    /// It took effect.
    Done,
    /// It took no effect, and never will.
    Failed,
    /// Nobody knows.
    Unknown,
    /// This was read; nothing, if there was none.
    Read(Option<String>),
}

impl Default for Load {
    fn default() -> Load {
        Load { clients: 8, lasts: None, reads: (1, 1), keys: 16, rate: None }
    }
}
