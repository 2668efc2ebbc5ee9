//! What a server says over HTTP, and what it understands: JSON bodies, for clients, `ctl` and `lab` alike.
//!
//! | method and path | takes | gives |
//! |---|---|---|
//! | `POST /v1/kv` | [`KvRequest`] | [`KvResponse`] |
//! | `GET /v1/members` | | [`Members`] |
//! | `POST /v1/members` | [`MemberRequest`] | [`Members`] |
//! | `GET /v1/snapshot` | | the store as of now, in the bytes of a snapshot |
//! | `GET /status` | | [`StatusDocument`] |
//! | `GET /events` | | server-sent [`EventDocument`]s |
//! | `GET /livez`, `GET /readyz` | | `ok`, or 503 and why not |
//! | `GET /metrics` | | Prometheus' text |
//! | `GET /v1/chaos` | | [`ChaosDocument`] |
//! | `POST /v1/chaos` | [`ChaosRequest`](crate::chaos::ChaosRequest) | [`ChaosDocument`] |
//!
//! Whatever is not 200 under `/v1` has an [`ErrorDocument`] for a body; its [`Code`] says what that means for a client,
//! above all whether something may have been done.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::chaos::FaultCount;

/// What is asked of the key-value store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase", deny_unknown_fields)]
pub enum KvRequest {
    /// Opens a session: what is asked in one takes effect once, however often it is sent (dissertation 6.3).
    Open {
        /// How long to wait, in milliseconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout_ms: Option<u64>,
    },
    /// Writes a value.
    Put {
        /// The key.
        key: String,
        /// What it is to have.
        value: String,
        /// In which session.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<SessionRequest>,
        /// How long to wait, in milliseconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout_ms: Option<u64>,
    },
    /// Reads a value.
    Get {
        /// The key.
        key: String,
        /// How much it may lag.
        #[serde(default)]
        consistency: Consistency,
        /// How long to wait, in milliseconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout_ms: Option<u64>,
    },
    /// Writes a value, or removes it, if another one is there.
    Cas {
        /// The key.
        key: String,
        /// What has to be there; `null` for nothing.
        expected: Option<String>,
        /// What is to be there then; `null` for nothing.
        value: Option<String>,
        /// In which session.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<SessionRequest>,
        /// How long to wait, in milliseconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout_ms: Option<u64>,
    },
    /// Removes a value.
    Delete {
        /// The key.
        key: String,
        /// In which session.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<SessionRequest>,
        /// How long to wait, in milliseconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout_ms: Option<u64>,
    },
}

/// Which of a session's commands this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionRequest {
    /// The session, as [`KvResponse::Opened`] named it.
    pub id: u64,
    /// The command's number in it: counted by the client, the same in every retry.
    pub sequence: u64,
    /// The lowest number whose response the client does not have yet.
    pub unanswered: u64,
}

/// How much a read may lag behind what was acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Consistency {
    /// Not at all, in whatever way the server reads (`--read-mode`).
    #[default]
    Linearizable,
    /// Not at all as long as clocks keep what is said of them; refused where servers do not read by leases.
    Lease,
    /// By as much as this server happens to lag.
    Stale,
}

/// What the key-value store came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum KvResponse {
    /// Of `open`.
    Opened {
        /// The session.
        session: u64,
    },
    /// Of `cas`.
    Swapped {
        /// Was the expected value there?
        swapped: bool,
        /// The entry by which it was written, if it was; else 0.
        revision: u64,
        /// What was there instead, if it was not.
        value: Option<String>,
        /// Had it been sent before?
        repeated: bool,
    },
    /// Of `put` and `delete`.
    Written {
        /// The entry by which it was.
        revision: u64,
        /// Was there a value before?
        existed: bool,
        /// Had it been sent before?
        repeated: bool,
    },
    /// Of `get`.
    Value {
        /// What is there, if anything is.
        value: Option<String>,
        /// The entry that wrote it; 0 if nothing is there.
        revision: u64,
    },
}

/// What is asked of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case", deny_unknown_fields)]
pub enum MemberRequest {
    /// A server joins as a learner; where it listens is noted first.
    AddLearner {
        /// Its name.
        server: String,
        /// Where it listens for servers.
        peer: SocketAddr,
        /// Where it listens for clients.
        http: Option<SocketAddr>,
    },
    /// A learner that has caught up becomes a voter.
    Promote {
        /// Its name.
        server: String,
    },
    /// A voter becomes a learner.
    Demote {
        /// Its name.
        server: String,
    },
    /// A server leaves.
    Remove {
        /// Its name.
        server: String,
    },
    /// Another server is to lead.
    MoveLeader {
        /// Its name.
        to: String,
    },
}

