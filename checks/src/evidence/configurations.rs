//! By which servers a majority was counted, from when on.

use super::read::Run;
use crate::quorums::Electorate;

/// A configuration of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configuration {
    /// Its place in the log, as servers say it.
    pub since: u64,
    /// When the first server counted by it.
    pub at_us: u64,
    /// By which server.
    pub server: String,
    /// In which term.
    pub term: u64,
    /// The servers, learners behind a bar.
    pub members: String,
    /// How many servers came to count by it.
    pub followed: usize,
}

impl Configuration {
    /// Its voters.
    pub fn electorate(&self) -> Electorate {
        Electorate::read(&self.members)
    }
}

/// From what servers said of their members, and from the first samples, which know those of the start.
pub fn configurations(run: &Run) -> Vec<Configuration> {
    let mut all: Vec<Configuration> = Vec::new();
    let mut servers: Vec<Vec<&str>> = Vec::new();
    let mut add = |own: Configuration, server| {
        let same = all.iter().position(|known| known.since == own.since && known.members == own.members);
        let at = same.unwrap_or_else(|| {
            all.push(own);
            servers.push(Vec::new());
            servers.len() - 1
        });
        if !servers[at].contains(&server) {
            servers[at].push(server);
        }
    };
    // A configuration with learners has no short name in a sample, so samples tell only of those of the start.
    let first = run.samples.iter().filter(|sample| sample.config_index == Some(0));
    for sample in first {
        let Some(voters) = &sample.voters else { continue };
        let (server, term) = (&sample.server, sample.term.unwrap_or(0));
        let members = format!("{{{}}}", voters.join(" "));
        let own = Configuration {
            since: 0,
            at_us: sample.at_us,
            server: server.clone(),
            term,
            members,
            followed: 0,
        };
        add(own, server.as_str());
    }
    for record in run.events.iter().filter(|record| record.event.kind == "members") {
        let event = &record.event;
        let (members, since) = event.text.rsplit_once(" since ").unwrap_or((&event.text, "0"));
        let (at_us, server, members) = (record.at_us, event.server.clone(), members.to_string());
        let since = since.parse().unwrap_or(0);
        add(Configuration { since, at_us, server, term: event.term, members, followed: 0 }, &event.server);
    }
    for (own, servers) in all.iter_mut().zip(servers) {
        own.followed = servers.len();
    }
    all.sort_by_key(|own| (own.since, own.at_us));
    all
}
