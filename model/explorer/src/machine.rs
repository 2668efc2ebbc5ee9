//! The system as tables: every actor's state, message and step has a number, and is computed once.
//!
//! A *cell* is an actor with the messages in flight to it. A state of the system is one cell for each actor and one
//! [`Ambient`]. What a cell can do is a [`Row`] of steps: its own next cell, and what it sends.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};

use stateright::actor::{Envelope, Id, LossyNetwork, Network};

use crate::ambient::{Ambient, AmbientOrigin, Effect, Memo, lock, place};
use crate::cell::{Arrivals, Cell};
use crate::chunks::Chunks;
use crate::error::Error;
use crate::hash::{Sort, content, fold};
use crate::inbox::{Carrier, envelopes};
use crate::interner::Interner;
use crate::lanes::Lanes;
use crate::local::{Event, KnownEnvelope, KnownLocal, Local, Origin};
use crate::property::Properties;
use crate::reaction::Reaction;
use crate::row::{Echo, Step, Summary};
use crate::symmetry::Permutation;
use crate::system::{Action, Msg, System};

/// No ambient: there is nothing left to spend.
pub(crate) const UNKNOWN: u32 = u32::MAX;

/// All tables.
pub(crate) struct Machine<'a, S: System> {
    pub system: &'a S,
    pub properties: Properties<S>,
    pub actors: usize,
    pub carrier: Carrier,
    /// The group; the identity alone when symmetry is off.
    pub group: Vec<Permutation>,
    pub seed: u64,
    pub lossy: bool,
    pub max_crashes: usize,
    pub removes_dead: bool,
    pub locals: Interner<KnownLocal<S>>,
    pub envelopes: Interner<KnownEnvelope<S>>,
    pub bundles: Interner<Box<[u32]>>,
    pub cells: Interner<Cell>,
    /// Under symmetry, what each cell adds to fingerprints: see [`Machine::prints`].
    pub cell_prints: Chunks<AtomicU64>,
    pub reactions: Chunks<OnceLock<Reaction>>,
    pub reaction_count: AtomicU32,
    /// For each receiver, the messages that were ever sent to it.
    pub arrivals: Box<[Arrivals]>,
    pub summaries: Interner<Summary>,
    pub echoes: Interner<Box<[Echo]>>,
    pub effects: Interner<Effect>,
    /// Counts what becomes known, in an order in which everything comes after what it was made of.
    births: AtomicU32,
    pub ambients: Interner<Ambient<S>>,
    ambient_prints: Chunks<AtomicU64>,
    turns: Memo<u32>,
    /// Steps in all rows, and words in all inboxes: for [`Machine::bytes`].
    pub step_count: AtomicU64,
    pub inbox_words: AtomicU64,
    budgets: Vec<u32>,
    fault: Mutex<Option<Error>>,
}

