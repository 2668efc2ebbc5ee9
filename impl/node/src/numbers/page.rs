//! Numbers for Prometheus. Where etcd has the same number, it has etcd's name behind `raftlab_`.

use std::collections::BTreeMap;
use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet, text::encode};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use raftlab_core::NodeId;

use super::Numbers;
use crate::process::{Kind, Peer, SYNC_BUCKETS_US, Status};

/// All numbers as text.
///
/// # Errors
///
/// If the encoder has some.
pub fn page(numbers: Numbers) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("raftlab");
    registry.register_collector(Box::new(numbers));
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}

/// One metric family after another.
struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let metric = ConstCounter::new(value);
        metric.encode(self.0.encode_descriptor(name, help, None, metric.metric_type())?)
    }

    fn gauge(&mut self, name: &str, help: &str, value: i64) -> fmt::Result {
        let metric = ConstGauge::new(value);
        metric.encode(self.0.encode_descriptor(name, help, None, metric.metric_type())?)
    }

    fn seconds(&mut self, name: &str, help: &str, value: f64) -> fmt::Result {
        let metric = ConstGauge::new(value);
        metric.encode(self.0.encode_descriptor(name, help, None, metric.metric_type())?)
    }

    fn counters<'b>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (Vec<(&'b str, String)>, u64)>,
    ) -> fmt::Result {
        let kind = ConstCounter::new(0_u64).metric_type();
        let mut family = self.0.encode_descriptor(name, help, None, kind)?;
        for (labels, value) in values {
            ConstCounter::new(value).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn gauges<'b>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (Vec<(&'b str, String)>, f64)>,
    ) -> fmt::Result {
        let kind = ConstGauge::new(0_f64).metric_type();
        let mut family = self.0.encode_descriptor(name, help, None, kind)?;
        for (labels, value) in values {
            ConstGauge::new(value).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

impl Collector for Numbers {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = Page(encoder);
        leadership(&mut page, self)?;
        proposals(&mut page, self)?;
        configuration(&mut page, &self.status)?;
        timing(&mut page, self)?;
        disk(&mut page, self)?;
        network(&mut page, self)?;
        peers(&mut page, self)?;
        faults(&mut page, self)?;
        if self.pid.is_some() { process(&mut page) } else { Ok(()) }
    }
}

fn leadership(page: &mut Page<'_>, numbers: &Numbers) -> fmt::Result {
    let status = &numbers.status;
    let is_leader = status.role == "leader";
    page.gauge("has_leader", "Is a leader known here?", status.leader.is_some().into())?;
    page.gauge("is_leader", "Does this server lead?", is_leader.into())?;
    page.counter(
        "leader_changes_seen",
        "How many leaders were seen, one after another",
        numbers.leader_changes,
    )?;
    page.gauge("term", "The current term", signed(status.term.0))?;
    page.gauges(
        "role",
        "1 for what the server is now",
        ["follower", "pre-candidate", "candidate", "leader"]
            .map(|role| (vec![("role", role.to_string())], f64::from(u8::from(status.role == role)))),
    )?;
    let age = is_leader.then(|| quorum_age_us(numbers)).flatten();
    page.seconds(
        "quorum_ack_age_seconds",
        "As a leader, how long ago a majority was heard; -1 where it does not lead, or never heard one",
        age.map_or(-1.0, seconds),
    )
}

/// How long ago the last of a majority's voters was heard, the leader itself counting as heard now.
fn quorum_age_us(numbers: &Numbers) -> Option<u64> {
    let Numbers { status, now_us: now, .. } = numbers;
    let known = numbers.traffic.by_peer();
    let mut ages: Vec<_> = status
        .membership
        .voters()
        .iter()
        .map(|voter| {
            if voter == status.server {
                return Some(0);
            }
            known.get(&voter).and_then(|peer| peer.round_trip.heard_at()).map(|at| now.saturating_sub(at))
        })
        .map(|age| age.unwrap_or(u64::MAX))
        .collect();
    ages.sort_unstable();
    ages.get(status.membership.voters().majority().checked_sub(1)?).copied().filter(|age| *age < u64::MAX)
}

fn proposals(page: &mut Page<'_>, numbers: &Numbers) -> fmt::Result {
    let status = &numbers.status;
    let counters = status.counters;
    page.counter(
        "proposals_committed",
        "commitIndex: how far the log is known to be committed",
        status.commit.0,
    )?;
    page.counter(
        "proposals_applied",
        "lastApplied: how far the state machine was given it",
        status.applied.0,
    )?;
    page.gauge(
        "proposals_pending",
        "Commands and changes that clients wait for",
        signed(status.proposals as u64),
    )?;
    page.counter(
        "proposals_failed",
        "Commands and changes whose place another leader's entry took",
        counters.replaced,
    )?;
    page.counter(
        "entries_truncated",
        "Uncommitted entries that gave way to another leader's",
        counters.truncated,
    )?;
    page.counter("requests_refused", "Requests that were refused since too many waited", numbers.refused)?;
    page.counter("reads", "Reads that were answered", counters.reads)?;
    page.counter(
        "reads_refused",
        "Reads that were refused since this server led no more",
        counters.reads_refused,
    )?;
    page.gauge("reads_pending", "Reads that clients wait for", signed(status.reads as u64))?;
    page.gauge("log_last_index", "The last entry", signed(status.last.0))?;
    page.gauge("log_base_index", "The last entry that a snapshot covers", signed(status.base.0))?;
    page.gauge("keys", "How many keys there are", signed(status.keys as u64))?;
    page.counter("snapshot_taken", "Snapshots that were made here", counters.snapshots_taken)?;
    page.counter(
        "snapshot_installed",
        "Snapshots of a leader that were installed here",
        counters.snapshots_installed,
    )?;
    page.counter("snapshot_chunks_ignored", "Chunks of snapshots that were ignored", counters.chunks_ignored)
}

fn configuration(page: &mut Page<'_>, status: &Status) -> fmt::Result {
    let standing = |name: &'static str, servers: Vec<NodeId>| {
        servers
            .into_iter()
            .map(move |server| (vec![("server", server.to_string()), ("standing", name.to_string())], 1.0))
    };
    let (voters, learners) =
        (status.membership.voters().iter().collect(), status.membership.learners().collect());
    page.gauge(
        "config_index",
        "Where the configuration stands in the log by which this server counts; 0 if it was \
        started with it",
        signed(status.membership_at.0),
    )?;
    page.gauges(
        "member",
        "1 for each server of that configuration",
        standing("voter", voters).chain(standing("learner", learners)),
    )?;
    page.gauge(
        "quorum",
        "How many acknowledgements commit an entry",
        signed(status.membership.voters().majority() as u64),
    )
}

