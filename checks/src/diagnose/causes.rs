//! What an incident may come from. A cause is an entry: what speaks for it and against it, what to do, and which scenario
//! shows it. Another one is added by another entry.
//!
//! | file | causes |
//! |---|---|
//! | `members.rs` | membership changed past the log; a leader that was removed |
//! | `disks.rs` | one slow disk, all of them slow, the disk of whoever leads, a stalled one |
//! | `network.rs` | a leader cut off, or another server; no majority in touch; bad links |
//! | `terms.rs` | a leader deposed by a higher term |
//! | `processes.rs` | a leader that died, one that slept, another server that is down |
//! | `settings.rs` | a time-out that is too short, a clock that is wrong, too much work |

mod disks;
mod members;
mod network;
mod processes;
mod settings;
mod terms;

use super::argument::Argument;
use super::facts::Facts;

/// What an incident may come from.
#[derive(Debug)]
pub struct Cause {
    /// Its short name.
    pub name: &'static str,
    /// What it is, for people.
    pub title: &'static str,
    /// What speaks for it and against it.
    pub argue: fn(&Facts) -> Argument,
    /// What to do, first things first.
    pub next: &'static [&'static str],
    /// The scenario of `lab` that shows it.
    pub scenario: Option<&'static str>,
}

/// All of them, the gravest first.
pub const CAUSES: &[Cause] = &[
    Cause {
        name: "membership-bypassed",
        title: "Servers count by different voters: membership was changed past the log",
        argue: members::bypassed,
        next: &[
            "Stop the servers that count by other voters than the rest; what they acknowledged may contradict what the \
             others did.",
            "Compare both sides' data before anything is discarded: ctl get --consistency stale on each.",
            "Start the wrong ones again with empty data, by --initial-cluster-state existing, and add them one at a time: \
             ctl member add.",
        ],
        scenario: Some("bypassed"),
    },
    Cause {
        name: "rejoin-disruptive",
        title: "A server that was away came back in a higher term, and a healthy leader gave way",
        argue: terms::rejoin,
        next: &[
            "Start all servers with --pre-vote=true, one after the other.",
            "Find out why that server was away; until then its next return costs an election again.",
        ],
        scenario: Some("rejoin-disruptive"),
    },
    Cause {
        name: "slow-shared-storage",
        title: "The disks of a majority are slow: clients wait, and leadership wanders",
        argue: disks::flapping,
        next: &[
            "Look at what the servers' disks share, and at who else loads it.",
            "Move the logs to storage of their own: node --wal-dir.",
            "Until then make elections rarer: --election-timeout of several syncs, at the price of slower failover.",
        ],
        scenario: Some("flapping"),
    },
    Cause {
        name: "slow-disk-of-leader",
        title: "Whoever leads, its disk gets slow: something loads the disk where the leader is",
        argue: disks::follows,
        next: &[
            "Look for work that goes where the leader is, or that leading itself brings: backups, exports, reports.",
            "Let it run on a follower, or give the logs storage of their own: node --wal-dir.",
            "Let leaders send while their disks write: --disk-io parallel.",
        ],
        scenario: Some("flapping-follows"),
    },
    Cause {
        name: "stalled-disk",
        title: "No sync of a leader's disk returned",
        argue: disks::stalled,
        next: &[
            "Look for I/O errors and hung requests on that machine (dmesg, iostat); replace the disk.",
            "The others serve clients meanwhile; stop that server if it stands for election again and again.",
        ],
        scenario: Some("stalled-disk"),
    },
    Cause {
        name: "slow-disk",
        title: "One leader's disk syncs too slowly",
        argue: disks::slow,
        next: &[
            "Move that server's log to a faster disk: node --wal-dir.",
            "Let leaders send while their disks write: --disk-io parallel.",
            "Until then keep leadership elsewhere: ctl move-leader.",
        ],
        scenario: Some("slow-disk"),
    },
    Cause {
        name: "leader-cut-off",
        title: "A leader was cut off from the majority, which elected another",
        argue: network::leader_cut_off,
        next: &[
            "Look at the network between that server and the others: routes, firewalls, switches.",
            "Clients whose writes it took and never acknowledged have to ask again: those entries are gone.",
        ],
        scenario: Some("minority"),
    },
    Cause {
        name: "majority-lost",
        title: "Too few voters are in touch with each other to elect a leader",
        argue: network::majority_lost,
        next: &[
            "Bring back one of the missing servers with its data: each of them counts, an empty one does not.",
            "Do not found a new cluster from what is left before all other ways are tried: acknowledged writes may be lost.",
        ],
        scenario: Some("demo"),
    },
    Cause {
        name: "leader-died",
        title: "The process of a leader ended, and another was elected",
        argue: processes::died,
        next: &[
            "Look at the end of that server's log, and whether the system killed it (dmesg, out of memory).",
            "If it was stopped for maintenance, move leadership first: ctl move-leader.",
        ],
        scenario: Some("election"),
    },
    Cause {
        name: "leader-removed",
        title: "The leader was removed from the configuration, and clients waited for an election",
        argue: members::leader_left,
        next: &[
            "It is over when another leads. Next time move leadership first: ctl move-leader, then ctl member remove.",
        ],
        scenario: Some("membership"),
    },
    Cause {
        name: "leader-paused",
        title: "The process of a leader stood still for a while",
        argue: processes::paused,
        next: &[
            "Look at that machine: a suspended or migrated virtual machine, swapping, a debugger, too few processors.",
            "Do not read by leases where machines may stand still: --read-mode index.",
        ],
        scenario: Some("lease-pause"),
    },
    Cause {
        name: "server-down",
        title: "A server does not answer; the others go on, and can spare one less",
        argue: processes::server_down,
        next: &[
            "Start it again with its data, or find out why it does not answer: its log, its machine.",
            "If it will not come back, replace it through the log: ctl member remove, then ctl member add.",
        ],
        scenario: Some("snapshot"),
    },
    Cause {
        name: "server-cut-off",
        title: "A server is out of touch; the others go on, and can spare one less",
        argue: network::server_cut_off,
        next: &[
            "Look at the network between that server and the others: routes, firewalls, switches.",
            "Before it comes back, see that it runs with --pre-vote=true: without, its return costs an election.",
        ],
        scenario: Some("rejoin-quiet"),
    },
    Cause {
        name: "bad-links",
        title: "Datagrams between servers are lost or late",
        argue: network::bad_links,
        next: &[
            "Measure the path between these servers outside of Raft (ping, mtr); look for full queues and bad cables.",
            "A long way needs a longer --election-timeout: at least ten round trips.",
        ],
        scenario: Some("demo"),
    },
    Cause {
        name: "wrong-clock",
        title: "A server's clock runs wrong",
        argue: settings::wrong_clock,
        next: &[
            "Look at that machine's clock source, and at its hypervisor.",
            "Do not read by leases until it is right (--read-mode index): a read may have been stale.",
        ],
        scenario: Some("lease"),
    },
    Cause {
        name: "overload",
        title: "There is more work than the leader can do",
        argue: settings::overload,
        next: &[
            "Slow clients down, or spread them over more clusters.",
            "Look at what takes the leader's processor and disk: ctl check perf shows what this machine can do.",
        ],
        scenario: None,
    },
    Cause {
        name: "short-time-out",
        title: "The election time-out is too short for this network and these heartbeats",
        argue: settings::short_time_out,
        next: &["Make --election-timeout ten heartbeats and ten round trips long, on all servers."],
        scenario: Some("flapping-long-timeout"),
    },
];
