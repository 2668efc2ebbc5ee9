//! Durable storage: what a disk has to promise.

use raftlab_model::Shim;

use super::Exhibit;

pub(super) const EXHIBITS: &[Exhibit] = &[
    Exhibit {
        name: "ack-after-sync",
        bug: "ack-before-fsync",
        section: "§5.1, Figure 2",
        says: "A follower acknowledges entries when they are on its disk.",
        title: "A follower acknowledges an entry, crashes before it is on disk, and elects a leader that lacks it.",
        property: "Leader Completeness",
        bounds: "3 servers · terms <= 2 · time-outs <= 2 · crashes <= 1 · entries a message <= 1 · buffered disk · set network",
        seen_in: &[
            ("Jepsen, NATS 2.12.1", "https://jepsen.io/analyses/nats-2.12.1"),
            ("tikv#994", "https://github.com/tikv/tikv/issues/994"),
            ("openraft ee460f37", "https://github.com/databendlabs/openraft/commit/ee460f37"),
            ("yugabyte-db#23453", "https://github.com/yugabyte/yugabyte-db/issues/23453"),
        ],
        published: "Jepsen, NATS 2.12.1: 131,418 of 930,005 acknowledged messages lost",
        ..Exhibit::shim(Shim::AckBeforeSync)
    },
    Exhibit {
        name: "count-own-disk-after-sync",
        bug: "leader-counts-unsynced-self",
        section: "D 10.2.1",
        says: "A leader may send entries before they are on its disk, but counts itself only after.",
        title: "A leader commits with an entry that its own disk has not, crashes, and elects a leader that lacks it.",
        property: "Leader Completeness",
        bounds: "3 servers · terms <= 2 · time-outs <= 2 · crashes <= 1 · entries a message <= 1 · buffered disk · set network",
        seen_in: &[
            ("d-engine#329", "https://github.com/deventlab/d-engine/issues/329"),
            ("goraft#150", "https://github.com/goraft/raft/issues/150"),
        ],
        ..Exhibit::shim(Shim::LeaderCountsUnsynced)
    },
    Exhibit {
        name: "single-voter-syncs-first",
        bug: "single-voter-commits-before-sync",
        section: "§5.1, D 10.2.1",
        says: "A server alone in its cluster commits when its disk has the entry, not when it appends it.",
        title: "The only server commits an entry that its disk has not.",
        property: "committed on a quorum",
        bounds: "1 servers · terms <= 1 · crashes <= 1 · entries a message <= 1 · buffered disk · set network",
        seen_in: &[("etcd#14370", "https://github.com/etcd-io/etcd/issues/14370")],
        ..Exhibit::shim(Shim::LeaderCountsUnsynced)
    },
    Exhibit {
        name: "sync-no-op",
        bug: "noop-not-flushed",
        section: "§8, D 6.4",
        says: "The no-op of a new leader is an entry like any other: it counts when it is on disk.",
        title: "A leader commits its no-op with a disk that has not got it, crashes, and elects a leader that lacks it.",
        property: "Leader Completeness",
        bounds: "3 servers · terms <= 2 · time-outs <= 2 · crashes <= 1 · entries a message <= 1 · buffered disk · set network",
        seen_in: &[("openraft a9f696a9", "https://github.com/databendlabs/openraft/commit/a9f696a9")],
        ..Exhibit::shim(Shim::NoopNotSynced)
    },
    Exhibit {
        name: "stop-on-write-error",
        bug: "write-error-swallowed",
        section: "§5.1, Figure 2",
        says: "A server whose write failed stops: what its disk holds is no longer known.",
        title: "A server takes a failed write for a durable one, and what it acknowledged is on no second disk.",
        property: "committed on a quorum",
        bounds: "3 servers · terms <= 1 · time-outs <= 1 · faults <= 1 · entries a message <= 1 · buffered disk · set network",
        seen_in: &[
            ("dragonboat PR 409", "https://github.com/lni/dragonboat/pull/409"),
            ("Rebello et al., ATC 2020", "https://www.usenix.org/conference/atc20/presentation/rebello"),
        ],
        published: "Specula, dragonboat: 13,060 states, depth 11",
        ..Exhibit::shim(Shim::WriteErrorSwallowed)
    },
    Exhibit {
        name: "replace-in-one-record",
        bug: "truncate-append-not-atomic",
        section: "§5.3, §5.5",
        says: "Truncation and the entries that replace what was cut are one record.",
        title: "A store that deletes and appends again what it already holds crashes between, and loses a committed entry.",
        property: "committed on a quorum",
        bounds: "3 servers · terms <= 1 · faults <= 1 · entries a message <= 1 · set network",
        seen_in: &[
            ("openraft 9540c904", "https://github.com/databendlabs/openraft/commit/9540c904"),
            ("braft 10cd9e3", "https://github.com/baidu/braft/commit/10cd9e3"),
        ],
        ..Exhibit::shim(Shim::TruncateAppendTorn)
    },
    Exhibit {
        name: "corruption-is-no-torn-tail",
        bug: "corrupt-tail-truncated",
        section: "§5.5, Figure 2",
        says: "A damaged entry that was acknowledged is damage, not the end of the log: the server stops, or is repaired.",
        title: "A restart cuts a damaged entry off as a torn tail, and elects a leader that lacks it.",
        property: "Leader Completeness",
        bounds: "3 servers · terms <= 2 · time-outs <= 2 · faults <= 1 · entries a message <= 1 · set network",
        seen_in: &[
            (
                "Alagappan et al., FAST 2018",
                "https://www.usenix.org/conference/fast18/presentation/alagappan",
            ),
            ("nats-server#7587", "https://github.com/nats-io/nats-server/issues/7587"),
            ("NuRaft#185", "https://github.com/eBay/NuRaft/issues/185"),
        ],
        published: "Jepsen, NATS 2.12.1: one damaged bit lost 679,153 of 1,367,069 messages",
        ..Exhibit::shim(Shim::CorruptTailTruncated)
    },
    Exhibit {
        name: "new-disk-new-name",
        bug: "wiped-node-same-id",
        section: "§5.5, D 3.8",
        says: "A server that lost its disk does not return under its name.",
        title: "A server returns with an empty disk and elects a leader that lacks what it had acknowledged.",
        property: "Leader Completeness",
        bounds: "3 servers · terms <= 2 · time-outs <= 2 · faults <= 1 · entries a message <= 1 · set network",
        seen_in: &[
            ("Jepsen, RethinkDB 2.2.3", "https://jepsen.io/analyses/rethinkdb-2-2-3-reconfiguration"),
            ("openraft cecb5de8", "https://github.com/databendlabs/openraft/commit/cecb5de8"),
        ],
        ..Exhibit::shim(Shim::WipedServerReturns)
    },
];