/// What else the numbers have to be compared with.
fn timing(page: &mut Page<'_>, numbers: &Numbers) -> fmt::Result {
    let Status { timing, pre_vote, check_quorum, .. } = *numbers.status;
    page.seconds("heartbeat_interval_seconds", "How often a leader is heard", seconds(timing.heartbeat().0))?;
    page.seconds(
        "election_timeout_seconds",
        "After how long without a leader an election may start: between one and two of these",
        seconds(timing.election().0),
    )?;
    page.gauge("pre_vote", "Is it asked before an election whether it can be won?", pre_vote.into())?;
    page.gauge("check_quorum", "Does a leader step down that hears no majority?", check_quorum.into())?;
    let uptime = numbers.now_us.saturating_sub(numbers.started_us);
    page.seconds("uptime_seconds", "For how long this server has run", seconds(uptime))?;
    page.seconds(
        "timers_clock_seconds",
        "What the clock shows by which timers run: it goes as fast as time, or is wrong",
        seconds(numbers.timers_us),
    )
}

fn disk(page: &mut Page<'_>, numbers: &Numbers) -> fmt::Result {
    let counts = numbers.syncs.counts();
    let total: u64 = counts.buckets.iter().sum();
    let bounds = SYNC_BUCKETS_US.iter().map(|bound| seconds(*bound)).chain([f64::MAX]);
    let buckets: Vec<(f64, u64)> = bounds.zip(counts.buckets.iter().copied()).collect();
    let (name, help) = ("wal_fsync_duration_seconds", "How long writes to the log take, with their sync");
    let mut metric =
        page.0.encode_descriptor(name, help, None, prometheus_client::metrics::MetricType::Histogram)?;
    metric.encode_histogram::<NoLabelSet>(seconds(counts.sum_us), total, &buckets, None)
}

