//! Actors that are interchangeable.

use stateright::actor::Id;

/// A permutation of actors: who takes whose name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permutation(Vec<usize>);

impl Permutation {
    /// Everybody keeps their name.
    pub fn identity(actors: usize) -> Permutation {
        Permutation((0..actors).collect())
    }

    /// All permutations of the actors in `free`, of `actors` in all, who keep their names otherwise; the identity first.
    pub fn all_of(free: std::ops::Range<usize>, actors: usize) -> Vec<Permutation> {
        let mut found = Vec::new();
        extend(&mut (0..actors).collect(), free.start, free.end, &mut found);
        found.sort();
        found.into_iter().map(Permutation).collect()
    }

    /// The new name of `actor`. An id that names nobody stays.
    pub fn of(&self, actor: Id) -> Id {
        self.0.get(usize::from(actor)).map_or(actor, |&new| Id::from(new))
    }

    /// The new place of each actor.
    pub fn places(&self) -> &[usize] {
        &self.0
    }

    /// The new place of the actor at `place`.
    #[inline]
    pub fn place(&self, place: usize) -> usize {
        self.0[place]
    }
}

fn extend(order: &mut Vec<usize>, at: usize, end: usize, found: &mut Vec<Vec<usize>>) {
    if at == end {
        found.push(order.clone());
        return;
    }
    for other in at..end {
        order.swap(at, other);
        extend(order, at + 1, end, found);
        order.swap(at, other);
    }
}
