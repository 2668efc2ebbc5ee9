//! Why a server decided as it did, where it decided something: sentences with the section of the paper.

use std::fmt::Write as _;

use raftlab_core::{Appended, Body, LogId, Message, NodeId, Raft, Role};
use raftlab_model::{Done, Event, Server, Tick};

/// Why the server decided as it did.
pub fn why(before: &Server, event: &Event, after: &Server, done: &Done) -> Vec<String> {
    let mut reasons = Vec::new();
    match event {
        Event::Deliver { from, message } => {
            reasons.extend(why_of_message(before, *from, message, after, done));
        }
        Event::Tick(Tick::Quorum) => reasons.push(why_of_quorum(&before.raft, &after.raft)),
        Event::Tick(_) | Event::Fault(_) => {}
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
            let held = match was.log().term_at(prev.index) {
                Some(term) => LogId::new(term, prev.index).to_string(),
                None => "nothing".to_string(),
            };
            rejected.then(|| {
                format!("{id} did not append: at index {} it holds {held}, not {prev} (§5.3)", prev.index)
            })
        }
        Body::RequestVote { .. } if message.term > was.term() && is.term() == was.term() => {
            let whom = was.leader().map_or("a leader".to_string(), |leader| leader.to_string());
            Some(format!("{id} disregards it: it may still follow {whom} (D 4.2.3, 6.4.1)"))
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

/// A leader looked whether it still leads.
fn why_of_quorum(was: &Raft, is: &Raft) -> String {
    let Role::Leader { durable, quorum, .. } = was.role() else { return String::new() };
    let (id, voters) = (was.id(), was.membership().voters());
    let heard: Vec<_> = voters.iter().filter(|voter| quorum.heard.contains(voter)).collect();
    let stays = if is.is_leader() { "leads on" } else { "steps down" };
    match quorum.awaited.filter(|awaited| awaited > durable) {
        Some(awaited) if !is.is_leader() => {
            format!(
                "{id} waits for its own disk, at {durable} and not yet at {awaited}, and {stays} (D 6.2, 10.2.1)"
            )
        }
        _ => {
            let (all, needs) = (voters.len(), voters.majority());
            format!(
                "{id} has heard from {heard:?} of {all} voters and needs {needs} with itself: it {stays} (D 6.2)"
            )
        }
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
