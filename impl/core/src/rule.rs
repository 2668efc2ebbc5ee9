//! The safety rules of Raft by name. Each guard in the code carries the name of the rule that it upholds, so that a
//! reader finds the rule for a line, the line for a rule, and what falls without it.

use core::fmt;

use serde::{Deserialize, Serialize};

macro_rules! rules {
    ($($rule:ident $name:literal $section:literal $says:literal $falls:literal)*) => {
        /// A rule that a guard of the core upholds.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Rule {
            $(
                #[doc = concat!($says, " (", $section, ".) Without it: ", $falls)]
                $rule,
            )*
        }

        impl Rule {
            /// Every rule, in the order in which an entry's life meets them.
            pub const ALL: &'static [Rule] = &[$(Rule::$rule),*];

            /// The name by which commands and traces call it.
            pub const fn name(self) -> &'static str {
                match self { $(Rule::$rule => $name,)* }
            }

            /// Where the rule is stated: § is the paper, D the dissertation.
            pub const fn section(self) -> &'static str {
                match self { $(Rule::$rule => $section,)* }
            }

            /// What the rule says.
            pub const fn says(self) -> &'static str {
                match self { $(Rule::$rule => $says,)* }
            }

            /// What happens without it.
            pub const fn falls(self) -> &'static str {
                match self { $(Rule::$rule => $falls,)* }
            }
        }
    };
}

