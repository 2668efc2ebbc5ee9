//! Faults, carried out: processes by signals, links, disks and clocks by the servers themselves.
//!
//! Every fault is noted when it begins, and declares what has to be counted of it: a run in which something was broken
//! and nothing broke says less than it seems to.

use std::sync::Arc;
use std::time::{Duration, Instant};

use raftlab_core::NodeId;
use raftlab_node::chaos::{ChaosRequest, DiskFault, Fault as Counted, LinkFault};
use raftlab_node::client::Reason;

use super::cluster::{Cluster, LOOKS_EVERY};
use super::files::FaultLine;
use super::links::Way;
use super::{lives, logs, observe};
use crate::failure::Failure;
use crate::scenario::{Fault, Quality, Target};
use crate::verdict::exit;

/// How long it is waited for a leader that is to be broken.
const LEADS_WITHIN: Duration = Duration::from_secs(5);

/// How long a server may not know a peer of which others know: it reads of it in its log.
const KNOWS_WITHIN: Duration = Duration::from_secs(2);

/// Breaks something, or mends it.
///
/// # Errors
///
/// If it cannot be done: a server that is down or not there, or nobody leads.
pub async fn carry_out(cluster: &Arc<Cluster>, fault: &Fault) -> Result<(), Failure> {
    let _turn = cluster.turn.lock().await;
    match fault {
        Fault::Kill(target) => lives::kill(cluster, one(cluster, *target).await?).await,
        Fault::Stop(target) => lives::stop(cluster, one(cluster, *target).await?).await,
        Fault::Start(Some(server)) => lives::start(cluster, *server).await,
        Fault::Start(None) => start_all(cluster).await,
        Fault::Pause { server, lasts } => pause(cluster, one(cluster, *server).await?, *lasts).await,
        Fault::Partition { from, to, is_one_way } => {
            let (from, to) = (all(cluster, from).await?, all(cluster, to).await?);
            if let Some(both) = from.iter().find(|server| to.contains(server)) {
                return Err(Failure::data(format!("{both} is on both sides")));
            }
            let side =
                |servers: &[NodeId]| servers.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
            let way = if *is_one_way { " one-way" } else { "" };
            let text = format!("partition {} | {}{way}", side(&from), side(&to));
            cut(cluster, None, &text, &from, &to, *is_one_way).await
        }
        Fault::Isolate(target) => {
            let server = one(cluster, *target).await?;
            let others: Vec<_> = cluster.names().into_iter().filter(|other| *other != server).collect();
            cut(cluster, Some(server), &format!("isolate {server}"), &[server], &others, false).await
        }
        Fault::Link { from, to, quality, is_one_way } => {
            let (from, to) = (one(cluster, *from).await?, one(cluster, *to).await?);
            spoil(cluster, (from, to), *quality, *is_one_way).await
        }
        Fault::SlowDisk { server, by, jitter } => {
            let server = one(cluster, *server).await?;
            let ms = |time: &Duration| time.as_secs_f64() * 1000.0;
            let disk = DiskFault { sync_delay_ms: ms(by), sync_jitter_ms: ms(jitter), stall: false };
            let text =
                Fault::SlowDisk { server: Target::Server(server), by: *by, jitter: *jitter }.to_string();
            disk_goes_bad(cluster, server, "disk", &text, disk, Counted::DiskSlow).await
        }
        Fault::StallDisk(target) => {
            let server = one(cluster, *target).await?;
            let disk = DiskFault { stall: true, ..DiskFault::default() };
            disk_goes_bad(cluster, server, "stall", &format!("stall-disk {server}"), disk, Counted::DiskStall)
                .await
        }
        Fault::Skew { server, percent } => {
            let server = one(cluster, *server).await?;
            let request = ChaosRequest::Clock { rate_percent: Some(*percent), jump_ms: 0 };
            let text = format!("skew {server} {percent}%");
            // A clock that is set right does not go wrong.
            let counted = ((percent - 100.0).abs() > f64::EPSILON).then_some(Counted::ClockRate);
            bend_clock(cluster, server, &text, &request, counted).await?;
            cluster.clocks().insert(server, *percent);
            Ok(())
        }
        Fault::Jump { server, ms } => {
            let server = one(cluster, *server).await?;
            let request = ChaosRequest::Clock { rate_percent: None, jump_ms: *ms };
            let text = Fault::Jump { server: Target::Server(server), ms: *ms }.to_string();
            bend_clock(cluster, server, &text, &request, Some(Counted::ClockJump)).await
        }
        Fault::MoveLog { server, to } => {
            logs::move_log(cluster, one(cluster, *server).await?, to.as_deref()).await
        }
        Fault::RotDisk(target) => rot(cluster, one(cluster, *target).await?),
        Fault::EditCluster { server, founders } => {
            cluster.edit(*server, founders)?;
            let text = fault.to_string();
            cluster.note(cluster.now(), "edit", Some(*server), &text);
            Ok(())
        }
        Fault::Heal => heal(cluster).await,
    }
}

