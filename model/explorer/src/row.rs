//! What a cell can do, as a flat row: computed once, walked once for each state that holds the cell.

use crate::ambient::{Effect, place};
use crate::hash::{Sort, content};
use crate::inbox::Carrier;
use crate::local::Event;
use crate::machine::{Does, Machine};
use crate::system::System;

/// All that a cell can do.
#[derive(Default)]
pub(crate) struct Row {
    /// The steps that lead elsewhere.
    pub steps: Box<[Step]>,
    /// What the steps send to others: to which place, which bundle.
    pub sends: Box<[(u32, u32)]>,
    /// For each step, its event.
    pub events: Box<[Event]>,
    /// How many steps of each kind have no effect on the ambient: every state that holds the cell can take them.
    pub free: Box<[(u8, u32)]>,
    /// How many steps change nothing at all. They are in `free`, not in `steps`: they lead back to where they start.
    pub still: u32,
    /// What stateright lists as actions and does not take as steps: their kind, their cause, how many.
    pub idle: Box<[(u8, Option<u8>, u32)]>,
    /// An event at which the actor's code panics, the cause that it spends from, and what the panic said.
    pub panic: Option<(Event, Option<u8>, String)>,
}

/// One thing that a cell can do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    /// What the change of the cell adds to the fingerprint.
    pub delta: u64,
    /// The actor's next cell.
    pub cell: u32,
    /// Where in [`Row::sends`] its sends start.
    pub sends: u32,
    /// What it does to the ambient.
    pub effect: u32,
    /// What there is to report of it, as bits.
    pub notes: u32,
    pub send_count: u8,
    pub kind: u8,
    pub is_crash: bool,
    /// Does it change the actor, and not only its messages?
    pub turned: bool,
}

/// A row under construction.
#[derive(Default)]
struct Draft {
    steps: Vec<Step>,
    sends: Vec<(u32, u32)>,
    events: Vec<Event>,
    free: Vec<(u8, u32)>,
    still: u32,
    idle: Vec<(u8, Option<u8>, u32)>,
    panic: Option<(Event, Option<u8>, String)>,
}

