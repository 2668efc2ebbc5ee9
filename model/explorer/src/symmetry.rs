//! Actors that are interchangeable.

use std::collections::BTreeSet;

use stateright::actor::Id;

/// A permutation of actors: who takes whose name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permutation(Vec<usize>);

impl Permutation {
    /// Everybody keeps their name.
    pub fn identity(actors: usize) -> Permutation {
        Permutation((0..actors).collect())
    }

    /// All permutations of the actors in `free`, of `actors` in all, who keep their names otherwise; the identity
    /// first.
    pub fn all_of(free: std::ops::Range<usize>, actors: usize) -> Vec<Permutation> {
        let mut found = Vec::new();
        extend(&mut (0..actors).collect(), free.start, free.end, &mut found);
        found.sort();
        found.into_iter().map(Permutation).collect()
    }

    /// The actor at each place takes the name at that place. None if two would take one name.
    ///
    /// ```
    /// use raftlab_explorer::Permutation;
    /// assert!(Permutation::new(vec![1, 2, 0]).is_some());
    /// assert!(Permutation::new(vec![1, 1, 0]).is_none());
    /// ```
    pub fn new(places: Vec<usize>) -> Option<Permutation> {
        let mut taken = vec![false; places.len()];
        let mut take =
            |&place: &usize| taken.get_mut(place).is_some_and(|taken| !std::mem::replace(taken, true));
        places.iter().all(&mut take).then_some(Permutation(places))
    }

    /// Is this a group of permutations of so many actors, the identity first? If not: why not.
    pub(crate) fn check_group(group: &[Permutation], actors: usize) -> Result<(), String> {
        if group.first() != Some(&Permutation::identity(actors)) {
            return Err(format!("the first of its permutations is not the identity of {actors} actors"));
        }
        if let Some(other) = group.iter().find(|own| own.0.len() != actors) {
            return Err(format!("{:?} is no permutation of {actors} actors", other.0));
        }
        let all: BTreeSet<_> = group.iter().collect();
        if all.len() < group.len() {
            return Err("it names a permutation twice".into());
        }
        // A finite set that is closed has every inverse in it.
        for (a, b) in group.iter().flat_map(|a| group.iter().map(move |b| (a, b))) {
            let both = a.then(b);
            if !all.contains(&both) {
                return Err(format!(
                    "{:?} and then {:?} is {:?}, which is not among its permutations",
                    a.0, b.0, both.0
                ));
            }
        }
        Ok(())
    }

    /// This one, and then `next`.
    fn then(&self, next: &Permutation) -> Permutation {
        Permutation(self.0.iter().map(|&place| next.0[place]).collect())
    }

    /// Gives the names back.
    pub(crate) fn inverse(&self) -> Permutation {
        let mut places = vec![0; self.0.len()];
        self.0.iter().enumerate().for_each(|(old, &new)| places[new] = old);
        Permutation(places)
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
