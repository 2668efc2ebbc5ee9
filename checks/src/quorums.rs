//! Sizes of quorums: what a configuration tolerates, and how far the majorities of two have to share servers.
//!
//! Any majority of a configuration meets any other; of two configurations that differ by one server, any majority of
//! one meets any of the other (dissertation 4.1, Figure 4.3). That is why members change one at a time.

use std::fmt;

/// The voters of a configuration, by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Electorate(Vec<String>);

impl Electorate {
    /// Of these voters.
    pub fn new(voters: impl IntoIterator<Item = String>) -> Electorate {
        let mut voters: Vec<_> = voters.into_iter().collect();
        voters.sort();
        voters.dedup();
        Electorate(voters)
    }

    /// Of a configuration as servers write it: `{n1 n2 n3 | n4}`, learners behind the bar.
    pub fn read(members: &str) -> Electorate {
        let inside = members.trim().trim_start_matches('{');
        let voters = inside.split(['|', '}']).next().unwrap_or_default();
        Electorate::new(voters.split([' ', ',']).filter(|name| !name.is_empty()).map(String::from))
    }

    /// How many vote.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Does nobody?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many are a majority.
    pub fn quorum(&self) -> usize {
        self.len() / 2 + 1
    }

    /// How many may fail, and a majority is left.
    pub fn tolerates(&self) -> usize {
        self.len().saturating_sub(self.quorum())
    }

    /// How many servers a majority of this one and a majority of the other share, where they share as few as they can.
    pub fn least_in_common(&self, other: &Electorate) -> usize {
        let common = self.0.iter().filter(|voter| other.0.contains(voter)).count();
        // Each takes those first that the other has not; of what both still need, both have `common` to choose from.
        let needs = |own: &Electorate| own.quorum().saturating_sub(own.len() - common);
        (needs(self) + needs(other)).saturating_sub(common)
    }
}

impl fmt::Display for Electorate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "quorum {} of {}, tolerates {}", self.quorum(), self.len(), self.tolerates())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(names: &[usize]) -> Electorate {
        Electorate::new(names.iter().map(|name| format!("n{name}")))
    }

    /// By trying all majorities of both.
    fn tried(one: &Electorate, other: &Electorate) -> usize {
        let majorities = |of: &Electorate| {
            let (all, quorum) = (of.0.clone(), of.quorum());
            let sets = 0..1_u32 << all.len();
            let chosen = move |set: u32| {
                let own: Vec<_> =
                    (0..all.len()).filter(|at| set >> at & 1 == 1).map(|at| all[at].clone()).collect();
                (own.len() >= quorum).then_some(own)
            };
            sets.filter_map(chosen).collect::<Vec<_>>()
        };
        let others = majorities(other);
        let shared =
            |one: &Vec<String>, other: &Vec<String>| one.iter().filter(|own| other.contains(own)).count();
        let least =
            majorities(one).iter().flat_map(|one| others.iter().map(move |other| shared(one, other))).min();
        least.unwrap_or(0)
    }

    #[test]
    fn what_is_counted_is_what_comes_of_trying_all() {
        let sets = [
            &[1][..],
            &[1, 2],
            &[1, 2, 3],
            &[2, 3, 4],
            &[1, 2, 3, 4],
            &[1, 2, 3, 4, 5],
            &[3, 4, 5],
            &[4, 5, 6],
            &[1, 2, 3, 4, 5, 6, 7],
        ];
        for one in sets {
            for other in sets {
                let (one, other) = (of(one), of(other));
                assert_eq!(one.least_in_common(&other), tried(&one, &other), "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn one_server_at_a_time_leaves_one_in_common_and_two_do_not() {
        assert_eq!(of(&[1, 2, 3]).least_in_common(&of(&[1, 2, 3, 4])), 1);
        assert_eq!(of(&[1, 2, 3]).least_in_common(&of(&[1, 2, 3, 4, 5])), 0, "two at once");
        assert_eq!(of(&[1, 2, 3, 4, 5]).to_string(), "quorum 3 of 5, tolerates 2");
    }

    #[test]
    fn members_are_read_as_servers_write_them() {
        assert_eq!(Electorate::read("{n1 n2 n3 | n4}"), of(&[1, 2, 3]));
        assert_eq!(Electorate::read("{n1 n2}"), of(&[1, 2]));
    }
}