impl<'a, S: System> Machine<'a, S> {
    pub fn new(
        system: &'a S,
        properties: Properties<S>,
        group: Vec<Permutation>,
        seed: u64,
    ) -> Machine<'a, S> {
        let model = system.model();
        let carrier = Carrier::of(&model.init_network);
        // Under symmetry, two fingerprints for each permutation: the second tells orbits apart whose first are equal.
        let stride = 2 * group.len();
        let machine = Machine {
            system,
            properties,
            actors: model.actors.len(),
            carrier,
            seed,
            max_crashes: model.max_crashes,
            lossy: model.lossy_network == LossyNetwork::Yes,
            // What is dead at the head of a queue is in the way until it is delivered or lost.
            removes_dead: system.removes_dead() && carrier != Carrier::Queues,
            locals: Interner::new(),
            envelopes: Interner::new(),
            bundles: Interner::new(),
            cells: Interner::new(),
            cell_prints: Chunks::with_stride(stride),
            reactions: Chunks::new(),
            reaction_count: AtomicU32::new(0),
            arrivals: model.actors.iter().map(|_| Arrivals::new()).collect(),
            summaries: Interner::new(),
            echoes: Interner::new(),
            effects: Interner::new(),
            births: AtomicU32::new(0),
            ambients: Interner::new(),
            ambient_prints: Chunks::with_stride(stride),
            group,
            turns: Memo::new(),
            step_count: AtomicU64::new(0),
            inbox_words: AtomicU64::new(0),
            budgets: system.budgets(),
            fault: Mutex::new(None),
        };
        machine.effect_number(Effect::default());
        machine
    }

    /// The first fault of the model that was noticed, if one was.
    pub fn fault(&self) -> Option<Error> {
        lock(&self.fault).clone()
    }

    pub fn note_fault(&self, fault: Error) {
        lock(&self.fault).get_or_insert(fault);
    }

    /// Bytes in all tables, without what actors' states own.
    #[expect(clippy::cast_possible_truncation, reason = "what is in memory can be counted")]
    pub fn bytes(&self) -> usize {
        let known = self.locals.bytes() + self.envelopes.bytes() + self.bundles.bytes() + self.cells.bytes();
        let steps = self.step_count.load(Ordering::Relaxed) as usize * size_of::<Step>();
        let inboxes = self.inbox_words.load(Ordering::Relaxed) as usize * size_of::<u32>();
        // Two allocations a cell, each with what an allocator adds.
        let cells = steps + inboxes + self.cells.len() as usize * 32;
        let prints = self.cell_prints.bytes();
        known + cells + prints + self.reactions.bytes() + self.ambients.bytes() + self.turns.len() * 64
    }

    /// The initial state: a cell for each actor, then the ambient.
    pub fn initial(&self) -> Vec<u32> {
        let model = self.system.model();
        let mut inboxes: Vec<Vec<u32>> = vec![Vec::new(); self.actors];
        let mut nobody = Vec::new();
        let mut locals = Vec::new();
        let mut said = Vec::new();
        let mut send = |envelope: Envelope<Msg<S>>| {
            let at = self.envelope(envelope, Origin::Start);
            let inbox =
                place(self.receiver(at), self.actors).map_or(&mut nobody, |place| &mut inboxes[place]);
            self.carrier.put(inbox, at, |at| self.flow(at));
            at
        };
        for envelope in envelopes(&model.init_network) {
            send(envelope);
        }
        for actor in 0..self.actors {
            let (local, first) = Local::start(self.system, actor);
            locals.push(self.local(local, Origin::Start));
            said.extend(first.into_iter().map(&mut send));
        }
        let cells =
            locals.into_iter().zip(inboxes).map(|(local, inbox)| self.cell(local, &self.alive(local, inbox)));
        let mut state: Vec<u32> = cells.collect();
        let last = match &model.init_network {
            Network::UnorderedDuplicating(_, last) if self.system.remembers_last_message() => last.clone(),
            _ => None,
        };
        let ambient = Ambient {
            history: model.init_history.clone(),
            spent: vec![0; self.budgets.len()].into(),
            last: last.map(|last| self.envelope(last, Origin::Start)),
            nobody: nobody.into(),
            ..Ambient::unknown(&model.init_history)
        };
        let told = Effect { said, ..Effect::default() };
        let history = ambient.history_after(self.system, &told, |at| &self.envelopes.get(at).envelope);
        state.push(self.ambient(Ambient { history, ..ambient }, AmbientOrigin::Start));
        self.audit_start(&state);
        state
    }

    /// The sender and the receiver of an envelope.
    pub fn flow(&self, envelope: u32) -> (Id, Id) {
        let Envelope { src, dst, .. } = &self.envelopes.get(envelope).envelope;
        (*src, *dst)
    }

    pub fn receiver(&self, envelope: u32) -> Id {
        self.envelopes.get(envelope).envelope.dst
    }

    /// Under symmetry, what `cell` adds to a fingerprint, for each permutation; then, for each, what it adds to the
    /// second one.
    #[inline]
    pub fn prints(&self, cell: u32) -> &[AtomicU64] {
        self.cell_prints.all(cell)
    }

    /// What `ambient` adds to a fingerprint.
    #[inline]
    pub fn ambient_print(&self, ambient: u32) -> u64 {
        self.ambient_prints(ambient)[0].load(Ordering::Relaxed)
    }

    /// What `ambient` adds to a fingerprint, for each permutation; then the same for the second one.
    #[inline]
    pub fn ambient_prints(&self, ambient: u32) -> &[AtomicU64] {
        self.ambient_prints.all(ambient)
    }

    /// Sets what something adds to fingerprints, of which `key` is the content hash under each permutation.
    pub fn set_prints(&self, prints: &[AtomicU64], key: impl Fn(usize) -> u128) {
        let order = self.group.len();
        for by in 0..order {
            let key = key(by);
            prints[by].store(fold(key, self.seed), Ordering::Relaxed);
            if let Some(second) = prints.get(order + by) {
                second.store(fold(key, !self.seed), Ordering::Relaxed);
            }
        }
    }

    /// The number of an actor's state.
    pub fn local(&self, local: Local<S>, origin: Origin) -> u32 {
        let key = local.key();
        let mut held = Some(local);
        let (number, _) = self.locals.intern(key, || {
            let local = held.take().expect("made once");
            let permute = |by: &Permutation| local.permuted(self.system, by).key();
            let keys = std::iter::once(key).chain(self.group[1..].iter().map(permute)).collect();
            let notes = self.properties.of_local(Id::from(local.actor), &local.state);
            let born = self.births.fetch_add(1, Ordering::Relaxed);
            KnownLocal {
                local,
                origin,
                born,
                keys,
                notes,
                on_arrival: Lanes::new(),
                on_own: OnceLock::new(),
                dead: Lanes::new(),
                judged: Lanes::new(),
            }
        });
        self.check_hash(number, held.as_ref());
        number
    }

    /// The number of a message on its way.
    pub fn envelope(&self, envelope: Envelope<Msg<S>>, origin: Origin) -> u32 {
        let key = content(Sort::Envelope, &envelope);
        let mut held = Some(envelope);
        let make = |number| {
            let envelope = held.take().expect("made once");
            let permute = |by: &Permutation| content(Sort::Envelope, &self.permuted_envelope(&envelope, by));
            let keys = std::iter::once(key).chain(self.group[1..].iter().map(permute)).collect();
            let Envelope { src, dst, msg } = &envelope;
            let notes = self.properties.of_message(Envelope { src: *src, dst: *dst, msg });
            let receiver = place(envelope.dst, self.actors);
            let ordinal = receiver.map_or(0, |place| self.arrivals[place].add(number));
            let born = self.births.fetch_add(1, Ordering::Relaxed);
            KnownEnvelope { keys, notes, ordinal, envelope, origin, born, on_loss: OnceLock::new() }
        };
        let number = self.envelopes.intern_at(key, make).0;
        self.check_message_hash(number, held.as_ref());
        number
    }

    pub fn permuted_envelope(&self, envelope: &Envelope<Msg<S>>, by: &Permutation) -> Envelope<Msg<S>> {
        let msg = self.system.permute_message(&envelope.msg, by);
        Envelope { src: by.of(envelope.src), dst: by.of(envelope.dst), msg }
    }

    pub fn inbox_key(&self, inbox: &[u32], by: usize) -> u128 {
        self.carrier.key(inbox, |at| self.envelopes.get(at).keys[by], |at| self.flow(at))
    }

    /// May one more actor crash?
    pub fn may_crash(&self, cells: &[&Cell]) -> bool {
        self.max_crashes > 0 && cells.iter().filter(|cell| cell.crashed).count() < self.max_crashes
    }

    fn ambient(&self, ambient: Ambient<S>, origin: AmbientOrigin) -> u32 {
        let key = |by: usize| {
            let history = match by {
                0 => content(Sort::History, &ambient.history),
                _ => content(Sort::History, &self.system.permute_history(&ambient.history, &self.group[by])),
            };
            let last = ambient.last.map_or(0, |at| content(Sort::Last, &self.envelopes.get(at).keys[by]));
            let nobody = content(Sort::Nobody, &self.inbox_key(&ambient.nobody, by));
            let spent = match by {
                0 => content(Sort::Spent, &ambient.spent),
                _ => content(Sort::Spent, &self.system.permute_spent(&ambient.spent, &self.group[by])),
            };
            history.wrapping_add(last).wrapping_add(nobody).wrapping_add(spent)
        };
        let keys: Vec<u128> = (0..self.group.len()).map(key).collect();
        let notes = self.properties.of_history(&ambient.history);
        let (number, _) = self.ambients.intern_at(keys[0], |number| {
            let born = self.births.fetch_add(1, Ordering::Relaxed);
            self.set_prints(self.ambient_prints.make_all(number), |by| keys[by]);
            Ambient { notes, origin, born, ..ambient }
        });
        number
    }

    /// The number of an effect; that of none is 0.
    pub fn effect_number(&self, effect: Effect) -> u32 {
        self.effects.intern(content(Sort::Effect, &effect), || effect).0
    }

    /// The ambient after a step with `effect`; [`UNKNOWN`] if the budget that it would spend from is empty.
    pub fn turn(&self, ambient: u32, effect: u32) -> u32 {
        self.turns.get(ambient, effect, || self.make_turn(ambient, effect))
    }

    pub fn make_turn(&self, ambient: u32, number: u32) -> u32 {
        let (old, effect) = (self.ambients.get(ambient), self.effects.get(number));
        let mut spent = old.spent.clone();
        if let Some(cause) = effect.cause
            && !self.system.spend(&self.budgets, cause, &mut spent)
        {
            return UNKNOWN;
        }
        effect.news.iter().for_each(|&news| self.system.note(news, &mut spent));
        let mut nobody = old.nobody.to_vec();
        effect.to_nobody.iter().for_each(|&at| self.carrier.put(&mut nobody, at, |at| self.flow(at)));
        effect.lost.iter().for_each(|&at| Carrier::take(&mut nobody, at));
        self.audit_history(&old.history, effect);
        let turned = Ambient {
            history: old.history_after(self.system, effect, |at| &self.envelopes.get(at).envelope),
            spent,
            last: effect.last.or(old.last),
            nobody: nobody.into(),
            ..Ambient::unknown(&old.history)
        };
        self.ambient(turned, AmbientOrigin::Turn(ambient, number))
    }

    /// May this ambient still spend on `cause`?
    pub fn affords(&self, ambient: u32, cause: Option<u8>) -> bool {
        cause.is_none_or(|cause| {
            let mut spent = self.ambients.get(ambient).spent.clone();
            self.system.spend(&self.budgets, usize::from(cause), &mut spent)
        })
    }

    /// What stateright would list for `event` of an actor in this state.
    pub fn action(&self, local: u32, event: Event) -> Action<S> {
        self.locals.get(local).local.action(event, self.envelope_of(event))
    }

    pub fn envelope_of(&self, event: Event) -> Option<&Envelope<Msg<S>>> {
        match event {
            Event::Deliver(at) | Event::Drop(at) => Some(&self.envelopes.get(at).envelope),
            _ => None,
        }
    }
}

/// What a panic said.
pub(crate) fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".into())
}
