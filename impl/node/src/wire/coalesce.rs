//! Of what is to be sent at once, only what says something that the rest does not.

use raftlab_core::{Body, LogId, Message, NodeId};

/// Leaves out each AppendEntries that a later one to the same server repeats. The core sends with every proposal all
/// entries that are not acknowledged; of many that come together the last says all.
///
/// What is left out might as well have been lost, and what is left says at least as much: the same prev, the entries
/// and more, a commitIndex and a round that are no lower. The order of the others stays.
pub fn coalesce(messages: &mut Vec<(NodeId, Message)>) {
    let mut later: Vec<(NodeId, Said)> = Vec::new();
    let mut kept: Vec<bool> = messages
        .iter()
        .rev()
        .map(|(to, message)| {
            let Some(said) = Said::of(message) else { return true };
            let last = later.iter_mut().find(|(server, _)| server == to);
            let is_repeated = last.as_ref().is_some_and(|(_, last)| last.repeats(&said));
            match last {
                Some((_, last)) if !is_repeated => *last = said,
                None => later.push((*to, said)),
                Some(_) => {}
            }
            !is_repeated
        })
        .collect();
    messages.retain(|_| kept.pop().unwrap_or(true));
}

/// What an AppendEntries says, in short: within a term, one leader has one log, so an entry's position says what it is.
struct Said {
    term: raftlab_core::Term,
    prev: LogId,
    entries: usize,
    commit: raftlab_core::Index,
    round: raftlab_core::Round,
}

impl Said {
    fn of(message: &Message) -> Option<Said> {
        match &message.body {
            Body::AppendEntries { prev, entries, commit, round } => {
                let (term, entries) = (message.term, entries.len());
                Some(Said { term, prev: *prev, entries, commit: *commit, round: *round })
            }
            _ => None,
        }
    }

    /// Does this one, which comes later, say all of that?
    fn repeats(&self, earlier: &Said) -> bool {
        self.term == earlier.term
            && self.prev == earlier.prev
            && self.entries >= earlier.entries
            && self.commit >= earlier.commit
            && self.round >= earlier.round
    }
}
