//! A simulated world while it goes on: clients have their answers, servers are looked at, and what they say is taken down.

use std::collections::BTreeMap;

use raftlab_core::{NodeId, Span, Time};
use raftlab_node::api::EventDocument;
use raftlab_node::chaos::ChaosRequest;
use raftlab_node::numbers;
use raftlab_node::peers::server_name;
use raftlab_sim::{ClientId, Note, Told, World};

use super::super::cluster::Cluster;
use super::super::files::EventLine;
use super::super::observe;
use super::clients::{Crew, Single};
use super::measure::Askers;

/// A world, who works in it, and what is taken down of it.
#[derive(Debug)]
pub struct Inner {
    pub world: World,
    pub crew: Option<Crew>,
    /// Clients who are measured now,
    pub askers: Option<Askers>,
    /// and all who ever were.
    pub measurers: Vec<ClientId>,
    /// Operations that a scenario asked for one by one.
    pub singles: BTreeMap<ClientId, Single>,
    /// Who changes the configuration.
    pub operator: ClientId,
    /// When servers are looked at next.
    pub sample_at: u64,
    /// What servers printed.
    pub logs: BTreeMap<String, String>,
}

impl Inner {
    /// Goes on until then, or until this client has its answer, which is given.
    pub fn advance(&mut self, cluster: &Cluster, until: u64, awaited: Option<ClientId>) -> Option<Told> {
        loop {
            let crew = self.crew.as_ref().map_or(u64::MAX, Crew::next_at);
            let stop = until.min(self.sample_at).min(crew).max(self.world.now().0);
            if let Some(answered) = self.world.run(Time(stop)) {
                self.take_notes(cluster);
                if Some(answered.client) == awaited {
                    return Some(answered.told);
                }
                if let Some(single) = self.singles.remove(&answered.client) {
                    single.end(cluster, Some(&answered));
                } else if let Some(askers) = &mut self.askers {
                    askers.hear(&mut self.world, &answered);
                } else if let Some(crew) = &mut self.crew {
                    crew.hear(&mut self.world, cluster, &answered);
                }
                continue;
            }
            self.take_notes(cluster);
            let now = self.world.now().0;
            if now >= self.sample_at {
                self.sample_at = now + observe::SAMPLES_EVERY_US;
                self.sample(cluster);
            }
            if let Some(crew) = &mut self.crew {
                crew.tick(&mut self.world, cluster);
            }
            if now >= until {
                return None;
            }
        }
    }

    pub fn tell(&mut self, server: NodeId, request: &ChaosRequest) {
        match request {
            ChaosRequest::Link { peer, direction, link } => {
                let peer = peer.as_deref().and_then(|peer| server_name(peer).ok());
                if let (Some(of), Some(peer)) = (self.world.server(server), peer) {
                    of.links.set(peer, *direction, *link);
                }
            }
            ChaosRequest::Disk { disk } => self.world.set_disk(server, *disk),
            ChaosRequest::Pause { ms } => _ = self.world.pause(server, Span(ms.saturating_mul(1000))),
            ChaosRequest::Clock { rate_percent, jump_ms } => {
                if let Some(percent) = rate_percent {
                    #[expect(
                        clippy::cast_possible_truncation,
                        clippy::cast_sign_loss,
                        reason = "a share that the grammar bounds"
                    )]
                    self.world.set_clock(server, (percent.max(0.0) * 10_000.0).round() as u64);
                }
                if *jump_ms != 0 {
                    self.world.jump(server, jump_ms.saturating_mul(1000));
                }
            }
            ChaosRequest::Heal => self.world.heal_one(server),
        }
    }

    /// How servers stand is taken down.
    fn sample(&mut self, cluster: &Cluster) {
        let now = self.world.now();
        for server in cluster.names() {
            let numbers = self.world.server(server).and_then(|server| server.numbers(now));
            let said = numbers.and_then(|numbers| {
                let document = numbers.document();
                Some((document, numbers::page(numbers).ok()?))
            });
            observe::note_sample(cluster, server, now.0, said);
        }
    }

    pub fn count(&mut self, cluster: &Cluster, server: NodeId) {
        let now = self.world.now();
        if let Some(of) = self.world.server(server) {
            cluster.ledger().hear(server, 1, &of.fired.counts());
            if let Some(page) = of.numbers(now).and_then(|numbers| numbers::page(numbers).ok()) {
                cluster.pages().insert(server.to_string(), page);
            }
        }
    }

    /// What servers said is taken down.
    fn take_notes(&mut self, cluster: &Cluster) {
        for Note { at, server, term, kind, text } in self.world.take_notes() {
            let event = EventDocument {
                unix_us: at.0,
                server: server.to_string(),
                term: term.0,
                kind: kind.to_string(),
                text: text.clone(),
            };
            let printed = format!("{}  INFO term={} {text}\n", wall_clock(at.0), term.0);
            self.logs.entry(format!("{server}.log")).or_default().push_str(&printed);
            if kind == "ended" {
                let life = self.world.server(server).map_or(0, |server| server.lives);
                observe::note_end(cluster, server, life, &text);
                continue;
            }
            observe::say(&cluster.narrator, &event);
            cluster.files.events.add(&EventLine { at_us: at.0, event });
        }
    }
}

/// A moment of the world as logs have it.
fn wall_clock(micros: u64) -> String {
    let at = jiff::Timestamp::from_microsecond(i64::try_from(micros).unwrap_or(i64::MAX)).unwrap_or_default();
    format!("{at:.6}")
}