/// A bit of a log turns while its server is down.
fn rot(cluster: &Cluster, server: NodeId) -> Result<(), Failure> {
    if cluster.running().contains(&server) {
        return Err(Failure::data(format!("{server} runs: `stop {server}` before its log rots")));
    }
    let text = format!("rot-disk {server}");
    let at = match &cluster.simulated {
        Some(simulated) => simulated.rot(server).map(|(file, at)| format!("{file}, byte {at}")),
        None => logs::rot(&cluster.server(server)?.log_dir())?,
    };
    let Some(at) = at else { return Err(Failure::data(format!("{server} has no log that could rot"))) };
    cluster.ledger().declare(&text, vec![server], "disk_rot");
    cluster.ledger().strike(server, "disk_rot");
    cluster.note(cluster.now(), "rot", Some(server), &format!("{text}: {at}"));
    Ok(())
}

/// The server that is meant.
///
/// # Errors
///
/// If there is none.
pub async fn one(cluster: &Cluster, target: Target) -> Result<NodeId, Failure> {
    if let Target::Server(server) = target {
        return cluster.server(server).map(|_| server);
    }
    let began = cluster.now();
    loop {
        if let Some(leader) = cluster.look().await.leader() {
            let follower = || cluster.running().into_iter().find(|server| *server != leader);
            let found = if target == Target::Leader { Some(leader) } else { follower() };
            return found.ok_or_else(|| Failure::data("no server that runs is a follower"));
        }
        if began.until(cluster.now()) >= LEADS_WITHIN {
            let says = format!("no server leads, for {} s already", LEADS_WITHIN.as_secs());
            return Err(Failure { exit: exit::UNREACHABLE, message: says });
        }
        cluster.sleep(LOOKS_EVERY).await;
    }
}

async fn all(cluster: &Cluster, targets: &[Target]) -> Result<Vec<NodeId>, Failure> {
    let mut servers = Vec::new();
    for target in targets {
        let server = one(cluster, *target).await?;
        if !servers.contains(&server) {
            servers.push(server);
        }
    }
    Ok(servers)
}

async fn start_all(cluster: &Arc<Cluster>) -> Result<(), Failure> {
    let running = cluster.running();
    let down: Vec<_> = cluster.names().into_iter().filter(|server| !running.contains(server)).collect();
    if down.is_empty() {
        return Err(Failure::data("no server is down"));
    }
    for server in down {
        lives::start(cluster, server).await?;
    }
    Ok(())
}

async fn pause(cluster: &Cluster, server: NodeId, lasts: Duration) -> Result<(), Failure> {
    lives::running(cluster, server)?;
    let text = format!("pause {server} {}", crate::scenario::Time(lasts));
    declare(cluster, &text, &[server], Counted::Pause).await;
    let ms = u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX);
    let moment = cluster.now();
    tell(cluster, server, &ChaosRequest::Pause { ms }).await?;
    cluster.note_line(&FaultLine {
        moment,
        verb: "pause".into(),
        server: Some(server.to_string()),
        text,
        until_us: Some(moment.at_us + ms.saturating_mul(1000)),
        incarnation: None,
    });
    Ok(())
}

/// Cuts all links from one side to the other, and those back.
async fn cut(
    cluster: &Cluster,
    server: Option<NodeId>,
    text: &str,
    from: &[NodeId],
    to: &[NodeId],
    is_one_way: bool,
) -> Result<(), Failure> {
    let ways = from.iter().flat_map(|from| to.iter().map(|to| (*from, *to)));
    let ways: Vec<Way> = ways.flat_map(|way| both_ways(way, is_one_way)).collect();
    let ends: Vec<_> = from.iter().chain(to).copied().collect();
    declare(cluster, text, &ends, Counted::LinkCut).await;
    cluster.note(cluster.now(), "link", server, text);
    set_links(cluster, &ways, LinkFault { cut: true, ..LinkFault::default() }).await
}

/// Makes a link bad.
async fn spoil(cluster: &Cluster, way: Way, quality: Quality, is_one_way: bool) -> Result<(), Failure> {
    let (from, to) = way;
    if from == to {
        return Err(Failure::data(format!("{from} has no link to itself")));
    }
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    let Quality { drop, duplicate, delay, jitter } = quality;
    let fault = LinkFault { cut: false, drop, duplicate, delay_ms: ms(delay), jitter_ms: ms(jitter) };
    let (from_target, to_target) = (Target::Server(from), Target::Server(to));
    let text = Fault::Link { from: from_target, to: to_target, quality, is_one_way }.to_string();
    let counted = [
        (drop > 0.0, Counted::LinkDrop),
        (duplicate > 0.0, Counted::LinkDuplicate),
        (fault.delay_ms + fault.jitter_ms > 0.0, Counted::LinkDelay),
    ];
    for (_, counted) in counted.into_iter().filter(|(is_wanted, _)| *is_wanted) {
        declare(cluster, &text, &[from, to], counted).await;
    }
    cluster.note(cluster.now(), "link", None, &text);
    set_links(cluster, &both_ways(way, is_one_way), fault).await
}

