//! What a cluster that is back has to bear: one thing goes wrong that must not disturb whoever leads, or after which
//! somebody else has to lead. The same is asked of the model, where each is a property of calm schedules.

use std::fmt;

use raftlab_core::{NodeId, Span, Term};
use raftlab_node::chaos::{DiskFault, LinkFault};
use raftlab_node::kv::Operation;
use raftlab_sim::{ClientId, Told, Wish};

use super::go::{LIVE_WITHIN_US, LOOKS_EVERY_US, Run};

/// What is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trial {
    /// A follower is cut off, and comes back: the leader stays (dissertation 9.6).
    Returns,
    /// A follower and the leader do not hear each other, and all others hear both: the leader stays (D 9.6).
    OneCut,
    /// A follower hears nobody, and is heard: the leader stays (D 4.2.3, 9.6).
    Deaf,
    /// The leader's disk stops: another leads (D 6.2, 10.2.1).
    StalledDisk,
    /// Of five servers one fails, and the leader reaches one of the others only: another leads (D 6.2, 9.6).
    OneLink,
}

/// A property that fell in a trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fallen {
    /// Its name, as in the model.
    pub property: &'static str,
    /// What was seen.
    pub why: String,
}

/// Who led before, and the other voters.
struct Before {
    leader: NodeId,
    term: Term,
    followers: Vec<NodeId>,
}

impl Trial {
    /// All of them.
    pub const ALL: [Trial; 5] =
        [Trial::Returns, Trial::OneCut, Trial::Deaf, Trial::StalledDisk, Trial::OneLink];

    /// The property of the model that it asks for.
    pub fn property(self) -> &'static str {
        match self {
            Trial::Returns => "who returns disturbs nobody",
            Trial::OneCut => "one cut link deposes nobody",
            Trial::Deaf => "who is deaf deposes nobody",
            Trial::StalledDisk => "a stalled disk gives up",
            Trial::OneLink => "one link is no majority",
        }
    }

    /// Is this what such servers promise?
    fn is_promised(self, run: &Run, voters: usize) -> bool {
        let features = run.world.spec().features;
        let disregards = features.disregard_votes || features.lease().is_some();
        match self {
            Trial::Returns | Trial::OneCut => features.pre_vote,
            Trial::Deaf => features.pre_vote || disregards,
            Trial::StalledDisk => features.check_quorum,
            Trial::OneLink => features.check_quorum && features.pre_vote && voters == 5,
        }
    }
}

