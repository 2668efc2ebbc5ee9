//! The judgements behind [`PROPERTIES`](crate::PROPERTIES). Each says what it saw when it fails.

use raftlab_core::{Entry, Index, Membership, Role, Voters};

use crate::property::Verdict;
use crate::server::{Observed, StaleRead};

fn check(holds: bool, why: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(why()) }
}

/// The place of what stands at `index` among the entries of a window that begins behind `beyond`.
fn place(index: Index, beyond: Index) -> usize {
    let before = index.0.checked_sub(beyond.0).and_then(|offset| offset.checked_sub(1));
    before.and_then(|place| place.try_into().ok()).unwrap_or(usize::MAX)
}

pub fn election_safety(a: Observed, b: Observed) -> Verdict {
    let shared = a.ghosts.led.iter().find(|term| b.ghosts.led.contains(term));
    shared.map_or(Ok(()), |term| Err(format!("{} and {} both led term {term}", a.id(), b.id())))
}

pub fn leader_append_only(before: Observed, after: Observed) -> Verdict {
    let leads_on =
        before.raft.is_leader() && after.raft.is_leader() && before.raft.term() == after.raft.term();
    let kept = !leads_on || after.entries().starts_with(&before.entries());
    check(kept, || {
        format!(
            "{} led term {} and its log went from {} to {}",
            before.id(),
            before.raft.term(),
            before.raft.log(),
            after.raft.log()
        )
    })
}

pub fn log_matching(a: Observed, b: Observed) -> Verdict {
    let (left, right) = (a.entries(), b.entries());
    let same = left.iter().zip(&*right).rposition(|(x, y)| x.id == y.id).map_or(0, |at| at + 1);
    check(left[..same] == right[..same], || {
        format!(
            "{} and {} share {} but hold {} and {}",
            a.id(),
            b.id(),
            left[same - 1].id,
            a.raft.log(),
            b.raft.log()
        )
    })
}

pub fn leader_completeness(leader: Observed, server: Observed) -> Verdict {
    let term = leader.raft.term();
    if !leader.raft.is_leader() {
        return Ok(());
    }
    let mut older = server.committed().filter(|(_, committed_in)| *committed_in < term);
    let held = leader.entries();
    let has = |entry: &Entry| held.get(place(entry.id.index, leader.beyond)) == Some(entry);
    let missing = older.find(|(entry, _)| !has(entry));
    missing.map_or(Ok(()), |(entry, in_term)| {
        let (l, s) = (leader.raft, server.raft);
        Err(format!(
            "{} leads term {term} with {}, and {} had committed {entry} in term {in_term}",
            l.id(),
            l.log(),
            s.id()
        ))
    })
}

pub fn state_machine_safety(servers: &[Observed]) -> Verdict {
    for a in servers {
        if let Some(entry) = &a.ghosts.misapplied {
            return Err(format!("{} applied {entry} after it had applied {:?}", a.id(), a.ghosts.applied));
        }
        for b in servers {
            let mut both = a.ghosts.applied.iter().zip(&b.ghosts.applied);
            if let Some((x, y)) = both.find(|(x, y)| x != y) {
                return Err(format!(
                    "{} applied {x} and {} applied {y} at index {}",
                    a.id(),
                    b.id(),
                    x.id.index
                ));
            }
        }
    }
    Ok(())
}

pub fn committed_on_a_quorum(servers: &[Observed]) -> Verdict {
    let has = |id, entry: &Entry| servers.iter().any(|server| server.id() == id && server.has_durable(entry));
    for server in servers {
        for (entry, _) in server.committed() {
            let mut counted = servers.iter().flat_map(|leader| leader.counted(entry.id.index)).peekable();
            let founders = counted.peek().is_none().then(|| founders(servers));
            for voters in counted.map(Membership::voters).chain(founders) {
                let held = voters.iter().filter(|voter| has(*voter, entry)).count();
                check(held >= voters.majority(), || {
                    let (id, all) = (server.id(), voters.len());
                    format!("{id} took {entry} for committed, and {held} of {all} disks hold it")
                })?;
            }
        }
    }
    Ok(())
}

/// The voters of the new cluster. Who joins it later was not told.
pub fn founders<'a>(servers: &[Observed<'a>]) -> &'a Voters {
    let told = servers.iter().map(|server| server.raft.config().members().voters());
    told.max_by_key(|voters| voters.len()).expect("a world has servers")
}

