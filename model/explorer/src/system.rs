//! What is explored: an actor model, and what its author can say about it beyond what stateright asks.

use std::fmt::Debug;
use std::hash::Hash;

use stateright::actor::{Actor, ActorModel, ActorModelAction, Id};

use crate::property::{Property, Reads};
use crate::symmetry::Permutation;

/// The messages of a system's actors.
pub type Msg<S> = <<S as System>::Actor as Actor>::Msg;
/// The state of one of its actors.
pub type State<S> = <<S as System>::Actor as Actor>::State;
/// The timers of its actors.
pub type Timer<S> = <<S as System>::Actor as Actor>::Timer;
/// What its actors choose at random.
pub type Random<S> = <<S as System>::Actor as Actor>::Random;
/// What its actors keep through a crash.
pub type Storage<S> = <<S as System>::Actor as Actor>::Storage;
/// What can happen in it.
pub type Action<S> = ActorModelAction<Msg<S>, Timer<S>, Random<S>>;

/// A system of actors that can be explored.
///
/// Every [`ActorModel`] is one, as it is: then the exploration has the same states and the same verdicts as
/// stateright's. A type that wraps one can say more, each thing for itself: by what properties read, what bounds the
/// causes of events, which messages are dead, which actors are interchangeable.
pub trait System: Sync {
    /// The actors.
    type Actor: Actor<
            Msg: Ord + Send + Sync,
            Timer: Ord + Send + Sync,
            State: Send + Sync,
            Storage: Send + Sync,
            Random: Send + Sync,
        > + Sync;
    /// What the model is configured with.
    type Config: Sync;
    /// What it records of its messages.
    type History: Clone + Debug + Hash + Send + Sync;

    /// The actors, their network, and what may go wrong.
    fn model(&self) -> &ActorModel<Self::Actor, Self::Config, Self::History>;

    /// What must hold, and what must be reachable. By default the model's own properties, each judged on a state that
    /// is built for it; [`Reads`] has forms that cost next to nothing.
    fn properties(&self) -> Vec<Property<Self>>
    where
        Self: Sized,
    {
        let properties = self.model().properties.iter();
        properties
            .map(|own| Property {
                expectation: own.expectation.clone(),
                name: own.name,
                reads: Reads::State(own.condition),
            })
            .collect()
    }

    /// Does [`ActorModel::within_boundary`] ever refuse a state? Where it cannot, no state is built to ask it.
    fn has_boundary(&self) -> bool {
        true
    }

    /// Does [`ActorModel::record_msg_in`] or [`ActorModel::record_msg_out`] ever record anything?
    fn records_history(&self) -> bool {
        size_of::<Self::History>() > 0
    }

    /// Is the message that was delivered last a part of the state of a duplicating network? It is in stateright,
    /// where it tells states apart that nothing else does.
    fn remembers_last_message(&self) -> bool {
        true
    }

    /// How often each bounded cause may happen, from the initial state on.
    fn budgets(&self) -> Vec<u32> {
        Vec::new()
    }

    /// Which of [`System::budgets`] this action spends one of, if any.
    fn cause(&self, _action: &Action<Self>) -> Option<usize>
    where
        Self: Sized,
    {
        None
    }

    /// Spends one for `cause`, if that may be: then what was spent changes, and the action may be taken. `spent`
    /// holds a number for each of [`System::budgets`], 0 at the start. By default each budget stands for itself.
    ///
    /// A system whose causes hang together, such as clocks that are never far apart, says so here; its causes need
    /// not be places in `spent` then. It must be a function of its arguments alone.
    fn spend(&self, budgets: &[u32], cause: usize, spent: &mut [u32]) -> bool {
        let may = spent[cause] < budgets[cause];
        spent[cause] += u32::from(may);
        may
    }

    /// What a step of an actor makes known to all, as a number; [`System::note`] says what it does to what was spent.
    /// By default nothing is.
    fn news(&self, _before: &State<Self>, _after: &State<Self>) -> Option<u32>
    where
        Self: Sized,
    {
        None
    }

    /// Writes the [`System::news`] of a step down.
    fn note(&self, _news: u32, _spent: &mut [u32]) {}

    /// What was spent, with all names permuted. By default what is spent is nobody's.
    fn permute_spent(&self, spent: &[u32], _by: &Permutation) -> Vec<u32> {
        spent.to_vec()
    }

    /// The names under which actions are counted.
    fn kinds(&self) -> &'static [&'static str] {
        &["deliver", "drop", "timeout", "crash", "recover", "choose"]
    }

    /// The place in [`System::kinds`] under which this action is counted.
    fn kind(&self, action: &Action<Self>) -> usize
    where
        Self: Sized,
    {
        match action {
            ActorModelAction::Deliver { .. } => 0,
            ActorModelAction::Drop(_) => 1,
            ActorModelAction::Timeout(..) => 2,
            ActorModelAction::Crash(_) => 3,
            ActorModelAction::Recover(_) => 4,
            ActorModelAction::SelectRandom { .. } => 5,
        }
    }

    /// Can this message never again change its receiver, whatever happens to it, nor make it send anything? Such a
    /// message is taken out of an unordered network. By default none is.
    fn is_dead(&self, _receiver: Id, _state: &State<Self>, _sender: Id, _message: &Msg<Self>) -> bool
    where
        Self: Sized,
    {
        false
    }

    /// Does [`System::is_dead`] ever say yes?
    fn removes_dead(&self) -> bool {
        false
    }

    /// The permutations of the actors under which the system behaves alike: a group, the identity first. By default the
    /// identity alone, which is no symmetry.
    fn symmetries(&self) -> Vec<Permutation> {
        vec![Permutation::identity(self.model().actors.len())]
    }

    /// An actor's state, with all names in it permuted; it is then the state of the actor of the permuted name.
    fn permute_state(&self, _actor: Id, state: &State<Self>, _by: &Permutation) -> State<Self>
    where
        Self: Sized,
    {
        state.clone()
    }

    /// A message, with all names in it permuted.
    fn permute_message(&self, message: &Msg<Self>, _by: &Permutation) -> Msg<Self>
    where
        Self: Sized,
    {
        message.clone()
    }

    /// A timer, with all names in it permuted.
    fn permute_timer(&self, timer: &Timer<Self>, _by: &Permutation) -> Timer<Self>
    where
        Self: Sized,
    {
        timer.clone()
    }

    /// A choice, with all names in it permuted.
    fn permute_random(&self, random: &Random<Self>, _by: &Permutation) -> Random<Self>
    where
        Self: Sized,
    {
        random.clone()
    }

    /// What an actor stored, with all names in it permuted.
    fn permute_storage(&self, storage: &Storage<Self>, _by: &Permutation) -> Storage<Self>
    where
        Self: Sized,
    {
        storage.clone()
    }

    /// The history, with all names in it permuted.
    fn permute_history(&self, history: &Self::History, _by: &Permutation) -> Self::History {
        history.clone()
    }
}

impl<A, C, H> System for ActorModel<A, C, H>
where
    A: Actor<
            Msg: Ord + Send + Sync,
            Timer: Ord + Send + Sync,
            State: Send + Sync,
            Storage: Send + Sync,
            Random: Send + Sync,
        > + Sync,
    C: Sync,
    H: Clone + Debug + Hash + Send + Sync,
{
    type Actor = A;
    type Config = C;
    type History = H;

    fn model(&self) -> &ActorModel<A, C, H> {
        self
    }
}
