//! Messages that can never do anything again. Removing them from the network loses no state of the servers, and cuts
//! the space by orders of magnitude; a test audits the claim.

use raftlab_core::{Appended, Body, Message, NodeId, Progress, Role, Rule};

use crate::server::Server;
use crate::shim::Shim;
use crate::weakening::Way;

/// Can `message` from `from` never again change `receiver`, nor make it send anything?
///
/// Terms grow, neither a candidacy nor a leadership is entered twice in a term, and within a leadership matchIndex
/// grows: what is dead stays dead, as long as the rules that say so are on ([`is_sound_for`]). A term that is not on
/// disk yet may fall, in a crash: what is only as old as that one may be news again.
pub fn is_dead(server: &Server, from: NodeId, message: &Message) -> bool {
    let receiver = &server.raft;
    let (theirs, ours) = (message.term, receiver.term());
    if theirs > server.disk.term {
        return false;
    }
    // With check-quorum a leader hears in any answer that somebody lives, whatever else it says.
    let hears = receiver.is_leader() && receiver.config().features().check_quorum;
    // The answer to a leader: of an older term, or of this one and with no news of the follower in it.
    let is_no_news = |of: &dyn Fn(Progress) -> bool| {
        theirs < ours || theirs == ours && !hears && receiver.progress(from).is_none_or(of)
    };
    match &message.body {
        Body::RequestVote { .. }
        | Body::PreVote { .. }
        | Body::AppendEntries { .. }
        | Body::InstallSnapshot { .. }
        | Body::TimeoutNow => false,
        Body::NewerTerm => theirs <= ours,
        Body::VoteReply { granted } => {
            theirs < ours
                || theirs == ours
                    && (!granted
                        || !matches!(receiver.role(), Role::Candidate { votes } if !votes.contains(&from)))
        }
        // A server may ask again in the same term.
        Body::PreVoteReply { asked, granted } => !granted || *asked < ours.min(server.disk.term),
        // How much a follower holds may rise and fall; that it needs this snapshot ends when it has it, or there is a
        // newer one.
        Body::SnapshotReply { last, .. } => {
            is_no_news(&|progress| last.index < receiver.log().base().index || progress.matched >= last.index)
        }
        // It may be the answer that a round waits for: rounds are not entered twice.
        Body::AppendReply { round, .. } if theirs == ours && receiver.awaits(from, *round) => false,
        Body::AppendReply { answer, .. } => is_no_news(&|progress| match *answer {
            Appended::Accepted { matched } => matched <= progress.matched,
            Appended::Rejected { prev, .. } => prev <= progress.matched || prev >= progress.next,
        }),
    }
}

/// Is [`is_dead`] true of a world that is broken in this way?
pub fn is_sound_for(way: Option<Way>) -> bool {
    match way {
        None => true,
        Some(Way::Rule(rule)) => !matches!(
            rule,
            Rule::TermNeverFalls
                | Rule::VotesOfThisTerm
                | Rule::AcksOfThisTerm
                | Rule::MatchNeverFalls
                | Rule::NextAboveMatch
                | Rule::StepDownOnHigherTerm
                | Rule::RoundTokenIsNew
                | Rule::TermNotOfSnapshot
                // A configuration that a snapshot does not hold makes a leader meet a server again that it had removed.
                | Rule::SnapshotHoldsConfig
        ),
        // Where a disk may lose a term, or a rejection counts as something else, the dead rise.
        Some(Way::Shim(shim)) => !matches!(
            shim,
            Shim::TermNotPersisted
                | Shim::RequestVoteBeforeSync
                | Shim::RejectionTakenForMatch
                | Shim::WriteErrorSwallowed
                | Shim::WipedServerReturns
                // What was acknowledged is forgotten: a leader may be left with a state that fails its own
                // assertions, and then whatever is delivered, dead or not, ends in a panic.
                | Shim::RewriteAfterError
                // Whatever is heard makes the host look at its clock again.
                | Shim::NowSampledBeforeReceive
                // The host remembers whether the *last* message replaced entries: a dead one makes it forget.
                | Shim::TruncateAppendTorn
        ),
    }
}
