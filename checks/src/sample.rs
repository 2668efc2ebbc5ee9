//! How a server stood at one moment, by what it says at `/status` and `/metrics`: a line of `samples.jsonl`.
//!
//! It is what a monitoring system has that scrapes servers: no more is in it than they say of themselves. Who writes
//! such lines and who reads them share this type. A field that an older writer did not know is absent.

use std::collections::BTreeMap;

use raftlab_node::api::StatusDocument;
use serde::{Deserialize, Serialize};

use crate::lab::metrics::{value, values};

macro_rules! sample {
    ($($(#[$says:meta])* $field:ident: $of:ty,)*) => {
        /// How a server stood. Of one that did not answer nothing but the first three is known.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        pub struct Sample {
            /// When, in microseconds of the clock of whoever asked.
            pub at_us: u64,
            /// Which.
            pub server: String,
            /// Did it answer?
            pub reachable: bool,
            $($(#[$says])* #[serde(default, skip_serializing_if = "Option::is_none")] pub $field: Option<$of>,)*
        }
    };
}

sample! {
    /// What it was.
    role: Role,
    /// In which term.
    term: u64,
    /// Who led, as far as it knew.
    leader: String,
    /// commitIndex.
    commit: u64,
    /// lastApplied.
    applied: u64,
    /// Its last entry.
    last: u64,
    /// The last entry that a snapshot covers.
    base: u64,
    /// How many proposals waited.
    pending: u64,
    /// How many requests it had refused since its start.
    rejected: u64,
    /// How long its disk took to sync, the median of the last syncs.
    fsync_p50_us: u64,
    /// The same, of the slowest hundredth.
    fsync_p99_us: u64,
    /// As a leader, how long ago a majority was heard.
    quorum_age_s: f64,
    /// As a leader, how many entries the slowest of the others lacked.
    max_lag: u64,
    /// Processor time since its start.
    cpu_seconds: f64,
    /// Memory that it held.
    rss_bytes: u64,
    /// Where its configuration stood in its log.
    config_index: u64,
    /// The voters of that configuration.
    voters: Vec<String>,
    /// For how long it had run.
    uptime_ms: u64,
    /// What the clock showed by which its timers run.
    timers_ms: u64,
    /// How often a leader is heard.
    heartbeat_ms: u64,
    /// After how long without a leader an election may start.
    election_ms: u64,
    /// Does it ask before an election whether it can be won?
    pre_vote: bool,
    /// Does it step down as a leader that hears no majority?
    check_quorum: bool,
    /// How many leaders it had seen.
    leader_changes: u64,
    /// How many syncs had returned.
    fsyncs: u64,
    /// How long these took together.
    fsync_sum_us: u64,
    /// How many votes it had asked others for.
    votes_asked: u64,
    /// How many it was given.
    votes_granted: u64,
    /// How many it was refused.
    votes_refused: u64,
    /// How often it was told by a leader to take over.
    handovers: u64,
    /// Datagrams that had come from servers.
    received: u64,
    /// Datagrams that came when too many waited.
    overflowed: u64,
    /// What it knew of the others.
    peers: Vec<PeerSample>,
}

/// What a server knew of another.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PeerSample {
    /// Which.
    pub server: String,
    /// When it was heard last, in milliseconds before; nothing if never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard_ms: Option<u64>,
    /// How long a datagram took there and back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_trip_us: Option<u64>,
    /// As a leader, how many entries it lacked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag: Option<u64>,
    /// Datagrams of it that never came.
    #[serde(default)]
    pub missing: u64,
    /// How often another life of it was heard.
    #[serde(default)]
    pub restarts: u64,
}

/// What a server is in its term.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// It follows.
    Follower,
    /// It asks whether it could win.
    PreCandidate,
    /// It asks for votes.
    Candidate,
    /// It leads.
    Leader,
}

impl Role {
    /// Its name, as servers say it.
    pub fn name(self) -> &'static str {
        match self {
            Role::Follower => "follower",
            Role::PreCandidate => "pre-candidate",
            Role::Candidate => "candidate",
            Role::Leader => "leader",
        }
    }

    /// The role of a name.
    pub fn of(name: &str) -> Option<Role> {
        [Role::Follower, Role::PreCandidate, Role::Candidate, Role::Leader]
            .into_iter()
            .find(|role| role.name() == name)
    }
}

impl Sample {
    /// Of a server that did not answer.
    pub fn silent(at_us: u64, server: String) -> Sample {
        Sample { at_us, server, ..Sample::default() }
    }

    /// Of one that did, by both of its answers.
    pub fn of(at_us: u64, status: StatusDocument, page: &str) -> Sample {
        let voters = status.members.members.into_iter().filter(|member| member.standing == "voter");
        Sample {
            role: Role::of(&status.role),
            term: Some(status.term),
            leader: status.leader,
            commit: Some(status.commit),
            applied: Some(status.applied),
            last: Some(status.last),
            base: Some(status.base),
            pending: Some(status.waiting),
            fsync_p50_us: Some(status.fsync_p50_us),
            fsync_p99_us: Some(status.fsync_p99_us),
            uptime_ms: Some(status.uptime_ms),
            voters: Some(voters.map(|member| member.server).collect()),
            ..Sample::of_page(at_us, status.server, page)
        }
    }

