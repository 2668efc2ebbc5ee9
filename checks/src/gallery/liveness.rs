//! Liveness: what falls is what comes of a calm schedule. First elections and replication that come to nothing, then
//! who hears whom: pre-vote, check-quorum, and the answers by which terms spread.

use raftlab_core::Rule;

use super::Exhibit;

pub(super) const EXHIBITS: &[Exhibit] = &[
    Exhibit {
        bug: "vote-compares-as-vector",
        title: "The longer log of an older term and the shorter one of a newer term refuse each other for ever.",
        property: "a majority suffices",
        bounds: "3 servers · terms <= 2 · time-outs <= 2 · proposals <= 1 · entries a message <= 1 · check-quorum · set network",
        seen_in: &[
            ("hashicorp/raft#94", "https://github.com/hashicorp/raft/issues/94"),
            ("openraft a48a3282", "https://github.com/databendlabs/openraft/commit/a48a3282"),
            ("neo4j#6289", "https://github.com/neo4j/neo4j/issues/6289"),
            (
                "akka-entity-replication#125",
                "https://github.com/lerna-stack/akka-entity-replication/issues/125",
            ),
        ],
        ..Exhibit::rule(Rule::LaterTermWins)
    },
    Exhibit {
        bug: "retry-sends-empty-log",
        title: "A message is lost, the leader asks again and again whether it has arrived, and never sends it again.",
        property: "a leader emerges",
        bounds: "3 servers · terms <= 1 · entries a message <= 1 · set network",
        seen_in: &[("willemt/raft PR 118", "https://github.com/willemt/raft/pull/118")],
        published: "SandTable WRaft#5: 23 events, 10,576,917 states, 11 min",
        ..Exhibit::rule(Rule::RetrySendsEntries)
    },
    Exhibit {
        bug: "conflict-hint-livelock",
        title: "A leader offers a follower what it refused, and is refused, and offers it again.",
        property: "a leader emerges",
        bounds: "3 servers · terms <= 2 · time-outs <= 2 · entries a message <= 1 · set network",
        seen_in: &[
            ("openraft 6d53aa12", "https://github.com/databendlabs/openraft/commit/6d53aa12"),
            ("CCF#2803", "https://github.com/microsoft/CCF/issues/2803"),
            ("CCF#2835", "https://github.com/microsoft/CCF/issues/2835"),
        ],
        ..Exhibit::rule(Rule::RejectionGoesBack)
    },
    Exhibit {
        bug: "commit-scan-stops-at-old-term",
        title: "An entry that an older term left is in the way, and its leader never commits anything.",
        property: "a leader emerges",
        bounds: "3 servers · terms <= 2 · time-outs <= 2 · entries a message <= 1 · set network",
        seen_in: &[
            ("raftos#30", "https://github.com/zhebrak/raftos/issues/30"),
            ("camunda#8324", "https://github.com/camunda/camunda/issues/8324"),
        ],
        published: "SandTable RaftOS#4: 13 events, 16,938,773 states, 4 min",
        ..Exhibit::rule(Rule::CommitPassesOlderTerms)
    },
    Exhibit {
        bug: "no-prevote-partial-partition",
        title: "A server that was cut off returns with a higher term, and the leader that everybody heard is deposed.",
        property: "who returns disturbs nobody",
        bounds: "3 servers · terms <= 1 · entries a message <= 1 · pre-vote · set network",
        seen_in: &[
            ("etcd#8499", "https://github.com/etcd-io/etcd/issues/8499"),
            (
                "Howard and Abraham 2020",
                "https://decentralizedthoughts.github.io/2020-12-12-raft-liveness-full-omission/",
            ),
        ],
        ..Exhibit::rule(Rule::PreVoteFirst)
    },
    Exhibit {
        bug: "prevote-changes-state",
        title: "The question alone takes whoever hears it to a new term, and nobody is ever elected.",
        property: "a leader emerges",
        bounds: "3 servers · terms <= 1 · entries a message <= 1 · pre-vote · set network",
        seen_in: &[("rabbitmq/ra#608", "https://github.com/rabbitmq/ra/issues/608")],
        ..Exhibit::rule(Rule::PreVotePromisesNothing)
    },
    Exhibit {
        bug: "prevote-counted-as-vote",
        title: "What was said of a vote is counted as one, and two servers lead one term.",
        property: "Election Safety",
        bounds: "3 servers · terms <= 1 · entries a message <= 1 · pre-vote · set network",
        seen_in: &[("canonical/raft#196", "https://github.com/canonical/raft/issues/196")],
        ..Exhibit::rule(Rule::PreVotesAreNoVotes)
    },
    Exhibit {
        bug: "prevote-granted-in-contact",
        title: "A server that hears its leader encourages one that does not hear it to replace it.",
        property: "one cut link deposes nobody",
        bounds: "3 servers · terms <= 1 · entries a message <= 1 · pre-vote · set network",
        seen_in: &[
            ("braft PR 366", "https://github.com/baidu/braft/pull/366"),
            ("sofa-jraft#15", "https://github.com/sofastack/sofa-jraft/issues/15"),
            ("raftcpp PR 235", "https://github.com/purecpp-org/raftcpp/pull/235"),
        ],
        ..Exhibit::rule(Rule::PreVoteOutOfContact)
    },
    Exhibit {
        bug: "prevote-stale-term-deadlock",
        title: "A server of a newer term and an older log can neither win nor join: nobody tells the leader of its term.",
        property: "a leader emerges",
        bounds: "3 servers · terms <= 2 · time-outs <= 3 · entries a message <= 1 · pre-vote · set network",
        seen_in: &[
            ("etcd#8243", "https://github.com/etcd-io/etcd/issues/8243"),
            ("etcd#8501", "https://github.com/etcd-io/etcd/issues/8501"),
            ("canonical/raft#279", "https://github.com/canonical/raft/issues/279"),
            ("openraft#1796", "https://github.com/databendlabs/openraft/issues/1796"),
        ],
        ..Exhibit::rule(Rule::StaleRequestAnswered)
    },
    Exhibit {
        bug: "response-term-ignored",
        title: "A leader is told of a newer term by each answer, and leads on.",
        property: "a leader emerges",
        bounds: "3 servers · terms <= 2 · time-outs <= 3 · entries a message <= 1 · pre-vote · set network",
        seen_in: &[
            ("hashicorp/raft#666", "https://github.com/hashicorp/raft/issues/666"),
            ("verdi-raft#29", "https://github.com/uwplse/verdi-raft/issues/29"),
        ],
        ..Exhibit::rule(Rule::AnswersBind)
    },
    Exhibit {
        bug: "prevote-without-checkquorum",
        title: "A leader with one link left commits nothing, and the one server that hears it helps nobody to replace it.",
        property: "one link is no majority",
        bounds: "5 servers · terms <= 1 · time-outs <= 1 · entries a message <= 1 · pre-vote · check-quorum · set network",
        seen_in: &[(
            "Howard and Abraham 2020",
            "https://decentralizedthoughts.github.io/2020-12-12-raft-liveness-full-omission/",
        )],
        ..Exhibit::rule(Rule::LeaderHearsMajority)
    },
    Exhibit {
        bug: "slow-disk-leader-keeps-leading",
        title: "A leader whose disk has stopped keeps sending heartbeats, and leads for ever.",
        property: "a stalled disk gives up",
        bounds: "3 servers · terms <= 1 · proposals <= 1 · entries a message <= 1 · check-quorum · set network",
        seen_in: &[
            ("hashicorp/raft#503", "https://github.com/hashicorp/raft/issues/503"),
            ("hashicorp/raft#666", "https://github.com/hashicorp/raft/issues/666"),
            ("etcd#13527", "https://github.com/etcd-io/etcd/issues/13527"),
            ("consul#3552", "https://github.com/hashicorp/consul/issues/3552"),
        ],
        ..Exhibit::rule(Rule::LeaderDiskMoves)
    },
    Exhibit {
        bug: "deaf-server-disrupts",
        title: "A server that hears nobody deposes leader after leader.",
        property: "who is deaf deposes nobody",
        bounds: "3 servers · terms <= 1 · entries a message <= 1 · disregard-votes · set network",
        seen_in: &[
            ("logcabin#205", "https://github.com/logcabin/logcabin/issues/205"),
            ("canonical/raft#137", "https://github.com/canonical/raft/issues/137"),
        ],
        ..Exhibit::rule(Rule::DisregardWhileLed)
    },
];
