//! The Raft core as a stateright actor model: a world of servers, disks and messages, small enough to be walked through
//! in every order.
//!
//! ```
//! use raftlab_model::{Bounds, RaftModel, Setup};
//! use stateright::{Checker, Model};
//!
//! let bounds: Bounds = "3 servers · terms <= 1 · entries a message <= 1 · set network".parse()?;
//! let checker = RaftModel::new(Setup::new(bounds)).checker().spawn_bfs().join();
//! assert_eq!((checker.unique_state_count(), checker.discoveries().len()), (158, 0));
//! # Ok::<(), raftlab_model::ParseBoundsError>(())
//! ```
//!
//! | file | subject |
//! |---|---|
//! | `world.rs` | the model: what can happen, what it costs, and the traps of the checker that are kept away |
//! | `adapter.rs` | one server's step: an event in, a new server and its messages out; the stateright actor around it |
//! | `server.rs`, `event.rs` | a server with its disk and ghosts; what can happen to it, as one line |
//! | `bounds.rs` | how large the world is |
//! | `property.rs`, `judges.rs`, `membership.rs`, `witness.rs` | what must hold, how it is judged, what must be seen |
//! | `machine.rs` | the state machine of a server, where commands are sent again |
//! | `ledger.rs` | what servers share without a message: bounded causes, clocks, what clients were told |
//! | `shim.rs`, `weakening.rs` | broken hosts around a whole core; the ways in which a world is broken on purpose |
//! | `dead.rs`, `symmetry.rs` | messages that can never act again; servers under other names |
//! | `meters.rs` | what a search counts |
//!
//! Invariants: the disk is rebuilt from the emitted writes, never copied from the core; ghosts never enter the core;
//! causes are bounded, messages never; a step is a pure function of a server and an event.

mod adapter;
mod bounds;
mod calm;
mod dead;
mod event;
mod explored;
mod judges;
mod ledger;
mod machine;
mod membership;
mod meters;
mod property;
mod server;
mod shim;
mod snapshot;
mod symmetry;
mod weakening;
mod witness;
mod world;

pub use adapter::{Done, ServerActor, actor_id, node};
pub use bounds::{Bounds, Disk, FEATURES, NetworkKind, ParseBoundsError};
pub use calm::{Calm, LIVENESS, Phase};
pub use dead::{is_dead, is_sound_for as dead_is_sound_for};
pub use event::{Event, Fault, Label, Reconfiguration, Sent, Tick};
pub use machine::{StateMachine, value};
pub use meters::{Kind, Meters};
pub use property::{
    COMPACTION, COUNT, Judge, MEMBERSHIP, NO_PANIC, PROPERTIES, Property, SESSIONS, Verdict, panic_message,
};
pub use server::{Broken, Clock, Counted, Ghosts, Observed, Past, Server, StaleRead};
pub use shim::{Shim, replaces};
pub use snapshot::{ENTRY_BYTES, decode as decode_state, encode as encode_state};
pub use symmetry::{Renaming, is_sound_for as symmetry_is_sound_for};
pub use weakening::Way;
pub use witness::{Seen, WITNESSES, Witness};
pub use world::{Action, Pictures, RaftModel, Setup, World, at, label};