pub fn commit_rule(before: Observed, after: Observed) -> Verdict {
    let (from, to) = (before.raft.commit(), after.raft.commit());
    if !before.raft.is_leader() || before.raft.term() != after.raft.term() || to <= from {
        return Ok(());
    }
    let voters = after.raft.membership().voters();
    let holds = |id| match after.raft.role() {
        Role::Leader { durable, .. } if id == after.id() => *durable >= to,
        Role::Leader { peers, .. } => peers.get(&id).is_some_and(|progress| progress.matched >= to),
        // It committed its own removal, and what it knew of the others is gone: that is left to their disks.
        _ => true,
    };
    let is_of_its_term = after.raft.log().term_at(to) == Some(after.raft.term());
    check(is_of_its_term && voters.are_majority(holds), || {
        let (leader, all) = (after.raft, voters.len());
        let holders = voters.iter().filter(|id| holds(*id)).count();
        format!(
            "{}@{} committed {from} to {to}: {holders} of {all} servers match, log {}",
            leader.id(),
            leader.term(),
            leader.log()
        )
    })
}

pub fn match_is_true(leader: Observed, follower: Observed) -> Verdict {
    let Some(progress) = leader.raft.progress(follower.id()) else { return Ok(()) };
    if leader.raft.term() != follower.raft.term() {
        return Ok(());
    }
    let entries = leader.entries();
    let expected = progress.matched.0.saturating_sub(leader.beyond.0);
    let matched = &entries[..entries.len().min(expected.try_into().unwrap_or(usize::MAX))];
    let covers = matched.len() as u64 == expected;
    check(covers && matched.iter().all(|entry| follower.has_durable(entry)), || {
        let (l, f) = (leader.raft, follower.disk);
        format!(
            "{} takes {} for matched to {}: it has {}, the follower's disk {}",
            l.id(),
            follower.id(),
            progress.matched,
            l.log(),
            f.log
        )
    })
}

pub fn next_above_match(leader: Observed) -> Verdict {
    let Role::Leader { peers, .. } = leader.raft.role() else { return Ok(()) };
    let below = peers.iter().find(|(_, progress)| progress.next <= progress.matched);
    below.map_or(Ok(()), |(peer, progress)| {
        Err(format!(
            "{} has matchIndex {} and nextIndex {} for {peer}",
            leader.id(),
            progress.matched,
            progress.next
        ))
    })
}

pub fn match_monotone(before: Observed, after: Observed) -> Verdict {
    if before.raft.term() != after.raft.term() {
        return Ok(());
    }
    for peer in before.raft.peers() {
        if let (Some(was), Some(is)) = (before.raft.progress(peer), after.raft.progress(peer)) {
            check(was.matched <= is.matched, || {
                format!("{}'s matchIndex of {peer} fell from {} to {}", before.id(), was.matched, is.matched)
            })?;
        }
    }
    Ok(())
}

pub fn commit_monotone(before: Observed, after: Observed) -> Verdict {
    let (was, is) = (before.raft.commit(), after.raft.commit());
    check(was <= is, || format!("{}'s commitIndex fell from {was} to {is}", before.id()))
}

pub fn term_monotone(before: Observed, after: Observed) -> Verdict {
    let (was, is) = (before.raft.term(), after.raft.term());
    check(was <= is, || format!("{}'s term fell from {was} to {is}", before.id()))
}

pub fn vote_set_once(before: Observed, after: Observed) -> Verdict {
    let (was, is) = (before.raft, after.raft);
    let kept = was.term() != is.term() || was.voted_for().is_none() || was.voted_for() == is.voted_for();
    check(kept, || {
        let now = is.voted_for().map_or("nobody".to_string(), |vote| vote.to_string());
        let old = was.voted_for().map_or(String::new(), |vote| vote.to_string());
        format!("{} voted for {old} in term {} and now for {now}", was.id(), was.term())
    })
}

pub fn linearizable_reads(server: Observed) -> Verdict {
    server.ghosts.stale.map_or(Ok(()), |StaleRead { known, shown }| {
        Err(format!(
            "{} answered a read from the log up to {shown}, and {known} had been acknowledged before it came",
            server.id()
        ))
    })
}
