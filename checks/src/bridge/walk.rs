//! One walk: real nodes are made to do what a story tells, step by step, and the model's properties are judged of them
//! after each.

use std::panic::{AssertUnwindSafe, catch_unwind};

use raftlab_core::{Command, Index, Message, NodeId, Raft};
use raftlab_model::{Bounds, Done, Event, NO_PANIC, Property, Server, Setup, Tick, Way, panic_message};
use serde::Serialize;

use super::act::Cue;
use super::names::Translation;
use super::puppet::{Declined, Puppet};
use crate::story::{self, Change, Story};

/// What came of a walk.
#[derive(Debug, Serialize)]
pub struct Walk {
    /// What happened, as far as it went.
    pub steps: Vec<Walked>,
    /// Why it ended before the story does.
    pub end: Option<End>,
    /// The properties that broke, each once, in order.
    pub broken: Vec<Broken>,
}

/// One step of it.
#[derive(Debug, Serialize)]
pub struct Walked {
    /// What happened.
    pub event: String,
    /// What the server is after it.
    pub state: String,
    /// What it did.
    pub did: Vec<String>,
    /// Why it decided so, where it decided something.
    pub because: Vec<String>,
}

/// Where a walk ends before its story.
#[derive(Debug, Serialize)]
pub struct End {
    /// At which step, from 1: it did not happen, or was the last.
    pub step: usize,
    /// Why.
    pub why: String,
}

/// A property that broke.
#[derive(Debug, Serialize)]
pub struct Broken {
    /// Its name.
    pub property: &'static str,
    /// At which step, from 1; 0 if it was broken before the first.
    pub step: usize,
    /// What was seen.
    pub why: String,
}

/// A message that a real node has sent.
struct Letter {
    from: NodeId,
    to: NodeId,
    sent: Message,
    told: Message,
}

/// The nodes, and what is between them.
struct Nodes<'a> {
    puppets: Vec<Puppet>,
    names: Translation,
    letters: Vec<Letter>,
    bounds: &'a Bounds,
    /// What clients may have been told of.
    known: Index,
    judged: Vec<&'static Property>,
    walk: Walk,
}