fn network(page: &mut Page<'_>, numbers: &Numbers) -> fmt::Result {
    let traffic = &numbers.traffic;
    let by_kind = |(kind, count): (&str, u64)| (vec![("type", kind.to_string())], count);
    page.counters("messages_sent", "Messages sent, by type", traffic.sent_by_kind().map(by_kind))?;
    page.counters(
        "messages_received",
        "Messages received, by type",
        traffic.received_by_kind().map(by_kind),
    )?;
    let votes = [
        ("vote", "granted", Kind::VoteGranted),
        ("vote", "refused", Kind::VoteRefused),
        ("pre_vote", "granted", Kind::PreVoteGranted),
        ("pre_vote", "refused", Kind::PreVoteRefused),
    ];
    let votes = votes.map(|(kind, result, of)| {
        (vec![("kind", kind.to_string()), ("result", result.to_string())], traffic.received_of(of))
    });
    page.counters("votes", "Votes and pre-votes that this server was answered, by result", votes)?;
    let by_reason = |(why, count): (&str, u64)| (vec![("reason", why.to_string())], count);
    page.counters(
        "datagrams_dropped",
        "Datagrams that were dropped, by reason",
        traffic.dropped_by_reason().map(by_reason),
    )?;
    let (sent, received, unsent) = traffic.totals();
    page.counter("network_peer_sent_bytes", "Bytes sent to servers", sent)?;
    page.counter("network_peer_received_bytes", "Bytes received from servers", received)?;
    page.counter("network_unsent", "Messages that could not be sent", unsent)
}

fn peers(page: &mut Page<'_>, numbers: &Numbers) -> fmt::Result {
    let status = &numbers.status;
    let to = |server: &NodeId| vec![("to", server.to_string())];
    let (known, now) = (numbers.traffic.by_peer(), numbers.now_us);
    let each = |of: &dyn Fn(&Peer) -> Option<f64>| -> Vec<_> {
        known.iter().filter_map(|(server, peer)| Some((to(server), of(peer)?))).collect()
    };
    let round_trip = each(&|peer| peer.round_trip.mean().map(|mean| mean.as_secs_f64()));
    page.gauges(
        "peer_round_trip_time_seconds",
        "How long a datagram takes to a peer and back, a moving mean",
        round_trip,
    )?;
    let heard = each(&|peer| peer.round_trip.heard_at().map(|at| seconds(now.saturating_sub(at))));
    page.gauges("peer_heard_age_seconds", "How long ago a peer was heard", heard)?;
    let count = |of: &dyn Fn(&Peer) -> u64| -> BTreeMap<NodeId, u64> {
        known.iter().map(|(server, peer)| (*server, of(peer))).collect()
    };
    let counters = [
        (
            "peer_datagrams_missing",
            "Datagrams of a peer that were passed over and never came",
            count(&|peer| peer.missing),
        ),
        (
            "peer_datagrams_duplicate",
            "Datagrams of a peer that had come before",
            count(&|peer| peer.duplicates),
        ),
        ("peer_restarts_seen", "How often another life of a peer was heard", count(&|peer| peer.restarts)),
    ];
    for (name, help, counts) in counters {
        page.counters(name, help, counts.iter().map(|(server, count)| (to(server), *count)))?;
    }
    let lag = status
        .progress
        .iter()
        .map(|(server, progress)| (to(server), f64_of(status.last.0.saturating_sub(progress.matched.0))));
    page.gauges("peer_match_lag", "As a leader, how many entries a peer is not known to have", lag)
}

fn faults(page: &mut Page<'_>, numbers: &Numbers) -> fmt::Result {
    let counts = numbers.fired.counts();
    let fired = counts.iter().map(|count| (vec![("fault", count.fault.clone())], count.fired));
    page.counters("faults_fired", "How often each fault struck that was asked for", fired)
}

/// What the system says of this process.
fn process(page: &mut Page<'_>) -> fmt::Result {
    let Some((cpu_seconds, resident_bytes)) = usage() else { return Ok(()) };
    page.seconds("process_cpu_seconds", "Processor time that this process has used", cpu_seconds)?;
    page.gauge("process_resident_memory_bytes", "Memory that it holds", signed(resident_bytes))
}

/// Processor time in seconds, and memory in bytes, where the system tells them as Linux does.
fn usage() -> Option<(f64, u64)> {
    /// Ticks a second in `/proc`, and the size of a page: constants of Linux' interface on the machines it runs here.
    const TICKS: f64 = 100.0;
    const PAGE_BYTES: u64 = 4096;
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The program's name stands in parentheses, and may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    let pages: u64 = fields.get(21)?.parse().ok()?;
    Some((f64_of(ticks) / TICKS, pages * PAGE_BYTES))
}

fn seconds(micros: u64) -> f64 {
    std::time::Duration::from_micros(micros).as_secs_f64()
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "a number for people")]
fn f64_of(value: u64) -> f64 {
    value as f64
}
