//! Random walks through worlds that are too big to exhaust, and the shrinking of what they find.
//!
//! A walk is a function of its seed and its number: the same on every machine and with every number of threads.

use raftlab_model::{Action, Kind, Property, RaftModel, Reconfiguration, Tick, World, label};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use stateright::Model;
use stateright::actor::ActorModelAction;

use crate::search::Violation;
use crate::story::Story;

/// A portable source of choices.
#[derive(Debug)]
pub struct Dice(ChaCha8Rng);

/// What a walk did.
#[derive(Debug)]
pub struct Walk {
    /// Its number.
    pub number: u64,
    /// What it did, as far as it went.
    pub actions: Vec<Action>,
    /// The property that its last state breaks, if it ended there.
    pub broken: Option<&'static Property>,
}

impl Dice {
    /// Stream `number` of `seed`.
    pub fn new(seed: u64, number: u64) -> Dice {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(number);
        Dice(rng)
    }

    /// A number below `limit`, all of them nearly equally likely; 0 if `limit` is 0.
    pub fn below(&mut self, limit: usize) -> usize {
        let wide = u128::from(self.0.next_u64()) * limit as u128;
        usize::try_from(wide >> 64).unwrap_or(0)
    }

    /// How likely something is to be, relative to others: not at all, a little, very.
    fn weight(&mut self) -> usize {
        [0, 1, 2, 4, 16][self.below(5)]
    }

    /// One of those that have these weights; `None` if all are 0.
    fn pick(&mut self, weights: &[usize]) -> Option<usize> {
        let mut drawn = self.below(weights.iter().sum());
        weights.iter().position(|weight| {
            let within = drawn < *weight;
            drawn = drawn.saturating_sub(*weight);
            within
        })
    }
}

/// How likely each kind of action is in one walk, relative to the others. Drawn anew for each walk: some are all
/// time-outs, some are all crashes, some are quiet, and between them they come to places that no one mix comes to.
struct Mix {
    kinds: [usize; Kind::ALL.len()],
    /// How likely each step of the configuration is, by [`step_of`]: in some walks a cluster grows as far as it can
    /// before it shrinks.
    changes: [usize; 5],
}

impl Mix {
    fn draw(dice: &mut Dice) -> Mix {
        let mut kinds = [(); Kind::ALL.len()].map(|()| dice.weight());
        kinds[Kind::Deliver as usize] = [8, 32, 128][dice.below(3)];
        kinds[Kind::Sync as usize] += 4;
        kinds[Kind::Timeout as usize] += 1;
        Mix { kinds, changes: [(); 5].map(|()| dice.weight().max(1)) }
    }

    /// Picks one of `actions`, and takes it out. Kinds come first, then an action of that kind: a hundred messages in
    /// flight do not outvote a crash.
    fn pick(&self, actions: &mut Vec<Action>, dice: &mut Dice) -> Option<Action> {
        let mut present = [false; Kind::ALL.len()];
        for action in actions.iter() {
            present[Kind::of(action) as usize] = true;
        }
        let weight = |kind: &Kind| if present[*kind as usize] { self.kinds[*kind as usize] } else { 0 };
        let kind = Kind::ALL[dice.pick(&Kind::ALL.each_ref().map(weight))?];
        let of_kind: Vec<usize> = (0..actions.len()).filter(|at| Kind::of(&actions[*at]) == kind).collect();
        let weights: Vec<usize> = of_kind.iter().map(|at| self.within_kind(&actions[*at])).collect();
        Some(actions.remove(of_kind[dice.pick(&weights)?]))
    }

    fn within_kind(&self, action: &Action) -> usize {
        match action {
            ActorModelAction::Timeout(_, Tick::Change(wish)) => self.changes[step_of(wish)],
            _ => 1,
        }
    }
}

fn step_of(wish: &Reconfiguration) -> usize {
    match wish {
        Reconfiguration::AddLearner(_) => 0,
        Reconfiguration::Promote(_) => 1,
        Reconfiguration::Demote(_) => 2,
        Reconfiguration::Remove(_) => 3,
        Reconfiguration::KeepOnly(_) => 4,
    }
}

/// Takes walk `number` of `seed`, at most `max_steps` long. It ends where a property breaks, or where its mix leaves
/// nothing to do.
pub fn walk(model: &RaftModel, seed: u64, number: u64, max_steps: usize) -> Walk {
    let mut dice = Dice::new(seed, number);
    let mix = Mix::draw(&mut dice);
    let mut world = model.initial();
    let mut walk = Walk { number, actions: Vec::new(), broken: None };
    while walk.actions.len() < max_steps && walk.broken.is_none() {
        let Some((action, next)) = step(model, &world, &mix, &mut dice) else { break };
        walk.actions.push(action);
        walk.broken = broken(model, &next);
        world = next;
    }
    walk
}

/// One step that changes something.
fn step(model: &RaftModel, world: &World, mix: &Mix, dice: &mut Dice) -> Option<(Action, World)> {
    let mut actions = Vec::new();
    model.actions(world, &mut actions);
    while let Some(action) = mix.pick(&mut actions, dice) {
        if let Some(next) = model.next_state(world, action.clone()).filter(|next| next != world) {
            return Some((action, next));
        }
    }
    None
}

/// The first property that is broken here, of those that are judged.
fn broken(model: &RaftModel, world: &World) -> Option<&'static Property> {
    let servers = world.servers();
    model.setup().judged().find(|property| property.holds(&servers).is_err())
}

/// Leaves out of `actions` what is not needed to break `property`: first large parts, then smaller, until no single
/// step can be missed. Not the shortest way there is, but one in which every step counts.
pub fn shrink(model: &RaftModel, actions: &[Action], property: &'static Property) -> Option<Violation> {
    let mut labels: Vec<String> = actions.iter().map(label).collect();
    let mut story = follow(model, &labels, property)?;
    let mut part = labels.len().div_ceil(2);
    while part > 0 {
        let mut shorter = false;
        let mut at = 0;
        while at < labels.len() {
            let mut fewer = labels.clone();
            fewer.drain(at..(at + part).min(labels.len()));
            if let Some(found) = follow(model, &fewer, property) {
                labels = found.steps.iter().map(|step| step.label.clone()).collect();
                story = found;
                shorter = true;
            } else {
                at += part;
            }
        }
        part = if part == 1 && !shorter { 0 } else { (part / 2).max(1) };
    }
    let why = property.holds(&story.last().servers()).err()?;
    Some(Violation { property, story, why, shortest: false })
}

/// Walks `labels`, passing over what cannot happen any more, up to where `property` breaks; `None` if it does not.
fn follow(model: &RaftModel, labels: &[String], property: &Property) -> Option<Story> {
    let mut story = Story::at(model, model.initial());
    for wanted in labels {
        let mut possible = Vec::new();
        model.actions(story.last(), &mut possible);
        let Some(action) = possible.into_iter().find(|action| label(action) == *wanted) else { continue };
        if model.next(story.last(), action.clone()).is_none_or(|next| next == *story.last()) {
            continue;
        }
        story.push(model, action);
        if property.holds(&story.last().servers()).is_err() {
            return Some(story);
        }
    }
    None
}
