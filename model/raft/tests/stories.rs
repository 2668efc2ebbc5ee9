//! The figures of the Raft paper, and sections of the dissertation, as stories: scripts that drive a small cluster of
//! real servers by hand, and what came of them. The recorded output is regenerated with `UPDATE_GOLDENFILES=1`, and
//! then read against the paper.
//!
//! A line without indent is an event, the indented lines are what it did: `⇨` became, `→` sent, `⇥` lost. A script's
//! world is the model's: each disk is the replay of the writes, and after every command every property is judged.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt::{Display, Write as _};
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use raftlab_core::{
    Answer, Appended, Body, Change, Durable, Entry, Index, Input, Lease, Log, LogId, Membership, Message,
    NodeId, Payload, Raft, ReadMode, Role, Span, Term, Time, Voters,
};
use raftlab_model::{
    Bounds, COMPACTION, Disk, Event, FEATURES, Fault, Label, MEMBERSHIP, PROPERTIES, Reconfiguration,
    SESSIONS, Sent, Server, ServerActor, Tick,
};

/// What a script can say. Where a command names a link, no kind means all messages that wait there, in order.
#[derive(goldenscript::Command)]
enum Command {
    /// A cluster of new servers, whose messages carry so many entries at most.
    Cluster {
        servers: usize,
        #[arg(key)]
        entries: Option<usize>,
        /// How many of them are the voters of the new cluster.
        #[arg(key)]
        founders: Option<usize>,
        /// What Raft does beyond the paper's core, by its names in bounds; then `log-reads`, or `lease`, or `sessions`.
        #[arg(optional)]
        features: Vec<String>,
    },
    /// Gives a server a disk: entries of these terms, and perhaps a term beyond them and a vote in it.
    Log {
        id: Name,
        #[arg(optional)]
        terms: Vec<u64>,
        #[arg(key)]
        term: Option<u64>,
        #[arg(key)]
        vote: Option<Name>,
    },
    Timeout(Name),
    Heartbeat(Name),
    Retry(Name),
    /// The least election time-out has passed at a follower.
    Contact(Name),
    /// A leader looks for its majority.
    Quorum(Name),
    /// A leader is to hand over.
    Transfer {
        from: Name,
        to: Name,
    },
    /// It was to, and leads on.
    Abandon(Name),
    /// A leader is to change the configuration by one step.
    Join {
        at: Name,
        id: Name,
    },
    Promote {
        at: Name,
        id: Name,
    },
    Demote {
        at: Name,
        id: Name,
    },
    Remove {
        at: Name,
        id: Name,
    },
    /// A leader is to make these the voters, by whatever step that is.
    Change {
        at: Name,
        voters: Vec<Name>,
    },
    /// A server takes a snapshot, and compacts its log.
    Compact(Name),
    Propose(Name),
    /// A client sends again the command that stands at this place in the log of a leader.
    Resend {
        at: Name,
        place: u64,
    },
    /// A client reads.
    Read(Name),
    /// A server's clock goes on, where there are leases.
    Tick(Name),
    /// Delivers what waits on a link, or everything until nothing waits.
    Deliver {
        from: Option<Name>,
        to: Option<Name>,
        kind: Option<String>,
    },
    /// Loses what waits on a link, or everywhere.
    Drop {
        from: Option<Name>,
        to: Option<Name>,
        kind: Option<String>,
    },
    /// Sets what waits on a link aside until `late`.
    Delay {
        from: Name,
        to: Name,
        kind: Option<String>,
    },
    /// Sets copies of what waits on a link aside until `late`.
    Copy {
        from: Name,
        to: Name,
        kind: Option<String>,
    },
    /// What was set aside arrives.
    Late,
    /// Cuts these servers off from the others.
    Partition(Vec<Name>),
    Heal,
    /// The server is down: what arrives is lost, and what its disk had not finished.
    Crash(Name),
    Restart(Name),
    /// From now on this disk finishes its writes at `sync` only.
    Slow(Name),
    Sync(Name),
    /// How often each follower has rejected an AppendEntries.
    Rejections,
    State,
}

