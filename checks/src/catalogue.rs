//! The standing checks: what is explored, how far, and what must have been seen on the way.
//!
//! Sizes were chosen by measured counts (`check run` prints them): all quick worlds together end within two minutes on two
//! cores, all deep ones within a quarter of an hour and 8 GiB; where that is not enough, INCOMPLETE is said. There are worlds
//! with one entry a message, where followers lag, and with two, where they do not.

use raftlab_model::{Bounds, Witness};

/// A standing check: one subject, in several bounded worlds.
#[derive(Debug)]
pub struct Check {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is about, in a sentence.
    pub says: &'static str,
    /// Worlds that are exhausted in seconds each.
    pub quick: &'static [Scope],
    /// Worlds that take a minute or more.
    pub deep: &'static [Scope],
}

/// One bounded world, and what must be reachable in it.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// The bounds, as one line.
    pub bounds: &'static str,
    /// The names of its witnesses.
    pub witnesses: &'static [&'static str],
}

/// How far a check goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Tier {
    /// Seconds a world.
    #[default]
    Quick,
    /// Minutes a world.
    Deep,
}

const ELECTED: &str = "a leader was elected";
const SPLIT: &str = "an election was split";
const LED_IN_TURN: &str = "two servers led, in different terms";
const TWO_AT_ONCE: &str = "two leaders at once, of different terms";
const STEPPED_DOWN: &str = "a leader stepped down";
const VOTED: &str = "a vote was cast for another server";
const NOOP: &str = "a no-op was committed";
const COMMAND: &str = "a command was committed";
const COMMANDS: &str = "two commands were committed";
const LEARNED: &str = "a follower learned of a commit";
const TRUNCATED: &str = "an entry was truncated";
const WENT_BACK: &str = "a leader went back with nextIndex";
const OLDER_COMMITTED: &str = "an entry of an older term was committed";
const OLDER_WAITED: &str = "an entry of an older term on a majority waited";
const TWO_ENTRIES: &str = "two entries arrived in one message";
const LEADER_CRASHED: &str = "a leader crashed";
const LED_AGAIN: &str = "a server led two terms";
const LOST: &str = "a crash lost unsynced writes";
const SURVIVED: &str = "a committed entry survived a crash";

