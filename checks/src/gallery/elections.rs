//! Elections, votes and terms.

use raftlab_core::Rule;
use raftlab_model::Shim;

use super::Exhibit;

pub(super) const EXHIBITS: &[Exhibit] = &[
    Exhibit {
        bug: "stale-vote-counted",
        title: "A vote that was cast in an older term, and arrives late, elects a second leader.",
        property: "Election Safety",
        bounds: "3 servers · terms <= 2 · entries a message <= 1 · set network",
        seen_in: &[
            ("xraft#33", "https://github.com/xnnyygn/xraft/issues/33"),
            ("akka-raft#46", "https://github.com/ktoso/akka-raft/issues/46"),
            ("little-raft#44", "https://github.com/andreev-io/little-raft/issues/44"),
        ],
        published: "SandTable Xraft#1: 7 events, 3,534 states, 3 s",
        ..Exhibit::rule(Rule::VotesOfThisTerm)
    },
    Exhibit {
        bug: "vote-twice-in-term",
        title: "A server that votes for whoever asks gives one term two leaders.",
        property: "Election Safety",
        bounds: "3 servers · terms <= 1 · entries a message <= 1 · set network",
        seen_in: &[
            ("kerala#18", "https://github.com/djjonno/kerala/issues/18"),
            ("nebula#2405", "https://github.com/vesoft-inc/nebula/issues/2405"),
        ],
        ..Exhibit::rule(Rule::OneVotePerTerm)
    },
    Exhibit {
        bug: "vote-reset-in-same-term",
        title: "A server that forgets its vote when its leader speaks elects another leader of the same term.",
        property: "Election Safety",
        bounds: "3 servers · terms <= 1 · heartbeats <= 1 · entries a message <= 1 · set network",
        seen_in: &[
            ("etcd PR 2461", "https://github.com/etcd-io/etcd/pull/2461"),
            ("camunda#5356", "https://github.com/camunda/camunda/issues/5356"),
            ("xraft#29", "https://github.com/xnnyygn/xraft/issues/29"),
            ("CCF#8091", "https://github.com/microsoft/CCF/issues/8091"),
        ],
        ..Exhibit::rule(Rule::KeepVoteWithinTerm)
    },
    Exhibit {
        name: "persist-vote",
        bug: "vote-not-persisted",
        section: "§5.1, Figure 2",
        says: "votedFor is on stable storage before a server responds.",
        title: "A server that restarts without its vote votes twice in one term.",
        property: "Election Safety",
        bounds: "3 servers · terms <= 1 · crashes <= 1 · entries a message <= 1 · set network",
        seen_in: &[
            ("raft.tla PR 5", "https://github.com/ongardie/raft.tla/pull/5"),
            ("raft-java#57", "https://github.com/wenweihu86/raft-java/issues/57"),
            ("akka-raft#62", "https://github.com/ktoso/akka-raft/issues/62"),
            (
                "stateright 0.31, examples/raft.rs",
                "https://docs.rs/crate/stateright/0.31.0/source/examples/raft.rs",
            ),
        ],
        ..Exhibit::shim(Shim::VoteNotPersisted)
    },
    Exhibit {
        name: "persist-term",
        bug: "term-not-persisted",
        section: "§5.1, Figure 2",
        says: "currentTerm is on stable storage before a server responds.",
        title: "A server that restarts in term 0 votes again in a term in which it has voted.",
        property: "Election Safety",
        bounds: "3 servers · terms <= 1 · crashes <= 1 · entries a message <= 1 · set network",
        seen_in: &[
            ("camunda#19290", "https://github.com/camunda/camunda/issues/19290"),
            ("nodedb#161", "https://github.com/NodeDB-Lab/nodedb/issues/161"),
        ],
        published: "Specula, sofa-jraft: 7,402 simulated traces",
        ..Exhibit::shim(Shim::TermNotPersisted)
    },
    Exhibit {
        name: "own-vote-durable-first",
        bug: "request-vote-before-self-vote-durable",
        section: "§5.2, Figure 2",
        says: "A candidate's vote for itself is on disk before it asks for others and counts it.",
        title: "A candidate asks first, crashes before its own vote is on disk, and votes for another in the same term.",
        property: "Election Safety",
        bounds: "3 servers · terms <= 1 · crashes <= 1 · entries a message <= 1 · buffered disk · set network",
        seen_in: &[("valkey PR 3887, review", "https://github.com/valkey-io/valkey/pull/3887")],
        ..Exhibit::shim(Shim::RequestVoteBeforeSync)
    },
    Exhibit {
        bug: "vote-without-log-check",
        title: "A server that lacks a committed entry is elected.",
        property: "Leader Completeness",
        bounds: "3 servers · terms <= 2 · time-outs <= 2 · entries a message <= 1 · set network",
        seen_in: &[
            ("akka-raft#30", "https://github.com/ktoso/akka-raft/issues/30"),
            ("jgroups-raft#14", "https://github.com/jgroups-extras/jgroups-raft/issues/14"),
            ("jgroups-raft#251", "https://github.com/jgroups-extras/jgroups-raft/issues/251"),
        ],
        ..Exhibit::rule(Rule::UpToDateLog)
    },
    Exhibit {
        name: "last-term-first",
        bug: "vote-compares-index-only",
        section: "§5.4.1, D 3.6.1",
        says: "Of two logs the one whose last entry has the later term is the more up-to-date, however long the other is.",
        title: "A log that is as long, but older, wins an election over a committed entry.",
        property: "Leader Completeness",
        bounds: "3 servers · terms <= 3 · time-outs <= 3 · entries a message <= 1 · set network",
        seen_in: &[
            ("noraft#22", "https://github.com/sile/noraft/issues/22"),
            ("simpleRaft#10", "https://github.com/streed/simpleRaft/issues/10"),
        ],
        ..Exhibit::shim(Shim::VoteComparesIndexOnly)
    },
    Exhibit {
        bug: "quorum-off-by-one",
        title: "Two candidates win one term, each with half of the servers.",
        property: "Election Safety",
        bounds: "3 servers · terms <= 1 · entries a message <= 1 · set network",
        seen_in: &[
            ("openraft d60f1e85", "https://github.com/databendlabs/openraft/commit/d60f1e85"),
            ("CCF#3948", "https://github.com/microsoft/CCF/issues/3948"),
        ],
        ..Exhibit::rule(Rule::MajorityElects)
    },
    Exhibit {
        bug: "leader-grants-vote",
        title: "A leader that did not vote for itself votes for another server in its own term.",
        property: "Election Safety",
        bounds: "3 servers · terms <= 1 · entries a message <= 1 · set network",
        seen_in: &[("daos-stack/raft PR 70", "https://github.com/daos-stack/raft/pull/70")],
        published: "SandTable DaosRaft#1: 7 events, 476 states, 5 s",
        ..Exhibit::rule(Rule::CandidateVotesForItself)
    },
    Exhibit {
        name: "vote-check-with-grant",
        bug: "vote-check-not-atomic-with-append",
        section: "§5.4.1, D 3.6.1",
        says: "The comparison of logs and the vote are one step: nothing is appended between.",
        title: "A voter compares logs, then acknowledges an entry, then grants the vote that it had judged before.",
        property: "Leader Completeness",
        bounds: "3 servers · terms <= 2 · time-outs <= 3 · entries a message <= 1 · set network",
        seen_in: &[("sofa-jraft#882, on braft", "https://github.com/sofastack/sofa-jraft/issues/882")],
        ..Exhibit::shim(Shim::VoteCheckTornFromGrant)
    },
    Exhibit {
        bug: "leader-adopts-term-without-step-down",
        title: "A leader that takes over a newer term without stepping down leads it beside the one who was elected.",
        property: "Election Safety",
        bounds: "3 servers · terms <= 2 · entries a message <= 1 · set network",
        seen_in: &[
            ("hashicorp/raft#695", "https://github.com/hashicorp/raft/issues/695"),
            ("eliben/raft#13", "https://github.com/eliben/raft/issues/13"),
        ],
        ..Exhibit::rule(Rule::StepDownOnHigherTerm)
    },
    Exhibit {
        bug: "term-regress",
        title: "A late message takes a server back to a term in which it votes a second time.",
        property: "Election Safety",
        bounds: "3 servers · terms <= 2 · entries a message <= 1 · set network",
        seen_in: &[
            ("willemt/raft PR 118", "https://github.com/willemt/raft/pull/118"),
            ("jgroups-raft#23", "https://github.com/jgroups-extras/jgroups-raft/issues/23"),
        ],
        published: "SandTable WRaft#4: 22 events, 48,338,241 states, 39 min (by a snapshot)",
        ..Exhibit::rule(Rule::TermNeverFalls)
    },
    Exhibit {
        bug: "deposed-leader-keeps-acting",
        title: "A server that no longer leads appends a client's command, at an index that the leader uses too.",
        property: "Log Matching",
        bounds: "3 servers · terms <= 1 · proposals <= 2 · entries a message <= 1 · set network",
        seen_in: &[
            ("openraft a80579ef", "https://github.com/databendlabs/openraft/commit/a80579ef"),
            ("nats-server#6944", "https://github.com/nats-io/nats-server/issues/6944"),
            ("camunda#5360", "https://github.com/camunda/camunda/issues/5360"),
        ],
        ..Exhibit::rule(Rule::OnlyLeaderAppends)
    },
    Exhibit {
        name: "never-reuse-an-index",
        bug: "leader-rewrites-own-entry",
        section: "§5.3, Figure 3",
        says: "A leader never changes an entry that it has sent, even if its own disk refused it.",
        title: "A leader whose write fails takes the entry back and uses its index again in the same term.",
        property: "Log Matching",
        bounds: "3 servers · terms <= 1 · time-outs <= 1 · proposals <= 1 · faults <= 1 · entries a message <= 1 · buffered disk · set network",
        seen_in: &[("canonical/raft#320", "https://github.com/canonical/raft/issues/320")],
        ..Exhibit::shim(Shim::RewriteAfterError)
    },
];
