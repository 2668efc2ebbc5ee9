//! The standing checks: what is explored, how far, and what must have been seen on the way.
//!
//! Sizes were chosen by measured counts (`check run` prints them): all quick worlds together end within two minutes
//! on two cores, all deep ones within ten minutes and 4 GiB; where that is not enough, INCOMPLETE is said.
//! There are worlds with one entry a message, where followers lag, and with two, where they do not.

use raftlab_model::{Bounds, Property, Witness};

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
    /// The world of random walks, where it is one that cannot be exhausted. If absent, the last of the deep ones.
    pub walked: Option<Scope>,
}

/// One bounded world, and what must be reachable in it.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// The bounds, as one line.
    pub bounds: &'static str,
    /// The names of its witnesses.
    pub witnesses: &'static [&'static str],
    /// What must come of a calm schedule from each of its states: bounded liveness.
    pub liveness: &'static [&'static str],
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

const ASKED: &str = "a server asked before it campaigned";
const ASKED_IN_VAIN: &str = "a server asked in vain, and followed";
const LOST_CONTACT: &str = "a follower lost contact";
const GAVE_UP: &str = "a leader stepped down within its term";

const TOOK_OVER: &str = "a follower campaigned without asking";
const ABANDONED: &str = "a transfer was abandoned";

const JOINED: &str = "a learner joined";
const PROMOTED: &str = "a learner became a voter";
const LEFT: &str = "a voter left";
const CHANGED: &str = "a change was committed";
const CHANGED_TWICE: &str = "two changes were committed";
const ROLLED_BACK: &str = "a change was rolled back";
const LEADER_LEFT: &str = "a leader left its cluster";
const NEWCOMER_LED: &str = "a server that joined led";

const ROUND: &str = "a read was answered after a round";
const ONE_ROUND: &str = "two reads were answered by one round";
const WAITED: &str = "a read waited for the no-op";
const NEXT_ROUND: &str = "a read waited for the next round";
const LOGGED: &str = "a read was answered through the log";
const REPLACED: &str = "a leader that had been replaced was asked to read";
const WITHOUT_ROUND: &str = "a read was answered without a round";
const EXPIRED: &str = "a lease expired";
const GIVEN_UP: &str = "a lease was given up";
const STILL_BOUND: &str = "a server that restarted kept its promise";

const COMPACTED: &str = "a log was compacted";
const IN_PARTS: &str = "a part of a snapshot arrived";
const INSTALLED: &str = "a snapshot was installed";
const CONFLICTED: &str = "a snapshot took the place of a log that conflicts";
const BEGAN_WITH_IT: &str = "a restart began with a snapshot";
const COMPACTED_LED: &str = "a server whose log was compacted was elected";
const FIVE_AND_BACK: &str = "three voters became five, and three again, under two leaders";
const WENT_ON: &str = "a follower with a snapshot learned of a commit";
const CHANGE_COMPACTED: &str = "a change was compacted";
const CONFIG_CAME: &str = "a configuration came with a snapshot";

const EXECUTED_ONCE: &str = "a command was committed twice and executed once";
const FROM_TABLE: &str = "a retry was answered from the session table";
const ANOTHER_LEADER: &str = "a retry went to another leader";
const REBUILT: &str = "a table that was rebuilt after a crash answered a retry";

const EMERGES: &str = "a leader emerges";
const MAJORITY: &str = "a majority suffices";
const WITHOUT_N1: &str = "a majority suffices without n1";
const STAYS: &str = "the leader stays";
const RETURNS: &str = "who returns disturbs nobody";
const DEAF: &str = "who is deaf deposes nobody";
const CUT_LINK: &str = "one cut link deposes nobody";
const STALLED: &str = "a stalled disk gives up";
const ONE_LINK: &str = "one link is no majority";

/// A world in which safety alone is judged.
const SAFETY: Scope = Scope { bounds: "", witnesses: &[], liveness: &[] };

