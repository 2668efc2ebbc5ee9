//! What a cell can do, as a flat row: computed once, walked once for each state that holds the cell.

use std::sync::atomic::Ordering;

use crate::ambient::Effect;
use crate::hash::{Sort, content};
use crate::inbox::Carrier;
use crate::local::Event;
use crate::machine::{Cell, Machine};
use crate::reaction::{Does, Reaction};
use crate::system::System;

/// All that a cell can do.
pub(crate) struct Row {
    /// The steps that lead elsewhere.
    pub steps: Box<[Step]>,
    /// The number of its [`Summary`].
    pub summary: u32,
}

/// One thing that a cell can do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    /// What the change of the cell adds to the fingerprint.
    pub delta: u64,
    /// The actor's next cell.
    pub cell: u32,
    /// The number of the [`Reaction`] that it is.
    pub reaction: u32,
}

/// What is counted of a row, and needs no look at its steps. Many rows have the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Summary {
    /// How many steps of each kind have no effect on the ambient: every state that holds the cell can take them.
    pub free: Vec<(u8, u32)>,
    /// How many of those change nothing at all, and are not in the row: they lead back to where they start.
    pub still: u32,
    /// What stateright lists as actions and does not take as steps: kind, cause, and how many.
    pub idle: Vec<(u8, Option<u8>, u32)>,
    /// The reaction in which the actor's code panics.
    pub panic: Option<u32>,
}

impl<S: System> Machine<'_, S> {
    /// What `cell` can do.
    #[inline]
    pub fn row(&self, cell: u32) -> &Row {
        let known = self.cells.get(cell);
        known.row.get_or_init(|| self.make_row(cell, known))
    }

    fn make_row(&self, number: u32, cell: &Cell) -> Row {
        let mut steps = Vec::new();
        let mut summary = Summary::default();
        let mut add = |reaction: u32| {
            if let Some(step) = self.step(number, cell, reaction, &mut summary) {
                steps.push(step);
            }
        };
        for envelope in self.carrier.heads(&cell.inbox, |at| self.flow(at)) {
            if self.lossy {
                add(self.on_loss(cell.local, envelope));
            }
            add(self.on_arrival(cell.local, envelope));
        }
        self.on_own(cell.local).iter().copied().for_each(add);
        self.step_count.fetch_add(steps.len() as u64, Ordering::Relaxed);
        summary.free.sort_unstable();
        summary.idle.sort_unstable();
        let summary = self.summaries.intern(content(Sort::Summary, &summary), || summary).0;
        Row { steps: steps.into(), summary }
    }

    /// The step that a reaction is in this cell, unless it leads nowhere; what is only counted goes into the summary.
    fn step(&self, number: u32, cell: &Cell, at: u32, summary: &mut Summary) -> Option<Step> {
        let reaction = self.reaction(at);
        let next = match &reaction.does {
            Does::Idle => {
                summary.count_idle(reaction);
                return None;
            }
            Does::Panic(_) => {
                // One that no budget bounds is found in every state that holds the cell.
                if summary.panic.is_none_or(|other| self.reaction(other).cause.is_some()) {
                    summary.panic = Some(at);
                }
                return None;
            }
            Does::Loss => self.next_cell(number, cell, reaction.event, cell.local, &[]),
            Does::Step { local, to_self } => self.next_cell(number, cell, reaction.event, *local, to_self),
        };
        if reaction.effect == 0 {
            summary.count_free(reaction.kind);
            if next == number && reaction.sends.is_empty() {
                summary.still += 1;
                return None;
            }
        }
        let delta = self.print(next).wrapping_sub(self.print(number));
        Some(Step { delta, cell: next, reaction: at })
    }

    /// The actor's own cell after `event`: without what was delivered or lost or is dead now, with what it sent to itself.
    fn next_cell(&self, number: u32, cell: &Cell, event: Event, local: u32, to_self: &[u32]) -> u32 {
        let taken = match event {
            Event::Deliver(at) if self.carrier != Carrier::Set => Some(at),
            Event::Drop(at) => Some(at),
            _ => None,
        };
        let turned = local != cell.local;
        if !turned && taken.is_none() && to_self.is_empty() {
            return number;
        }
        if self.carrier == Carrier::Queues {
            let mut inbox = cell.inbox.to_vec();
            if let Some(at) = taken {
                Carrier::take(&mut inbox, at);
            }
            for &at in to_self {
                self.carrier.put(&mut inbox, at, |at| self.flow(at));
            }
            return self.cell(local, &inbox);
        }
        let receiver = self.locals.get(local);
        let mut key = receiver.keys[0];
        let mut inbox = smallvec::SmallVec::<[u32; 64]>::new();
        let mut taken = taken;
        for &at in &cell.inbox {
            if taken == Some(at) {
                taken = None;
            } else if !turned || !self.is_dead(receiver, at) {
                key = key.wrapping_add(self.envelopes.get(at).key);
                inbox.push(at);
            }
        }
        if to_self.iter().any(|&at| !self.is_dead(receiver, at)) {
            let mut inbox = inbox.into_vec();
            let alive = to_self.iter().filter(|&&at| !self.is_dead(receiver, at));
            alive.for_each(|&at| self.carrier.put(&mut inbox, at, |at| self.flow(at)));
            return self.cell(local, &inbox);
        }
        self.cell_of(key, local, || inbox[..].into())
    }

    /// The envelopes to nobody that can be lost now, each with the effect of losing it, and the kind by which it is counted.
    pub fn losses(&self, ambient: u32) -> Vec<(u32, u32, u8)> {
        if !self.lossy {
            return Vec::new();
        }
        let loss = |at| {
            let action = stateright::actor::ActorModelAction::Drop(self.envelopes.get(at).envelope.clone());
            let cause = self.system.cause(&action);
            let effect = self.effect_number(Effect { cause, lost: Some(at), ..Effect::default() });
            (at, effect, u8::try_from(self.system.kind(&action)).expect("at most 256"))
        };
        let heads = self.carrier.heads(&self.ambients.get(ambient).nobody, |at| self.flow(at));
        heads.into_iter().map(loss).collect()
    }
}

impl Summary {
    fn count_idle(&mut self, reaction: &Reaction) {
        match self.idle.iter_mut().find(|(kind, cause, _)| (*kind, *cause) == (reaction.kind, reaction.cause))
        {
            Some((.., count)) => *count += 1,
            None => self.idle.push((reaction.kind, reaction.cause, 1)),
        }
    }

    fn count_free(&mut self, kind: u8) {
        match self.free.iter_mut().find(|(other, _)| *other == kind) {
            Some((_, count)) => *count += 1,
            None => self.free.push((kind, 1)),
        }
    }
}
