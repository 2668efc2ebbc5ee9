//! What a cell can do, as a flat row: computed once, walked once for each state that holds the cell.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use crate::ambient::Effect;
use crate::cell::Cell;
use crate::hash::{Sort, content};
use crate::inbox::Carrier;
use crate::machine::Machine;
use crate::reaction::{Does, Reaction};
use crate::system::System;

/// All that a cell can do.
pub(crate) struct Row {
    /// The steps that lead elsewhere.
    pub steps: Box<[Step]>,
    /// The number of its [`Summary`].
    pub summary: u32,
    /// Is there more to its summary than can be multiplied by the number of visits?
    pub is_special: bool,
    /// Where in `steps` those start that only send; they are echoes, if what they send is there already.
    pub echoes_from: u32,
    /// The number of what they send.
    pub echoes: u32,
}

/// What all steps of a row that only send send to one actor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Echo {
    pub to: u32,
    /// The messages, as [`Machine::absorbs`] takes them.
    pub mask: Box<[u32]>,
}

/// One thing that a cell can do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    /// What the change of the cell adds to the fingerprint.
    pub delta: u64,
    /// The actor's next cell.
    pub cell: u32,
    /// The number of the [`Reaction`] that it is, below its flags.
    reaction: u32,
}

impl Step {
    const FLAGS_AT: u32 = 28;
    /// It is a reaction of which more must be known than where its own actor goes: it sends, spends, is heard of by the
    /// history, has something to report, or is a crash.
    const MORE: u32 = 1 << Step::FLAGS_AT;
    /// It changes the actor, and not only messages.
    const TURNED: u32 = 2 << Step::FLAGS_AT;

    fn new(delta: u64, cell: u32, number: u32, reaction: &Reaction) -> Step {
        assert!(number < Step::MORE, "more reactions than there are numbers");
        let needs_more =
            !reaction.sends.is_empty() || reaction.effect != 0 || reaction.notes != 0 || reaction.is_crash;
        let more = if needs_more { Step::MORE } else { 0 };
        let turned = if reaction.turned { Step::TURNED } else { 0 };
        Step { delta, cell, reaction: number | more | turned }
    }

    /// The number of its reaction.
    pub fn reaction(self) -> u32 {
        self.reaction & (Step::MORE - 1)
    }

    pub fn has_more(self) -> bool {
        self.reaction & Step::MORE != 0
    }

    pub fn turned(self) -> bool {
        self.reaction & Step::TURNED != 0
    }
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
    pub fn row(&self, cell: u32) -> &Row {
        self.row_of(cell, self.cells.get(cell))
    }

    /// The same for a cell that was looked up.
    #[inline]
    pub fn row_of<'m>(&self, number: u32, cell: &'m Cell) -> &'m Row {
        cell.row.get_or_init(|| self.make_row(number, cell))
    }

    fn make_row(&self, number: u32, cell: &Cell) -> Row {
        let (mut steps, mut echoing) = (Vec::new(), Vec::new());
        let mut summary = Summary::default();
        let mut add = |reaction: u32| {
            if let Some(step) = self.step(number, cell, reaction, &mut summary) {
                let only_sends = self.carrier == Carrier::Set && step.cell == number;
                let reaction = self.reaction(reaction);
                let is_echo = only_sends && reaction.effect == 0 && reaction.notes == 0;
                if is_echo { &mut echoing } else { &mut steps }.push(step);
            }
        };
        for envelope in self.carrier.heads(&self.letters(cell), |at| self.flow(at)) {
            if self.lossy {
                add(self.on_loss(cell.local, envelope));
            }
            add(self.on_arrival(cell.local, envelope));
        }
        self.on_own(cell.local).iter().copied().for_each(add);
        let echoes_from = u32::try_from(steps.len()).expect("a row that fits");
        let echoes = if echoing.is_empty() { 0 } else { self.echoes_of(&echoing) };
        steps.extend(echoing);
        self.step_count.fetch_add(steps.len() as u64, Ordering::Relaxed);
        summary.free.sort_unstable();
        summary.idle.sort_unstable();
        let is_special = summary.panic.is_some() || summary.idle.iter().any(|(_, cause, _)| cause.is_some());
        let summary = self.summaries.intern(content(Sort::Summary, &summary), || summary).0;
        Row { steps: steps.into(), summary, is_special, echoes_from, echoes }
    }

    /// Is all that the echoes of a cell of `state` send there already? `echoes` is the number of what they send.
    pub fn absorbs_echoes(&self, state: &[u32], echoes: u32) -> bool {
        let mut echoes = self.echoes.get(echoes).iter();
        echoes.all(|echo| self.absorbs(self.cells.get(state[echo.to as usize]), &echo.mask))
    }

    /// What these steps send together, by receiver.
    fn echoes_of(&self, steps: &[Step]) -> u32 {
        let mut masks: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for &(to, bundle) in steps.iter().flat_map(|step| &self.reaction(step.reaction()).sends) {
            self.mask(masks.entry(to).or_default(), bundle);
        }
        let echoes: Box<[Echo]> =
            masks.into_iter().map(|(to, mask)| Echo { to, mask: mask.into() }).collect();
        self.echoes.intern(content(Sort::Summary, &echoes), || echoes).0
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
        let delta = self.cells.get(next).print.wrapping_sub(cell.print);
        Some(Step::new(delta, next, at, reaction))
    }

    /// The envelopes to nobody that can be lost now, each with the effect of losing it, and the kind by which it is
    /// counted.
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
