//! How the servers of a run stand at one moment, and who leads by that.

use std::collections::BTreeMap;
use std::time::Duration;

use raftlab_core::NodeId;
use raftlab_node::api::StatusDocument;
use raftlab_node::peers::server_name;

/// How servers that run stand; nothing of those that do not answer.
#[derive(Clone, Debug, Default)]
pub struct View(pub BTreeMap<NodeId, Option<StatusDocument>>);

impl View {
    /// Who leads: in the highest term in which one does, and a majority of its voters say so.
    pub fn leader(&self) -> Option<NodeId> {
        let leader = self.highest()?;
        let follows = |status: &&StatusDocument| {
            status.term == leader.term && status.leader.as_deref() == Some(leader.server.as_str())
        };
        let behind =
            self.statuses().filter(|status| is_voter(leader, &status.server)).filter(follows).count();
        let name = server_name(&leader.server).ok()?;
        (behind >= leader.members.quorum).then_some(name)
    }

    /// The same, who besides has heard a majority of its voters in the last moments. One that was cut off is believed in
    /// by servers that wait for it yet.
    pub fn leader_heard_within(&self, moments: Duration) -> Option<&StatusDocument> {
        let leader = self.of_leader()?;
        hears_majority(leader, moments).then_some(leader)
    }

    /// How many lead at once, each of whom has heard a majority of the voters that it knows in the last moments.
    pub fn leaders_heard_within(&self, moments: Duration) -> usize {
        self.statuses().filter(|status| status.role == "leader" && hears_majority(status, moments)).count()
    }

    fn highest(&self) -> Option<&StatusDocument> {
        self.statuses().filter(|status| status.role == "leader").max_by_key(|status| status.term)
    }

    /// What the leader says.
    pub fn of_leader(&self) -> Option<&StatusDocument> {
        self.0.get(&self.leader()?)?.as_ref()
    }

    /// What all who answer say.
    pub fn statuses(&self) -> impl Iterator<Item = &StatusDocument> {
        self.0.values().flatten()
    }
}

fn hears_majority(leader: &StatusDocument, moments: Duration) -> bool {
    let heard = leader
        .peers
        .iter()
        .filter(|peer| is_voter(leader, &peer.server))
        .filter(|peer| peer.heard_ms_ago.is_some_and(|ago| Duration::from_millis(ago) < moments));
    let itself = usize::from(is_voter(leader, &leader.server));
    heard.count() + itself >= leader.members.quorum
}

fn is_voter(leader: &StatusDocument, server: &str) -> bool {
    let members = &leader.members.members;
    members.iter().any(|member| member.server == server && member.standing == "voter")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// n1 leads n2 and n3 in term 3; each says what it knows, and n1 heard them so many milliseconds ago.
    fn view(terms: [u64; 3], heard_ms_ago: [u64; 2]) -> View {
        let members = ["n1", "n2", "n3"].map(
            |server| serde_json::json!({"server": server, "standing": "voter", "peer": null, "http": null}),
        );
        let peers = [("n2", heard_ms_ago[0]), ("n3", heard_ms_ago[1])].map(|(server, ago)| {
            serde_json::json!({"server": server, "matched": 1, "lag": 0, "heard_ms_ago": ago, "round_trip_us": null})
        });
        let status = |(at, term): (u64, u64)| {
            let (role, peers) = if at == 1 { ("leader", peers.to_vec()) } else { ("follower", Vec::new()) };
            let leader = if term == 3 { Some("n1") } else { None };
            let status = serde_json::from_value(serde_json::json!({
                "server": format!("n{at}"), "cluster": "", "version": "", "pid": 1, "uptime_ms": 1, "role": role,
                "term": term, "leader": leader, "commit": 1, "applied": 1, "last": 1, "base": 0,
                "members": {"quorum": 2, "tolerates": 1, "members": members}, "waiting": 0, "keys": 0,
                "read_mode": "index", "fsync_p50_us": 0, "fsync_p99_us": 0, "peers": peers,
            }));
            (NodeId(at), Some(status.expect("a status")))
        };
        View((1..).zip(terms).map(status).collect())
    }

    #[test]
    fn who_leads_has_a_majority_behind_it() {
        assert_eq!(view([3, 3, 3], [9, 9]).leader(), Some(NodeId(1)));
        assert_eq!(view([3, 3, 4], [9, 9]).leader(), Some(NodeId(1)));
        assert_eq!(view([3, 4, 4], [9, 9]).leader(), None);
        let mut silent = view([3, 3, 3], [9, 9]);
        silent.0.insert(NodeId(2), None);
        assert_eq!(silent.leader(), Some(NodeId(1)));
        silent.0.insert(NodeId(3), None);
        assert_eq!(silent.leader(), None);
    }

    #[test]
    fn a_leader_that_was_cut_off_is_found_out_before_those_who_wait_for_it_give_up() {
        let heard = |heard_ms_ago| {
            view([3, 3, 3], heard_ms_ago).leader_heard_within(Duration::from_millis(100)).is_some()
        };
        assert!(heard([9, 500]));
        assert!(!heard([500, 500]));
    }
}
