//! Log replication and commit.

use raftlab_core::Rule;
use raftlab_model::Shim;

use super::Exhibit;

pub(super) const EXHIBITS: &[Exhibit] = &[
    Exhibit {
        bug: "append-without-prev-check",
        title: "Entries accepted behind whatever stands there leave logs that agree later and differ before.",
        property: "Log Matching",
        bounds: "3 servers · terms <= 3 · time-outs <= 3 · entries a message <= 1 · set network",
        seen_in: &[("c5#43", "https://github.com/cloud-software-foundation/c5/issues/43")],
        ..Exhibit::rule(Rule::PrevEntryMatches)
    },
    Exhibit {
        bug: "truncate-without-conflict",
        title: "A late, short message deletes an entry that was acknowledged and committed.",
        property: "committed on a quorum",
        bounds: "3 servers · terms <= 1 · proposals <= 1 · heartbeats <= 1 · entries a message <= 1 · set network",
        seen_in: &[
            ("raftos#26", "https://github.com/zhebrak/raftos/issues/26"),
            ("akka-raft#66", "https://github.com/ktoso/akka-raft/issues/66"),
            ("openraft 9540c904", "https://github.com/databendlabs/openraft/commit/9540c904"),
            ("CCF#5991", "https://github.com/microsoft/CCF/issues/5991"),
        ],
        published: "SandTable RaftOS#2: 8 events, 19,455 states, 4 s",
        ..Exhibit::rule(Rule::TruncateOnlyOnConflict)
    },
    Exhibit {
        name: "ack-what-was-checked",
        bug: "ack-reports-last-index",
        section: "§5.3, Figure 2",
        says: "A follower acknowledges prev and the entries sent, not the end of its own log.",
        title: "A follower acknowledges a leftover of an older term, and the leader commits with it.",
        property: "committed on a quorum",
        bounds: "3 servers · terms <= 2 · time-outs <= 2 · proposals <= 1 · heartbeats <= 1 · entries a message <= 1 · set network",
        seen_in: &[("CCF#6001", "https://github.com/microsoft/CCF/issues/6001")],
        ..Exhibit::shim(Shim::AckReportsLastIndex)
    },
    Exhibit {
        name: "rejection-is-no-match",
        bug: "nack-as-match",
        section: "§5.3, Figure 2",
        says: "The hint of a rejection moves nextIndex, never matchIndex.",
        title: "A leader takes the hint of a rejection for an acknowledgement.",
        property: "matchIndex is true",
        bounds: "3 servers · terms <= 3 · time-outs <= 3 · entries a message <= 1 · set network",
        seen_in: &[("CCF#5325", "https://github.com/microsoft/CCF/issues/5325")],
        ..Exhibit::shim(Shim::RejectionTakenForMatch)
    },
    Exhibit {
        name: "match-starts-at-zero",
        bug: "match-seeded-optimistically",
        section: "§5.3, Figure 2",
        says: "A new leader knows of no follower what it holds: matchIndex starts at 0.",
        title: "A new leader takes its own log for everybody's and commits alone.",
        property: "committed on a quorum",
        bounds: "3 servers · terms <= 1 · entries a message <= 1 · set network",
        seen_in: &[("Truxify#10682", "https://github.com/KanishJebaMathewM/Truxify/issues/10682")],
        ..Exhibit::shim(Shim::MatchSeeded)
    },
    Exhibit {
        bug: "match-regress",
        title: "Two acknowledgements arrive in the wrong order, and matchIndex falls.",
        property: "matchIndex monotone",
        bounds: "3 servers · terms <= 1 · proposals <= 1 · entries a message <= 1 · set network",
        seen_in: &[
            ("PySyncObj#167", "https://github.com/bakwc/PySyncObj/issues/167"),
            ("raftos#25", "https://github.com/zhebrak/raftos/issues/25"),
            ("raft.tla#18", "https://github.com/ongardie/raft.tla/issues/18"),
        ],
        published: "SandTable PySyncObj#4: 24 events, 1,512,679 states, 35 s; RaftOS#1: 9 events, 60,101 states, 5 s",
        ..Exhibit::rule(Rule::MatchNeverFalls)
    },
    Exhibit {
        bug: "next-below-match",
        title: "A late rejection takes nextIndex back below what was acknowledged since.",
        property: "nextIndex above matchIndex",
        bounds: "3 servers · terms <= 2 · time-outs <= 2 · entries a message <= 1 · set network",
        seen_in: &[
            ("PySyncObj#167", "https://github.com/bakwc/PySyncObj/issues/167"),
            ("etcd-io/raft#148", "https://github.com/etcd-io/raft/issues/148"),
            ("raft-rs#555", "https://github.com/tikv/raft-rs/issues/555"),
            ("CCF#5341", "https://github.com/microsoft/CCF/issues/5341"),
        ],
        published: "SandTable PySyncObj#3: 17 events, 189,725 states, 7 s; WRaft#7: 22 events, 7,401,586 states, 8 min",
        ..Exhibit::rule(Rule::NextAboveMatch)
    },
    Exhibit {
        name: "probe-is-no-match",
        bug: "read-probe-advances-match",
        section: "§5.3, Figure 2",
        says: "An answer to a message that carries nothing acknowledges only what the message checked.",
        title: "Followers answer a probe that names the leader's last entry, and the leader counts them as holding it.",
        property: "committed on a quorum",
        bounds: "3 servers · terms <= 1 · heartbeats <= 1 · entries a message <= 1 · set network",
        seen_in: &[
            ("adjoint-io/raft#66", "https://github.com/adjoint-io/raft/issues/66"),
            ("adjoint-io/raft#120", "https://github.com/adjoint-io/raft/issues/120"),
        ],
        ..Exhibit::shim(Shim::ProbeAdvancesMatch)
    },
    Exhibit {
        bug: "commit-old-term",
        title: "Figure 8: an entry of an older term on a majority is taken for committed, and a leader without it is elected.",
        property: "Leader Completeness",
        bounds: "3 servers · terms <= 4 · time-outs <= 4 · entries a message <= 1 · set network",
        seen_in: &[
            ("PySyncObj#169", "https://github.com/bakwc/PySyncObj/issues/169"),
            ("CCF#3950", "https://github.com/microsoft/CCF/issues/3950"),
            ("logcabin#44", "https://github.com/logcabin/logcabin/issues/44"),
            ("nats-server#7955", "https://github.com/nats-io/nats-server/issues/7955"),
        ],
        published: "SandTable PySyncObj#5: 13 events to the commit itself, 2,364,779 states, 2 min",
        ..Exhibit::rule(Rule::CommitOwnTerm)
    },
    Exhibit {
        name: "figure-8",
        bug: "commit-old-term-to-the-client",
        title: "Figure 8 to its end: the entry that was taken for committed is overwritten, and two servers apply different ones.",
        property: "State Machine Safety",
        bounds: "3 servers · terms <= 4 · time-outs <= 4 · entries a message <= 1 · set network",
        seen_in: &[
            ("async-raft#106", "https://github.com/async-raft/async-raft/issues/106"),
            ("CCF#3971", "https://github.com/microsoft/CCF/issues/3971"),
            ("MongoDB SERVER-22136", "https://jira.mongodb.org/browse/SERVER-22136"),
        ],
        published: "none to the client-visible loss",
        ..Exhibit::rule(Rule::CommitOwnTerm)
    },
    Exhibit {
        bug: "quorum-index-miscalculated",
        title: "A leader commits what only its own disk holds.",
        property: "committed on a quorum",
        bounds: "3 servers · terms <= 1 · entries a message <= 1 · set network",
        seen_in: &[
            ("akka-raft#42", "https://github.com/ktoso/akka-raft/issues/42"),
            ("openraft f076cf6f", "https://github.com/databendlabs/openraft/commit/f076cf6f"),
        ],
        ..Exhibit::rule(Rule::MajorityCommits)
    },
    Exhibit {
        bug: "follower-commit-past-match",
        title: "A follower applies a leftover of an older term, because the leader's commitIndex is that high.",
        property: "State Machine Safety",
        bounds: "3 servers · terms <= 2 · time-outs <= 2 · proposals <= 1 · heartbeats <= 1 · entries a message <= 1 · set network",
        seen_in: &[
            ("copycat#265", "https://github.com/atomix/copycat/issues/265"),
            ("rabbitmq/ra#508", "https://github.com/rabbitmq/ra/issues/508"),
            ("scylladb#9965", "https://github.com/scylladb/scylladb/issues/9965"),
        ],
        published: "Specula, etcd: not found in 180 to 300 s",
        ..Exhibit::rule(Rule::CommitWithinMatch)
    },
    Exhibit {
        bug: "commit-regress",
        title: "A late message takes a follower's commitIndex back.",
        property: "commitIndex monotone",
        bounds: "3 servers · terms <= 1 · proposals <= 1 · entries a message <= 1 · set network",
        seen_in: &[
            ("PySyncObj#166", "https://github.com/bakwc/PySyncObj/issues/166"),
            ("raft.tla#19", "https://github.com/ongardie/raft.tla/issues/19"),
            ("etcd#1717", "https://github.com/etcd-io/etcd/issues/1717"),
        ],
        published: "SandTable PySyncObj#2: 12 events, 93,713 states, 6 s, 2 servers",
        ..Exhibit::rule(Rule::CommitNeverFalls)
    },
    Exhibit {
        name: "restart-forgets-commit",
        bug: "restart-applies-uncommitted",
        section: "§5.5, Figure 2",
        says: "commitIndex starts where the snapshot ends, and without one at 0: after a restart nothing more is applied that is not known again to be committed.",
        title: "A restarted server applies what its log holds, and the entry is overwritten.",
        property: "State Machine Safety",
        bounds: "3 servers · terms <= 2 · time-outs <= 2 · crashes <= 1 · entries a message <= 1 · set network",
        seen_in: &[("goraft#69", "https://github.com/goraft/raft/issues/69")],
        ..Exhibit::shim(Shim::RestartAppliesLog)
    },
];