impl Run<'_> {
    /// Tries the one that was drawn, or the next that is promised. Which was tried, and what fell.
    pub(super) fn undergo(&mut self, drawn: Trial) -> (Option<Trial>, Result<(), Fallen>) {
        // What was asked for before may still change who leads, or who belongs to the cluster.
        self.pass_spans(4);
        self.pass(self.world.now().0 + 1_000_000);
        let Some(before) = self.before() else { return (None, Ok(())) };
        let first = Trial::ALL.iter().position(|trial| *trial == drawn).unwrap_or(0);
        let mut all = Trial::ALL.into_iter().cycle().skip(first).take(Trial::ALL.len());
        let voters = before.followers.len() + 1;
        let Some(trial) = all.find(|trial| trial.is_promised(self, voters)) else { return (None, Ok(())) };
        let members = self.newest();
        let why = match trial {
            Trial::Returns => self.returns(&before),
            Trial::OneCut => {
                // While clients write, the follower's log is too old for anybody to help it.
                self.are_clients_done = true;
                self.pass(self.world.now().0 + 1_000_000);
                let follower = before.followers[0];
                self.cut(&[before.leader], &[follower]);
                self.cut(&[follower], &[before.leader]);
                self.stays(&before, 8)
            }
            Trial::Deaf => {
                let follower = before.followers[0];
                let others = self.all_but(follower);
                self.cut(&others, &[follower]);
                self.stays(&before, 8)
            }
            Trial::StalledDisk => {
                self.world.set_disk(before.leader, DiskFault { stall: true, ..DiskFault::default() });
                // One that has nothing to write does not notice, and need not.
                self.asks_to_put("stalled");
                self.is_replaced(&before)
            }
            Trial::OneLink => {
                self.one_link(&before);
                self.is_replaced(&before)
            }
        };
        self.world.heal();
        // A change that was asked for long before, and came about only now, is another reason for another leader.
        let is_same = members == self.newest();
        let fallen = why.filter(|_| is_same).map(|why| Fallen { property: trial.property(), why });
        (Some(trial), fallen.map_or(Ok(()), Err))
    }

    /// Who leads, if all voters are up and there are enough of them that one may be missing.
    fn before(&mut self) -> Option<Before> {
        self.stop_outsiders();
        let leader = self.leader()?;
        let status = self.world.status(leader)?;
        let voters: Vec<_> = status.membership.voters().iter().collect();
        let is_up = |voter: &NodeId| self.world.status(*voter).is_some_and(|own| own.term == status.term);
        if voters.len() < 3 || !voters.contains(&leader) || !voters.iter().all(is_up) {
            return None;
        }
        let followers = voters.into_iter().filter(|voter| *voter != leader).collect();
        Some(Before { leader, term: status.term, followers })
    }

    fn returns(&mut self, before: &Before) -> Option<String> {
        let follower = before.followers[0];
        let others = self.all_but(follower);
        self.cut(&[follower], &others);
        self.cut(&others, &[follower]);
        if let Some(why) = self.stays(before, 5) {
            return Some(why);
        }
        self.world.heal();
        self.stays(before, 5)
    }

    fn one_link(&mut self, before: &Before) {
        let [dead, _, others @ ..] = &before.followers[..] else {
            unreachable!("it is promised of five voters only")
        };
        self.kills += u64::from(self.world.kill(*dead));
        for other in others {
            for (from, to) in [(before.leader, *other), (*other, before.leader)] {
                self.world.set_link(from, to, LinkFault { cut: true, ..LinkFault::default() });
            }
        }
    }

    /// For so many election time-outs the same server leads in the same term; if not, what was seen.
    fn stays(&mut self, before: &Before, timeouts: u64) -> Option<String> {
        let Before { leader, term, .. } = before;
        let until = self.world.now().0 + timeouts * self.election_us();
        while self.world.now().0 < until {
            self.pass(self.world.now().0 + LOOKS_EVERY_US);
            let leads =
                self.world.status(*leader).is_some_and(|own| own.role == "leader" && own.term == *term);
            if !leads || self.leader() != Some(*leader) {
                return Some(format!("{leader} led term {}, and does no more: {}", term.0, self.stand()));
            }
        }
        None
    }

    /// Another server leads in time, and serves a client; if not, what was seen.
    fn is_replaced(&mut self, before: &Before) -> Option<String> {
        let until = self.world.now().0 + LIVE_WITHIN_US;
        let mut client = None;
        while self.world.now().0 < until {
            let next = self.leader().filter(|next| *next != before.leader);
            if let (Some(_), None) = (next, client) {
                client = Some(self.asks_to_put("next"));
            }
            let look = self.world.now().0 + LOOKS_EVERY_US;
            match client {
                Some(asks) => {
                    if let Some(Told::Done(_)) = self.pass_for(look, asks) {
                        return None;
                    }
                }
                None => self.pass(look),
            }
        }
        let Before { leader, term, .. } = before;
        Some(format!(
            "{leader} led term {}, and nobody serves clients in its place: {}",
            term.0,
            self.stand()
        ))
    }

    /// A client that looks for a leader.
    fn asks_to_put(&mut self, key: &str) -> ClientId {
        let client = self.world.client(None);
        let put = Operation::Put { key: key.into(), value: "word".into() };
        self.world.wish_for(client, Wish::Do(put), Span(LIVE_WITHIN_US));
        client
    }

    fn election_us(&self) -> u64 {
        self.world.spec().timing.election().0
    }

    fn pass_spans(&mut self, timeouts: u64) {
        self.pass(self.world.now().0 + timeouts * self.election_us());
    }
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Trial::Returns => "a follower is cut off and returns",
            Trial::OneCut => "a follower and the leader do not hear each other",
            Trial::Deaf => "a follower hears nobody",
            Trial::StalledDisk => "the leader's disk stalls",
            Trial::OneLink => "one server fails, and the leader reaches one other only",
        })
    }
}
