//! Symmetry for a system whose types say, in stateright's way, how names in them are rewritten.

use std::ops::Range;

use stateright::actor::{ActorModel, Id};
use stateright::{Rewrite, RewritePlan};

use crate::property::{Property, Reads};
use crate::symmetry::Permutation;
use crate::system::{Action, Msg, Random, State, Storage, System, Timer};

/// A system of which some actors are interchangeable: of states that differ only in who is who, one is explored.
///
/// Everything that an actor holds or sends must implement stateright's [`Rewrite`], for ids. Beyond that, three
/// things must be true that no compiler sees, and that an exploration tries on a sample of what it does, to end with
/// [`Error::NotSymmetric`](crate::Error::NotSymmetric) where one of them is not:
///
/// - the rules look at an id for nothing but equality (an order of ids that breaks ties is not symmetric),
/// - `Rewrite` rewrites every id there is, places in arrays included,
/// - no property tells the actors apart.
///
/// Lists keep their order when they are rewritten. One that is sorted by ids, such as choices among all actors, is
/// another list then: sort nothing by ids, or keep sets.
///
/// ```
/// use raftlab_explorer::{Symmetric, explore};
/// use raftlab_explorer::protocols::raft::raft;
/// use stateright::actor::Network;
///
/// let model = raft(3, Network::new_unordered_nonduplicating([]));
/// let all = explore(&model).max_depth(5).run()?;
/// let symmetric = Symmetric::new(&model, 0..3);
/// let representatives = explore(&symmetric).max_depth(5).run()?;
/// assert_eq!(representatives.full_states, all.progress.states);
/// assert!(representatives.progress.states < all.progress.states / 5);
/// # Ok::<(), raftlab_explorer::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Symmetric<'a, S> {
    system: &'a S,
    group: Vec<Permutation>,
}

impl<'a, S: System> Symmetric<'a, S> {
    /// `system`, in which the actors of this range are interchangeable.
    ///
    /// # Panics
    ///
    /// If there are no such actors in it.
    pub fn new(system: &'a S, interchangeable: Range<usize>) -> Symmetric<'a, S> {
        let actors = system.model().actors.len();
        assert!(interchangeable.end <= actors, "{interchangeable:?} of {actors} actors");
        Symmetric { system, group: Permutation::all_of(interchangeable, actors) }
    }
}

fn plan(by: &Permutation) -> RewritePlan<Id, &Permutation> {
    RewritePlan::new(by, |id, by| by.of(*id))
}

impl<S> System for Symmetric<'_, S>
where
    S: System<History: Rewrite<Id>>,
    State<S>: Rewrite<Id>,
    Msg<S>: Rewrite<Id>,
    Timer<S>: Rewrite<Id>,
    Random<S>: Rewrite<Id>,
    Storage<S>: Rewrite<Id>,
{
    type Actor = S::Actor;
    type Config = S::Config;
    type History = S::History;

    fn model(&self) -> &ActorModel<S::Actor, S::Config, S::History> {
        self.system.model()
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let again = |own: Property<S>| {
            let reads = match own.reads {
                Reads::State(holds) => Reads::State(holds),
                Reads::One(holds) => Reads::One(holds),
                Reads::Pair(holds) => Reads::Pair(holds),
                Reads::All(holds) => Reads::All(holds),
                Reads::Step(holds) => Reads::Step(holds),
                Reads::Message(holds) => Reads::Message(holds),
                Reads::History(holds) => Reads::History(holds),
            };
            Property { expectation: own.expectation, name: own.name, reads }
        };
        self.system.properties().into_iter().map(again).collect()
    }

    fn has_boundary(&self) -> bool {
        self.system.has_boundary()
    }

    fn records_history(&self) -> bool {
        self.system.records_history()
    }

    fn remembers_last_message(&self) -> bool {
        self.system.remembers_last_message()
    }

    fn budgets(&self) -> Vec<u32> {
        self.system.budgets()
    }

    fn cause(&self, action: &Action<Self>) -> Option<usize> {
        self.system.cause(action)
    }

    fn spend(&self, budgets: &[u32], cause: usize, spent: &mut [u32]) -> bool {
        self.system.spend(budgets, cause, spent)
    }

    fn news(&self, before: &State<S>, after: &State<S>) -> Option<u32> {
        self.system.news(before, after)
    }

    fn note(&self, news: u32, spent: &mut [u32]) {
        self.system.note(news, spent);
    }

    fn permute_spent(&self, spent: &[u32], by: &Permutation) -> Vec<u32> {
        self.system.permute_spent(spent, by)
    }

    fn kinds(&self) -> &'static [&'static str] {
        self.system.kinds()
    }

    fn kind(&self, action: &Action<Self>) -> usize {
        self.system.kind(action)
    }

    fn is_dead(&self, receiver: Id, state: &State<S>, sender: Id, message: &Msg<S>) -> bool {
        self.system.is_dead(receiver, state, sender, message)
    }

    fn removes_dead(&self) -> bool {
        self.system.removes_dead()
    }

    fn symmetries(&self) -> Vec<Permutation> {
        self.group.clone()
    }

    fn permute_state(&self, _: Id, state: &State<S>, by: &Permutation) -> State<S> {
        state.rewrite(&plan(by))
    }

    fn permute_message(&self, message: &Msg<S>, by: &Permutation) -> Msg<S> {
        message.rewrite(&plan(by))
    }

    fn permute_timer(&self, timer: &Timer<S>, by: &Permutation) -> Timer<S> {
        timer.rewrite(&plan(by))
    }

    fn permute_random(&self, random: &Random<S>, by: &Permutation) -> Random<S> {
        random.rewrite(&plan(by))
    }

    fn permute_storage(&self, storage: &Storage<S>, by: &Permutation) -> Storage<S> {
        storage.rewrite(&plan(by))
    }

    fn permute_history(&self, history: &S::History, by: &Permutation) -> S::History {
        history.rewrite(&plan(by))
    }
}