/// A server by its name in the notation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Name(NodeId);

impl FromStr for Name {
    type Err = String;

    fn from_str(name: &str) -> Result<Name, String> {
        let id = name.strip_prefix('n').and_then(|id| id.parse().ok());
        id.map(|id| Name(NodeId(id))).ok_or_else(|| format!("`{name}` is not a server"))
    }
}

/// A message in flight.
#[derive(Clone)]
struct InFlight {
    from: NodeId,
    to: NodeId,
    message: Message,
}

impl Display for InFlight {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Sent { from: self.from, to: self.to, message: &self.message }.fmt(f)
    }
}

impl InFlight {
    fn is(&self, from: Option<Name>, to: Option<Name>, kind: Option<&str>) -> bool {
        from.is_none_or(|Name(id)| id == self.from)
            && to.is_none_or(|Name(id)| id == self.to)
            && kind.is_none_or(|kind| self.message.body.name() == kind)
    }

    /// The same line with the arrow of a loss.
    fn lost(&self) -> String {
        self.to_string().replacen('→', "⇥", 1)
    }
}

/// A server with its constants, and whether it runs.
struct Node {
    actor: ServerActor,
    server: Server,
    is_down: bool,
}

#[derive(Default)]
struct Cluster {
    bounds: Bounds,
    nodes: BTreeMap<NodeId, Node>,
    waiting: Vec<InFlight>,
    late: Vec<InFlight>,
    /// Who is cut off from the others.
    island: BTreeSet<NodeId>,
    rejections: BTreeMap<NodeId, usize>,
    output: String,
}

/// What servers promise in stories about leases: to wait for 3 ticks, of which a leader counts on one.
const LEASE: Lease = Lease { promise: Span(3), drift: Span(2) };

/// More deliveries than any story needs before its network is quiet.
const DELIVERIES_MAX: usize = 1_000;

impl goldenscript::Runner for Cluster {
    type Command = Command;

    fn run(&mut self, command: &Command, _: &goldenscript::Context) -> Result<String, Box<dyn Error>> {
        self.carry_out(command)?;
        self.judge()?;
        Ok(std::mem::take(&mut self.output))
    }
}

impl Command {
    /// The event that a command is, where it is one event at one server.
    fn tick(&self) -> Option<(Name, Tick)> {
        Some(match self {
            Command::Timeout(id) => (*id, Tick::Election),
            Command::Heartbeat(id) => (*id, Tick::Heartbeat),
            Command::Retry(id) => (*id, Tick::Retry),
            Command::Contact(id) => (*id, Tick::Contact),
            Command::Quorum(id) => (*id, Tick::Quorum),
            Command::Transfer { from, to: Name(to) } => (*from, Tick::Transfer(*to)),
            Command::Abandon(id) => (*id, Tick::Abandon),
            Command::Compact(id) => (*id, Tick::Compact),
            Command::Propose(id) => (*id, Tick::Propose),
            Command::Resend { at, place } => (*at, Tick::Resend(Index(*place))),
            Command::Read(id) => (*id, Tick::Read(Index(0))),
            Command::Tick(id) => (*id, Tick::Clock),
            Command::Sync(id) => (*id, Tick::Sync),
            _ => return None,
        })
    }
}

