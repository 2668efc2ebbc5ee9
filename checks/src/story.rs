//! A path through a world, step by step, with all that each step did and why: what traces record and renderers draw.

mod why;

use raftlab_core::{Index, NodeId, Raft, Role, Standing, Timer};
use raftlab_model::{Action, Done, Event, RaftModel, Sent, Server, World, at, label};

pub use self::why::why;

/// A path from the initial state of a model.
#[derive(Clone, Debug)]
pub struct Story {
    /// The state before the first step.
    pub initial: World,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// May the configuration change? Then each step tells which one its server uses.
    changes_configuration: bool,
}

/// One step of a story.
#[derive(Clone, Debug)]
pub struct Step {
    /// What happened.
    pub action: Action,
    /// Where, and what it was for the server there; `None` for what happens to the network.
    pub at: Option<(NodeId, Event)>,
    /// The step as one line.
    pub label: String,
    /// What the server did.
    pub done: Done,
    /// The world after it.
    pub after: World,
    /// Why the server decided as it did, where it decided something: sentences with the section of the paper.
    pub why: Vec<String>,
}

impl Story {
    /// Nothing has happened yet since `initial`.
    pub fn at(model: &RaftModel, initial: World) -> Story {
        let changes_configuration = model.setup().bounds.max_changes > 0;
        Story { initial, steps: Vec::new(), changes_configuration }
    }

    /// Walks `actions` from the initial state of `model`. `None` if one of them is not possible where it stands.
    pub fn of(model: &RaftModel, actions: impl IntoIterator<Item = Action>) -> Option<Story> {
        let mut story = Story::at(model, model.initial());
        for action in actions {
            story.push(model, action)?;
        }
        Some(story)
    }

    /// Takes one more step.
    pub fn push(&mut self, model: &RaftModel, action: Action) -> Option<&Step> {
        let before = self.last();
        let after = model.next(before, action.clone())?;
        let done = model.explain(before, &action);
        let at = at(&action);
        let why = at
            .as_ref()
            .map_or_else(Vec::new, |(id, event)| why(server(before, *id), event, server(&after, *id), &done));
        self.steps.push(Step { label: label(&action), action, at, done, after, why });
        self.steps.last()
    }

    /// The state after the last step.
    pub fn last(&self) -> &World {
        self.steps.last().map_or(&self.initial, |step| &step.after)
    }

    /// The state before step `index`, counted from 0.
    pub fn before(&self, index: usize) -> &World {
        index.checked_sub(1).map_or(&self.initial, |previous| &self.steps[previous].after)
    }

    /// What step `index` did, as the indented lines of a trace.
    pub fn record(&self, index: usize) -> Vec<String> {
        let step = &self.steps[index];
        let Some((id, event)) = &step.at else { return Vec::new() };
        let (before, after) = (server(self.before(index), *id), server(&step.after, *id));
        let Step { done, why, .. } = step;
        Change { event, before, after, done, why }.lines(self.changes_configuration)
    }
}

/// What one step made of its server: of the model or, told in its words, of another host of the same core.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    /// What happened to it.
    pub event: &'a Event,
    /// What it was.
    pub before: &'a Server,
    /// What it became.
    pub after: &'a Server,
    /// What it did.
    pub done: &'a Done,
    /// Why it decided as it did ([`why`]).
    pub why: &'a [String],
}

impl Change<'_> {
    /// As the indented lines of a trace. Where the configuration may change, each step tells which one is used.
    pub fn lines(&self, changes_configuration: bool) -> Vec<String> {
        let Change { event, before, after, done, why } = *self;
        let id = after.raft.id();
        let mut lines: Vec<String> = done.written.iter().map(|write| format!("{id} disk: {write}")).collect();
        if matches!(event, Event::Fault(fault) if fault.is_restart()) {
            lines.push(format!("{id} restarts with {after}"));
            lines.extend(kept(after));
        } else {
            lines.extend(changes(&before.raft, &after.raft));
            lines.extend(contacts(&before.raft, &after.raft));
        }
        if changes_configuration {
            lines.push(configuration(&after.raft));
        }
        lines.extend(applications(before, after));
        lines.extend(after.executions_since(before));
        if after.ghosts.answered > before.ghosts.answered {
            lines.push(format!("{id} answers a read from the log up to {}", after.applied));
        }
        lines.extend(done.sent.iter().map(|(to, message)| Sent { from: id, to: *to, message }.to_string()));
        lines.extend(
            after.broken.iter().map(|broken| format!("{id} breaks `{}`: {}", broken.property, broken.why)),
        );
        lines.extend(why.iter().map(|why| format!("because {why}")));
        lines
    }
}

