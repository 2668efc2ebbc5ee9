//! The Raft core as a stateright actor model.

mod adapter;
mod bounds;
mod dead;
mod event;
mod judges;
mod meters;
mod property;
mod server;
mod shim;
mod weakening;
mod witness;
mod world;

pub use adapter::{Done, ServerActor, actor_id, node};
pub use bounds::{Bounds, Disk, NetworkKind, ParseBoundsError};
pub use dead::{is_dead, is_sound_for as dead_is_sound_for};
pub use event::{Event, Fault, Label, Sent, Tick};
pub use meters::{Kind, Meters};
pub use property::{COUNT, Judge, NO_PANIC, PROPERTIES, Property, Verdict, panic_message};
pub use server::{Broken, Ghosts, Observed, Server};
pub use shim::Shim;
pub use weakening::Way;
pub use witness::{Step, WITNESSES, Witness};
pub use world::{Action, Pictures, RaftModel, Setup, World, at, label};
