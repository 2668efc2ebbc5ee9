//! A path through a world, step by step, with all that each step did and why: what traces record and renderers draw.

use std::fmt::Write as _;

use raftlab_core::{Appended, Body, Index, Message, NodeId, Raft, Role, Standing};
use raftlab_model::{Action, Done, Event, RaftModel, Sent, Server, World, at, label};

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
        let mut lines: Vec<String> =
            step.done.written.iter().map(|write| format!("{id} disk: {write}")).collect();
        if matches!(event, Event::Fault(fault) if fault.is_restart()) {
            lines.push(format!("{id} restarts with {after}"));
            lines.extend(kept(after));
        } else {
            lines.extend(changes(&before.raft, &after.raft));
        }
        if self.changes_configuration {
            lines.push(configuration(&after.raft));
        }
        for entry in after.ghosts.applied.iter().skip(before.ghosts.applied.len()) {
            lines.push(format!("{id} applies {entry}"));
        }
        lines.extend(after.executions_since(before));
        if after.ghosts.answered > before.ghosts.answered {
            lines.push(format!("{id} answers a read from the log up to {}", after.applied));
        }
        lines.extend(
            step.done.sent.iter().map(|(to, message)| Sent { from: *id, to: *to, message }.to_string()),
        );
        lines.extend(
            after.broken.iter().map(|broken| format!("{id} breaks `{}`: {}", broken.property, broken.why)),
        );
        lines.extend(step.why.iter().map(|why| format!("because {why}")));
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

/// Why the server decided as it did.
fn why(before: &Server, event: &Event, after: &Server, done: &Done) -> Vec<String> {
    let mut reasons = Vec::new();
    if let Event::Deliver { from, message } = event {
        reasons.extend(why_of_message(before, *from, message, after, done));
    }
    reasons.extend(why_no_commit(&before.raft, event, &after.raft));
    reasons
}

fn why_of_message(
    before: &Server,
    from: NodeId,
    message: &Message,
    after: &Server,
    done: &Done,
) -> Option<String> {
    let (was, is) = (&before.raft, &after.raft);
    let id = was.id();
    let answered = |body: &Body| done.sent.iter().any(|(to, sent)| *to == from && sent.body == *body);
    match &message.body {
        _ if answered(&Body::NewerTerm) => {
            Some(format!("{id} is in term {}, and {from} asks in term {} (§5.1)", is.term(), message.term))
        }
        Body::RequestVote { last, .. } if answered(&Body::VoteReply { granted: false }) => {
            Some(match is.voted_for() {
                Some(vote) if vote != from && was.term() == is.term() => {
                    format!("{id} did not grant: it voted for {vote} in term {} (§5.2)", is.term())
                }
                _ => format!(
                    "{id} did not grant: its log ends in {}, newer than the candidate's {last} (§5.4.1)",
                    is.log().last()
                ),
            })
        }
        Body::AppendEntries { prev, .. } => {
            let rejected = done.sent.iter().any(|(_, sent)| {
                matches!(sent.body, Body::AppendReply { answer: Appended::Rejected { .. }, .. })
            });
            let held = was.log().get(prev.index).map_or("nothing".into(), |entry| entry.id.to_string());
            rejected.then(|| {
                format!("{id} did not append: at index {} it holds {held}, not {prev} (§5.3)", prev.index)
            })
        }
        Body::PreVote { last } if answered_pre_vote(done, false) => Some(match was.leader() {
            Some(leader) if leader == id => format!("{id} encourages nobody: it leads (D 9.6)"),
            Some(leader) if *last >= was.log().last() => {
                format!("{id} encourages nobody: it hears {leader} (D 9.6)")
            }
            _ => format!("{id} would not vote for {from}: its log ends in {} (D 9.6)", was.log().last()),
        }),
        Body::PreVoteReply { granted: true, .. } if is.term() > was.term() => Some(format!(
            "{id} would get the votes of a majority, and asks for them in term {} (D 9.6)",
            is.term()
        )),
        Body::VoteReply { granted: true } if is.is_leader() && !was.is_leader() => {
            Some(format!("{id} has the votes of a majority in term {} (§5.2)", is.term()))
        }
        Body::TimeoutNow if is.term() > was.term() => {
            Some(format!("{id} has all that {from} has, and is to take over (D 3.10)"))
        }
        _ if is.term() > was.term() => {
            Some(format!("{id} saw term {}, newer than its own {} (§5.1)", is.term(), was.term()))
        }
        _ => None,
    }
}

/// Was a pre-vote answered in this way?
fn answered_pre_vote(done: &Done, in_this_way: bool) -> bool {
    let is_it = |body: &Body| matches!(body, Body::PreVoteReply { granted, .. } if *granted == in_this_way);
    done.sent.iter().any(|(_, message)| is_it(&message.body))
}

/// A leader heard of a majority for an entry that it may not commit: Figure 8.
fn why_no_commit(was: &Raft, event: &Event, is: &Raft) -> Option<String> {
    let Event::Deliver {
        message: Message { body: Body::AppendReply { answer: Appended::Accepted { matched }, .. }, .. },
        ..
    } = event
    else {
        return None;
    };
    let term = is.log().term_at(*matched)?;
    let waits = is.is_leader() && is.commit() < *matched && was.commit() == is.commit() && term < is.term();
    waits.then(|| {
        let mut why = String::new();
        let _ = write!(
            why,
            "{} does not commit index {matched}: it is of term {term}, and only an entry of its own ",
            is.id()
        );
        let _ = write!(why, "term {} is committed by counting (§5.4.2)", is.term());
        why
    })
}
