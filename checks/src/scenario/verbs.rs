//! The verbs of the grammar, for the parser, for help, and for those who mistype.

/// Where a verb may be used besides in a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Nowhere.
    Scenario,
    /// In `lab chaos`.
    Fault,
    /// As a verb of `lab` itself.
    Member,
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verb {
    /// Its name.
    pub name: &'static str,
    /// How a line with it is written.
    pub usage: &'static str,
    /// What it does, for people.
    pub about: &'static str,
    /// Where else it may be used.
    pub group: Group,
}

const fn verb(group: Group, name: &'static str, usage: &'static str, about: &'static str) -> Verb {
    Verb { name, usage, about, group }
}

/// All of them, in the order in which help lists them.
pub const VERBS: &[Verb] = &[
    verb(Group::Scenario, "up", "up 3 [NODE FLAGS…]", "founds a cluster of so many servers"),
    verb(
        Group::Scenario,
        "load",
        "load 8 clients [for 10s] [reads 1:1] [keys 16] [rate 500]",
        "lets clients work while the scenario goes on",
    ),
    verb(Group::Scenario, "stop-load", "stop-load", "lets them stop"),
    verb(Group::Scenario, "wait", "wait 3s", "does nothing"),
    verb(
        Group::Scenario,
        "put",
        "put KEY VALUE [to SERVER] [as NAME]",
        "lets a client write, and goes on meanwhile; it asks that server and no other, or whoever leads",
    ),
    verb(
        Group::Scenario,
        "get",
        "get KEY [to SERVER] [as NAME]",
        "lets a client read, and goes on meanwhile",
    ),
    verb(
        Group::Scenario,
        "measure",
        "measure NAME reads 10:1 [clients 16] [keys 64] for 1s",
        "lets clients ask as fast as they are answered, and keeps how they fared as a sample of NAME at that ratio",
    ),
    verb(
        Group::Scenario,
        "restart",
        "restart all [NODE FLAGS…]",
        "stops all servers, then starts them with these flags in place of those of the same names; a leader is waited for",
    ),
    verb(
        Group::Scenario,
        "expect",
        "expect leader [n1]|no leader|all agree|5 voters|progress|n1 down|NAME done|NAME failed|NAME unknown|NAME reads \
         VALUE|KEY = VALUE [on n1]|n1 truncated|n1 installed|steady|3 leaders|two at once within 4s",
        "sees it come about in time, or fails; `steady` has to hold all the time",
    ),
    verb(
        Group::Scenario,
        "violates",
        "violates linearizability|safety",
        "says what this run is to break, and is judged by that: what does not break it fails",
    ),
    verb(Group::Scenario, "down", "down", "ends the cluster"),
    verb(Group::Fault, "kill", "kill SERVER", "ends a process at once, as kill -9 does"),
    verb(Group::Fault, "stop", "stop SERVER", "ends a process as it should"),
    verb(Group::Fault, "start", "start n1|all", "starts a server that is down, or all that are"),
    verb(Group::Fault, "pause", "pause SERVER 500ms", "lets a server do nothing for a while"),
    verb(
        Group::Fault,
        "partition",
        "partition n1 | n2,n3 [one-way]",
        "cuts all links between two sides; one way: only from the first to the second",
    ),
    verb(Group::Fault, "isolate", "isolate SERVER", "cuts a server off from all others"),
    verb(
        Group::Fault,
        "link",
        "link n1 n2 [drop 10%] [delay 5ms] [jitter 2ms] [duplicate 1%] [one-way]",
        "makes a link bad, both ways unless told otherwise",
    ),
    verb(
        Group::Fault,
        "slow-disk",
        "slow-disk SERVER 200ms [jitter 1s]",
        "makes every sync take so much longer, and up to so much more",
    ),
    verb(Group::Fault, "stall-disk", "stall-disk SERVER", "lets no sync return"),
    verb(Group::Fault, "skew", "skew SERVER 110%", "runs a clock at so much of the truth"),
    verb(
        Group::Fault,
        "jump",
        "jump SERVER +5s",
        "sets a clock forward; with a minus it stands still as long",
    ),
    verb(
        Group::Fault,
        "move-log",
        "move-log SERVER [DIR]",
        "moves a log to another directory; what is wrong with the old disk stays there",
    ),
    verb(Group::Fault, "rot-disk", "rot-disk SERVER", "turns a bit of the log of a server that is down"),
    verb(
        Group::Fault,
        "edit-cluster",
        "edit-cluster n3 n1,n2,n3,n4",
        "tells a server at its next start that these founded the cluster, past the log: what nobody should do",
    ),
    verb(Group::Fault, "heal", "heal", "makes links, disks and clocks well again"),
    verb(Group::Member, "add", "add n4", "starts a server, lets it join, catch up and vote"),
    verb(Group::Member, "remove", "remove SERVER", "removes a server and ends its process"),
    verb(Group::Member, "grow", "grow 5", "adds servers until so many vote"),
    verb(
        Group::Scenario,
        "propose-add",
        "propose-add n4 [as NAME]",
        "asks for a server to join that is not started, and goes on meanwhile",
    ),
    verb(Group::Member, "move-leader", "move-leader SERVER", "lets another server lead"),
];

impl Verb {
    /// The verb of this name.
    pub fn named(name: &str) -> Option<&'static Verb> {
        VERBS.iter().find(|verb| verb.name == name)
    }

    /// Those of a group, a line each, for help.
    pub fn help(group: Group) -> String {
        let of_group = || VERBS.iter().filter(|verb| verb.group == group);
        let width = of_group().map(|verb| verb.usage.len()).max().unwrap_or(0).min(40);
        let lines = of_group().map(|Verb { usage, about, .. }| {
            if usage.len() > width {
                format!("  {usage}\n  {:width$}  {about}\n", "")
            } else {
                format!("  {usage:width$}  {about}\n")
            }
        });
        lines.collect()
    }
}