/// All standing checks.
pub const CHECKS: &[Check] = &[
    Check {
        name: "election",
        says: "three servers elect leaders, term after term, and nothing else happens",
        quick: &[
            Scope {
                bounds: "3 servers · terms <= 2 · entries a message <= 1 · set network",
                witnesses: &[ELECTED, SPLIT, VOTED, LED_IN_TURN, TWO_AT_ONCE, STEPPED_DOWN, OLDER_WAITED],
            },
            Scope {
                bounds: "3 servers · terms <= 3 · time-outs <= 3 · entries a message <= 1 · set network",
                witnesses: &[LED_IN_TURN, TRUNCATED, WENT_BACK, OLDER_COMMITTED, OLDER_WAITED],
            },
            Scope {
                bounds: "3 servers · terms <= 3 · entries a message <= 1 · set network",
                witnesses: &[LED_IN_TURN, TRUNCATED, WENT_BACK, OLDER_COMMITTED, OLDER_WAITED],
            },
            Scope {
                bounds: "3 servers · terms <= 4 · time-outs <= 4 · entries a message <= 1 · set network",
                witnesses: &[LED_IN_TURN, TRUNCATED, WENT_BACK, OLDER_COMMITTED, OLDER_WAITED],
            },
        ],
        deep: &[Scope {
            bounds: "3 servers · terms <= 4 · entries a message <= 1 · set network",
            witnesses: &[LED_IN_TURN, TRUNCATED, WENT_BACK, OLDER_COMMITTED, OLDER_WAITED],
        }],
    },
    Check {
        name: "election-5",
        says: "five servers elect leaders: a majority is three",
        quick: &[
            Scope {
                bounds: "5 servers · terms <= 1 · entries a message <= 1 · set network",
                witnesses: &[ELECTED, SPLIT, VOTED, NOOP],
            },
            Scope {
                bounds: "5 servers · terms <= 2 · time-outs <= 2 · entries a message <= 1 · set network",
                witnesses: &[LED_IN_TURN, TWO_AT_ONCE, STEPPED_DOWN, TRUNCATED],
            },
        ],
        deep: &[Scope {
            bounds: "5 servers · terms <= 2 · entries a message <= 1 · set network",
            witnesses: &[SPLIT, LED_IN_TURN, TWO_AT_ONCE, STEPPED_DOWN, TRUNCATED],
        }],
    },
    Check {
        name: "replication",
        says: "a leader replicates what clients propose, and others take over",
        quick: &[
            Scope {
                bounds: "3 servers · terms <= 1 · proposals <= 2 · entries a message <= 1 · set network",
                witnesses: &[NOOP, COMMAND, COMMANDS, LEARNED],
            },
            Scope {
                bounds: "3 servers · terms <= 2 · proposals <= 1 · entries a message <= 1 · set network",
                witnesses: &[LED_IN_TURN, COMMAND, LEARNED, TRUNCATED, WENT_BACK, OLDER_COMMITTED],
            },
            Scope {
                bounds: "3 servers · terms <= 2 · time-outs <= 2 · proposals <= 1 · entries a message <= 2 · set network",
                witnesses: &[LED_IN_TURN, COMMAND, LEARNED, TRUNCATED, TWO_ENTRIES],
            },
            Scope {
                bounds: "3 servers · terms <= 2 · heartbeats <= 1 · entries a message <= 1 · set network",
                witnesses: &[LED_IN_TURN, LEARNED, TRUNCATED, WENT_BACK, OLDER_COMMITTED],
            },
            Scope {
                bounds: "3 servers · terms <= 1 · time-outs <= 1 · proposals <= 1 · retries <= 1 · entries a message <= 2 · bag network",
                witnesses: &[COMMAND, LEARNED, TWO_ENTRIES],
            },
            Scope {
                bounds: "3 servers · terms <= 1 · time-outs <= 1 · proposals <= 1 · retries <= 1 · entries a message <= 1 · ordered network",
                witnesses: &[COMMAND, LEARNED],
            },
            Scope {
                bounds: "3 servers · terms <= 2 · proposals <= 2 · entries a message <= 1 · set network",
                witnesses: &[COMMANDS, LEARNED, TRUNCATED, WENT_BACK, OLDER_COMMITTED],
            },
            Scope {
                bounds: "3 servers · terms <= 2 · proposals <= 2 · entries a message <= 2 · set network",
                witnesses: &[COMMANDS, LEARNED, TRUNCATED, WENT_BACK, TWO_ENTRIES],
            },
            Scope {
                bounds: "3 servers · terms <= 2 · proposals <= 1 · heartbeats <= 1 · entries a message <= 2 · set network",
                witnesses: &[COMMAND, LEARNED, TRUNCATED, WENT_BACK, TWO_ENTRIES],
            },
            Scope {
                bounds: "3 servers · terms <= 3 · proposals <= 1 · entries a message <= 1 · set network",
                witnesses: &[COMMAND, LEARNED, TRUNCATED, WENT_BACK, OLDER_COMMITTED],
            },
            Scope {
                bounds: "3 servers · terms <= 3 · time-outs <= 3 · proposals <= 2 · entries a message <= 1 · set network",
                witnesses: &[COMMANDS, LEARNED, TRUNCATED, WENT_BACK, OLDER_COMMITTED],
            },
            Scope {
                bounds: "3 servers · terms <= 3 · time-outs <= 3 · proposals <= 1 · heartbeats <= 1 · entries a message <= 1 · set network",
                witnesses: &[COMMAND, LEARNED, TRUNCATED, WENT_BACK, OLDER_COMMITTED],
            },
        ],
        deep: &[Scope {
            bounds: "3 servers · terms <= 4 · time-outs <= 4 · proposals <= 1 · entries a message <= 1 · set network",
            witnesses: &[COMMAND, LEARNED, TRUNCATED, WENT_BACK, OLDER_COMMITTED],
        }],
    },
    Check {
        name: "replication-5",
        says: "five servers replicate what clients propose",
        quick: &[Scope {
            bounds: "5 servers · terms <= 1 · proposals <= 2 · entries a message <= 1 · set network",
            witnesses: &[SPLIT, COMMAND, COMMANDS, LEARNED],
        }],
        deep: &[Scope {
            bounds: "5 servers · terms <= 2 · time-outs <= 2 · proposals <= 1 · entries a message <= 1 · set network",
            witnesses: &[LED_IN_TURN, COMMAND, LEARNED, TRUNCATED, WENT_BACK, OLDER_COMMITTED],
        }],
    },
    Check {
        name: "crash",
        says: "servers crash, with writes that their disks had and had not finished, and restart",
        quick: &[
            Scope {
                bounds: "3 servers · terms <= 1 · crashes <= 1 · entries a message <= 1 · buffered disk · set network",
                witnesses: &[ELECTED, NOOP, LEADER_CRASHED, LOST, SURVIVED],
            },
            Scope {
                bounds: "3 servers · terms <= 1 · time-outs <= 1 · proposals <= 1 · crashes <= 1 · entries a message <= 1 · buffered disk · set network",
                witnesses: &[COMMAND, LEARNED, LEADER_CRASHED, LOST, SURVIVED],
            },
            Scope {
                bounds: "3 servers · terms <= 1 · proposals <= 1 · crashes <= 1 · entries a message <= 1 · set network",
                witnesses: &[COMMAND, LEARNED, LEADER_CRASHED, SURVIVED],
            },
            Scope {
                bounds: "3 servers · terms <= 2 · crashes <= 1 · entries a message <= 1 · set network",
                witnesses: &[LED_IN_TURN, LED_AGAIN, LEADER_CRASHED, SURVIVED, TRUNCATED],
            },
            Scope {
                bounds: "3 servers · terms <= 2 · time-outs <= 2 · crashes <= 1 · entries a message <= 1 · buffered disk · set network",
                witnesses: &[LED_IN_TURN, LED_AGAIN, LEADER_CRASHED, LOST, SURVIVED, TRUNCATED],
            },
            Scope {
                bounds: "3 servers · terms <= 2 · proposals <= 1 · crashes <= 1 · entries a message <= 2 · set network",
                witnesses: &[COMMAND, LED_AGAIN, LEADER_CRASHED, SURVIVED, TRUNCATED],
            },
            Scope {
                bounds: "3 servers · terms <= 2 · time-outs <= 2 · proposals <= 1 · crashes <= 1 · entries a message <= 1 · buffered disk · set network",
                witnesses: &[COMMAND, LED_IN_TURN, LED_AGAIN, LEADER_CRASHED, LOST, SURVIVED, TRUNCATED],
            },
            Scope {
                bounds: "3 servers · terms <= 2 · proposals <= 2 · crashes <= 1 · entries a message <= 1 · set network",
                witnesses: &[COMMANDS, LED_AGAIN, LEADER_CRASHED, SURVIVED, TRUNCATED],
            },
            Scope {
                bounds: "3 servers · terms <= 3 · time-outs <= 3 · proposals <= 1 · crashes <= 1 · entries a message <= 1 · set network",
                witnesses: &[COMMAND, LED_AGAIN, LEADER_CRASHED, SURVIVED, TRUNCATED, OLDER_COMMITTED],
            },
        ],
        deep: &[
            Scope {
                bounds: "3 servers · terms <= 3 · proposals <= 1 · crashes <= 1 · entries a message <= 1 · set network",
                witnesses: &[COMMAND, LED_AGAIN, LEADER_CRASHED, SURVIVED, TRUNCATED, OLDER_COMMITTED],
            },
            Scope {
                bounds: "3 servers · terms <= 2 · proposals <= 2 · heartbeats <= 1 · crashes <= 1 · entries a message <= 1 · set network",
                witnesses: &[COMMANDS, LED_AGAIN, LEADER_CRASHED, SURVIVED, TRUNCATED, WENT_BACK],
            },
        ],
    },
    Check {
        name: "crash-5",
        says: "five servers, of which one crashes and restarts",
        quick: &[Scope {
            bounds: "5 servers · terms <= 2 · time-outs <= 2 · crashes <= 1 · entries a message <= 1 · set network",
            witnesses: &[LED_IN_TURN, LED_AGAIN, LEADER_CRASHED, SURVIVED, TRUNCATED],
        }],
        deep: &[
            Scope {
                bounds: "5 servers · terms <= 1 · proposals <= 2 · crashes <= 1 · entries a message <= 1 · set network",
                witnesses: &[COMMANDS, LEARNED, LEADER_CRASHED, SURVIVED],
            },
            Scope {
                bounds: "5 servers · terms <= 1 · time-outs <= 1 · proposals <= 1 · crashes <= 1 · entries a message <= 1 · buffered disk · set network",
                witnesses: &[COMMAND, LEARNED, LEADER_CRASHED, LOST, SURVIVED],
            },
        ],
    },
];

/// The check of this name.
pub fn named(name: &str) -> Option<&'static Check> {
    CHECKS.iter().find(|check| check.name == name)
}

impl Check {
    /// Its worlds of this tier.
    pub fn scopes(&self, tier: Tier) -> &'static [Scope] {
        match tier {
            Tier::Quick => self.quick,
            Tier::Deep => self.deep,
        }
    }
}

impl Scope {
    /// The bounds.
    ///
    /// # Panics
    ///
    /// If they cannot be read; a test reads them all.
    pub fn bounds(&self) -> Bounds {
        self.bounds.parse().expect("a check's bounds can be read")
    }

    /// The witnesses.
    ///
    /// # Panics
    ///
    /// If a name is not one; a test reads them all.
    pub fn witnesses(&self) -> Vec<&'static Witness> {
        self.witnesses.iter().map(|name| Witness::named(name).expect("a check names witnesses")).collect()
    }
}