/// Commands.
impl Cluster {
    fn carry_out(&mut self, command: &Command) -> Result<(), Box<dyn Error>> {
        if let Some((id, tick)) = command.tick() {
            return self.event(id, &Event::Tick(tick), true);
        }
        match command {
            Command::Cluster { servers, entries, founders, features } => {
                let max_entries = entries.unwrap_or(16);
                // Configurations may change: how often, the story says.
                let max_changes = 1;
                let bounds = Bounds {
                    servers: *servers,
                    founders: *founders,
                    max_entries,
                    max_changes,
                    ..Bounds::default()
                };
                self.start(bounds, features)?;
            }
            Command::Log { id, terms, term, vote } => self.set_disk(*id, terms, *term, *vote)?,
            Command::Join { at, id: Name(id) } => self.change(*at, Reconfiguration::AddLearner(*id))?,
            Command::Promote { at, id: Name(id) } => self.change(*at, Reconfiguration::Promote(*id))?,
            Command::Demote { at, id: Name(id) } => self.change(*at, Reconfiguration::Demote(*id))?,
            Command::Remove { at, id: Name(id) } => self.change(*at, Reconfiguration::Remove(*id))?,
            Command::Change { at: Name(at), voters } => {
                let to = Membership::of(Voters::new(voters.iter().map(|Name(id)| *id)));
                self.refuse(*at, &Change::To(to))?;
            }
            Command::Crash(id) => self.crash(*id)?,
            Command::Restart(id) => self.restart(*id)?,
            Command::Slow(Name(id)) => {
                let bounds = Bounds { disk: Disk::Buffered, ..self.bounds.clone() };
                self.node(*id)?.actor = ServerActor::new(*id, &bounds, None, None);
            }
            Command::Rejections => self.print_rejections()?,
            Command::State => self.print_state()?,
            network => self.move_messages(network)?,
        }
        Ok(())
    }

    /// What the network does: deliver, lose, delay, duplicate, and keep servers apart.
    fn move_messages(&mut self, command: &Command) -> Result<(), Box<dyn Error>> {
        match command {
            Command::Deliver { from: None, .. } => self.deliver_until_quiet()?,
            Command::Deliver { from, to, kind } => {
                let messages = self.take(*from, *to, kind.as_deref())?;
                self.deliver(messages, true)?;
            }
            Command::Drop { from, to, kind } => {
                for message in self.take(*from, *to, kind.as_deref())? {
                    writeln!(self.output, "{}", message.lost())?;
                }
            }
            Command::Delay { from, to, kind } => {
                let mut taken = self.take(Some(*from), Some(*to), kind.as_deref())?;
                self.late.append(&mut taken);
            }
            Command::Copy { from, to, kind } => {
                let taken = self.take(Some(*from), Some(*to), kind.as_deref())?;
                self.late.extend(taken.clone());
                self.waiting.splice(0..0, taken);
            }
            Command::Late => {
                let messages = std::mem::take(&mut self.late);
                self.deliver(messages, true)?;
            }
            Command::Partition(names) => self.island = names.iter().map(|Name(id)| *id).collect(),
            Command::Heal => self.island.clear(),
            _ => return Err("nobody carries this command out".into()),
        }
        Ok(())
    }

    fn change(&mut self, Name(at): Name, wish: Reconfiguration) -> Result<(), Box<dyn Error>> {
        if self.node(at)?.server.raft.check_change(&wish.change()).is_err() {
            return self.refuse(at, &wish.change());
        }
        self.event(Name(at), &Event::Tick(Tick::Change(wish)), true)
    }

    /// A change that is refused: the core is told, answers, and is what it was.
    fn refuse(&mut self, at: NodeId, change: &Change) -> Result<(), Box<dyn Error>> {
        let mut raft = self.node(at)?.server.raft.clone();
        let answer = raft.step(Time::default(), Input::Reconfigure(change.clone())).answer;
        let said = match answer {
            Some(Answer::Refused(refusal)) => refusal.to_string(),
            other => format!("{other:?}"),
        };
        if raft != self.node(at)?.server.raft {
            return Err(format!("{change} was not refused").into());
        }
        writeln!(self.output, "change {at}: {change}\n  refused: {said}")?;
        Ok(())
    }

