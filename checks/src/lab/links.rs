//! Which links are bad, as it was asked for: a server that restarts has forgotten it, and is told again.
//!
//! A link is bad in one direction. One that is cut is cut at both ends, so that it stays cut while either end restarts;
//! anything else is done where datagrams leave, so that it is done once.

use std::collections::BTreeMap;

use raftlab_core::NodeId;
use raftlab_node::chaos::{ChaosRequest, Direction, LinkFault};

/// From whom, and to whom.
pub type Way = (NodeId, NodeId);

/// The links that are bad.
#[derive(Clone, Debug, Default)]
pub struct Links(BTreeMap<Way, LinkFault>);

impl Links {
    /// From now on it is so.
    pub fn set(&mut self, way: Way, fault: LinkFault) {
        if fault == LinkFault::default() {
            self.0.remove(&way);
        } else {
            self.0.insert(way, fault);
        }
    }

    /// All are well.
    pub fn heal(&mut self) {
        self.0.clear();
    }

    /// What `server` is to be told of these ways, of which those that it is no end of are passed over.
    pub fn told(&self, server: NodeId, ways: impl IntoIterator<Item = Way>) -> Vec<ChaosRequest> {
        ways.into_iter().filter_map(|way| self.told_of(server, way)).collect()
    }

    /// What `server` is to be told when it has restarted.
    pub fn told_again(&self, server: NodeId) -> Vec<ChaosRequest> {
        self.told(server, self.0.keys().copied())
    }

    fn told_of(&self, server: NodeId, way: Way) -> Option<ChaosRequest> {
        let fault = self.0.get(&way).copied().unwrap_or_default();
        let (peer, direction, link) = match way {
            (from, to) if from == server => (to, Direction::Out, fault),
            (from, to) if to == server => {
                (from, Direction::In, LinkFault { cut: fault.cut, ..LinkFault::default() })
            }
            _ => return None,
        };
        Some(ChaosRequest::Link { peer: Some(peer.to_string()), direction, link })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CUT: LinkFault = LinkFault { cut: true, drop: 0.0, duplicate: 0.0, delay_ms: 0.0, jitter_ms: 0.0 };
    const SLOW: LinkFault = LinkFault { cut: false, delay_ms: 5.0, ..CUT };

    fn link(peer: &str, direction: Direction, link: LinkFault) -> ChaosRequest {
        ChaosRequest::Link { peer: Some(peer.into()), direction, link }
    }

    #[test]
    fn a_cut_is_made_at_both_ends_and_a_delay_where_datagrams_leave() {
        let (mut links, way) = (Links::default(), (NodeId(1), NodeId(2)));
        links.set(way, CUT);
        assert_eq!(links.told(NodeId(1), [way]), [link("n2", Direction::Out, CUT)]);
        assert_eq!(links.told(NodeId(2), [way]), [link("n1", Direction::In, CUT)]);
        assert_eq!(links.told(NodeId(3), [way]), []);
        links.set(way, SLOW);
        assert_eq!(links.told(NodeId(1), [way]), [link("n2", Direction::Out, SLOW)]);
        // What was cut there is well again.
        assert_eq!(links.told(NodeId(2), [way]), [link("n1", Direction::In, LinkFault::default())]);
    }

    #[test]
    fn who_restarts_is_told_what_still_holds() {
        let mut links = Links::default();
        links.set((NodeId(1), NodeId(2)), CUT);
        links.set((NodeId(3), NodeId(1)), CUT);
        links.set((NodeId(3), NodeId(1)), LinkFault::default());
        assert_eq!(links.told_again(NodeId(1)), [link("n2", Direction::Out, CUT)]);
        links.heal();
        assert_eq!(links.told_again(NodeId(1)), []);
    }
}