fn both_ways((from, to): Way, is_one_way: bool) -> Vec<Way> {
    if is_one_way { vec![(from, to)] } else { vec![(from, to), (to, from)] }
}

async fn set_links(cluster: &Cluster, ways: &[Way], fault: LinkFault) -> Result<(), Failure> {
    for way in ways {
        cluster.links().set(*way, fault);
    }
    // Who is down is told when it starts.
    for server in cluster.running() {
        let known = ways.iter().copied().filter(|way| knows_both(cluster, server, *way));
        let told = cluster.links().told(server, known);
        for request in told {
            tell(cluster, server, &request).await?;
        }
    }
    Ok(())
}

/// Can `server` know of both ends? Of one that was made known by editing what founders are told, those that were not
/// edited hear nothing: they have no link to it that could be bad.
fn knows_both(cluster: &Cluster, server: NodeId, (from, to): Way) -> bool {
    let Ok(of) = cluster.server(server) else { return false };
    let is_told =
        |end: NodeId| of.told.0.split(',').any(|one| one.split('=').next() == Some(&end.to_string()));
    let is_edited = |end: NodeId| cluster.server(end).is_ok_and(|end| end.is_edited);
    [from, to].into_iter().all(|end| end == server || !is_edited(end) || is_told(end))
}

async fn disk_goes_bad(
    cluster: &Cluster,
    server: NodeId,
    verb: &str,
    text: &str,
    disk: DiskFault,
    counted: Counted,
) -> Result<(), Failure> {
    lives::running(cluster, server)?;
    declare(cluster, text, &[server], counted).await;
    let moment = cluster.now();
    tell(cluster, server, &ChaosRequest::Disk { disk }).await?;
    cluster.note(moment, verb, Some(server), text);
    Ok(())
}

async fn bend_clock(
    cluster: &Cluster,
    server: NodeId,
    text: &str,
    request: &ChaosRequest,
    counted: Option<Counted>,
) -> Result<(), Failure> {
    lives::running(cluster, server)?;
    if let Some(counted) = counted {
        declare(cluster, text, &[server], counted).await;
    }
    let moment = cluster.now();
    tell(cluster, server, request).await?;
    cluster.note(moment, "clock", Some(server), text);
    Ok(())
}

/// Links, disks and clocks are well again, those of servers that are down included.
async fn heal(cluster: &Cluster) -> Result<(), Failure> {
    cluster.links().heal();
    cluster.clocks().clear();
    let running = cluster.running();
    for server in cluster.names() {
        let told =
            if running.contains(&server) { tell(cluster, server, &ChaosRequest::Heal).await } else { Ok(()) };
        // One that does not listen, since its disk stalls where it starts, finds it well at the next start.
        if told.is_err() || !running.contains(&server) {
            match &cluster.simulated {
                Some(simulated) => simulated.heal_disk(server),
                None => logs::heal_disk(&cluster.server(server)?.log_dir())?,
            }
        }
        told?;
    }
    cluster.note(cluster.now(), "heal", None, "heal");
    Ok(())
}

/// A server that has restarted is told what is wrong with its links and its clock. Its disk remembers by itself.
///
/// # Errors
///
/// If it does not take it.
pub async fn tell_again(cluster: &Cluster, server: NodeId) -> Result<(), Failure> {
    let mut requests = cluster.links().told_again(server);
    let percent = cluster.clocks().get(&server).copied();
    requests.extend(percent.map(|percent| ChaosRequest::Clock { rate_percent: Some(percent), jump_ms: 0 }));
    for request in requests {
        tell(cluster, server, &request).await?;
    }
    Ok(())
}

/// What is asked for now has to strike one of these servers from now on.
async fn declare(cluster: &Cluster, text: &str, servers: &[NodeId], counted: Counted) {
    for server in servers {
        observe::counts(cluster, *server).await;
    }
    cluster.ledger().declare(text, servers.to_vec(), counted.name());
}

/// Tells a server what goes wrong with it. It may have to read in its log first who its peer is.
async fn tell(cluster: &Cluster, server: NodeId, request: &ChaosRequest) -> Result<(), Failure> {
    if let Some(simulated) = &cluster.simulated {
        simulated.tell(server, request);
        return Ok(());
    }
    let deadline = Instant::now() + KNOWS_WITHIN;
    let mut connection = cluster.connect(server)?;
    loop {
        match connection.set_chaos(request).await {
            Ok(_) => return Ok(()),
            Err(Reason::Said { error, .. }) if Instant::now() >= deadline => {
                return Err(Failure::data(format!("{server} refuses: {error}")));
            }
            Err(Reason::Said { .. }) => cluster.sleep(LOOKS_EVERY).await,
            Err(reason) => {
                let says = format!("{server} was not told, and may be as it was: {reason}");
                return Err(Failure { exit: exit::UNREACHABLE, message: says });
            }
        }
    }
}