    fn start(&mut self, mut bounds: Bounds, features: &[String]) -> Result<(), String> {
        for name in features {
            match name.as_str() {
                "log-reads" => bounds.features.reads = ReadMode::Log,
                "lease" => bounds.features.reads = ReadMode::Lease(LEASE),
                "sessions" => bounds.max_resends = 1,
                _ => {}
            }
            if bounds.features.reads != ReadMode::Index || bounds.max_resends > 0 {
                continue;
            }
            let feature = FEATURES.iter().find(|(known, _)| known == name);
            let (_, feature) = feature.ok_or_else(|| format!("`{name}` is not a feature"))?;
            *feature(&mut bounds.features) = true;
        }
        let node = |id| {
            let actor = ServerActor::new(id, &bounds, None, None);
            (id, Node { server: actor.start(), actor, is_down: false })
        };
        let nodes = bounds.ids().map(node).collect();
        *self = Cluster { bounds, nodes, ..Cluster::default() };
        Ok(())
    }

    /// The entries are all no-ops: by their terms they are as different as the story needs.
    fn set_disk(
        &mut self,
        Name(id): Name,
        terms: &[u64],
        term: Option<u64>,
        vote: Option<Name>,
    ) -> Result<(), Box<dyn Error>> {
        let entries: Vec<_> = (1..)
            .zip(terms)
            .map(|(at, term)| Entry { id: LogId::new(Term(*term), Index(at)), payload: Payload::Noop })
            .collect();
        let mut log = Log::default();
        log.replace_after(Index(0), &entries);
        let term = Term(term.unwrap_or(log.last().term.0));
        let disk = Durable { term, voted_for: vote.map(|Name(id)| id), log, snapshot: None };
        let config = self.bounds.config(id, None);
        let server = &mut self.node(id)?.server;
        (server.raft, _) = Raft::recover(config, disk.clone());
        server.disk = disk;
        writeln!(self.output, "{}", self.nodes[&id].server.raft)?;
        Ok(())
    }

    fn crash(&mut self, Name(id): Name) -> Result<(), Box<dyn Error>> {
        self.node(id)?.is_down = true;
        let disk = &self.nodes[&id].server.disk;
        let vote = disk.voted_for.map_or_else(String::new, |vote| format!(" vote={vote}"));
        writeln!(self.output, "crash {id}\n  ✗ disk: term {}{vote} {}", disk.term, disk.log)?;
        Ok(())
    }

    fn restart(&mut self, Name(id): Name) -> Result<(), Box<dyn Error>> {
        let node = self.node(id)?;
        let crash = Event::Fault(Fault::Crash { keep: 0, of: node.server.pending.writes().len() });
        (node.server, _) = node.actor.react(&node.server, &crash);
        node.is_down = false;
        writeln!(self.output, "restart {id}\n  {}", self.nodes[&id].server.raft)?;
        Ok(())
    }

    fn deliver_until_quiet(&mut self) -> Result<(), Box<dyn Error>> {
        for _ in 0..DELIVERIES_MAX {
            if self.waiting.is_empty() {
                return Ok(());
            }
            let next = self.waiting.remove(0);
            self.deliver(vec![next], false)?;
        }
        Err(format!("not quiet after {DELIVERIES_MAX} messages").into())
    }
}

/// Events.
impl Cluster {
    fn node(&mut self, id: NodeId) -> Result<&mut Node, String> {
        self.nodes.get_mut(&id).ok_or_else(|| format!("there is no {id}"))
    }

    /// Takes messages out of the network. A script that names a link means something that is there.
    fn take(
        &mut self,
        from: Option<Name>,
        to: Option<Name>,
        kind: Option<&str>,
    ) -> Result<Vec<InFlight>, String> {
        let (taken, left) =
            std::mem::take(&mut self.waiting).into_iter().partition(|message| message.is(from, to, kind));
        self.waiting = left;
        let taken: Vec<_> = taken;
        if taken.is_empty() && from.is_some() { Err("no such message waits".into()) } else { Ok(taken) }
    }

    fn reaches(&self, message: &InFlight) -> bool {
        let same_side = self.island.contains(&message.from) == self.island.contains(&message.to);
        same_side && !self.nodes[&message.to].is_down
    }

