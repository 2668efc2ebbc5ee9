//! The state machine behind each server's log, where clients send commands again (dissertation 6.3), and what must
//! hold of it.
//!
//! A command of the model names its client and its place: `a1` is the first command of the client at `n1`. What it
//! does is to be executed; its response is the index at which that happened. A client's first entry opens its session
//! too, which saves an entry. The clients of the model acknowledge no response: so any command may come again at any
//! time.
//!
//! The state machine is lost in a crash, and rebuilt from the log. It is there only where commands are sent again:
//! elsewhere it would say what the log says.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use raftlab_core::{
    Command, Entry, Index, Names, NodeId, Outcome, Payload, Request, Sequence, SessionId, Sessions,
};

use crate::property::Verdict;
use crate::server::{Observed, Server};
use crate::shim::Shim;

/// A state machine that keeps a list of what it has executed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StateMachine {
    /// The commands that took effect, each with the index of the entry by which it did.
    pub executed: Vec<(Command, Index)>,
    /// For each entry with a command that was applied since the start of the process, the response.
    pub answered: Vec<(Index, Index)>,
    sessions: Sessions<Index>,
    /// The sessions that clients have opened.
    clients: BTreeMap<NodeId, SessionId>,
    /// The next command will fail; only with a weakening.
    fails: bool,
}

/// Clients at most: one at each server.
const CLIENTS_MAX: NonZeroUsize = NonZeroUsize::new(9).expect("not zero");

impl StateMachine {
    pub(crate) fn new() -> StateMachine {
        StateMachine {
            executed: Vec::new(),
            answered: Vec::new(),
            sessions: Sessions::new(CLIENTS_MAX),
            clients: BTreeMap::new(),
            fails: false,
        }
    }

    /// What a restart finds if effects are on disk, and what belongs to them is not.
    pub(crate) fn effects_alone(&self) -> StateMachine {
        StateMachine { executed: self.executed.clone(), ..StateMachine::new() }
    }

    /// What it is after these entries, as a snapshot brings it back: whoever sent them had the answer from another.
    pub(crate) fn restored(mut self, given: &[Entry], host: Option<Shim>) -> StateMachine {
        for entry in given {
            self.apply(entry, host);
        }
        if host == Some(Shim::SnapshotWithoutSessions) {
            return self.effects_alone();
        }
        StateMachine { answered: Vec::new(), ..self }
    }

    /// Will the next command fail?
    pub(crate) fn is_failing(&self) -> bool {
        self.fails
    }

    /// The next command will.
    pub(crate) fn fail(&mut self) {
        self.fails = true;
    }

    pub(crate) fn apply(&mut self, entry: &Entry, host: Option<Shim>) {
        let Payload::Command(command) = &entry.payload else { return };
        if std::mem::take(&mut self.fails) {
            return;
        }
        let at = entry.id.index;
        let Some(request) = self.request(command, at).filter(|_| host != Some(Shim::NoSessions)) else {
            self.executed.push((command.clone(), at));
            self.answered.push((at, at));
            return;
        };
        let executed = &mut self.executed;
        let outcome = self.sessions.apply(at, request, || {
            executed.push((command.clone(), at));
            at
        });
        if let Outcome::Executed(response) | Outcome::Repeated(response) = outcome {
            self.answered.push((at, *response));
        }
    }

    /// The command as its client sent it, in a session that is opened if it has none yet.
    fn request(&mut self, command: &Command, at: Index) -> Option<Request> {
        let (client, place) = proposer(command)?;
        let session = *self.clients.entry(client).or_insert_with(|| self.sessions.open(at).session);
        Some(Request { session, sequence: Sequence(place), unanswered: Sequence(1) })
    }

    /// The same under new names. Sessions are called by indexes, which are nobody's.
    pub(crate) fn renamed(&self, names: &impl Names) -> StateMachine {
        let StateMachine { executed, answered, sessions, clients, fails } = self;
        StateMachine {
            executed: executed.iter().map(|(command, at)| (names.command(command), *at)).collect(),
            answered: answered.clone(),
            sessions: sessions.clone(),
            clients: clients.iter().map(|(client, session)| (names.node(*client), *session)).collect(),
            fails: *fails,
        }
    }
}

