//! How often each fault struck, over all lives of all servers; and whether each that was asked for ever did.
//!
//! A server counts from its start and forgets with its end. So what it says is taken down as often as it is asked, and
//! what its last word in a life was is added up.

use std::collections::BTreeMap;

use raftlab_core::NodeId;
use raftlab_node::chaos::FaultCount;

/// Counts by fault, by name.
type Counts = BTreeMap<String, u64>;

/// What was counted.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    servers: BTreeMap<NodeId, Tally>,
    declared: Vec<Declared>,
}

/// Of one server.
#[derive(Clone, Debug, Default)]
struct Tally {
    /// In lives that are over.
    before: Counts,
    /// In the one that runs, or ran last: its number, and its last word.
    life: u64,
    last: Counts,
}

/// A fault that was asked for.
#[derive(Clone, Debug)]
struct Declared {
    /// As it was asked for.
    text: String,
    /// Where it may strike.
    servers: Vec<NodeId>,
    /// By its name in counts.
    fault: &'static str,
    /// How often it had struck there before.
    before: u64,
}

impl Ledger {
    /// A server says this of the life that it is in. What an earlier life says is too late.
    pub fn hear(&mut self, server: NodeId, life: u64, counts: &[FaultCount]) {
        let tally = self.servers.entry(server).or_default();
        if life < tally.life {
            return;
        }
        if life > tally.life {
            let last = std::mem::take(&mut tally.last);
            for (fault, fired) in last {
                *tally.before.entry(fault).or_default() += fired;
            }
            tally.life = life;
        }
        for FaultCount { fault, fired } in counts {
            let count = tally.last.entry(fault.clone()).or_default();
            // Two answers may overtake each other.
            *count = (*count).max(*fired);
        }
    }

    /// Something struck that no server can count, such as its own death.
    pub fn strike(&mut self, server: NodeId, fault: &str) {
        *self.servers.entry(server).or_default().before.entry(fault.to_string()).or_default() += 1;
    }

    /// How often a fault has struck a server.
    pub fn fired(&self, server: NodeId, fault: &str) -> u64 {
        let of = |counts: &Counts| counts.get(fault).copied().unwrap_or(0);
        self.servers.get(&server).map_or(0, |tally| of(&tally.before) + of(&tally.last))
    }

    /// A fault is asked for: from now on it has to strike one of these servers at least once.
    pub fn declare(&mut self, text: &str, servers: Vec<NodeId>, fault: &'static str) {
        let before = servers.iter().map(|server| self.fired(*server, fault)).sum();
        self.declared.push(Declared { text: text.to_string(), servers, fault, before });
    }

    /// What was asked for, by what is counted of it (`isolate n1 (link_cut)`), and how often it has struck since.
    pub fn declared(&self) -> Vec<FaultCount> {
        let count = |declared: &Declared| {
            let Declared { text, servers, fault, before } = declared;
            let fired: u64 = servers.iter().map(|server| self.fired(*server, fault)).sum();
            FaultCount { fault: format!("{text} ({fault})"), fired: fired - before }
        };
        self.declared.iter().map(count).collect()
    }

    /// All counts that are not 0, by server.
    pub fn counts(&self) -> BTreeMap<String, Vec<FaultCount>> {
        let of = |tally: &Tally| {
            let mut counts = tally.before.clone();
            tally.last.iter().for_each(|(fault, fired)| *counts.entry(fault.clone()).or_default() += fired);
            let counts = counts.into_iter().filter(|(_, fired)| *fired > 0);
            counts.map(|(fault, fired)| FaultCount { fault, fired }).collect()
        };
        self.servers.iter().map(|(server, tally)| (server.to_string(), of(tally))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const N1: NodeId = NodeId(1);

    fn says(fired: u64) -> [FaultCount; 1] {
        [FaultCount { fault: "link_cut".into(), fired }]
    }

    #[test]
    fn lives_are_added_up_and_late_words_are_not() {
        let mut ledger = Ledger::default();
        ledger.hear(N1, 1, &says(3));
        ledger.hear(N1, 1, &says(2));
        assert_eq!(ledger.fired(N1, "link_cut"), 3);
        ledger.hear(N1, 2, &says(0));
        ledger.hear(N1, 1, &says(9));
        ledger.hear(N1, 2, &says(4));
        assert_eq!(ledger.fired(N1, "link_cut"), 7);
        assert_eq!(ledger.counts()["n1"], says(7));
    }

    #[test]
    fn a_fault_has_to_strike_after_it_was_asked_for() {
        let mut ledger = Ledger::default();
        ledger.hear(N1, 1, &says(3));
        ledger.declare("isolate n1", vec![N1, NodeId(2)], "link_cut");
        let told = |fault: &str, fired| FaultCount { fault: fault.into(), fired };
        assert_eq!(ledger.declared(), [told("isolate n1 (link_cut)", 0)]);
        ledger.hear(NodeId(2), 1, &says(1));
        ledger.declare("kill n1", vec![N1], "kill");
        ledger.strike(N1, "kill");
        assert_eq!(ledger.declared(), [told("isolate n1 (link_cut)", 1), told("kill n1 (kill)", 1)]);
    }
}
