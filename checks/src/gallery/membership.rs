//! Membership: configurations that change one server at a time.

use raftlab_core::Rule;

use super::Exhibit;

pub(super) const EXHIBITS: &[Exhibit] = &[
    Exhibit {
        bug: "config-used-at-commit-not-append",
        title: "A leader commits two removals and may go on alone; one of the removed restarts, does not know what is committed, and may be elected by the other.",
        property: "electing quorums meet",
        bounds: "3 servers · terms <= 1 · time-outs <= 1 · crashes <= 1 · changes <= 2 · entries a message <= 1 · set network",
        seen_in: &[
            ("etcd#7280", "https://github.com/etcd-io/etcd/issues/7280"),
            ("etcd#11284", "https://github.com/etcd-io/etcd/issues/11284"),
            ("etcd#7625", "https://github.com/etcd-io/etcd/issues/7625"),
            ("tikv#1573", "https://github.com/tikv/tikv/issues/1573"),
            ("etcd-io/raft#456", "https://github.com/etcd-io/raft/issues/456"),
        ],
        published: "Specula: not hit in 180 to 300 s of simulation",
        ..Exhibit::rule(Rule::ConfigAtAppend)
    },
    Exhibit {
        bug: "multi-server-single-step",
        title: "Two of three servers are removed at once: the third commits alone, and the two elect a leader without it.",
        property: "Leader Completeness",
        bounds: "3 servers · terms <= 2 · time-outs <= 2 · changes <= 1 · entries a message <= 1 · set network",
        seen_in: &[
            ("dissertation, Figures 4.2 and 4.3", "https://github.com/ongardie/dissertation"),
            ("the paper, Figure 10", "https://raft.github.io/raft.pdf"),
        ],
        ..Exhibit::rule(Rule::OneServerAtATime)
    },
    Exhibit {
        bug: "two-config-changes-in-flight",
        title: "A second server is removed before the removal of the first is committed, and two majorities do not meet.",
        property: "Leader Completeness",
        bounds: "3 servers · terms <= 2 · time-outs <= 2 · changes <= 2 · entries a message <= 1 · set network",
        seen_in: &[
            ("hashicorp/raft#84", "https://github.com/hashicorp/raft/issues/84"),
            ("hashicorp/raft#16", "https://github.com/hashicorp/raft/issues/16"),
        ],
        ..Exhibit::rule(Rule::OneChangeAtATime)
    },
    Exhibit {
        bug: "config-change-before-own-term-commit",
        title: "Two leaders each remove a server, neither knows of the other's change, and both changes are committed.",
        property: "electing quorums meet",
        bounds: "4 servers · terms <= 2 · time-outs <= 2 · changes <= 2 · entries a message <= 1 · set network",
        seen_in: &[
            ("raft-dev, D. Ongaro 2015", "https://groups.google.com/g/raft-dev/c/t4xj6dJTP6E"),
            ("braft#182", "https://github.com/baidu/braft/issues/182"),
            ("openraft#2051", "https://github.com/databendlabs/openraft/issues/2051"),
            ("logless-reconfig 4035709", "https://github.com/will62794/logless-reconfig/commit/4035709"),
        ],
        published: "TLC, MongoRaftReconfig before 4035709: 10 actions, 9,217,584 states, 5 min 44 s, 48 cores, 4 servers",
        ..Exhibit::rule(Rule::ChangeAfterOwnTermCommit)
    },
    Exhibit {
        bug: "vote-from-non-member-counted",
        title: "A server that only learns is asked for its vote, and elects a second leader of a term.",
        property: "Election Safety",
        bounds: "4 servers · 3 founders · terms <= 2 · time-outs <= 3 · changes <= 1 · entries a message <= 1 · set network",
        seen_in: &[("hashicorp/raft#84", "https://github.com/hashicorp/raft/issues/84")],
        ..Exhibit::rule(Rule::VotersElect)
    },
    Exhibit {
        bug: "learner-campaigns",
        title: "A server that only learns does not hear its leader, asks for votes, and leads.",
        property: "voters lead",
        bounds: "3 servers · 2 founders · terms <= 2 · time-outs <= 2 · changes <= 1 · entries a message <= 1 · set network",
        seen_in: &[
            ("redpanda#8495", "https://github.com/redpanda-data/redpanda/issues/8495"),
            ("rethinkdb#4336", "https://github.com/rethinkdb/rethinkdb/issues/4336"),
        ],
        ..Exhibit::rule(Rule::VotersCampaign)
    },
    Exhibit {
        bug: "newest-log-outside-config",
        title: "The only server that has the entry of its own removal does not campaign, and its log lets nobody else win.",
        property: "a leader emerges",
        bounds: "2 servers · terms <= 2 · time-outs <= 2 · changes <= 1 · entries a message <= 1 · disregard-votes · set network",
        seen_in: &[
            ("braft#432", "https://github.com/baidu/braft/issues/432"),
            ("scylladb#10618", "https://github.com/scylladb/scylladb/issues/10618"),
        ],
        ..Exhibit::rule(Rule::LeavingVoterCampaigns)
    },
    Exhibit {
        bug: "learner-refuses-to-vote",
        title: "A server that does not know yet that it is a voter refuses the vote without which nobody leads.",
        property: "a majority suffices without n1",
        bounds: "3 servers · 2 founders · terms <= 1 · changes <= 2 · entries a message <= 1 · disregard-votes · set network",
        seen_in: &[
            ("raft-rs#57", "https://github.com/tikv/raft-rs/issues/57"),
            ("etcd#10998", "https://github.com/etcd-io/etcd/issues/10998"),
            ("camunda#57388", "https://github.com/camunda/camunda/issues/57388"),
        ],
        ..Exhibit::rule(Rule::WhoeverIsAskedVotes)
    },
    Exhibit {
        bug: "removed-leader-keeps-leading",
        title: "A leader commits the configuration that leaves it out, and goes on leading.",
        property: "voters lead",
        bounds: "3 servers · terms <= 1 · time-outs <= 1 · changes <= 1 · entries a message <= 1 · set network",
        seen_in: &[
            ("raft-rs#584", "https://github.com/tikv/raft-rs/issues/584"),
            ("redisraft#3", "https://github.com/RedisLabs/redisraft/issues/3"),
        ],
        ..Exhibit::rule(Rule::RemovedLeaderStepsDown)
    },
    Exhibit {
        name: "disregard-who-was-removed",
        bug: "removed-server-disrupts",
        title: "A server that was removed, and was not told, deposes the leader that no longer sends it anything.",
        property: "the leader stays",
        bounds: "3 servers · terms <= 1 · time-outs <= 1 · changes <= 1 · entries a message <= 1 · disregard-votes · set network",
        seen_in: &[
            ("logcabin#205", "https://github.com/logcabin/logcabin/issues/205"),
            ("canonical/raft#137", "https://github.com/canonical/raft/issues/137"),
        ],
        ..Exhibit::rule(Rule::DisregardWhileLed)
    },
];
