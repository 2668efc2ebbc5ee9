//! An exhaustive explorer for stateright actor models, breadth first, on all cores.
//!
//! It explores any [`stateright::actor::ActorModel`], knows no protocol, and differs from stateright's own checkers in how it
//! holds a state: not as a clone of the whole system, but as one small number for each actor.

pub mod complete;
pub mod protocols;