/// Lets real nodes, broken in this way, if any, walk a story. `follows` says that they have to do what the story says
/// that they do; and `judged` are the properties that are judged.
///
/// # Errors
///
/// If a node does not start.
pub fn walk(
    story: &Story,
    setup: &Setup,
    way: Option<Way>,
    judged: &[&'static Property],
) -> Result<Walk, Declined> {
    let bounds = &setup.bounds;
    let names = Translation::of(bounds, story);
    let puppets = bounds.ids().map(|id| Puppet::new(id, bounds, way, &names)).collect::<Result<_, _>>()?;
    let mut nodes = Nodes {
        puppets,
        names,
        letters: Vec::new(),
        bounds,
        known: Index(0),
        judged: judged.to_vec(),
        walk: Walk { steps: Vec::new(), end: None, broken: Vec::new() },
    };
    nodes.judge(0, None);
    for (at, step) in story.steps.iter().enumerate() {
        // What happens to the network alone happens to no server.
        let Some((id, event)) = &step.at else { continue };
        let carried = catch_unwind(AssertUnwindSafe(|| nodes.take(at + 1, &step.label, *id, event)));
        let end = match carried {
            Ok(Ok(())) => None,
            Ok(Err(Declined(why))) => Some(why),
            Err(panic) => {
                let why = format!("{id} panics: {}", panic_message(&*panic));
                nodes.note(at + 1, vec![(NO_PANIC, why.clone())]);
                Some(why)
            }
        };
        let parted = || way.and_then(|_| nodes.parted(*id, story::server(&step.after, *id)));
        if let Some(why) = end.or_else(parted) {
            nodes.walk.end = Some(End { step: at + 1, why });
            break;
        }
    }
    Ok(nodes.walk)
}

impl Nodes<'_> {
    fn take(&mut self, at: usize, label: &str, id: NodeId, event: &Event) -> Result<(), Declined> {
        let message = match event {
            Event::Deliver { from, message } => Some(self.letter(*from, id, message)?),
            _ => None,
        };
        if let Event::Tick(Tick::Read(known)) = event
            && *known > self.known
        {
            return Err(Declined(format!("no client has been told of what stands at {known}")));
        }
        let known = self.known;
        let place = self.puppets.iter().position(|puppet| puppet.id == id);
        let nobody = || Declined(format!("there is no {id}"));
        let puppet = &mut self.puppets[place.ok_or_else(nobody)?];
        let before = puppet.shown.clone();
        let value = (*event == Event::Tick(Tick::Propose)).then(|| value(puppet));
        let cue = Cue { event, message: message.as_ref(), value: value.as_ref(), known };
        let moved = puppet.act(cue, &mut self.names)?;
        let done = puppet.told(&moved, &self.names);
        let now = puppet.shown.clock.now;
        let (after, config) = (puppet.shown.clone(), puppet.config());
        for ((to, sent), (_, told)) in moved.sent.iter().zip(&done.sent) {
            let (sent, told) = (sent.clone(), told.clone());
            self.letters.push(Letter { from: id, to: *to, sent, told });
        }
        self.known = self.known.max(self.told(&after));
        self.write_down(label, event, (&before, &after), &done, moved.stopped.as_ref());
        let restarted = matches!(event, Event::Fault(fault) if fault.is_restart());
        let before = if restarted && moved.interrupted {
            let (raft, _) = Raft::recover(config, before.disk.clone());
            Server { raft, ..before }
        } else {
            before
        };
        self.judge(at, Some((&before, &after, restarted)));
        self.pass_for_paused(now)
    }

    /// The clocks of the others go on to what this one shows. Of those that are paused the trace says nothing more.
    fn pass_for_paused(&mut self, now: u32) -> Result<(), Declined> {
        let event = Event::Tick(Tick::Clock);
        let cue = Cue { event: &event, message: None, value: None, known: self.known };
        for puppet in self.puppets.iter_mut().filter(|puppet| puppet.is_paused) {
            while !puppet.shown.clock.stopped && puppet.shown.clock.now < now {
                puppet.act(cue, &mut self.names)?;
            }
        }
        Ok(())
    }

    /// The message as a real node has sent it.
    fn letter(&self, from: NodeId, to: NodeId, told: &Message) -> Result<Message, Declined> {
        let same = |letter: &&Letter| letter.from == from && letter.to == to && letter.told == *told;
        let found = self.letters.iter().rev().find(same).map(|letter| letter.sent.clone());
        found.ok_or_else(|| {
            let sent = raftlab_model::Sent { from, to, message: told };
            Declined(format!("the real {from} never sent {sent}"))
        })
    }

    /// The last command that a client may have been told of by this server. Where nobody proposes, the no-op of a
    /// leader stands for one, as in the model.
    fn told(&self, server: &Server) -> Index {
        match self.bounds.max_proposals {
            0 => Index(server.ghosts.applied.len() as u64),
            _ => server.last_command(),
        }
    }

    fn write_down(
        &mut self,
        label: &str,
        event: &Event,
        (before, after): (&Server, &Server),
        done: &Done,
        stopped: Option<&String>,
    ) {
        let because = story::why(before, event, after, done);
        let change = Change { event, before, after, done, why: &[] };
        let mut did = change.lines(self.bounds.max_changes > 0);
        did.extend(stopped.cloned());
        let state = after.to_string();
        self.walk.steps.push(Walked { event: label.to_string(), state, did, because });
    }

    /// Judges what is, and the step that led there, if one did.
    fn judge(&mut self, at: usize, step: Option<(&Server, &Server, bool)>) {
        let servers: Vec<&Server> = self.puppets.iter().map(|puppet| &puppet.shown).collect();
        let verdict = |property: &&'static Property| {
            let of_step = step.map_or(Ok(()), |(before, after, restarted)| {
                property.holds_of_step(before.observed(), after.observed(), restarted)
            });
            of_step.and_then(|()| property.holds(&servers)).err().map(|why| (property.name, why))
        };
        let broken = self.judged.iter().filter_map(verdict).collect();
        self.note(at, broken);
    }

    fn note(&mut self, step: usize, broken: Vec<(&'static str, String)>) {
        for (property, why) in broken {
            if self.walk.broken.iter().all(|known| known.property != property) {
                self.walk.broken.push(Broken { property, step, why });
            }
        }
    }

    /// Where a real core and that of the story differ, if they do.
    fn parted(&self, id: NodeId, expected: &Server) -> Option<String> {
        let real = &self.puppets.iter().find(|puppet| puppet.id == id)?.shown.raft;
        let model = &expected.raft;
        let of = |raft: &Raft| (raft.term(), raft.voted_for(), story::role(raft.role()), raft.commit());
        // Of a snapshot that nobody took there is nothing to be compared.
        let same = of(real) == of(model) && real.log() == model.log();
        (!same).then(|| format!("the real {id} is {real}, and the model's {model}"))
    }
}

/// What the next client of this server proposes: `a1` is the first proposal at n1.
fn value(puppet: &mut Puppet) -> Command {
    puppet.shown.proposed += 1;
    raftlab_model::value(puppet.id, puppet.shown.proposed)
}
