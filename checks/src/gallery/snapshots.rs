//! Snapshots: logs that no longer begin at index 1.

use raftlab_core::Rule;
use raftlab_model::Shim;

use super::Exhibit;

pub(super) const EXHIBITS: &[Exhibit] = &[
    Exhibit {
        bug: "snapshot-boundary-off-by-one",
        title: "A follower lacks the last entry that the snapshot covers, and whoever leads has neither that entry nor what stands before it, and sends nothing.",
        property: "a leader emerges",
        bounds: "3 servers · terms <= 1 · time-outs <= 1 · heartbeats <= 1 · compactions <= 2 · entries a message <= 1 · set network",
        seen_in: &[
            ("WRaft#2, RedisLabs/raft#47", "https://github.com/RedisLabs/raft/issues/47"),
            ("daos-stack/raft#10", "https://github.com/daos-stack/raft/issues/10"),
        ],
        published: "SandTable WRaft#2, where it breaks safety since the entries are sent with a wrong predecessor: 19 events, 20,955,790 states, 22 min",
        ..Exhibit::rule(Rule::SnapshotUpToItsEnd)
    },
    Exhibit {
        bug: "snapshot-progress-stuck",
        title: "A chunk is lost, the leader waits for its answer, and the follower is left behind for ever.",
        property: "a leader emerges",
        bounds: "3 servers · terms <= 1 · time-outs <= 1 · compactions <= 1 · entries a message <= 1 · set network",
        seen_in: &[
            ("etcd-io/raft#124", "https://github.com/etcd-io/raft/issues/124"),
            ("openraft#1828", "https://github.com/databendlabs/openraft/issues/1828"),
            ("nebula#1769", "https://github.com/vesoft-inc/nebula/issues/1769"),
        ],
        published: "Specula: not hit in 180 to 300 s of simulation",
        ..Exhibit::rule(Rule::RetrySendsSnapshot)
    },
    Exhibit {
        bug: "snapshot-chunk-offset-unchecked",
        title: "A chunk arrives twice, and stands twice in the snapshot that is installed.",
        property: "snapshots are true",
        bounds: "3 servers · terms <= 1 · time-outs <= 1 · proposals <= 1 · retries <= 1 · compactions <= 1 · entries a message <= 1 · set network",
        seen_in: &[("the paper, Figure 13, rules 2 to 4", "https://raft.github.io/raft.pdf")],
        ..Exhibit::rule(Rule::ChunksInOrder)
    },
    Exhibit {
        bug: "stale-snapshot-truncates-newer-log",
        title: "A snapshot that was sent before the follower caught up arrives late, and takes its log back.",
        property: "committed on a quorum",
        bounds: "3 servers · terms <= 1 · time-outs <= 1 · proposals <= 1 · retries <= 1 · compactions <= 1 · entries a message <= 1 · set network",
        seen_in: &[
            ("etcd#1763", "https://github.com/etcd-io/etcd/issues/1763"),
            ("camunda#6092", "https://github.com/camunda/camunda/issues/6092"),
            ("NuRaft#407", "https://github.com/eBay/NuRaft/issues/407"),
        ],
        ..Exhibit::rule(Rule::StaleSnapshotIgnored)
    },
    Exhibit {
        bug: "snapshot-drops-matching-suffix",
        title: "A follower holds the snapshot's last entry and one that it has acknowledged behind it, and drops both for the snapshot.",
        property: "committed on a quorum",
        bounds: "3 servers · terms <= 1 · time-outs <= 1 · proposals <= 1 · retries <= 1 · compactions <= 1 · entries a message <= 2 · set network",
        seen_in: &[("the paper, Figure 13, rule 6", "https://raft.github.io/raft.pdf")],
        ..Exhibit::rule(Rule::MatchingSuffixKept)
    },
    Exhibit {
        bug: "last-log-term-zero-after-snapshot",
        title: "A server has compacted its whole log, takes that for one of term 0, and helps to elect one that lacks it.",
        property: "Leader Completeness",
        bounds: "3 servers · terms <= 2 · time-outs <= 2 · proposals <= 1 · compactions <= 1 · entries a message <= 1 · set network",
        seen_in: &[("RedisLabs/raft#2", "https://github.com/RedisLabs/raft/issues/2")],
        ..Exhibit::rule(Rule::LastTermOfSnapshot)
    },
    Exhibit {
        bug: "term-regress-by-snapshot",
        title: "A server installs a snapshot, and falls back into its last term.",
        property: "term monotone",
        bounds: "3 servers · terms <= 2 · time-outs <= 2 · heartbeats <= 1 · compactions <= 1 · entries a message <= 1 · set network",
        seen_in: &[
            ("WRaft#4, willemt/raft PR#118", "https://github.com/willemt/raft/issues/118"),
            ("jgroups-raft#23", "https://github.com/jgroups-extras/jgroups-raft/issues/23"),
        ],
        published: "SandTable WRaft#4: 22 events, 48,338,241 states, 39 min",
        ..Exhibit::rule(Rule::TermNotOfSnapshot)
    },
    Exhibit {
        bug: "snapshot-without-config",
        title: "A leader compacts the changes by which the others ceased to vote, and counts by the configuration that it was started with.",
        property: "electing quorums meet",
        bounds: "3 servers · terms <= 1 · time-outs <= 1 · changes <= 2 · compactions <= 1 · entries a message <= 1 · set network",
        seen_in: &[
            ("swarmkit#238", "https://github.com/moby/swarmkit/issues/238"),
            ("async-raft#133", "https://github.com/async-raft/async-raft/issues/133"),
        ],
        ..Exhibit::rule(Rule::SnapshotHoldsConfig)
    },
    Exhibit {
        bug: "prev-zero-always-accepted",
        title: "A leader that has compacted its log sends what is left as if the log began with it, and a follower puts it at index 1.",
        property: "Log Matching",
        bounds: "3 servers · terms <= 1 · time-outs <= 1 · proposals <= 1 · retries <= 1 · compactions <= 1 · entries a message <= 1 · set network",
        seen_in: &[
            ("WRaft#1, willemt/raft PR#118", "https://github.com/willemt/raft/issues/118"),
            ("RedisLabs/raft#49", "https://github.com/RedisLabs/raft/issues/49"),
            ("DEMi raft-58b, akka-raft#58", "https://github.com/ktoso/akka-raft/issues/58"),
        ],
        published: "SandTable WRaft#1: 21 events, 5,954,049 states, 9 min",
        name: "prev-entry-known",
        section: "§5.3, §7",
        says: "What stands right before the entries of a message is known to both, and only a log without a snapshot begins at index 0.",
        ..Exhibit::shim(Shim::PrevZeroAlwaysAccepted)
    },
    Exhibit {
        bug: "snapshot-index-before-data",
        title: "The log is compacted, the disk stops before the snapshot is there, and a restart has neither.",
        property: "committed on a quorum",
        bounds: "3 servers · terms <= 1 · time-outs <= 1 · faults <= 1 · compactions <= 1 · entries a message <= 1 · buffered disk · set network",
        seen_in: &[
            ("nodedb#162", "https://github.com/NodeDB-Lab/nodedb/issues/162"),
            ("redisraft#14", "https://github.com/RedisLabs/redisraft/issues/14"),
        ],
        name: "snapshot-with-compaction",
        section: "§7",
        says: "A snapshot and the compaction of the log that it stands in for reach the disk together.",
        ..Exhibit::shim(Shim::CompactedBeforeSnapshot)
    },
];
