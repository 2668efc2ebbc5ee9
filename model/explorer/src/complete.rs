//! Any actor model, with a state whose hash covers all that its equality compares.
//!
//! stateright tells states apart by a 64-bit hash, and in version 0.31 its hashable sets and maps feed their elements
//! to the hasher without saying how many there are. Where two of them follow each other the border between them is
//! lost: servers whose armed timers are `[{Election}, {Replication}]` and `[{Election, Replication}, {}]` can hash
//! alike, the second of them is never explored, and nobody is told. Of the [Raft](crate::protocols::raft) example
//! that loses more than a tenth of all states. An explorer that is right then disagrees with a checker that is wrong,
//! so what an explorer is compared with is stateright over [`Complete`].
//!
//! Behaviour is the wrapped model's in everything else: the same actions in the same order, the same steps, the same
//! boundary, the same properties.
//!
//! # Caveats
//!
//! - The states of the actors, what they stored and the history are hashed by their own `Hash`. One that leaves out a
//!   field, or that holds two of stateright's sets of one type side by side, is as incomplete here as it was before.
//! - A model has at most [`PROPERTIES_MAX`] properties, because a judgement is a plain function pointer, which captures
//!   nothing: the place of the property has to be a constant of its function.

use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash, Hasher};

use stateright::actor::{Actor, ActorModel, ActorModelAction, ActorModelState, Network};
use stateright::{Model, Path, Property};

/// The most properties that a wrapped model can have.
pub const PROPERTIES_MAX: usize = 16;

/// An [`ActorModel`] whose states are told apart by all that they are.
#[derive(Clone)]
pub struct Complete<M>(pub M);

/// An [`ActorModelState`] whose hash covers all that its equality compares.
pub struct CompleteState<A: Actor, H>(pub ActorModelState<A, H>);

/// The judgement of one property, as the plain function pointer that stateright wants.
type Judge<A, C, H> = fn(&Complete<ActorModel<A, C, H>>, &CompleteState<A, H>) -> bool;

impl<A, C, H> Complete<ActorModel<A, C, H>>
where
    A: Actor,
    A::Msg: Ord,
    A::Timer: Ord,
    H: Clone + fmt::Debug + Hash + PartialEq,
{
    fn judge<const AT: usize>(&self, state: &CompleteState<A, H>) -> bool {
        (self.0.properties[AT].condition)(&self.0, &state.0)
    }

    fn judges() -> [Judge<A, C, H>; PROPERTIES_MAX] {
        macro_rules! at {
            ($($at:literal)*) => { [$(Self::judge::<$at>),*] };
        }
        at!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15)
    }
}

/// The history must be comparable, which stateright asks of it only where a checker is spawned.
impl<A, C, H> Model for Complete<ActorModel<A, C, H>>
where
    A: Actor,
    A::Msg: Ord,
    A::Timer: Ord,
    H: Clone + fmt::Debug + Hash + PartialEq,
{
    type State = CompleteState<A, H>;
    type Action = ActorModelAction<A::Msg, A::Timer, A::Random>;

    fn init_states(&self) -> Vec<Self::State> {
        self.0.init_states().into_iter().map(CompleteState).collect()
    }

    fn actions(&self, state: &Self::State, actions: &mut Vec<Self::Action>) {
        self.0.actions(&state.0, actions);
    }

    fn next_state(&self, state: &Self::State, action: Self::Action) -> Option<Self::State> {
        self.0.next_state(&state.0, action).map(CompleteState)
    }

    fn format_action(&self, action: &Self::Action) -> String {
        self.0.format_action(action)
    }

    fn format_step(&self, state: &Self::State, action: Self::Action) -> Option<String> {
        self.0.format_step(&state.0, action)
    }

    fn as_svg(&self, path: Path<Self::State, Self::Action>) -> Option<String> {
        // A path of the wrapped model can only be made by walking it again.
        let start = self.0.init_states().pop()?;
        let path = Path::from_actions(&self.0, start, &path.into_actions())?;
        self.0.as_svg(path)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let all = &self.0.properties;
        assert!(all.len() <= PROPERTIES_MAX, "a complete model has at most {PROPERTIES_MAX} properties");
        let judged = |(property, condition): (&Property<_>, _)| Property {
            expectation: property.expectation.clone(),
            name: property.name,
            condition,
        };
        all.iter().zip(Self::judges()).map(judged).collect()
    }

    fn within_boundary(&self, state: &Self::State) -> bool {
        Model::within_boundary(&self.0, &state.0)
    }
}

impl<A: Actor, H: Clone> Clone for CompleteState<A, H> {
    fn clone(&self) -> Self {
        CompleteState(self.0.clone())
    }
}

impl<A: Actor, H: fmt::Debug> fmt::Debug for CompleteState<A, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// stateright's own equality is complete: all seven fields, and the last message of a duplicating network.
impl<A: Actor, H: PartialEq> PartialEq for CompleteState<A, H> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<A: Actor<State: Eq, Storage: Eq>, H: Eq> Eq for CompleteState<A, H> {}

impl<A: Actor, H: Hash> Hash for CompleteState<A, H> {
    fn hash<S: Hasher>(&self, hasher: &mut S) {
        // Taken apart, so that a field that stateright adds is not forgotten here.
        let ActorModelState {
            actor_states,
            network,
            timers_set,
            random_choices,
            crashed,
            history,
            actor_storages,
        } = &self.0;
        actor_states.hash(hasher);
        history.hash(hasher);
        hasher.write_usize(timers_set.len());
        for timers in timers_set {
            hash_unordered(timers.iter(), hasher);
        }
        hasher.write_usize(random_choices.len());
        for choices in random_choices {
            hash_unordered(choices.map.iter(), hasher);
        }
        hash_network(network, hasher);
        crashed.hash(hasher);
        actor_storages.hash(hasher);
    }
}

fn hash_network<M: Eq + Hash>(network: &Network<M>, hasher: &mut impl Hasher) {
    std::mem::discriminant(network).hash(hasher);
    match network {
        Network::UnorderedDuplicating(set, last) => {
            hash_unordered(set.iter(), hasher);
            last.hash(hasher);
        }
        Network::UnorderedNonDuplicating(bag) => hash_unordered(bag.iter(), hasher),
        // Neither a B-tree nor a queue forgets its length.
        Network::Ordered(queues) => queues.hash(hasher),
    }
}

/// Hashes elements that come in any order: how many there are, and the sorted hashes of each.
fn hash_unordered<T: Hash>(elements: impl Iterator<Item = T>, hasher: &mut impl Hasher) {
    let each = BuildHasherDefault::<DefaultHasher>::default();
    let mut all: Vec<u64> = elements.map(|element| each.hash_one(element)).collect();
    all.sort_unstable();
    all.hash(hasher);
}
