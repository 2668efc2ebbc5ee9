//! Histories that are short.

use stateright::actor::{Envelope, Id};

use super::LOG_MAX;

/// How a history is kept.
#[derive(Clone, Debug)]
pub struct Recorder {
    /// The one message that it records, if not all.
    pub only: Option<u8>,
    /// How it records.
    pub how: Recording,
}

/// How an envelope is recorded.
#[derive(Clone, Copy, Debug)]
pub enum Recording {
    /// At the end of the log, until that is full.
    Append,
    /// In place of the log.
    Replace,
    /// As a count, modulo 3.
    Count,
    /// Not at all, yet with `Some`.
    Again,
}

/// What happened, as [`Recorder`]s tell it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct History {
    /// Codes of envelopes, or a count.
    pub log: Vec<u8>,
}

impl Recorder {
    /// The next history, if there is one. `direction` tells a message sent from one delivered.
    pub fn record(&self, history: &History, envelope: Envelope<&u8>, direction: u8) -> Option<History> {
        if self.only.is_some_and(|only| only != *envelope.msg) {
            return None;
        }
        let id = |id: Id| u8::try_from(usize::from(id)).expect("an id is small");
        let code = direction + 25 * id(envelope.src) + 5 * id(envelope.dst) + envelope.msg;
        let log = match self.how {
            Recording::Append if history.log.len() == LOG_MAX => return None,
            Recording::Append => history.log.iter().copied().chain([code]).collect(),
            Recording::Replace => vec![code],
            Recording::Count => vec![(history.log.first().unwrap_or(&0) + 1) % 3],
            Recording::Again => history.log.clone(),
        };
        Some(History { log })
    }
}
