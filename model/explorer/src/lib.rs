//! An exhaustive explorer for stateright actor models, breadth first, on all cores.
//!
//! It explores any [`stateright::actor::ActorModel`], knows no protocol, and differs from stateright's own checkers in how it
//! holds a state: not as a clone of the whole system, but as one small number for each actor.

mod ambient;
mod binary;
mod checkpoint;
mod chunks;
pub mod complete;
mod distributed;
mod error;
mod explorer;
mod hash;
mod inbox;
mod interner;
mod judge;
mod lanes;
mod local;
mod machine;
mod path;
mod property;
pub mod protocols;
mod reaction;
mod records;
mod report;
mod row;
mod search;
mod symmetry;
mod system;
mod tables;
mod visited;
mod worker;
mod world;

pub use distributed::{Cluster, Distribution, SharedLevel};
pub use error::Error;
pub use explorer::{Explorer, Mode, explore};
pub use property::{Condition, Property, Reads};
pub use report::{Coverage, Discovery, Level, Limit, PANIC, Progress, Report};
pub use search::ACTORS_MAX;
pub use symmetry::Permutation;
pub use system::{Action, Msg, Random, State, Storage, System, Timer};