    fn deliver(&mut self, messages: Vec<InFlight>, show_sent: bool) -> Result<(), Box<dyn Error>> {
        for message in messages {
            if self.reaches(&message) {
                if let Body::AppendReply { answer: Appended::Rejected { .. }, .. } = message.message.body {
                    *self.rejections.entry(message.from).or_default() += 1;
                }
                let InFlight { from, to, message } = message;
                self.event(Name(to), &Event::Deliver { from, message }, show_sent)?;
            } else {
                writeln!(self.output, "{}", message.lost())?;
            }
        }
        Ok(())
    }

    /// One event at one server, and all that it did. What is sent need not be shown where its delivery will be.
    fn event(&mut self, Name(id): Name, event: &Event, show_sent: bool) -> Result<(), Box<dyn Error>> {
        let node = self.node(id)?;
        if node.is_down {
            return Err(format!("{id} is down").into());
        }
        let before = node.server.clone();
        let (after, done) = node.actor.react(&before, event);
        node.server = after.clone();

        let is_slow = !before.is_synced() || !after.is_synced();
        let mut lines = changes(&before, &after);
        if is_slow {
            lines.extend(done.written.iter().map(|write| format!("{id} disk: {write}")));
        }
        for (to, message) in done.sent {
            let sent = InFlight { from: id, to, message };
            if !self.reaches(&sent) {
                lines.push(sent.lost());
                continue;
            }
            if show_sent {
                lines.push(sent.to_string());
            }
            self.waiting.push(sent);
        }
        let label = Label(id, event).to_string();
        writeln!(self.output, "{}", label.strip_prefix("deliver ").unwrap_or(&label))?;
        if lines.is_empty() && before.raft == after.raft && show_sent {
            lines.push("nothing changes".into());
        }
        for line in lines {
            writeln!(self.output, "  {line}")?;
        }
        Ok(())
    }

    fn judge(&self) -> Result<(), String> {
        let servers: Vec<_> = self.nodes.values().map(|node| &node.server).collect();
        PROPERTIES.iter().chain(MEMBERSHIP).chain(COMPACTION).chain(SESSIONS).try_for_each(|property| {
            property.holds(&servers).map_err(|why| format!("{} is broken: {why}", property.name))
        })
    }

    fn print_rejections(&mut self) -> Result<(), Box<dyn Error>> {
        for id in self.nodes.keys() {
            let count = self.rejections.get(id).copied().unwrap_or(0);
            writeln!(self.output, "{id} rejected {count}")?;
        }
        Ok(())
    }

    fn print_state(&mut self) -> Result<(), Box<dyn Error>> {
        for node in self.nodes.values() {
            let down = if node.is_down { "✗ " } else { "" };
            writeln!(self.output, "{down}{}", node.server.raft)?;
        }
        Ok(())
    }
}

/// What a server became, a line for each thing that changed.
fn changes(before: &Server, after: &Server) -> Vec<String> {
    let (was, is) = (&before.raft, &after.raft);
    let id = is.id();
    let mut lines = Vec::new();
    if standing(was) != standing(is) {
        lines.push(format!("{} ⇨ {}", standing(was), standing(is)));
    }
    if was.log() != is.log() {
        lines.push(format!("{id} log {} ⇨ {}", was.log(), is.log()));
    }
    if was.membership() != is.membership() {
        let (old, new) = (was.membership(), is.membership());
        let (all, quorum) = (new.voters().len(), new.voters().majority());
        lines.push(format!("{id} {old} ⇨ {new}: quorum {quorum} of {all}, tolerates {}", new.tolerates()));
    }
    for peer in is.peers() {
        if let (Some(old), Some(new)) = (was.progress(peer), is.progress(peer))
            && old != new
        {
            lines.push(format!("{id} match/next of {peer} {old} ⇨ {new}"));
        }
    }
    if was.commit() != is.commit() {
        lines.push(format!("{id} commit {} ⇨ {}", was.commit(), is.commit()));
    }
    if before.raft.snapshot() != after.raft.snapshot() {
        lines.extend(after.raft.snapshot().map(|snapshot| format!("{id} snapshot {snapshot}")));
    }
    let applied = &after.ghosts.applied[before.ghosts.applied.len()..];
    if !applied.is_empty() {
        lines.push(format!("{id} applies {applied:?}"));
    }
    lines.extend(after.executions_since(before));
    match after.ghosts.answered - before.ghosts.answered {
        0 => {}
        1 => lines.push(format!("{id} answers a read from the log up to {}", after.applied)),
        reads => lines.push(format!("{id} answers {reads} reads from the log up to {}", after.applied)),
    }
    if before.clock.now != after.clock.now {
        lines.push(format!("{id} clock {} ⇨ {}", before.clock.now, after.clock.now));
    }
    lines
}

