//! What goes wrong: one sentence, and the exit code that says what kind of failure it is.

use std::io;
use std::path::Path;

use crate::api::Code;
use crate::client::{self, EndpointError, Reason};
use crate::wal::OpenError;

/// Flags make no sense.
pub const USAGE: u8 = 2;
/// Bad input, or a corrupt log.
const DATA: u8 = 65;
/// No leader, or a server is not reached.
const UNAVAILABLE: u8 = 69;
/// Input or output failed.
const IO: u8 = 74;
/// Try again later; or nobody knows whether it was done.
const LATER: u8 = 75;

/// Why the program ends with something else than 0.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Flags that make no sense together.
    #[error("{0}")]
    Usage(String),
    /// An endpoint that is none.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// What a server did not do, or may have done.
    #[error(transparent)]
    Client(#[from] client::Failure),
    /// What a server did not tell.
    #[error(transparent)]
    Server(#[from] Reason),
    /// A log that no server would start from.
    #[error(transparent)]
    Log(#[from] OpenError),
    /// Input that is not what it should be.
    #[error("{0}")]
    Data(String),
    /// It may go better later.
    #[error("{0}")]
    Later(String),
    /// A directory is in use.
    #[error("{0}: try again when it has ended")]
    InUse(io::Error),
    /// The system refuses something.
    #[error("{doing}: {error}")]
    Io {
        /// What was tried.
        doing: String,
        /// What the system said.
        error: io::Error,
    },
    /// What is wrong is printed already, server by server.
    #[error("at least one server is not reached, or not healthy")]
    Unhealthy,
}

impl Failure {
    /// The system refuses this.
    pub fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Failure {
        move |error| Failure::Io { doing: doing.into(), error }
    }

    /// The system refuses something about this file.
    pub fn at(path: &Path) -> impl FnOnce(io::Error) -> Failure + use<> {
        Failure::io(path.display().to_string())
    }

    /// The exit code.
    pub fn exit(&self) -> u8 {
        match self {
            Failure::Usage(_) | Failure::Endpoint(_) => USAGE,
            Failure::Client(client::Failure::Unknown(_)) | Failure::Later(_) | Failure::InUse(_) => LATER,
            Failure::Client(client::Failure::NotDone(reason)) | Failure::Server(reason) => exit_of(reason),
            Failure::Log(OpenError::Io { .. }) => IO,
            Failure::Log(_) | Failure::Data(_) => DATA,
            Failure::Io { error, .. } if error.kind() == io::ErrorKind::BrokenPipe => 0,
            Failure::Io { .. } => IO,
            Failure::Unhealthy => UNAVAILABLE,
        }
    }

    /// What is said on stderr: nothing to a reader that went away (`| head`).
    pub fn says(&self) -> Option<String> {
        (self.exit() != 0).then(|| self.to_string())
    }
}

fn exit_of(reason: &Reason) -> u8 {
    match reason.code() {
        None | Some(Code::NotLeader) => UNAVAILABLE,
        Some(
            Code::Busy
            | Code::Stopping
            | Code::Replaced
            | Code::Unknown
            | Code::TimedOut
            | Code::Expired
            | Code::Discarded
            | Code::Refused,
        ) => LATER,
        Some(Code::Malformed | Code::TooLarge | Code::NoLease | Code::NoChaos | Code::NotFound) => DATA,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(code: Code) -> Reason {
        let server = ([127, 0, 0, 1], 9001).into();
        Reason::Said { server, code, error: "why".into(), leader: None }
    }

    #[test]
    fn an_unknown_outcome_is_said_and_is_no_failure_of_another_kind() {
        let unknown = Failure::Client(client::Failure::Unknown(said(Code::Unknown)));
        assert_eq!(unknown.exit(), 75);
        assert_eq!(
            unknown.says().unwrap(),
            "the outcome is unknown, it may have been done or may be yet: 127.0.0.1:9001 says: why"
        );
    }

    #[test]
    fn each_kind_of_failure_has_its_exit_code() {
        let exit = |code| Failure::Client(client::Failure::NotDone(said(code))).exit();
        assert_eq!(exit(Code::NotLeader), 69);
        assert_eq!([Code::Busy, Code::Refused, Code::TimedOut].map(exit), [75; 3]);
        assert_eq!([Code::Malformed, Code::TooLarge, Code::NoLease].map(exit), [65; 3]);
        let server = ([127, 0, 0, 1], 9001).into();
        assert_eq!(Failure::Server(Reason::Unreachable { server, error: String::new() }).exit(), 69);
        assert_eq!(Failure::Log(OpenError::Missing("log-1".into())).exit(), 65);
        let pipe = Failure::io("printing")(io::ErrorKind::BrokenPipe.into());
        assert_eq!((pipe.exit(), pipe.says()), (0, None));
    }
}