/// The value of a proposal: `a1` is the first of `n1`.
pub fn value(proposer: NodeId, place: u32) -> Command {
    Command::new(format!("{}{place}", char::from(letter(proposer))).as_bytes())
}

/// Whose it is, and which of its proposer's.
pub(crate) fn proposer(value: &Command) -> Option<(NodeId, u64)> {
    match &*value.0 {
        [proposer @ b'a'..=b'z', place @ ..] => {
            let place = std::str::from_utf8(place).ok()?.parse().ok()?;
            Some((NodeId(u64::from(proposer - b'a') + 1), place))
        }
        _ => None,
    }
}

/// The same value, had its server another name.
pub(crate) fn renamed_value(value: &Command, node: impl Fn(NodeId) -> NodeId) -> Command {
    match (proposer(value), &*value.0) {
        (Some((proposer, _)), [_, place @ ..]) => Command::new(&[&[letter(node(proposer))], place].concat()),
        _ => value.clone(),
    }
}

fn letter(proposer: NodeId) -> u8 {
    b'a' + u8::try_from((proposer.0 - 1) % 26).unwrap_or(0)
}

impl Server {
    /// What its state machine did in the step from `before`, in lines.
    pub fn executions_since(&self, before: &Server) -> Vec<String> {
        let (Some(was), Some(is)) = (&before.machine, &self.machine) else { return Vec::new() };
        let id = self.raft.id();
        let news = is.answered.get(was.answered.len()..).unwrap_or_default();
        let line = |(at, response): &(Index, Index)| {
            let entry = self.ghosts.applied.get(offset(*at)).map_or(at.to_string(), ToString::to_string);
            if at == response {
                format!("{id} executes {entry}")
            } else {
                format!("{id} answers {entry} as it did at {response}")
            }
        };
        news.iter().map(line).collect()
    }
}

/// A command takes effect once in each state machine, and whoever sends it again is answered as the first time.
pub fn exactly_once(server: Observed) -> Verdict {
    let Some(machine) = server.machine else { return Ok(()) };
    let id = server.id();
    for (at, (command, again)) in machine.executed.iter().enumerate() {
        if let Some((_, first)) = machine.executed[..at].iter().find(|(known, _)| known == command) {
            let given_again = "when it was given that entry again".to_string();
            let when = if first == again { given_again } else { format!("at {again}") };
            return Err(format!("{id} executed {command} at {first}, and executed it again {when}"));
        }
    }
    let given = &server.ghosts.applied;
    for (at, response) in &machine.answered {
        let first = first_place(given, offset(*at)).unwrap_or(*at);
        if *response != first {
            return Err(format!(
                "{id} answered {at} as it did at {response}, and the command was executed at {first}"
            ));
        }
    }
    Ok(())
}

/// What a state machine has executed is what it was given up to lastApplied: the log is read here without a session
/// table.
pub fn machine_is_its_log(server: Observed) -> Verdict {
    let Some(machine) = server.machine else { return Ok(()) };
    let given = &server.ghosts.applied;
    let given = &given[..given.len().min(offset(server.applied.next()))];
    let first = |(at, entry): (usize, &Entry)| match &entry.payload {
        Payload::Command(command) if first_place(given, at) == Some(entry.id.index) => {
            Some((command.clone(), entry.id.index))
        }
        _ => None,
    };
    let expected: Vec<_> = given.iter().enumerate().filter_map(first).collect();
    if machine.executed == expected {
        return Ok(());
    }
    let (id, applied) = (server.id(), server.applied);
    let (shown, expected) = (list(&machine.executed), list(&expected));
    Err(format!(
        "{id} has applied its log up to {applied}, which executes {expected}, and has executed {shown}"
    ))
}

/// Where the command of entry `at` stands first.
fn first_place(given: &[Entry], at: usize) -> Option<Index> {
    let entry = given.get(at)?;
    given.iter().find(|first| first.payload == entry.payload).map(|first| first.id.index)
}

/// The place of an index among all from 1.
fn offset(index: Index) -> usize {
    usize::try_from(index.prev().0).unwrap_or(usize::MAX)
}

/// `[a1 at 2, b1 at 4]`.
fn list(executed: &[(Command, Index)]) -> String {
    let each: Vec<_> = executed.iter().map(|(command, at)| format!("{command} at {at}")).collect();
    format!("[{}]", each.join(", "))
}