/// `n1@2 F vote=n2 leader=n2`: term and role, and what the server knows in them.
fn standing(raft: &Raft) -> String {
    let vote = raft.voted_for().map_or_else(String::new, |vote| format!(" vote={vote}"));
    let role = match raft.role() {
        Role::Follower { leader, in_contact } => {
            let contact = if *in_contact { "!" } else { "" };
            format!(
                "F{vote}{}",
                leader.map_or_else(String::new, |leader| format!(" leader={leader}{contact}"))
            )
        }
        Role::PreCandidate { votes } => format!("P{vote} votes={votes:?}"),
        Role::Candidate { votes } => format!("C{vote} votes={votes:?}"),
        Role::Leader { .. } => "L".into(),
    };
    format!("{}@{} {role}", raft.id(), raft.term())
}

/// All scripts, by name.
fn scripts() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stories");
    let files = std::fs::read_dir(folder).expect("the stories are beside this file");
    let mut paths: Vec<_> = files.map(|file| file.expect("a readable folder").path()).collect();
    paths.sort();
    paths
}

fn name(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Tells the stories of one figure, all of them, and then fails with the names of those that came out differently.
fn tell(figure: &str, expected: usize) {
    let told: Vec<_> = scripts().into_iter().filter(|path| name(path).starts_with(figure)).collect();
    let came_out = |path: &PathBuf| {
        let path = path.clone();
        let outcome = catch_unwind(move || goldenscript::run(&mut Cluster::default(), path));
        matches!(outcome, Ok(Ok(()))) || {
            eprintln!("{outcome:?}");
            false
        }
    };
    let changed: Vec<_> = told.iter().filter(|path| !came_out(path)).map(|path| name(path)).collect();
    assert!(changed.is_empty(), "these stories came out differently: {changed:#?}");
    assert_eq!(told.len(), expected, "the number of stories of {figure}");
}

#[test]
fn figure_2_the_rules_for_servers() {
    tell("figure-2-", 16);
}

#[test]
fn figure_3_the_guarantees() {
    tell("figure-3-", 5);
}

#[test]
fn figure_7_the_logs_that_a_new_leader_may_meet() {
    tell("figure-7-", 2);
}

#[test]
fn figure_8_an_old_entry_on_a_majority_is_not_committed() {
    tell("figure-8-", 2);
}

#[test]
fn figure_13_snapshots() {
    tell("figure-13-", 1);
}

#[test]
fn the_dissertation_who_hears_whom() {
    tell("dissertation-3-10-", 2);
    tell("dissertation-4-1-", 2);
    tell("dissertation-4-2-1-", 1);
    tell("dissertation-4-2-2-", 1);
    tell("dissertation-4-2-3-", 1);
    tell("dissertation-6-2-", 2);
    tell("dissertation-9-6-", 2);
}

#[test]
fn the_dissertation_reads_that_are_not_stale() {
    tell("dissertation-6-4-", 6);
}

#[test]
fn the_dissertation_commands_that_are_sent_again() {
    tell("dissertation-6-3-", 1);
}

#[test]
fn every_story_belongs_to_a_figure_or_a_section() {
    let figures = ["figure-2-", "figure-3-", "figure-7-", "figure-8-", "figure-13-", "dissertation-"];
    for path in scripts() {
        assert!(figures.iter().any(|figure| name(&path).starts_with(figure)), "{}", path.display());
    }
}
