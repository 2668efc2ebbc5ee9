//! Reads that are stale: a leader that was replaced, and does not know it, answers with what was true once. First
//! rounds of heartbeats, then leases, whose clocks tick in these worlds. A read is stale when it does not show a
//! command that a client had been told of before it was asked.

use raftlab_core::Rule;
use raftlab_model::Shim;

use super::Exhibit;

/// What falls.
const STALE: &str = "Linearizability of reads";

pub(super) const EXHIBITS: &[Exhibit] = &[
    Exhibit {
        bug: "local-read-by-stale-leader",
        title: "A leader that was replaced answers from its state machine, without asking whether it leads.",
        property: STALE,
        bounds: "3 servers · terms <= 2 · time-outs <= 2 · proposals <= 1 · reads <= 1 · entries a message <= 2 · set network",
        seen_in: &[
            ("etcd#741", "https://github.com/etcd-io/etcd/issues/741"),
            ("d-engine#381", "https://github.com/deventlab/d-engine/issues/381"),
        ],
        published: "SandTable Xraft-KV#1: 9 events, 124,409 states, 15 s; Jepsen, etcd: about 20 s",
        ..Exhibit::rule(Rule::ReadConfirmsLeadership)
    },
    Exhibit {
        bug: "read-index-before-own-term-commit",
        title: "A new leader has all that was committed in its log, does not know that it is, and reads before it.",
        property: STALE,
        bounds: "3 servers · terms <= 2 · time-outs <= 2 · proposals <= 1 · reads <= 1 · entries a message <= 2 · set network",
        seen_in: &[
            ("etcd#7331", "https://github.com/etcd-io/etcd/issues/7331"),
            ("etcd#12680", "https://github.com/etcd-io/etcd/issues/12680"),
            ("tikv#6340", "https://github.com/tikv/tikv/issues/6340"),
            ("tikv#9239", "https://github.com/tikv/tikv/issues/9239"),
            ("redisraft#22", "https://github.com/RedisLabs/redisraft/issues/22"),
            ("toydb 42230e5", "https://github.com/erikgrinaker/toydb/commit/42230e5"),
            ("adjoint-io/raft#41", "https://github.com/adjoint-io/raft/issues/41"),
        ],
        ..Exhibit::rule(Rule::ReadAfterOwnCommit)
    },
    Exhibit {
        bug: "read-without-heartbeat-round",
        title: "A read joins the round under way, whose answers are older than the leader that replaced this one.",
        property: STALE,
        bounds: "3 servers · terms <= 2 · time-outs <= 2 · proposals <= 1 · reads <= 2 · entries a message <= 2 · set network",
        seen_in: &[("d-engine#381", "https://github.com/deventlab/d-engine/issues/381")],
        ..Exhibit::rule(Rule::RoundAfterRead)
    },
    Exhibit {
        bug: "read-context-reused",
        title: "An answer to an earlier round comes late, and confirms a read that was asked after it.",
        property: STALE,
        bounds: "3 servers · terms <= 2 · time-outs <= 2 · proposals <= 1 · reads <= 2 · entries a message <= 2 · set network",
        seen_in: &[
            ("etcd#20418", "https://github.com/etcd-io/etcd/issues/20418"),
            ("etcd-io/raft#397", "https://github.com/etcd-io/raft/issues/397"),
            ("antfly#599", "https://github.com/antflydb/antfly/issues/599"),
        ],
        published: "Antithesis, etcd#20418: 48 h for 99% confidence",
        ..Exhibit::rule(Rule::RoundTokenIsNew)
    },
    Exhibit {
        name: "answer-after-apply",
        bug: "read-before-apply",
        section: "D 6.4, §8",
        says: "A read is answered when the state machine was given all entries up to its readIndex.",
        title: "A leader whose disk is slow has not applied what it committed, and answers from before it.",
        property: STALE,
        bounds: "3 servers · terms <= 1 · time-outs <= 1 · proposals <= 1 · heartbeats <= 1 · reads <= 1 · entries a message <= 2 · buffered disk · set network",
        seen_in: &[
            ("redisraft#18", "https://github.com/RedisLabs/redisraft/issues/18"),
            ("redisraft#19", "https://github.com/RedisLabs/redisraft/issues/19"),
            ("etcd#3879", "https://github.com/etcd-io/etcd/issues/3879"),
            ("openraft#1788", "https://github.com/databendlabs/openraft/issues/1788"),
        ],
        ..Exhibit::shim(Shim::AnswersBeforeApply)
    },
    Exhibit {
        bug: "lease-ignores-clock-skew",
        title: "A voter's clock runs ahead, as far as it may, and the promise ends within the lease.",
        property: STALE,
        bounds: "3 servers · terms <= 2 · time-outs <= 2 · reads <= 1 · clock ticks <= 3 · skew <= 1 · entries a message <= 1 · lease of 3 less 2 · set network",
        seen_in: &[
            ("tikv#964", "https://github.com/tikv/tikv/issues/964"),
            ("yugabyte#16", "https://github.com/yugabyte/yugabyte-db/issues/16"),
        ],
        published: "CockroachDB, the correct leases: 134 M states, depth 69, 29 min",
        ..Exhibit::rule(Rule::LeaseWithinDrift)
    },
    Exhibit {
        bug: "lease-counted-from-receive",
        title: "The answer to a heartbeat comes when the promise in it is nearly over, and the lease starts then.",
        property: STALE,
        bounds: "3 servers · terms <= 2 · time-outs <= 2 · reads <= 1 · clock ticks <= 3 · skew <= 1 · entries a message <= 1 · lease of 3 less 2 · set network",
        seen_in: &[("jraft PR 34", "https://github.com/sofastack/sofa-jraft/pull/34")],
        ..Exhibit::rule(Rule::LeaseFromSending)
    },
    Exhibit {
        bug: "lease-from-unconfirmed-contact",
        title: "A leader that nobody hears renews its lease by asking alone.",
        property: STALE,
        bounds: "3 servers · terms <= 2 · time-outs <= 2 · heartbeats <= 1 · reads <= 1 · clock ticks <= 3 · skew <= 1 · entries a message <= 1 · lease of 3 less 2 · set network",
        seen_in: &[
            ("hashicorp/raft#666", "https://github.com/hashicorp/raft/issues/666"),
            ("jraft PR 34", "https://github.com/sofastack/sofa-jraft/pull/34"),
            ("jraft PR 26", "https://github.com/sofastack/sofa-jraft/pull/26"),
        ],
        ..Exhibit::rule(Rule::LeaseOfConfirmedRound)
    },
    Exhibit {
        bug: "vote-granted-inside-lease",
        title: "Servers that hear their leader elect another one while its lease lives.",
        property: STALE,
        bounds: "3 servers · terms <= 2 · time-outs <= 2 · heartbeats <= 1 · reads <= 1 · clock ticks <= 3 · skew <= 1 · entries a message <= 1 · lease of 3 less 2 · set network",
        seen_in: &[
            ("braft#365", "https://github.com/baidu/braft/issues/365"),
            ("braft#492", "https://github.com/baidu/braft/issues/492"),
            ("jraft#25", "https://github.com/sofastack/sofa-jraft/issues/25"),
        ],
        ..Exhibit::rule(Rule::PromiseBindsVotes)
    },
    Exhibit {
        bug: "lease-regress-on-term-bump",
        title: "A server hears of a newer term, takes its promise for that of an older one, and votes.",
        property: STALE,
        bounds: "3 servers · terms <= 2 · time-outs <= 3 · heartbeats <= 1 · reads <= 1 · clock ticks <= 3 · skew <= 1 · entries a message <= 1 · lease of 3 less 2 · set network",
        seen_in: &[("cockroach#133764", "https://github.com/cockroachdb/cockroach/issues/133764")],
        ..Exhibit::rule(Rule::PromiseOutlivesTerm)
    },
    Exhibit {
        bug: "lease-forgotten-on-restart",
        title: "A server restarts, does not know that it promised to wait, and votes within the lease.",
        property: STALE,
        bounds: "3 servers · terms <= 2 · time-outs <= 2 · heartbeats <= 1 · crashes <= 1 · reads <= 1 · clock ticks <= 3 · skew <= 1 · entries a message <= 1 · lease of 3 less 2 · set network",
        seen_in: &[("tikv#15035", "https://github.com/tikv/tikv/issues/15035")],
        ..Exhibit::rule(Rule::PromiseOutlivesRestart)
    },
    Exhibit {
        bug: "lease-kept-over-transfer",
        title: "A leader hands over, its successor is elected at once, and the old one reads on by its lease.",
        property: STALE,
        bounds: "3 servers · terms <= 2 · time-outs <= 1 · transfers <= 1 · reads <= 1 · clock ticks <= 1 · skew <= 1 · entries a message <= 1 · lease of 3 less 2 · set network",
        seen_in: &[
            ("raft-rs#234", "https://github.com/tikv/raft-rs/issues/234"),
            ("tikv PR 1595", "https://github.com/tikv/tikv/pull/1595"),
            ("etcd#12704", "https://github.com/etcd-io/etcd/issues/12704"),
        ],
        ..Exhibit::rule(Rule::TransferEndsLease)
    },
    Exhibit {
        name: "now-after-receive",
        bug: "now-sampled-before-receive",
        section: "D 6.4.1",
        says: "The clock is read after the read has come, not before the server waits for it.",
        title: "A leader reads its clock, is paused, and takes a read that came since for one within its lease.",
        property: STALE,
        bounds: "3 servers · terms <= 2 · time-outs <= 2 · reads <= 1 · clock ticks <= 3 · skew <= 1 · entries a message <= 1 · lease of 3 less 2 · set network",
        seen_in: &[("yugabyte#915", "https://github.com/yugabyte/yugabyte-db/issues/915")],
        ..Exhibit::shim(Shim::NowSampledBeforeReceive)
    },
    Exhibit {
        name: "clock-runs-through-pauses",
        bug: "pause-stops-the-clock",
        section: "D 6.4.1",
        says: "A server's clock goes on while the server is paused.",
        title: "A leader is paused, its clock stands still, and what it wakes up with is a lease that was over long ago.",
        property: STALE,
        bounds: "3 servers · terms <= 2 · time-outs <= 2 · faults <= 1 · reads <= 1 · clock ticks <= 3 · skew <= 1 · entries a message <= 1 · lease of 3 less 2 · set network",
        seen_in: &[("rust-lang/rust#87906", "https://github.com/rust-lang/rust/issues/87906")],
        ..Exhibit::shim(Shim::ClockStopsInPause)
    },
];