/// All standing checks.
pub const CHECKS: &[Check] = &[
    Check {
        name: "election",
        says: "three servers elect leaders, term after term, and nothing else happens",
        quick: &[
            Scope {
                bounds: "3 servers · terms <= 2 · entries a message <= 1 · set network",
                witnesses: &[ELECTED, SPLIT, VOTED, LED_IN_TURN, TWO_AT_ONCE, STEPPED_DOWN, OLDER_WAITED],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 3 · time-outs <= 3 · entries a message <= 1 · set network",
                witnesses: &[LED_IN_TURN, TRUNCATED, WENT_BACK, OLDER_COMMITTED, OLDER_WAITED],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 3 · entries a message <= 1 · set network",
                witnesses: &[LED_IN_TURN, TRUNCATED, WENT_BACK, OLDER_COMMITTED, OLDER_WAITED],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 4 · time-outs <= 4 · entries a message <= 1 · set network",
                witnesses: &[LED_IN_TURN, TRUNCATED, WENT_BACK, OLDER_COMMITTED, OLDER_WAITED],
                ..SAFETY
            },
        ],
        deep: &[Scope {
            bounds: "3 servers · terms <= 4 · entries a message <= 1 · set network",
            witnesses: &[LED_IN_TURN, TRUNCATED, WENT_BACK, OLDER_COMMITTED, OLDER_WAITED],
            ..SAFETY
        }],
        walked: None,
    },
    Check {
        name: "election-5",
        says: "five servers elect leaders: a majority is three",
        quick: &[
            Scope {
                bounds: "5 servers · terms <= 1 · entries a message <= 1 · set network",
                witnesses: &[ELECTED, SPLIT, VOTED, NOOP],
                ..SAFETY
            },
            Scope {
                bounds: "5 servers · terms <= 2 · time-outs <= 2 · entries a message <= 1 · set network",
                witnesses: &[LED_IN_TURN, TWO_AT_ONCE, STEPPED_DOWN, TRUNCATED],
                ..SAFETY
            },
        ],
        deep: &[Scope {
            bounds: "5 servers · terms <= 2 · entries a message <= 1 · set network",
            witnesses: &[SPLIT, LED_IN_TURN, TWO_AT_ONCE, STEPPED_DOWN, TRUNCATED],
            ..SAFETY
        }],
        walked: None,
    },
    Check {
        name: "replication",
        says: "a leader replicates what clients propose, and others take over",
        quick: &[
            Scope {
                bounds: "3 servers · terms <= 1 · proposals <= 2 · entries a message <= 1 · set network",
                witnesses: &[NOOP, COMMAND, COMMANDS, LEARNED],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 2 · proposals <= 1 · entries a message <= 1 · set network",
                witnesses: &[LED_IN_TURN, COMMAND, LEARNED, TRUNCATED, WENT_BACK, OLDER_COMMITTED],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 2 · time-outs <= 2 · proposals <= 1 · entries a message <= 2 · set network",
                witnesses: &[LED_IN_TURN, COMMAND, LEARNED, TRUNCATED, TWO_ENTRIES],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 2 · heartbeats <= 1 · entries a message <= 1 · set network",
                witnesses: &[LED_IN_TURN, LEARNED, TRUNCATED, WENT_BACK, OLDER_COMMITTED],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 1 · time-outs <= 1 · proposals <= 1 · retries <= 1 · entries a message <= 2 · bag network",
                witnesses: &[COMMAND, LEARNED, TWO_ENTRIES],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 1 · time-outs <= 1 · proposals <= 1 · retries <= 1 · entries a message <= 1 · ordered network",
                witnesses: &[COMMAND, LEARNED],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 2 · proposals <= 2 · entries a message <= 1 · set network",
                witnesses: &[COMMANDS, LEARNED, TRUNCATED, WENT_BACK, OLDER_COMMITTED],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 2 · proposals <= 2 · entries a message <= 2 · set network",
                witnesses: &[COMMANDS, LEARNED, TRUNCATED, WENT_BACK, TWO_ENTRIES],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 2 · proposals <= 1 · heartbeats <= 1 · entries a message <= 2 · set network",
                witnesses: &[COMMAND, LEARNED, TRUNCATED, WENT_BACK, TWO_ENTRIES],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 3 · proposals <= 1 · entries a message <= 1 · set network",
                witnesses: &[COMMAND, LEARNED, TRUNCATED, WENT_BACK, OLDER_COMMITTED],
                ..SAFETY
            },
        ],
        deep: &[
            Scope {
                bounds: "3 servers · terms <= 4 · time-outs <= 4 · proposals <= 1 · entries a message <= 1 · set network",
                witnesses: &[COMMAND, LEARNED, TRUNCATED, WENT_BACK, OLDER_COMMITTED],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 3 · time-outs <= 3 · proposals <= 2 · entries a message <= 1 · set network",
                witnesses: &[COMMANDS, LEARNED, TRUNCATED, WENT_BACK, OLDER_COMMITTED],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 3 · time-outs <= 3 · proposals <= 1 · heartbeats <= 1 · entries a message <= 1 · set network",
                witnesses: &[COMMAND, LEARNED, TRUNCATED, WENT_BACK, OLDER_COMMITTED],
                ..SAFETY
            },
        ],
        walked: None,
    },
    Check {
        name: "replication-5",
        says: "five servers replicate what clients propose",
        quick: &[Scope {
            bounds: "5 servers · terms <= 1 · proposals <= 2 · entries a message <= 1 · set network",
            witnesses: &[SPLIT, COMMAND, COMMANDS, LEARNED],
            ..SAFETY
        }],
        deep: &[Scope {
            bounds: "5 servers · terms <= 2 · time-outs <= 2 · proposals <= 1 · entries a message <= 1 · set network",
            witnesses: &[LED_IN_TURN, COMMAND, LEARNED, TRUNCATED, WENT_BACK, OLDER_COMMITTED],
            ..SAFETY
        }],
        walked: None,
    },
    Check {
        name: "crash",
        says: "servers crash, with writes that their disks had and had not finished, and restart",
        quick: &[
            Scope {
                bounds: "3 servers · terms <= 1 · crashes <= 1 · entries a message <= 1 · buffered disk · set network",
                witnesses: &[ELECTED, NOOP, LEADER_CRASHED, LOST, SURVIVED],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 1 · time-outs <= 1 · proposals <= 1 · crashes <= 1 · entries a message <= 1 · buffered disk · set network",
                witnesses: &[COMMAND, LEARNED, LEADER_CRASHED, LOST, SURVIVED],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 1 · proposals <= 1 · crashes <= 1 · entries a message <= 1 · set network",
                witnesses: &[COMMAND, LEARNED, LEADER_CRASHED, SURVIVED],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 2 · crashes <= 1 · entries a message <= 1 · set network",
                witnesses: &[LED_IN_TURN, LED_AGAIN, LEADER_CRASHED, SURVIVED, TRUNCATED],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 2 · time-outs <= 2 · crashes <= 1 · entries a message <= 1 · buffered disk · set network",
                witnesses: &[LED_IN_TURN, LED_AGAIN, LEADER_CRASHED, LOST, SURVIVED, TRUNCATED],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 2 · proposals <= 1 · crashes <= 1 · entries a message <= 2 · set network",
                witnesses: &[COMMAND, LED_AGAIN, LEADER_CRASHED, SURVIVED, TRUNCATED],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 2 · time-outs <= 2 · proposals <= 1 · crashes <= 1 · entries a message <= 1 · buffered disk · set network",
                witnesses: &[COMMAND, LED_IN_TURN, LED_AGAIN, LEADER_CRASHED, LOST, SURVIVED, TRUNCATED],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 2 · proposals <= 2 · crashes <= 1 · entries a message <= 1 · set network",
                witnesses: &[COMMANDS, LED_AGAIN, LEADER_CRASHED, SURVIVED, TRUNCATED],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 3 · time-outs <= 3 · proposals <= 1 · crashes <= 1 · entries a message <= 1 · set network",
                witnesses: &[COMMAND, LED_AGAIN, LEADER_CRASHED, SURVIVED, TRUNCATED, OLDER_COMMITTED],
                ..SAFETY
            },
        ],
        deep: &[
            Scope {
                bounds: "3 servers · terms <= 3 · proposals <= 1 · crashes <= 1 · entries a message <= 1 · set network",
                witnesses: &[COMMAND, LED_AGAIN, LEADER_CRASHED, SURVIVED, TRUNCATED, OLDER_COMMITTED],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 2 · proposals <= 2 · heartbeats <= 1 · crashes <= 1 · entries a message <= 1 · set network",
                witnesses: &[COMMANDS, LED_AGAIN, LEADER_CRASHED, SURVIVED, TRUNCATED, WENT_BACK],
                ..SAFETY
            },
        ],
        walked: None,
    },
    Check {
        name: "crash-5",
        says: "five servers, of which one crashes and restarts",
        quick: &[Scope {
            bounds: "5 servers · terms <= 2 · time-outs <= 2 · crashes <= 1 · entries a message <= 1 · set network",
            witnesses: &[LED_IN_TURN, LED_AGAIN, LEADER_CRASHED, SURVIVED, TRUNCATED],
            ..SAFETY
        }],
        deep: &[
            Scope {
                bounds: "5 servers · terms <= 1 · proposals <= 2 · crashes <= 1 · entries a message <= 1 · set network",
                witnesses: &[COMMANDS, LEARNED, LEADER_CRASHED, SURVIVED],
                ..SAFETY
            },
            Scope {
                bounds: "5 servers · terms <= 1 · time-outs <= 1 · proposals <= 1 · crashes <= 1 · entries a message <= 1 · buffered disk · set network",
                witnesses: &[COMMAND, LEARNED, LEADER_CRASHED, LOST, SURVIVED],
                ..SAFETY
            },
        ],
        walked: None,
    },
    Check {
        name: "pre-vote",
        says: "servers ask first whether they could win an election (dissertation 9.6)",
        quick: &[
            Scope {
                bounds: "3 servers · terms <= 2 · entries a message <= 1 · pre-vote · set network",
                witnesses: &[
                    ASKED,
                    ASKED_IN_VAIN,
                    LOST_CONTACT,
                    LED_IN_TURN,
                    TWO_AT_ONCE,
                    STEPPED_DOWN,
                    TRUNCATED,
                ],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 1 · crashes <= 1 · entries a message <= 1 · buffered disk · pre-vote · set network",
                witnesses: &[ASKED, ASKED_IN_VAIN, LOST_CONTACT, LEADER_CRASHED, LOST, SURVIVED],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 2 · time-outs <= 3 · proposals <= 1 · crashes <= 1 · entries a message <= 1 · pre-vote · set network",
                witnesses: &[ASKED, ASKED_IN_VAIN, LOST_CONTACT, COMMAND, LED_IN_TURN, TRUNCATED, SURVIVED],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 2 · time-outs <= 3 · entries a message <= 1 · pre-vote · set network",
                witnesses: &[ASKED, ASKED_IN_VAIN, LED_IN_TURN, TRUNCATED],
                liveness: &[EMERGES, MAJORITY, RETURNS, DEAF, CUT_LINK],
            },
        ],
        deep: &[Scope {
            bounds: "3 servers · terms <= 2 · proposals <= 1 · entries a message <= 1 · pre-vote · set network",
            witnesses: &[ASKED, ASKED_IN_VAIN, LOST_CONTACT, COMMAND, LED_IN_TURN, TRUNCATED],
            ..SAFETY
        }],
        walked: None,
    },
    Check {
        name: "check-quorum",
        says: "a leader that hears no majority, or whose disk stalls, gives up (dissertation 6.2)",
        quick: &[
            Scope {
                bounds: "3 servers · terms <= 2 · entries a message <= 1 · check-quorum · set network",
                witnesses: &[GAVE_UP, LED_IN_TURN, TWO_AT_ONCE, TRUNCATED],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 2 · time-outs <= 2 · entries a message <= 1 · buffered disk · check-quorum · set network",
                witnesses: &[GAVE_UP, LED_IN_TURN, TRUNCATED],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 2 · time-outs <= 3 · crashes <= 1 · entries a message <= 1 · pre-vote · check-quorum · disregard-votes · set network",
                witnesses: &[ASKED, LOST_CONTACT, LED_IN_TURN, TRUNCATED, SURVIVED],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 1 · proposals <= 1 · entries a message <= 1 · check-quorum · set network",
                witnesses: &[GAVE_UP, COMMAND],
                liveness: &[EMERGES, MAJORITY, STALLED],
            },
            Scope {
                bounds: "5 servers · terms <= 1 · time-outs <= 1 · entries a message <= 1 · pre-vote · check-quorum · set network",
                witnesses: &[ASKED, GAVE_UP],
                liveness: &[ONE_LINK],
            },
        ],
        deep: &[Scope {
            bounds: "3 servers · terms <= 2 · entries a message <= 1 · pre-vote · check-quorum · disregard-votes · set network",
            witnesses: &[ASKED, ASKED_IN_VAIN, LOST_CONTACT, GAVE_UP, LED_IN_TURN, TRUNCATED],
            ..SAFETY
        }],
        walked: None,
    },
    Check {
        name: "transfer",
        says: "a leader hands over to another server (dissertation 3.10)",
        quick: &[
            Scope {
                bounds: "3 servers · terms <= 2 · transfers <= 1 · entries a message <= 1 · set network",
                witnesses: &[ABANDONED, LED_IN_TURN, TRUNCATED],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 2 · time-outs <= 2 · transfers <= 1 · entries a message <= 1 · pre-vote · disregard-votes · set network",
                witnesses: &[TOOK_OVER, ABANDONED, LED_IN_TURN],
                liveness: &[EMERGES],
            },
        ],
        deep: &[Scope {
            bounds: "3 servers · terms <= 3 · time-outs <= 3 · proposals <= 1 · transfers <= 1 · entries a message <= 1 · set network",
            witnesses: &[ABANDONED, COMMAND, LED_IN_TURN, TRUNCATED],
            ..SAFETY
        }],
        walked: None,
    },
    Check {
        name: "membership",
        says: "servers join, vote and leave, one step at a time (dissertation 4.1 to 4.3)",
        quick: &[
            Scope {
                bounds: "3 servers · 2 founders · terms <= 3 · time-outs <= 3 · changes <= 2 · entries a message <= 1 · set network",
                witnesses: &[JOINED, PROMOTED, LEFT, CHANGED_TWICE, LEADER_LEFT, NEWCOMER_LED],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 2 · time-outs <= 2 · changes <= 2 · entries a message <= 2 · set network",
                witnesses: &[LEFT, CHANGED_TWICE, ROLLED_BACK, LEADER_LEFT, LED_IN_TURN],
                ..SAFETY
            },
            Scope {
                bounds: "4 servers · 3 founders · terms <= 2 · time-outs <= 2 · changes <= 1 · entries a message <= 1 · set network",
                witnesses: &[JOINED, LEFT, CHANGED, ROLLED_BACK, LEADER_LEFT, LED_IN_TURN],
                ..SAFETY
            },
            Scope {
                bounds: "4 servers · terms <= 2 · time-outs <= 2 · changes <= 1 · entries a message <= 1 · set network",
                witnesses: &[LEFT, CHANGED, ROLLED_BACK, LEADER_LEFT, LED_IN_TURN],
                ..SAFETY
            },
            Scope {
                bounds: "5 servers · 4 founders · terms <= 1 · time-outs <= 1 · changes <= 2 · entries a message <= 1 · set network",
                witnesses: &[JOINED, PROMOTED, LEFT, CHANGED_TWICE, LEADER_LEFT],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 2 · time-outs <= 2 · crashes <= 1 · changes <= 1 · entries a message <= 1 · set network",
                witnesses: &[LEFT, CHANGED, ROLLED_BACK, LEADER_LEFT, LED_AGAIN, SURVIVED],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · 2 founders · terms <= 1 · time-outs <= 1 · crashes <= 1 · changes <= 2 · entries a message <= 1 · buffered disk · set network",
                witnesses: &[JOINED, PROMOTED, LEFT, CHANGED_TWICE, LOST, SURVIVED],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · 2 founders · terms <= 2 · time-outs <= 2 · changes <= 2 · entries a message <= 1 · disregard-votes · set network",
                witnesses: &[JOINED, PROMOTED, LEFT],
                liveness: &[EMERGES, MAJORITY, WITHOUT_N1, STAYS],
            },
        ],
        deep: &[
            Scope {
                bounds: "4 servers · 3 founders · terms <= 2 · time-outs <= 2 · changes <= 2 · entries a message <= 1 · set network",
                witnesses: &[JOINED, PROMOTED, LEFT, CHANGED_TWICE, ROLLED_BACK, LEADER_LEFT, NEWCOMER_LED],
                ..SAFETY
            },
            Scope {
                bounds: "4 servers · terms <= 2 · time-outs <= 2 · changes <= 2 · entries a message <= 1 · set network",
                witnesses: &[LEFT, CHANGED_TWICE, ROLLED_BACK, LEADER_LEFT, LED_IN_TURN],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · 2 founders · terms <= 2 · time-outs <= 2 · crashes <= 1 · changes <= 2 · entries a message <= 1 · buffered disk · set network",
                witnesses: &[
                    JOINED,
                    PROMOTED,
                    LEFT,
                    CHANGED_TWICE,
                    ROLLED_BACK,
                    NEWCOMER_LED,
                    LOST,
                    SURVIVED,
                ],
                ..SAFETY
            },
        ],
        walked: Some(Scope {
            bounds: "5 servers · 3 founders · terms <= 3 · time-outs <= 4 · crashes <= 2 · changes <= 8 · entries a message <= 1 · set network",
            witnesses: &[
                JOINED,
                PROMOTED,
                LEFT,
                CHANGED_TWICE,
                ROLLED_BACK,
                LEADER_LEFT,
                NEWCOMER_LED,
                SURVIVED,
                FIVE_AND_BACK,
            ],
            ..SAFETY
        }),
    },
    Check {
        name: "snapshots",
        says: "logs are compacted, and who fell behind is sent a snapshot in chunks (§7, dissertation 5)",
        quick: &[
            Scope {
                bounds: "3 servers · terms <= 1 · time-outs <= 1 · proposals <= 1 · retries <= 1 · compactions <= 1 · entries a message <= 1 · set network",
                witnesses: &[COMPACTED, IN_PARTS, INSTALLED],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 2 · time-outs <= 2 · proposals <= 1 · retries <= 1 · compactions <= 1 · entries a message <= 1 · set network",
                witnesses: &[COMPACTED, IN_PARTS, INSTALLED, CONFLICTED, COMPACTED_LED, WENT_ON],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 1 · time-outs <= 1 · retries <= 1 · crashes <= 1 · compactions <= 1 · entries a message <= 1 · buffered disk · set network",
                witnesses: &[COMPACTED, INSTALLED, BEGAN_WITH_IT, LOST],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · 2 founders · terms <= 1 · time-outs <= 1 · changes <= 2 · compactions <= 1 · entries a message <= 1 · set network",
                witnesses: &[COMPACTED, INSTALLED, CHANGE_COMPACTED, CONFIG_CAME, PROMOTED],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 2 · time-outs <= 2 · crashes <= 1 · compactions <= 1 · entries a message <= 1 · set network",
                witnesses: &[COMPACTED, INSTALLED, BEGAN_WITH_IT, COMPACTED_LED],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 1 · time-outs <= 1 · proposals <= 1 · resends <= 1 · retries <= 1 · crashes <= 1 · compactions <= 1 · entries a message <= 1 · set network",
                witnesses: &[COMPACTED, IN_PARTS, INSTALLED, BEGAN_WITH_IT, EXECUTED_ONCE],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 1 · time-outs <= 1 · proposals <= 1 · retries <= 1 · compactions <= 1 · entries a message <= 1 · set network",
                witnesses: &[COMPACTED, IN_PARTS, INSTALLED],
                liveness: &[EMERGES, MAJORITY],
            },
            Scope {
                bounds: "3 servers · terms <= 1 · time-outs <= 1 · heartbeats <= 1 · retries <= 1 · compactions <= 1 · reads <= 1 · entries a message <= 1 · check-quorum · set network",
                witnesses: &[COMPACTED, INSTALLED, ROUND, STEPPED_DOWN],
                ..SAFETY
            },
        ],
        deep: &[
            Scope {
                bounds: "3 servers · terms <= 2 · time-outs <= 2 · proposals <= 1 · retries <= 1 · compactions <= 2 · entries a message <= 1 · set network",
                witnesses: &[COMPACTED, IN_PARTS, INSTALLED, CONFLICTED, COMPACTED_LED, WENT_ON],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 2 · time-outs <= 2 · retries <= 1 · crashes <= 1 · compactions <= 1 · entries a message <= 1 · buffered disk · set network",
                witnesses: &[COMPACTED, INSTALLED, BEGAN_WITH_IT, COMPACTED_LED, LOST],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 2 · time-outs <= 2 · proposals <= 1 · retries <= 1 · compactions <= 1 · entries a message <= 1 · pre-vote · check-quorum · set network",
                witnesses: &[COMPACTED, IN_PARTS, INSTALLED, COMPACTED_LED, WENT_ON],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · 2 founders · terms <= 2 · time-outs <= 2 · changes <= 2 · compactions <= 1 · entries a message <= 1 · set network",
                witnesses: &[COMPACTED, INSTALLED, CHANGE_COMPACTED, CONFIG_CAME, PROMOTED],
                ..SAFETY
            },
        ],
        walked: None,
    },
    Check {
        name: "reads",
        says: "clients read at leaders, by rounds of heartbeats and through the log (dissertation 6.4)",
        quick: &[
            Scope {
                bounds: "3 servers · terms <= 2 · time-outs <= 2 · proposals <= 1 · reads <= 1 · entries a message <= 1 · set network",
                witnesses: &[ROUND, WAITED, REPLACED, COMMAND, LED_IN_TURN, TRUNCATED],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 2 · time-outs <= 2 · proposals <= 1 · reads <= 2 · entries a message <= 1 · set network",
                witnesses: &[ROUND, ONE_ROUND, WAITED, NEXT_ROUND, REPLACED, COMMAND],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 1 · time-outs <= 1 · proposals <= 1 · reads <= 1 · entries a message <= 1 · buffered disk · set network",
                witnesses: &[ROUND, WAITED, COMMAND],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 2 · time-outs <= 2 · proposals <= 1 · reads <= 1 · entries a message <= 1 · log reads · set network",
                witnesses: &[LOGGED, COMMAND, LED_IN_TURN, TRUNCATED],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 1 · reads <= 2 · entries a message <= 1 · set network",
                witnesses: &[ROUND, ONE_ROUND, WAITED, NEXT_ROUND],
                ..SAFETY
            },
        ],
        deep: &[
            Scope {
                bounds: "3 servers · terms <= 3 · time-outs <= 3 · proposals <= 1 · reads <= 1 · entries a message <= 1 · set network",
                witnesses: &[ROUND, WAITED, REPLACED, COMMAND, OLDER_COMMITTED],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 2 · time-outs <= 2 · proposals <= 1 · crashes <= 1 · reads <= 1 · entries a message <= 1 · set network",
                witnesses: &[ROUND, WAITED, REPLACED, COMMAND, LEADER_CRASHED, SURVIVED],
                ..SAFETY
            },
        ],
        walked: None,
    },
    Check {
        name: "lease",
        says: "leaders read by a lease, with clocks as far apart as it allows (dissertation 6.4.1)",
        quick: &[
            Scope {
                bounds: "3 servers · terms <= 2 · time-outs <= 2 · reads <= 1 · clock ticks <= 3 · skew <= 1 · entries a message <= 1 · lease of 3 less 2 · set network",
                witnesses: &[WITHOUT_ROUND, EXPIRED, REPLACED, LED_IN_TURN],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 2 · time-outs <= 1 · transfers <= 1 · reads <= 1 · clock ticks <= 1 · skew <= 1 · entries a message <= 1 · lease of 3 less 2 · set network",
                witnesses: &[WITHOUT_ROUND, EXPIRED, GIVEN_UP, LED_IN_TURN],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 1 · time-outs <= 1 · crashes <= 1 · reads <= 1 · clock ticks <= 3 · skew <= 1 · entries a message <= 1 · lease of 3 less 2 · set network",
                witnesses: &[WITHOUT_ROUND, EXPIRED, STILL_BOUND, SURVIVED],
                ..SAFETY
            },
        ],
        deep: &[
            Scope {
                bounds: "3 servers · terms <= 2 · time-outs <= 2 · proposals <= 1 · reads <= 1 · clock ticks <= 3 · skew <= 1 · entries a message <= 1 · lease of 3 less 2 · set network",
                witnesses: &[WITHOUT_ROUND, EXPIRED, REPLACED, LED_IN_TURN, COMMAND],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 2 · time-outs <= 2 · heartbeats <= 1 · reads <= 1 · clock ticks <= 3 · skew <= 1 · entries a message <= 1 · lease of 3 less 2 · set network",
                witnesses: &[WITHOUT_ROUND, EXPIRED, REPLACED, LED_IN_TURN],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 2 · time-outs <= 2 · reads <= 1 · clock ticks <= 5 · skew <= 2 · entries a message <= 1 · lease of 5 less 4 · set network",
                witnesses: &[WITHOUT_ROUND, EXPIRED, REPLACED, LED_IN_TURN],
                ..SAFETY
            },
        ],
        walked: None,
    },
    Check {
        name: "sessions",
        says: "clients send again what they heard nothing of, and it takes effect once (dissertation 6.3)",
        quick: &[
            Scope {
                bounds: "3 servers · terms <= 1 · proposals <= 1 · resends <= 1 · entries a message <= 1 · set network",
                witnesses: &[EXECUTED_ONCE, FROM_TABLE, LEARNED],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 2 · time-outs <= 2 · proposals <= 1 · resends <= 1 · entries a message <= 1 · set network",
                witnesses: &[EXECUTED_ONCE, FROM_TABLE, ANOTHER_LEADER, LED_IN_TURN, TRUNCATED],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 2 · time-outs <= 2 · proposals <= 1 · resends <= 1 · crashes <= 1 · entries a message <= 1 · set network",
                witnesses: &[EXECUTED_ONCE, ANOTHER_LEADER, REBUILT, LEADER_CRASHED, SURVIVED, TRUNCATED],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 1 · time-outs <= 1 · proposals <= 1 · resends <= 1 · crashes <= 1 · entries a message <= 1 · buffered disk · set network",
                witnesses: &[EXECUTED_ONCE, FROM_TABLE, LEADER_CRASHED, LOST, SURVIVED],
                ..SAFETY
            },
        ],
        deep: &[
            Scope {
                bounds: "3 servers · terms <= 3 · time-outs <= 3 · proposals <= 1 · resends <= 1 · entries a message <= 1 · set network",
                witnesses: &[EXECUTED_ONCE, FROM_TABLE, ANOTHER_LEADER, TRUNCATED, OLDER_COMMITTED],
                ..SAFETY
            },
            Scope {
                bounds: "3 servers · terms <= 2 · time-outs <= 2 · proposals <= 1 · resends <= 2 · crashes <= 1 · entries a message <= 1 · set network",
                witnesses: &[EXECUTED_ONCE, FROM_TABLE, ANOTHER_LEADER, REBUILT, LEADER_CRASHED, TRUNCATED],
                ..SAFETY
            },
        ],
        walked: None,
    },
    Check {
        name: "calm",
        says: "whatever happened, a leader emerges when it is over: bounded liveness, of a calm schedule from every state",
        quick: &[
            Scope {
                bounds: "3 servers · terms <= 2 · proposals <= 1 · entries a message <= 1 · set network",
                witnesses: &[LED_IN_TURN, COMMAND, TRUNCATED],
                liveness: &[EMERGES, MAJORITY],
            },
            Scope {
                bounds: "3 servers · terms <= 2 · crashes <= 1 · entries a message <= 1 · set network",
                witnesses: &[LED_IN_TURN, LEADER_CRASHED, TRUNCATED],
                liveness: &[EMERGES, MAJORITY],
            },
            Scope {
                bounds: "3 servers · terms <= 2 · time-outs <= 2 · entries a message <= 1 · disregard-votes · set network",
                witnesses: &[LED_IN_TURN, LOST_CONTACT],
                liveness: &[EMERGES, MAJORITY, DEAF],
            },
        ],
        deep: &[Scope {
            bounds: "3 servers · terms <= 3 · time-outs <= 3 · proposals <= 1 · entries a message <= 1 · set network",
            witnesses: &[LED_IN_TURN, COMMAND, TRUNCATED],
            liveness: &[EMERGES, MAJORITY],
        }],
        walked: None,
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

    /// The world of its random walks.
    pub fn walked(&self) -> Scope {
        self.walked.unwrap_or(self.deep[self.deep.len() - 1])
    }

    /// All of its worlds: what is exhausted, and what is walked.
    pub fn worlds(&self) -> impl Iterator<Item = &Scope> {
        self.quick.iter().chain(self.deep).chain(&self.walked)
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

    /// Its liveness properties.
    ///
    /// # Panics
    ///
    /// If a name is not one; a test reads them all.
    pub fn liveness(&self) -> Vec<&'static Property> {
        self.liveness.iter().map(|name| Property::named(name).expect("a check names properties")).collect()
    }
}
