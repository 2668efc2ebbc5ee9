//! Clients and the state machine: a command that is sent again, or given again after a restart, takes effect twice,
//! or one takes none. A state machine goes wrong by itself, so one server is enough to see it; the worlds have a
//! client that may send again.

use raftlab_model::Shim;

use super::Exhibit;

/// What falls where a command takes effect twice.
const TWICE: &str = "exactly once";
/// What falls where the state machine is not what the log says.
const APART: &str = "a state machine is its log";

pub(super) const EXHIBITS: &[Exhibit] = &[
    Exhibit {
        name: "retry-executes-once",
        bug: "no-client-dedup",
        section: "D 6.3, §8",
        says: "A command that was executed is not executed again: its client is answered as the first time.",
        title: "A client hears nothing, sends its command again, and it takes effect twice.",
        property: TWICE,
        bounds: "1 servers · terms <= 1 · proposals <= 1 · resends <= 1 · entries a message <= 1 · set network",
        seen_in: &[
            ("jraft#1014", "https://github.com/sofastack/sofa-jraft/issues/1014"),
            ("curvine#676", "https://github.com/CurvineIO/curvine/issues/676"),
            ("openraft#2095", "https://github.com/databendlabs/openraft/issues/2095"),
        ],
        ..Exhibit::shim(Shim::NoSessions)
    },
    Exhibit {
        name: "effects-saved-with-applied",
        bug: "double-apply-on-restart",
        section: "D 3.8, 6.3",
        says: "What a state machine did is saved together with lastApplied and the session table, or not at all.",
        title: "A restart finds what a command did, does not know that it did it, and executes it again.",
        property: TWICE,
        bounds: "1 servers · terms <= 2 · proposals <= 1 · resends <= 1 · crashes <= 1 · entries a message <= 1 · set network",
        seen_in: &[
            ("qdrant#715", "https://github.com/qdrant/qdrant/issues/715"),
            ("convex#275", "https://github.com/MartinKalema/horizontal-scaling-convex/issues/275"),
        ],
        ..Exhibit::shim(Shim::EffectsOutliveApplied)
    },
    Exhibit {
        name: "applied-when-executed",
        bug: "apply-error-swallowed",
        section: "§5.3, Figure 2",
        says: "lastApplied moves over an entry when the state machine has executed it; one that cannot stops.",
        title: "A state machine fails to execute a command, and the server goes on as if it had.",
        property: APART,
        bounds: "1 servers · terms <= 1 · proposals <= 1 · resends <= 1 · faults <= 1 · entries a message <= 1 · set network",
        seen_in: &[("convex#144", "https://github.com/MartinKalema/horizontal-scaling-convex/issues/144")],
        ..Exhibit::shim(Shim::ApplyErrorSwallowed)
    },
    Exhibit {
        name: "applied-is-not-committed",
        bug: "commit-index-as-applied",
        section: "D 3.8, Figure 2",
        says: "After a restart lastApplied says what the state machine has executed, not what had been committed.",
        title: "A restart takes what was committed for applied, and its empty state machine never executes it.",
        property: APART,
        bounds: "1 servers · terms <= 1 · proposals <= 1 · resends <= 1 · crashes <= 1 · entries a message <= 1 · set network",
        seen_in: &[("convex#145", "https://github.com/MartinKalema/horizontal-scaling-convex/issues/145")],
        ..Exhibit::shim(Shim::CommittedTakenForApplied)
    },
    Exhibit {
        name: "sessions-in-snapshot",
        bug: "session-table-not-in-snapshot",
        section: "D 6.3, §7",
        says: "A snapshot holds the session table, as it holds all that the entries which it covers have done.",
        title: "A command is executed and compacted, its server restarts from the snapshot without the session table, and the retry takes effect again.",
        property: TWICE,
        bounds: "1 servers · terms <= 2 · proposals <= 1 · resends <= 1 · crashes <= 1 · compactions <= 1 · entries a message <= 1 · set network",
        seen_in: &[("dissertation, 6.3", "https://github.com/ongardie/dissertation")],
        ..Exhibit::shim(Shim::SnapshotWithoutSessions)
    },
];