/// Who belongs to the cluster, by one server's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Members {
    /// How many acknowledgements commit an entry.
    pub quorum: usize,
    /// How many voters may fail.
    pub tolerates: usize,
    /// Each of them.
    pub members: Vec<Member>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its name.
    pub server: String,
    /// `voter` or `learner`.
    pub standing: String,
    /// Where it listens for servers, if that is known.
    pub peer: Option<SocketAddr>,
    /// Where it listens for clients, if that is known.
    pub http: Option<SocketAddr>,
}

/// How a server stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusDocument {
    /// Its name.
    pub server: String,
    /// The cluster, in hexadecimal.
    pub cluster: String,
    /// The program's version.
    pub version: String,
    /// The process.
    pub pid: u32,
    /// For how long it has run, in milliseconds.
    pub uptime_ms: u64,
    /// `follower`, `pre-candidate`, `candidate` or `leader`.
    pub role: String,
    /// Its term.
    pub term: u64,
    /// Who leads, as far as it knows.
    pub leader: Option<String>,
    /// How far its log is known to be committed.
    pub commit: u64,
    /// How far its state machine was given it.
    pub applied: u64,
    /// Its last entry.
    pub last: u64,
    /// The last entry that a snapshot covers.
    pub base: u64,
    /// The configuration by which it counts.
    pub members: Members,
    /// How many clients wait.
    pub waiting: u64,
    /// How many keys there are.
    pub keys: u64,
    /// How it reads.
    pub read_mode: String,
    /// How long its disk takes to sync, the median of the last syncs, in microseconds.
    pub fsync_p50_us: u64,
    /// The same, of the slowest hundredth.
    pub fsync_p99_us: u64,
    /// As a leader, what it knows of the others.
    pub peers: Vec<PeerStatus>,
}

/// What a leader knows of another server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerStatus {
    /// Its name.
    pub server: String,
    /// matchIndex.
    pub matched: u64,
    /// How many entries it lacks.
    pub lag: u64,
    /// When it was heard last, in milliseconds; nothing if never.
    pub heard_ms_ago: Option<u64>,
    /// How long a datagram takes there and back, in microseconds, if that is known.
    pub round_trip_us: Option<u64>,
}

/// Something that happened to a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventDocument {
    /// When, in microseconds since 1970, by the machine's clock.
    pub unix_us: u64,
    /// The server.
    pub server: String,
    /// Its term.
    pub term: u64,
    /// What: `role`, `leader`, `members`, `snapshot`, `restored`, `truncated` or `fault`.
    pub kind: String,
    /// For people.
    pub text: String,
}

/// The faults that are on, and how often each has struck.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChaosDocument {
    /// What is on, for people, a line each.
    pub active: Vec<String>,
    /// How often each has struck since the start.
    pub fired: Vec<FaultCount>,
}

/// Why something was not done, or may not have been.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorDocument {
    /// For programs.
    pub code: Code,
    /// For people.
    pub error: String,
    /// Of [`Code::NotLeader`]: who leads, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leader: Option<String>,
    /// And where it listens for clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leader_http: Option<SocketAddr>,
}

macro_rules! codes {
    ($($code:ident $status:literal $may_be_done:literal $says:literal)*) => {
        /// What an error means for a client.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Code { $(#[doc = $says] $code,)* }

        impl Code {
            /// All of them.
            pub const ALL: &'static [Code] = &[$(Code::$code),*];

            /// The HTTP status that goes with it.
            pub const fn status(self) -> u16 {
                match self { $(Code::$code => $status,)* }
            }

            /// May what was asked have been done, or still be done? If not, it can be sent again as it is.
            pub const fn may_be_done(self) -> bool {
                match self { $(Code::$code => $may_be_done,)* }
            }
        }
    };
}

codes! {
    NotLeader 421 false "This server does not lead: ask the one that does."
    Busy 503 false "More waits than the server can take: try again later."
    Stopping 503 false "The server stops."
    Replaced 503 false "Another leader's entry stands in the place of this one, which never takes effect: send it again."
    Unknown 504 true "Nothing was heard in time: it may take effect, or not. In a session, send it again."
    TimedOut 504 false "A read was not answered in time."
    Expired 410 true "The session is gone. What was asked was not done now; whether it was before is not known."
    Discarded 409 true "It was done before, and its client has said that it has the response."
    Refused 409 false "The configuration cannot be changed so now."
    Malformed 400 false "The request cannot be read."
    TooLarge 413 false "The request is larger than a datagram between servers may be."
    NoLease 409 false "A lease was asked for, and servers read otherwise here."
    NoChaos 403 false "Faults are not on offer: the server was started without `--chaos`."
    NotFound 404 false "There is nothing under this path."
}
