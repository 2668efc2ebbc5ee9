//! Servers that join and leave, while the others go on.
//!
//! Each change is asked for until the leader's configuration shows it: whether an answer came or was lost, what counts
//! is how things stand.

use std::sync::Arc;
use std::time::Duration;

use raftlab_core::NodeId;
use raftlab_node::api::{MemberRequest, StatusDocument};
use raftlab_node::client::{Client, Options};

use super::cluster::{Cluster, LOOKS_EVERY};
use super::{faults, lives, observe, operations};
use crate::failure::Failure;
use crate::scenario::Member;
use crate::verdict::exit;

/// How long a change may take: a server that joins may have a snapshot to read.
const CHANGES_WITHIN: Duration = Duration::from_secs(30);

/// How many entries a learner may lack that is to vote: it catches up meanwhile.
const LAG_MAX: u64 = 1000;

/// Changes who belongs to the cluster.
///
/// # Errors
///
/// If it cannot be done, or is not done in time.
pub async fn carry_out(cluster: &Arc<Cluster>, member: &Member) -> Result<(), Failure> {
    match member {
        Member::Add(server) => add(cluster, *server).await,
        Member::Remove(target) => remove(cluster, faults::one(cluster, *target).await?).await,
        Member::Grow(voters) => grow(cluster, *voters).await,
        Member::ProposeAdd { server, name } => operations::propose_add(cluster, *server, name),
        Member::MoveLeader(target) => move_leader(cluster, faults::one(cluster, *target).await?).await,
    }
}

async fn add(cluster: &Arc<Cluster>, server: NodeId) -> Result<(), Failure> {
    cluster.prepare(server)?;
    let moment = cluster.now();
    lives::begin(cluster, server)?;
    observe::follow(cluster, server);
    lives::answers(cluster, server).await?;
    cluster.note(moment, "start", Some(server), &format!("start {server}, which is to join"));
    let at = cluster.server(server)?;
    let name = server.to_string();
    let joins = MemberRequest::AddLearner { server: name.clone(), peer: at.peer, http: Some(at.http) };
    until(cluster, &format!("{server} joins"), |leader| match standing(leader, &name) {
        None => Next::Ask(joins.clone()),
        Some(_) => Next::Done,
    })
    .await?;
    cluster.note(cluster.now(), "member", Some(server), &format!("{server} is a learner"));
    let votes = MemberRequest::Promote { server: name.clone() };
    until(cluster, &format!("{server} votes"), |leader| match standing(leader, &name) {
        Some("voter") => Next::Done,
        _ if lag(leader, &name).is_some_and(|lag| lag <= LAG_MAX) => Next::Ask(votes.clone()),
        _ => Next::Wait,
    })
    .await?;
    cluster.note(cluster.now(), "member", Some(server), &format!("{server} votes"));
    Ok(())
}

async fn remove(cluster: &Arc<Cluster>, server: NodeId) -> Result<(), Failure> {
    let name = server.to_string();
    let leaves = MemberRequest::Remove { server: name.clone() };
    until(cluster, &format!("{server} leaves"), |leader| match standing(leader, &name) {
        Some(_) => Next::Ask(leaves.clone()),
        None => Next::Done,
    })
    .await?;
    cluster.note(cluster.now(), "member", Some(server), &format!("{server} has left"));
    if cluster.running().contains(&server) {
        lives::stop(cluster, server).await?;
    }
    cluster.change(server, |server| server.is_removed = true);
    Ok(())
}

async fn grow(cluster: &Arc<Cluster>, voters: u64) -> Result<(), Failure> {
    loop {
        let (now, next) = {
            let view = cluster.look().await;
            let leader = view.of_leader().ok_or_else(nobody_leads)?;
            (voters_of(leader), cluster.next_name())
        };
        if now >= voters {
            return Ok(());
        }
        add(cluster, next).await?;
    }
}

async fn move_leader(cluster: &Arc<Cluster>, server: NodeId) -> Result<(), Failure> {
    let name = server.to_string();
    let moment = cluster.now();
    let moves = MemberRequest::MoveLeader { to: name.clone() };
    let says = format!("{server} leads");
    until(cluster, &says, |leader| if leader.server == name { Next::Done } else { Next::Ask(moves.clone()) })
        .await?;
    cluster.note(moment, "member", Some(server), &format!("move-leader {server}"));
    Ok(())
}

/// What is to be done next.
enum Next {
    Ask(MemberRequest),
    Wait,
    Done,
}

/// Asks until the leader, by how it stands, says that it is done.
async fn until(cluster: &Cluster, what: &str, next: impl Fn(&StatusDocument) -> Next) -> Result<(), Failure> {
    let began = cluster.now();
    let mut why = "no server leads".to_string();
    loop {
        if let Some(leader) = cluster.look().await.of_leader() {
            match next(leader) {
                Next::Done => return Ok(()),
                Next::Wait => why = "it has not caught up".into(),
                Next::Ask(request) => {
                    why = ask(cluster, &request).await.err().unwrap_or_else(|| "it does not show".into());
                }
            }
        }
        if began.until(cluster.now()) >= CHANGES_WITHIN {
            let says = format!("{what}: not within {} s: {why}", CHANGES_WITHIN.as_secs());
            return Err(Failure { exit: exit::UNREACHABLE, message: says });
        }
        cluster.sleep(LOOKS_EVERY).await;
    }
}

/// Asks for a change.
///
/// # Errors
///
/// Why it was not done, or that nobody knows, in words.
pub async fn ask(cluster: &Cluster, request: &MemberRequest) -> Result<(), String> {
    if let Some(simulated) = &cluster.simulated {
        return simulated.change(cluster, request);
    }
    let options = Options { in_session: false, timeout: Duration::from_secs(2), ..Options::default() };
    let client = Client::new(&cluster.endpoints(), options);
    let changed = client.map_err(|error| error.to_string())?.change(request).await;
    changed.map(|_| ()).map_err(|error| error.to_string())
}

fn standing<'a>(leader: &'a StatusDocument, server: &str) -> Option<&'a str> {
    let member = leader.members.members.iter().find(|member| member.server == server)?;
    Some(&member.standing)
}

fn lag(leader: &StatusDocument, server: &str) -> Option<u64> {
    leader.peers.iter().find(|peer| peer.server == server && peer.matched > 0).map(|peer| peer.lag)
}

/// How many vote, by this server's configuration.
pub fn voters_of(status: &StatusDocument) -> u64 {
    status.members.members.iter().filter(|member| member.standing == "voter").count() as u64
}

fn nobody_leads() -> Failure {
    Failure { exit: exit::UNREACHABLE, message: "no server leads".into() }
}