/// Server `id` of `world`.
///
/// # Panics
///
/// If the world has no such server.
pub fn server(world: &World, id: NodeId) -> &Server {
    world
        .servers()
        .into_iter()
        .find(|server| server.raft.id() == id)
        .expect("labels name servers of their world")
}

/// What a server became, a line for each thing that changed.
fn changes(before: &Raft, after: &Raft) -> Vec<String> {
    let mut lines = Vec::new();
    let (was, is) = (before.role(), after.role());
    if before.term() != after.term() || role(was) != role(is) {
        lines.push(format!(
            "{}@{} {} ⇨ {}@{} {}",
            before.id(),
            before.term(),
            role(was),
            after.id(),
            after.term(),
            role(is)
        ));
    }
    if before.log() != after.log() {
        lines.push(format!("{} log {} ⇨ {}", after.id(), before.log(), after.log()));
    }
    if before.snapshot() != after.snapshot() {
        lines.extend(after.snapshot().map(|snapshot| format!("{} snapshot {snapshot}", after.id())));
    }
    if before.incoming() != after.incoming() {
        lines.extend(after.incoming().map(|part| format!("{} holds {part}", after.id())));
    }
    for peer in after.peers() {
        if let (Some(old), Some(new)) = (before.progress(peer), after.progress(peer))
            && old != new
        {
            lines.push(format!("{} match/next of {peer} {old} ⇨ {new}", after.id()));
        }
    }
    if before.commit() != after.commit() {
        lines.push(format!("{} commit {} ⇨ {}", after.id(), before.commit(), after.commit()));
    }
    lines
}

/// Whom a server hears, and what it is about to do as a leader: noted only where a feature asks for it.
fn contacts(before: &Raft, after: &Raft) -> Vec<String> {
    let id = after.id();
    let mut lines = Vec::new();
    let hears = |raft: &Raft| matches!(raft.role(), Role::Follower { in_contact: true, .. });
    match (hears(before), hears(after), after.leader()) {
        (false, true, Some(leader)) => lines.push(format!("{id} is in contact with {leader}")),
        (true, false, Some(leader)) => lines.push(format!("{id} has lost contact with {leader}")),
        (true, false, None) if before.term() == after.term() => {
            lines.push(format!("{id} waits no longer for a leader"));
        }
        _ => {}
    }
    let hands_over = |raft: &Raft| raft.timers().contains(&Timer::Transfer);
    match (hands_over(before), hands_over(after)) {
        (false, true) => lines.push(format!("{id} hands over, and takes no proposals")),
        (true, false) if after.is_leader() => lines.push(format!("{id} does not hand over any more")),
        _ => {}
    }
    lines
}

/// What the state machine was given.
fn applications(before: &Server, after: &Server) -> Vec<String> {
    let id = after.raft.id();
    let base = after.raft.log().base();
    let news = after.ghosts.applied.iter().skip(before.ghosts.applied.len());
    let (brought, given): (Vec<_>, Vec<_>) = news.partition(|entry| entry.id.index <= base.index);
    let restores = (!brought.is_empty()).then(|| format!("{id} restores its state machine as of {base}"));
    restores.into_iter().chain(given.into_iter().map(|entry| format!("{id} applies {entry}"))).collect()
}

/// What a state machine has after a restart, if it has anything: only in a broken world.
fn kept(server: &Server) -> Option<String> {
    let executed = &server.machine.as_ref()?.executed;
    let has_any = !executed.is_empty() || server.applied > Index(0);
    has_any.then(|| {
        let commands: Vec<_> = executed.iter().map(|(command, _)| command.to_string()).collect();
        let (id, applied) = (server.raft.id(), server.applied);
        format!("{id} takes its log for applied up to {applied}, and has executed [{}]", commands.join(" "))
    })
}

/// By whom a server counts: `n1 votes in {n1 n2 n3 | n4}: 3 voters, quorum 2, tolerates 1 failed`.
fn configuration(raft: &Raft) -> String {
    let (id, members) = (raft.id(), raft.membership());
    let voters = members.voters();
    if voters.is_empty() {
        return format!("{id} knows no configuration");
    }
    let standing = match members.standing(id) {
        Standing::Voter => "votes",
        Standing::Learner => "learns",
        Standing::Outside => "is left out",
    };
    format!(
        "{id} {standing} in {members}: {} voters, quorum {}, tolerates {} failed",
        voters.len(),
        voters.majority(),
        members.tolerates()
    )
}

/// The role as a word.
pub fn role(role: &Role) -> &'static str {
    match role {
        Role::Follower { .. } => "follower",
        Role::PreCandidate { .. } => "pre-candidate",
        Role::Candidate { .. } => "candidate",
        Role::Leader { .. } => "leader",
    }
}
