//! The way to a discovery, from the process that made it to all others.
//!
//! Its numbers of states, messages and steps are that process's own; fingerprints mean the same everywhere. So the
//! way is told as the fingerprints of the states on it, and each process finds it again with its own tables, and has
//! it confirmed by the actors themselves.

use super::levels::Together;
use super::round::Party;
use super::word::Witness;
use crate::candidate::{Found, Via};
use crate::error::Error;
use crate::machine::Machine;
use crate::path::Ways;
use crate::report::{Discovery, PANIC};
use crate::search::Search;
use crate::sums::print;
use crate::system::{Action, System};

impl<S: System, const W: usize> Search<'_, S, W> {
    /// What there is to report, of all processes.
    pub fn witness(
        &mut self,
        party: &mut Party<W>,
        together: &mut Together,
    ) -> Result<Vec<Discovery<S>>, Error> {
        let own = self.own_witnesses(party.link.process, together);
        let (own, fault) = own.map_or_else(|fault| (Vec::new(), Some(fault)), |own| (own, None));
        let limit = self.limit;
        let words = self.agree_on(party, together, &[], fault, own)?;
        self.limit = limit;
        let properties = &self.machine.properties;
        let mut discoveries = Vec::new();
        for (at, own) in properties.list.iter().enumerate() {
            if self.initial >> at & 1 == 1 {
                let (property, is_violation) = (own.name, properties.always >> at & 1 == 1);
                discoveries.push(Discovery { property, is_violation, path: Vec::new(), message: None });
            }
        }
        let mut witnesses: Vec<_> = words.iter().flat_map(|word| &word.witnesses).collect();
        witnesses.sort_by_key(|witness| witness.property.unwrap_or(u32::MAX));
        for witness in witnesses {
            let at = witness.property.map(|at| at as usize);
            let own = at.and_then(|at| properties.list.get(at));
            let path = self.machine.path_along(witness)?;
            discoveries.push(Discovery {
                property: own.map_or(PANIC, |own| own.name),
                is_violation: at.is_none_or(|at| properties.always >> at & 1 == 1),
                path,
                message: witness.message.clone(),
            });
        }
        Ok(discoveries)
    }

    /// The ways to what this process is to report.
    fn own_witnesses(&self, me: u32, together: &Together) -> Result<Vec<Witness>, Error> {
        let mut witnesses = Vec::new();
        for (at, found) in self.found.iter().enumerate() {
            if let Some(found) = found.as_ref().filter(|_| together.winners[at] == Some(me)) {
                let property = u32::try_from(at).ok();
                witnesses.push(Witness { property, ..self.machine.witness(&self.ways(), found)? });
            }
        }
        if let Some((found, message)) = self.panic.as_ref().filter(|_| together.panic_winner == Some(me)) {
            let message = Some(message.clone());
            witnesses.push(Witness { message, ..self.machine.witness(&self.ways(), found)? });
        }
        Ok(witnesses)
    }
}

impl<S: System> Machine<'_, S> {
    /// The way to `found`, as all can find it again.
    fn witness<const W: usize>(&self, ways: &Ways<W>, found: &Found) -> Result<Witness, Error> {
        let mut chain: Vec<Via> = ways.to(found.parent)?.into_iter().filter_map(|(_, via)| via).collect();
        let panics = found.via.is_panic().then(|| u32::try_from(found.via.place()).unwrap_or(u32::MAX));
        chain.extend(Some(found.via).filter(|via| !via.is_panic()));
        let (mut state, mut prints) = (self.initial(), Vec::new());
        for via in chain {
            let step = self.steps(&state).into_iter().find(|(own, _)| *own == via);
            state = step.ok_or_else(lost)?.1;
            prints.push(print(self, &state));
        }
        Ok(Witness { property: None, prints, panics, message: None })
    }

    /// The actions on that way, confirmed by the actors.
    fn path_along(&self, witness: &Witness) -> Result<Vec<Action<S>>, Error> {
        let (mut state, mut actions) = (self.initial(), Vec::new());
        for &wanted in &witness.prints {
            let step = self.steps(&state).into_iter().find(|(_, next)| print(self, next) == wanted);
            let (via, next) = step.ok_or_else(lost)?;
            actions.push(self.taken(&state, via));
            state = next;
        }
        if let Some(place) = witness.panics {
            actions.push(self.taken(&state, Via::panic(place as usize)));
        }
        self.confirm(&actions, witness.property.map(|at| at as usize), witness.panics.is_some())?;
        Ok(actions)
    }
}

fn lost() -> Error {
    Error::Unconfirmed("a step of the way to it is not there when it is looked for again".into())
}
