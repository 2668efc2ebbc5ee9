//! What has to come about, waited for; and, where it does not, how things stand instead.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use raftlab_core::NodeId;
use raftlab_node::api::StatusDocument;
use serde::Serialize;

use super::clock::Moment;
use super::cluster::{Cluster, LOOKS_EVERY};
use super::members::voters_of;
use super::view::View;
use super::{metrics, observe, operations};
use crate::scenario::{Expect, Expected};

/// A leader that has heard a majority of its voters for no longer than this leads them.
const HEARD_WITHIN: Duration = Duration::from_millis(500);

/// What came of an expectation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// What was expected, as it is written.
    pub text: String,
    /// Did it come about in time?
    pub holds: bool,
    /// After how many milliseconds it did, or was given up.
    pub after_ms: u64,
    /// Where it did not: how things stood, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
}

/// What was so when the waiting began.
struct Before {
    began: Moment,
    /// The highest commitIndex of all servers.
    commit: u64,
    /// How many operations clients had done.
    done: u64,
    /// Who led, in which term.
    leads: Option<(String, u64)>,
    /// Who was seen to lead since, in which terms.
    leaderships: BTreeSet<(u64, String)>,
}

impl Before {
    fn see(&mut self, view: &View) {
        let leads = view.statuses().filter(|status| status.role == "leader");
        self.leaderships.extend(leads.map(|status| (status.term, status.server.clone())));
    }
}

/// Waits until it comes about, or time is over.
pub async fn await_outcome(cluster: &Arc<Cluster>, expect: &Expect) -> Outcome {
    let began = cluster.now();
    let mut view = cluster.look().await;
    let commit = view.statuses().map(|status| status.commit).max().unwrap_or(0);
    let leads = view.of_leader().map(|leader| (leader.server.clone(), leader.term));
    let mut before =
        Before { began, commit, done: cluster.workload.done(), leads, leaderships: BTreeSet::new() };
    loop {
        before.see(&view);
        let holds = is_so(cluster, &view, &expect.what, &before).await;
        let waited = began.until(cluster.now());
        let is_over = waited >= expect.within;
        // What is to hold all the time has held, or has not.
        let is_decided = if expect.what == Expected::Steady { !holds } else { holds };
        if is_decided || is_over {
            let evidence = (!holds).then(|| evidence(cluster, &view));
            let after_ms = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
            return Outcome { text: expect.to_string(), holds, after_ms, evidence };
        }
        cluster.sleep(LOOKS_EVERY.min(expect.within.saturating_sub(waited))).await;
        view = look(cluster, expect.within.saturating_sub(began.until(cluster.now()))).await;
    }
}

/// Looks, but no longer than there is time; a server that does not answer meanwhile is one that does not.
async fn look(cluster: &Cluster, at_most: Duration) -> View {
    // A moment is needed to look at all.
    let at_most = at_most.max(Duration::from_millis(100));
    let unseen = || View(cluster.running().into_iter().map(|server| (server, None)).collect());
    tokio::time::timeout(at_most, cluster.look()).await.unwrap_or_else(|_| unseen())
}

async fn is_so(cluster: &Cluster, view: &View, what: &Expected, before: &Before) -> bool {
    // Who led before and was cut off since is not what is waited for: who leads has heard of others meanwhile.
    let leader = view.leader_heard_within(before.began.until(cluster.now()));
    match what {
        Expected::Leader(None) => leader.is_some(),
        Expected::Leader(Some(server)) => leader.is_some_and(|leader| leader.server == server.to_string()),
        Expected::NoLeader => view.leader().is_none(),
        Expected::AllAgree => leader.is_some_and(|leader| agree(view, leader, before.commit)),
        Expected::Voters(voters) => leader.is_some_and(|leader| voters_of(leader) == *voters),
        Expected::Progress => cluster.workload.done() > before.done,
        Expected::Down(server) => !cluster.running().contains(server),
        Expected::Outcome { name, outcome } => operations::was_told(cluster, name, outcome),
        Expected::Value { key, value, at } => {
            let servers = at.map_or_else(|| cluster.running(), |at| BTreeSet::from([at]));
            for server in servers {
                if operations::value_at(cluster, server, key).await.as_ref() != Some(value) {
                    return false;
                }
            }
            true
        }
        Expected::Truncated(server) => counted(cluster, *server, "raftlab_entries_truncated_total").await,
        Expected::Installed(server) => counted(cluster, *server, "raftlab_snapshot_installed_total").await,
        Expected::Steady => {
            let is_higher = |(_, term): &(String, u64)| view.statuses().all(|status| status.term <= *term);
            let now = view.of_leader().map(|leader| (leader.server.clone(), leader.term));
            before.leads.as_ref().is_some_and(is_higher) && now == before.leads
        }
        Expected::Leaders(leaders) => before.leaderships.len() as u64 >= *leaders,
        Expected::TwoAtOnce => view.leaders_heard_within(HEARD_WITHIN) >= 2,
    }
}

/// Has a server counted this, since its start?
async fn counted(cluster: &Cluster, server: NodeId, metric: &str) -> bool {
    observe::counts(cluster, server).await;
    let pages = cluster.pages();
    pages
        .get(&server.to_string())
        .and_then(|page| metrics::value(page, metric))
        .is_some_and(|count| count > 0.0)
}

/// Every server that runs answers, follows the same leader, and has applied what was committed.
fn agree(view: &View, leader: &StatusDocument, commit: u64) -> bool {
    view.0.values().all(|status| {
        status.as_ref().is_some_and(|status| {
            (status.term, &status.leader) == (leader.term, &leader.leader)
                && status.applied >= commit
                && standings(status) == standings(leader)
        })
    })
}

/// Who belongs to the cluster and who votes; addresses may be known here and not there.
fn standings(status: &StatusDocument) -> Vec<(&str, &str)> {
    let members = status.members.members.iter();
    members.map(|member| (member.server.as_str(), member.standing.as_str())).collect()
}

/// How things stand: a line a server, and what happened last.
fn evidence(cluster: &Cluster, view: &View) -> String {
    let mut text = String::new();
    for server in cluster.names() {
        // Writing to a string never fails.
        let _ = match view.0.get(&server) {
            None => writeln!(text, "  {server}  down"),
            Some(None) => writeln!(text, "  {server}  does not answer"),
            Some(Some(status)) => writeln!(
                text,
                "  {server}  {} in term {}, leader {}, commit {}, applied {}, last {}, {} voters",
                status.role,
                status.term,
                status.leader.as_deref().unwrap_or("unknown"),
                status.commit,
                status.applied,
                status.last,
                voters_of(status),
            ),
        };
    }
    text += "before that\n";
    cluster.narrator.last().iter().for_each(|line| {
        let _ = writeln!(text, "  {line}");
    });
    text
}
