//! Why something was not done, or may have been.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::Duration;

use crate::api::Code;

/// What came of a wish that was not answered with its response. With the response, these are the three outcomes that
/// a client can be told of.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It took no effect, and never will.
    #[error("not done: {0}")]
    NotDone(Reason),
    /// Nobody here knows whether it took effect, or will yet.
    #[error("the outcome is unknown, it may have been done or may be yet: {0}")]
    Unknown(Reason),
}

/// What went wrong when a server was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// There was no connection, so nothing was sent.
    #[error("{server} is not reached: {error}")]
    Unreachable {
        /// Who was asked.
        server: SocketAddr,
        /// What the system said.
        error: String,
    },
    /// The request was sent, and the connection ended before an answer came.
    #[error("the connection to {server} broke before it answered: {error}")]
    Broken {
        /// Who was asked.
        server: SocketAddr,
        /// How it ended.
        error: String,
    },
    /// The request was sent, and no answer came in time.
    #[error("{server} did not answer within {} ms", waited.as_millis())]
    Silent {
        /// Who was asked.
        server: SocketAddr,
        /// For how long it was waited.
        waited: Duration,
    },
    /// The server says why.
    #[error("{server} says: {error}")]
    Said {
        /// Who was asked.
        server: SocketAddr,
        /// For programs.
        code: Code,
        /// For people.
        error: String,
        /// Where the leader listens for clients, if the server named it.
        leader: Option<SocketAddr>,
    },
    /// What came back is none of the answers of `api.rs`.
    #[error(
        "{server} answered what cannot be read, with status {status}: is it the address where a server listens for clients?"
    )]
    Unreadable {
        /// Who was asked.
        server: SocketAddr,
        /// The HTTP status.
        status: u16,
    },
}

impl Failure {
    /// What went wrong.
    pub fn reason(&self) -> &Reason {
        match self {
            Failure::NotDone(reason) | Failure::Unknown(reason) => reason,
        }
    }

    /// What went wrong, where nothing was to be changed.
    pub(super) fn into_reason(self) -> Reason {
        match self {
            Failure::NotDone(reason) | Failure::Unknown(reason) => reason,
        }
    }
}

impl Reason {
    /// May this one attempt have taken effect, or take it yet, if it was to change something?
    pub fn may_be_done(&self) -> bool {
        match self {
            Reason::Unreachable { .. } => false,
            Reason::Broken { .. } | Reason::Silent { .. } => true,
            Reason::Said { code, .. } => code.may_be_done(),
            Reason::Unreadable { status, .. } => !(400..500).contains(status),
        }
    }

    /// What the server said for programs, if it said anything.
    pub fn code(&self) -> Option<Code> {
        match self {
            Reason::Said { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// A short name by which errors are counted: `unreachable`, or the code in the words of the JSON.
    pub fn kind(&self) -> Cow<'static, str> {
        match self {
            Reason::Unreachable { .. } => "unreachable".into(),
            Reason::Broken { .. } => "broken".into(),
            Reason::Silent { .. } => "silent".into(),
            Reason::Unreadable { .. } => "unreadable".into(),
            Reason::Said { code, .. } => {
                let name = serde_json::to_value(code).ok();
                let name = name.and_then(|name| name.as_str().map(str::to_string));
                name.map_or("unnamed".into(), Cow::Owned)
            }
        }
    }

    /// Would every other server, and the same one later, say the same? Then nothing is gained by asking again.
    pub(super) fn is_final(&self) -> bool {
        match self.code() {
            Some(
                Code::NotLeader
                | Code::Busy
                | Code::Stopping
                | Code::Replaced
                | Code::Unknown
                | Code::TimedOut,
            )
            | None => false,
            Some(
                Code::Expired
                | Code::Discarded
                | Code::Refused
                | Code::Malformed
                | Code::TooLarge
                | Code::NoLease
                | Code::NoChaos
                | Code::NotFound,
            ) => true,
        }
    }

    /// Does it say that this attempt did nothing, whatever those before it did?
    pub(super) fn is_harmless(&self) -> bool {
        self.code() == Some(Code::Expired)
    }

    /// Of several things that went wrong, the one of the highest rank is told: what may have been done, before what a
    /// server said, before servers that said nothing.
    pub(super) fn rank(&self) -> u8 {
        match self {
            reason if reason.may_be_done() => 2,
            Reason::Said { .. } => 1,
            _ => 0,
        }
    }
}
