//! The gallery: every rule that can be taken away, the property that falls, and the world in which it shows.
//!
//! Each row is a bug that real systems had or that the literature describes, with the reports of it.

mod durability;
mod elections;
mod liveness;
mod membership;
mod reads;
mod replication;
mod sessions;
mod snapshots;
mod unreachable;

use raftlab_core::Rule;
use raftlab_model::{Bounds, Property, Setup, Shim, Way};

pub use unreachable::{UNREACHABLE, Unreachable};

/// One rule, taken away.
#[derive(Debug)]
pub struct Exhibit {
    /// The rule's name: what holds while it is on.
    pub name: &'static str,
    /// The bug's name: what the reports have in common.
    pub bug: &'static str,
    /// How it is taken away.
    pub way: Way,
    /// Where the rule is stated: § is the paper, D the dissertation.
    pub section: &'static str,
    /// What the rule says.
    pub says: &'static str,
    /// What happens without it, in a sentence.
    pub title: &'static str,
    /// The property that falls.
    pub property: &'static str,
    /// The world in which it shows, as a line of bounds.
    pub bounds: &'static str,
    /// Where it really happened: what, and where that is written.
    pub seen_in: &'static [(&'static str, &'static str)],
    /// What a published checker needed to find it, or empty.
    pub published: &'static str,
}

/// All exhibits: elections, then replication, then disks, then liveness, then membership, then reads, then snapshots,
/// then clients.
pub fn all() -> impl Iterator<Item = &'static Exhibit> {
    let groups = [
        elections::EXHIBITS,
        replication::EXHIBITS,
        durability::EXHIBITS,
        liveness::EXHIBITS,
        membership::EXHIBITS,
        reads::EXHIBITS,
        snapshots::EXHIBITS,
        sessions::EXHIBITS,
    ];
    groups.into_iter().flatten()
}

/// The exhibit of this rule, by the rule's name or the bug's.
pub fn named(name: &str) -> Option<&'static Exhibit> {
    all().find(|exhibit| exhibit.name == name).or_else(|| all().find(|exhibit| exhibit.bug == name))
}

impl Exhibit {
    /// A guard of the core switched off. The rule tells its own name, section and text.
    const fn rule(rule: Rule) -> Exhibit {
        Exhibit {
            name: rule.name(),
            section: rule.section(),
            says: rule.says(),
            way: Way::Rule(rule),
            bug: "",
            title: "",
            property: "",
            bounds: "",
            seen_in: &[],
            published: "",
        }
    }

    /// A broken host around a whole core.
    const fn shim(shim: Shim) -> Exhibit {
        Exhibit {
            name: "",
            section: "",
            says: "",
            way: Way::Shim(shim),
            ..Exhibit::rule(Rule::TermNeverFalls)
        }
    }

    /// The property that falls.
    ///
    /// # Panics
    ///
    /// If the exhibit names no property; a test reads them all.
    pub fn property(&self) -> &'static Property {
        Property::named(self.property).expect("an exhibit names a property")
    }

    /// The world in which it shows.
    ///
    /// # Panics
    ///
    /// If the bounds cannot be read; a test reads them all.
    pub fn bounds(&self) -> Bounds {
        self.bounds.parse().expect("an exhibit's bounds can be read")
    }

    /// The broken world, with its property.
    pub fn setup(&self) -> Setup {
        Setup::new(self.bounds()).broken(self.way, self.property())
    }

    /// The same world with every rule on. Faults that only the weakening brings are not in it.
    pub fn whole(&self) -> Setup {
        let liveness = Some(self.property()).filter(|property| property.is_of_calm()).into_iter().collect();
        Setup { liveness, ..Setup::new(Bounds { max_faults: 0, ..self.bounds() }) }
    }
}