    /// Of one whose numbers for Prometheus are all that there is.
    pub fn of_page(at_us: u64, server: String, page: &str) -> Sample {
        let own = |name: &str| value(page, &format!("raftlab_{name}"));
        let of_type = |name: &'static str, kind: &'static str| {
            values(page, name)
                .find(|(labels, _)| labels.get("type") == Some(kind))
                .map(|(_, value)| count(value))
        };
        let role = values(page, "raftlab_role").find(|(_, value)| *value > 0.0);
        let votes = |result: &'static str| {
            let of_kind = |(labels, _): &(super::lab::metrics::Labels<'_>, f64)| {
                labels.get("kind") == Some("vote") && labels.get("result") == Some(result)
            };
            values(page, "raftlab_votes_total").find(of_kind).map(|(_, value)| count(value))
        };
        let members = values(page, "raftlab_member")
            .filter(|(labels, _)| labels.get("standing") == Some("voter"))
            .filter_map(|(labels, _)| labels.get("server").map(str::to_string));
        let ms = |name: &str| own(name).map(|seconds| count(seconds * 1000.0));
        let peers = peers(page);
        Sample {
            at_us,
            server,
            reachable: true,
            role: role.and_then(|(labels, _)| Role::of(labels.get("role")?)),
            term: own("term").map(count),
            leader: None,
            commit: own("proposals_committed_total").map(count),
            applied: own("proposals_applied_total").map(count),
            last: own("log_last_index").map(count),
            base: own("log_base_index").map(count),
            pending: own("proposals_pending").map(count),
            rejected: own("requests_refused_total").map(count),
            fsync_p50_us: quantile(page, 0.5),
            fsync_p99_us: quantile(page, 0.99),
            quorum_age_s: own("quorum_ack_age_seconds").filter(|age| *age >= 0.0),
            max_lag: Some(peers.iter().filter_map(|peer| peer.lag).max().unwrap_or(0)),
            cpu_seconds: Some(own("process_cpu_seconds").unwrap_or(0.0)),
            rss_bytes: Some(own("process_resident_memory_bytes").map_or(0, count)),
            config_index: own("config_index").map(count),
            voters: Some(members.collect()),
            uptime_ms: ms("uptime_seconds"),
            timers_ms: ms("timers_clock_seconds"),
            heartbeat_ms: ms("heartbeat_interval_seconds"),
            election_ms: ms("election_timeout_seconds"),
            pre_vote: own("pre_vote").map(|on| on > 0.0),
            check_quorum: own("check_quorum").map(|on| on > 0.0),
            leader_changes: own("leader_changes_seen_total").map(count),
            fsyncs: own("wal_fsync_duration_seconds_count").map(count),
            fsync_sum_us: own("wal_fsync_duration_seconds_sum").map(|seconds| count(seconds * 1e6)),
            votes_asked: of_type("raftlab_messages_sent_total", "request_vote"),
            votes_granted: votes("granted"),
            votes_refused: votes("refused"),
            handovers: of_type("raftlab_messages_received_total", "timeout_now"),
            received: Some(
                values(page, "raftlab_messages_received_total").map(|(_, value)| count(value)).sum(),
            ),
            overflowed: values(page, "raftlab_datagrams_dropped_total")
                .find(|(labels, _)| labels.get("reason") == Some("overflow"))
                .map(|(_, value)| count(value)),
            peers: Some(peers),
        }
    }

    /// What it knew of another server.
    pub fn peer(&self, server: &str) -> Option<&PeerSample> {
        self.peers.iter().flatten().find(|peer| peer.server == server)
    }
}

/// What is said of each peer, by its name.
fn peers(page: &str) -> Vec<PeerSample> {
    let mut peers = BTreeMap::<&str, PeerSample>::new();
    let mut take = |name: &'static str, put: fn(&mut PeerSample, f64)| {
        for (labels, value) in values(page, name) {
            if let Some(to) = labels.get("to") {
                put(peers.entry(to).or_default(), value);
            }
        }
    };
    take("raftlab_peer_heard_age_seconds", |peer, age| peer.heard_ms = Some(count(age * 1000.0)));
    take("raftlab_peer_round_trip_time_seconds", |peer, time| peer.round_trip_us = Some(count(time * 1e6)));
    take("raftlab_peer_match_lag", |peer, lag| peer.lag = Some(count(lag)));
    take("raftlab_peer_datagrams_missing_total", |peer, missing| peer.missing = count(missing));
    take("raftlab_peer_restarts_seen_total", |peer, restarts| peer.restarts = count(restarts));
    peers.into_iter().map(|(server, peer)| PeerSample { server: server.to_string(), ..peer }).collect()
}

/// Below which bound so large a share of all syncs lies, in microseconds.
fn quantile(page: &str, share: f64) -> Option<u64> {
    let total = value(page, "raftlab_wal_fsync_duration_seconds_count")?;
    let mut buckets = values(page, "raftlab_wal_fsync_duration_seconds_bucket");
    let (labels, _) = buckets.find(|(_, below)| *below >= total * share)?;
    labels.get("le")?.parse().ok().filter(|bound: &f64| bound.is_finite()).map(|bound| count(bound * 1e6))
}

/// A number that counts something.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count that is at least 0")]
fn count(value: f64) -> u64 {
    value.max(0.0).round() as u64
}