rules! {
    TermNeverFalls "term-never-falls" "§5.1, D 3.3"
        "A server's term only grows."
        "an old message takes a server back to a term in which it may vote again."
    StepDownOnHigherTerm "step-down-on-higher-term" "§5.1, D 3.3"
        "A leader or candidate that sees a higher term becomes a follower at once."
        "the old leader leads on in a term that nobody gave it."
    OneVotePerTerm "one-vote-per-term" "§5.2, D 3.4"
        "A server votes for at most one candidate in a term."
        "two majorities form from shared voters, and one term has two leaders."
    KeepVoteWithinTerm "keep-vote-within-term" "§5.2, D 3.4"
        "A vote is forgotten only when the term grows, never within it."
        "hearing from the leader it elected, a server becomes free to elect another one in the same term."
    CandidateVotesForItself "candidate-votes-for-itself" "§5.2, D 3.4"
        "A candidate gives its one vote to itself, and can give it to nobody else."
        "candidate and leader still have a vote to give away in their own term."
    UpToDateLog "up-to-date-log" "§5.4.1, D 3.6.1"
        "A vote goes only to a candidate whose log is at least as up-to-date as the voter's."
        "a leader is elected that lacks committed entries, and overwrites them."
    VotesOfThisTerm "votes-of-this-term" "§5.2, D 3.4"
        "A candidate counts only votes that were cast in its present term."
        "a vote delayed from an earlier candidacy elects a leader that the voter did not choose in this term."
    MajorityElects "majority-elects" "§5.2, D 3.4"
        "A candidate needs the votes of more than half of the servers."
        "two candidates can win the same term without one common voter."
    OnlyLeaderAppends "only-leader-appends" "§5.3, D 3.5"
        "Only the leader of a term appends new entries of that term."
        "two different entries share an index and a term."
    PrevEntryMatches "prev-entry-matches" "§5.3, D 3.5"
        "Entries are accepted only right behind an entry equal to the leader's."
        "logs that agree on an entry disagree before it."
    TruncateOnlyOnConflict "truncate-only-on-conflict" "§5.3, D 3.5"
        "Entries are deleted only where one conflicts with the leader's."
        "a late, short message deletes entries that were acknowledged after it was sent."
    AcksOfThisTerm "acks-of-this-term" "§5.3, D 3.5"
        "A leader counts only acknowledgements of its present term."
        "an acknowledgement of entries that were since overwritten counts for their successors."
    MatchNeverFalls "match-never-falls" "§5.3, Figure 2"
        "matchIndex only grows during a leadership."
        "a reordered acknowledgement makes the leader forget what it knew."
    NextAboveMatch "next-above-match" "§5.3, Figure 2"
        "nextIndex stays above matchIndex; a late rejection cannot push it below."
        "the leader sends again what is known to be there."
    CommitOwnTerm "commit-own-term" "§5.4.2, D 3.6.2"
        "Only an entry of the leader's own term is committed by counting replicas; earlier ones follow with it."
        "an entry on a majority is taken for committed and later overwritten (Figure 8)."
    MajorityCommits "majority-commits" "§5.3, D 3.5"
        "An entry is committed when more than half of the servers hold it on disk."
        "an entry that clients were told of is on no quorum that the next leader must meet."
    CommitWithinMatch "commit-within-match" "§5.3, Figure 2"
        "A follower commits no further than the last entry it knows to agree with the leader's."
        "a follower applies a leftover of an old term that the leader's commitIndex did not mean."
    CommitNeverFalls "commit-never-falls" "§5.3, Figure 2"
        "commitIndex only grows."
        "a late message takes commitIndex back, and entries are applied twice."
    LaterTermWins "later-term-wins" "§5.4.1, D 3.6.1"
        "Of two logs the one whose last entry is of the later term is the more up-to-date, however short it is."
        "the longer log of an older term and the shorter one of a newer term refuse each other, and nobody is elected."
    RetrySendsEntries "retry-sends-entries" "§5.3, D 3.5"
        "A retry sends again what was not acknowledged, not only that the leader lives."
        "a message is lost once, and its entries reach nobody."
    RejectionGoesBack "rejection-goes-back" "§5.3, D 3.5"
        "Each rejection takes nextIndex below what was rejected."
        "a leader offers a follower what it refuses, for ever."
    CommitPassesOlderTerms "commit-passes-older-terms" "§5.4.2, D 3.6.2"
        "Entries of older terms do not stop the search for an entry to commit: they are committed with it."
        "one entry left over from an older term, and nothing is ever committed again."
    PreVoteFirst "pre-vote-first" "D 9.6"
        "A server enters a new term only after a majority said that it would vote for it."
        "a server that was cut off comes back with a higher term, and deposes a leader that everybody hears."
    PreVotePromisesNothing "pre-vote-promises-nothing" "D 9.6"
        "Answering a pre-vote changes nothing: neither term, nor vote, nor whether the leader is heard."
        "asking alone makes servers turn away from their leader."
    PreVotesAreNoVotes "pre-votes-are-no-votes" "D 9.6"
        "A candidate counts votes only, not what was said of a vote before."
        "a leader is elected by servers that promised it nothing, and may elect another one in the same term."
    PreVoteOutOfContact "pre-vote-out-of-contact" "D 9.6, 4.2.3"
        "A server that hears from a leader encourages nobody to replace it."
        "any server that does not hear the leader is helped to depose it."
    DisregardWhileLed "disregard-while-led" "D 4.2.3"
        "A server that hears from a leader disregards whoever wants its vote in a newer term, and that term."
        "a server that was removed, or is deaf, deposes a leader that everybody hears."
    LeaderHearsMajority "leader-hears-majority" "D 6.2"
        "A leader steps down if an election time-out passes without answers from a majority."
        "a leader that can commit nothing lives on, and those who hear it elect no other."
    LeaderDiskMoves "leader-disk-moves" "D 6.2, 10.2.1"
        "A leader steps down if an election time-out passes and its disk has not finished what it was given before."
        "a server that can make nothing durable leads for ever."
    AnswersBind "answers-bind" "§5.1, D 3.3"
        "A newer term in an answer makes its receiver a follower too, as one in a request does."
        "a leader whose followers have gone on goes on sending them what they refuse."
    ConfigAtAppend "config-at-append" "§6, D 4.1"
        "A server uses the latest configuration in its log, whether it is committed or not."
        "servers that hold the same log count different majorities, and these need not meet."
    OneServerAtATime "one-server-at-a-time" "D 4.1"
        "Each configuration differs from the one before by one server."
        "a majority of the old configuration and one of the new have no server in common."
    OneChangeAtATime "one-change-at-a-time" "D 4.1"
        "A change waits until the one before is committed."
        "two steps at once are one step too large."
    ChangeAfterOwnTermCommit "change-after-own-term-commit" "raft-dev 2015"
        "A leader changes the configuration only after it has committed an entry of its own term."
        "two leaders change the same configuration differently, and both changes find a majority."
    VotersElect "voters-elect" "D 4.2.1"
        "Only voters are asked for votes, and only their votes count."
        "servers that count for nothing elect a second leader."
    VotersCampaign "voters-campaign" "D 4.2.1, 4.2.2"
        "A server that does not vote starts no election."
        "a learner that does not hear the leader deposes it, again and again."
    LeavingVoterCampaigns "leaving-voter-campaigns" "D 4.2.2"
        "A server that its latest configuration leaves out may lead until that one is committed."
        "the only server whose log is good enough does not campaign, and nobody else can win."
    WhoeverIsAskedVotes "whoever-is-asked-votes" "D 4.1"
        "A server votes for whoever asks with a good log, whatever its own configuration says."
        "a server that has not heard yet that it is a voter refuses the vote that is needed."
    RemovedLeaderStepsDown "removed-leader-steps-down" "D 4.2.2"
        "A leader that is not in the configuration which it has committed steps down."
        "a server that does not belong to the cluster leads it for ever."
    StaleRequestAnswered "stale-request-answered" "§5.1, D 9.6"
        "A request from an older term is answered with the newer one."
        "a server with a higher term and pre-vote can neither win nor join: the leader never learns of its term."
    ReadConfirmsLeadership "read-confirms-leadership" "D 6.4, §8"
        "A leader answers a read only when a majority has confirmed that it leads."
        "a leader that was replaced, and has not heard of it, answers with what was true once."
    ReadAfterOwnCommit "read-after-own-commit" "D 6.4, §8"
        "A leader answers no read before it has committed an entry of its own term."
        "a new leader's commitIndex lies below what its predecessor acknowledged, and it reads there."
    RoundAfterRead "round-after-read" "D 6.4"
        "A read is confirmed by answers to heartbeats that were sent after it came."
        "the answers to an earlier round, from before another leader was elected, confirm it."
    RoundTokenIsNew "round-token-is-new" "D 6.4"
        "Each round has a token of its own, and an answer confirms the round that it names."
        "an answer to an earlier round, delayed, confirms a later one."
    LeaseWithinDrift "lease-within-drift" "D 6.4.1"
        "A lease is shorter than the promise that it rests on, by as much as clocks may differ."
        "the clock of a voter runs ahead, it votes for another leader, and the old one reads on."
    LeaseFromSending "lease-from-sending" "D 6.4.1"
        "A lease counts from the sending of the heartbeats that were answered, not from their answers."
        "an answer is long under way, and the lease outlasts the promise."
    LeaseOfConfirmedRound "lease-of-confirmed-round" "D 6.4.1"
        "Only a round that a majority answered gives a lease."
        "a leader that nobody hears goes on renewing its lease."
    PromiseBindsVotes "promise-binds-votes" "D 6.4.1, 4.2.3"
        "A server that heard its leader grants no vote for the time that it promised."
        "another leader is elected within the lease."
    PromiseOutlivesTerm "promise-outlives-term" "D 6.4.1"
        "A newer term does not shorten the promise to the leader of an older one."
        "a server hears of a newer term, and votes in it within the lease."
    PromiseOutlivesRestart "promise-outlives-restart" "D 6.4.1"
        "A server that restarts waits as long as it may have promised before."
        "it has forgotten its promise, and votes within the lease."
    TransferEndsLease "transfer-ends-lease" "D 6.4.1, 3.10"
        "A leader that hands over gives up its lease first, and takes none again in this term."
        "the next leader is elected without anybody waiting, and the old one reads on."
    SnapshotUpToItsEnd "snapshot-up-to-its-end" "§7"
        "A follower whose next entry is the last one that the snapshot covers needs the snapshot."
        "the leader has nothing to send it: what stands before that entry is gone."
    RetrySendsSnapshot "retry-sends-snapshot" "§5.3, §7"
        "A leader sends the next chunk of its snapshot again until it is answered."
        "one lost chunk, and the follower waits for ever."
    ChunksInOrder "chunks-in-order" "§7, Figure 13"
        "A follower appends a chunk of a snapshot only where it belongs."
        "a chunk that came twice stands twice in the snapshot."
    StaleSnapshotIgnored "stale-snapshot-ignored" "§7"
        "A snapshot of nothing but what is committed here is ignored."
        "a delayed snapshot takes back what was committed and acknowledged since."
    MatchingSuffixKept "matching-suffix-kept" "§7, Figure 13"
        "What follows the snapshot's last entry stays, if the log holds that entry."
        "entries that were acknowledged are dropped, and a majority no longer holds them."
    LastTermOfSnapshot "last-term-of-snapshot" "§5.4.1, §7"
        "A log whose entries are all compacted ends in the snapshot's last term."
        "a server that lacks committed entries seems more up-to-date, and is elected."
    TermNotOfSnapshot "term-not-of-snapshot" "§5.1"
        "A snapshot's last term says nothing about the current one."
        "a server falls back into a term in which it may have voted."
    SnapshotHoldsConfig "snapshot-holds-config" "§7, D 4.1, 5.1.1"
        "A snapshot holds the configuration in force at its end."
        "a server whose log was compacted counts by the configuration that it was started with."
}

impl Rule {
    /// The rule with this name.
    pub fn named(name: &str) -> Option<Rule> {
        Rule::ALL.iter().copied().find(|rule| rule.name() == name)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

crate::types::debug_as_display!(Rule);