impl<S: System> Machine<'_, S> {
    /// What `cell` can do.
    #[inline]
    pub fn row(&self, cell: u32) -> &Row {
        let known = self.cells.get(cell);
        known.row.get_or_init(|| self.make_row(cell))
    }

    fn make_row(&self, cell: u32) -> Row {
        let known = self.cells.get(cell);
        let mut draft = Draft::default();
        for envelope in self.carrier.heads(&known.inbox, |at| self.flow(at)) {
            if self.lossy {
                self.draft(&mut draft, cell, Event::Drop(envelope));
            }
            self.draft(&mut draft, cell, Event::Deliver(envelope));
        }
        let may_crash = self.system.model().max_crashes > 0;
        for event in self.locals.get(known.local).local.events(may_crash) {
            self.draft(&mut draft, cell, event);
        }
        let Draft { steps, sends, events, free, still, idle, panic } = draft;
        Row {
            steps: steps.into(),
            sends: sends.into(),
            events: events.into(),
            free: free.into(),
            still,
            idle: idle.into(),
            panic,
        }
    }

    /// Adds what comes of `event` at `cell`.
    fn draft(&self, row: &mut Draft, cell: u32, event: Event) {
        let known = self.cells.get(cell);
        let reaction = self.reaction(known.local, event);
        let (local, sent, notes) = match &reaction.does {
            Does::Idle => return row.count_idle(reaction.kind, reaction.cause),
            Does::Panic(message) => {
                row.panic.get_or_insert((event, reaction.cause, message.clone()));
                return;
            }
            Does::Step { local, sent, notes } => (*local, sent, *notes),
        };
        let own = self.inbox_after(cell, event, local, sent);
        let next = if local == known.local && *own == *known.inbox { cell } else { self.cell(local, own) };
        let (bundles, to_nobody) = self.bundles_of(self.locals.get(local).local.actor, sent);
        let effect = self.effect(event, reaction.cause, sent, to_nobody);
        if effect == 0 {
            row.count_free(reaction.kind);
            if next == cell && bundles.is_empty() {
                row.still += 1;
                return;
            }
        }
        row.events.push(event);
        row.steps.push(Step {
            delta: self.print(next).wrapping_sub(self.print(cell)),
            cell: next,
            sends: u32::try_from(row.sends.len()).expect("a row that fits"),
            effect,
            notes,
            send_count: u8::try_from(bundles.len()).expect("at most 255 receivers"),
            kind: reaction.kind,
            is_crash: event == Event::Crash,
            turned: local != known.local,
        });
        row.sends.extend(bundles);
    }

    /// The actor's own inbox after `event`: without what was delivered or lost, with what it sent to itself.
    fn inbox_after(&self, cell: u32, event: Event, local: u32, sent: &[u32]) -> Vec<u32> {
        let known = self.cells.get(cell);
        let mut inbox = known.inbox.to_vec();
        match event {
            Event::Deliver(at) if self.carrier != Carrier::Set => Carrier::take(&mut inbox, at),
            Event::Drop(at) => Carrier::take(&mut inbox, at),
            _ => {}
        }
        let actor = self.locals.get(local).local.actor;
        for &at in sent.iter().filter(|&&at| place(self.receiver(at), self.actors) == Some(actor)) {
            self.carrier.put(&mut inbox, at, |at| self.flow(at));
        }
        self.alive(local, inbox)
    }

    /// What is sent to each other actor, as bundles; and what to nobody.
    fn bundles_of(&self, sender: usize, sent: &[u32]) -> (Vec<(u32, u32)>, Vec<u32>) {
        let mut to: Vec<(usize, Vec<u32>)> = Vec::new();
        let mut to_nobody = Vec::new();
        for &at in sent {
            match place(self.receiver(at), self.actors) {
                None => to_nobody.push(at),
                Some(own) if own == sender => {}
                Some(other) => match to.iter_mut().find(|(place, _)| *place == other) {
                    Some((_, bundle)) => bundle.push(at),
                    None => to.push((other, vec![at])),
                },
            }
        }
        let number = |(place, bundle): (usize, Vec<u32>)| {
            (u32::try_from(place).expect("a place that fits"), self.bundle(bundle))
        };
        (to.into_iter().map(number).collect(), to_nobody)
    }

    fn bundle(&self, bundle: Vec<u32>) -> u32 {
        self.bundles.intern(content(Sort::Bundle, &bundle), || bundle.into()).0
    }

    fn effect(&self, event: Event, cause: Option<u8>, sent: &[u32], to_nobody: Vec<u32>) -> u32 {
        let is_told = self.system.records_history();
        let delivered = match event {
            Event::Deliver(at) => Some(at),
            _ => None,
        };
        let remembers = self.carrier == Carrier::Set && self.system.remembers_last_message();
        self.effect_number(Effect {
            cause: cause.map(usize::from),
            heard: delivered.filter(|_| is_told),
            said: if is_told { sent.to_vec() } else { Vec::new() },
            last: delivered.filter(|_| remembers),
            to_nobody,
            lost: None,
        })
    }

    /// The envelopes to nobody that can be lost now, each with the effect of losing it, and the kind and cause by which
    /// that is counted.
    pub fn losses(&self, ambient: u32) -> Vec<(u32, u32, u8, Option<u8>)> {
        if !self.lossy {
            return Vec::new();
        }
        let loss = |at| {
            let action = stateright::actor::ActorModelAction::Drop(self.envelopes.get(at).envelope.clone());
            let cause = self.system.cause(&action);
            let effect = self.effect_number(Effect { cause, lost: Some(at), ..Effect::default() });
            let narrow = |number: usize| u8::try_from(number).expect("at most 256");
            (at, effect, narrow(self.system.kind(&action)), cause.map(narrow))
        };
        let heads = self.carrier.heads(&self.ambients.get(ambient).nobody, |at| self.flow(at));
        heads.into_iter().map(loss).collect()
    }
}

impl Draft {
    fn count_idle(&mut self, kind: u8, cause: Option<u8>) {
        match self.idle.iter_mut().find(|(a, b, _)| (*a, *b) == (kind, cause)) {
            Some((.., count)) => *count += 1,
            None => self.idle.push((kind, cause, 1)),
        }
    }

    fn count_free(&mut self, kind: u8) {
        match self.free.iter_mut().find(|(other, _)| *other == kind) {
            Some((_, count)) => *count += 1,
            None => self.free.push((kind, 1)),
        }
    }
}
