//! An exhaustive explorer for stateright actor models, breadth first, on all cores.
//!
//! It explores any [`ActorModel`](stateright::actor::ActorModel), knows no protocol, and has the same states, the
//! same verdicts and the same shortest counterexamples as stateright's own checkers. It differs in how it holds a
//! state: not as a clone of the whole system, but as one small number for each actor.
//!
//! ```
//! use raftlab_explorer::explore;
//! use raftlab_explorer::protocols::single_copy::single_copy;
//! use stateright::actor::Network;
//!
//! // A register with two copies, and clients that write to one and read from another.
//! let model = single_copy(2, 2, Network::new_unordered_nonduplicating([]));
//! // In stateright: let checker = model.checker().spawn_bfs().join();
//! let report = explore(&model).keep_going().run()?;
//!
//! assert_eq!(report.progress.states, 62);
//! let violation = report.discovery("linearizable").expect("a stale read");
//! assert!(violation.is_violation);
//! // Stateright's own actions, from the initial state on.
//! println!("{:?}", violation.path);
//! # Ok::<(), raftlab_explorer::Error>(())
//! ```
//!
//! # How it works
//!
//! - A *local* is an actor's state with its timers, choices, storage and whether it is down. A *cell* is a local with
//!   the messages in flight to it. An *ambient* is what belongs to no actor: the history, what is spent of budgets.
//!   Each has a number, by its 128-bit content hash. A state is a cell for each actor and an ambient.
//! - What a cell can do is computed once, by the actor's own code, into a *row* of steps. The fingerprint of a state
//!   is a sum over its parts, so that of a successor is known by one addition, before the successor is built; only
//!   what is new in the table is built at all.
//! - Levels are expanded one after the other, by all threads. So counts are the same on any number of threads, and a
//!   counterexample is a shortest one. It is taken again by stateright's own model before it is reported.
//!
//! # What it does not do
//!
//! - [`Expectation::Eventually`](stateright::Expectation::Eventually) is refused: see [`Error::Eventually`].
//! - Exact means that no state is taken for another one by its fingerprint. Parts of states are told apart by 128
//!   bits of `SipHash`, with a fixed key: enough against chance, not against somebody who makes collisions.
//! - What actors' states own on the heap is not in [`Report::peak_bytes`], nor are the verdicts that a thread
//!   remembers. Each different local is kept once, which is little where there are many more states than locals, as
//!   there mostly are.
//! - A checkpoint notices that a model was changed by what its actors do, not by what a boundary, a property or an
//!   [`is_dead`](System::is_dead) says; and it is guarded against damage, not against forgery.
//!
//! # Where to look
//!
//! | modules | what they are |
//! |---|---|
//! | `explorer`, `report`, `error` | what is asked, what is answered, and what is refused |
//! | `system`, `property`, `symmetry`, `symmetric` | what a model's author can say beyond the model |
//! | `local` | the only place in which actors' code runs |
//! | `reaction`, `row`, `cell`, `machine`, `ambient`, `inbox` | the system as tables: what an event does, what a cell can do |
//! | `worker`, `hot`, `search`, `room`, `judge`, `outcome` | the hot path; levels and limits; growth; properties; the report |
//! | `known`, `candidate`, `sums`, `tally` | what the hot path is about: new or known, by which step, by which fingerprint, counted how |
//! | `visited`, `records`, `interner`, `chunks`, `lanes`, `hash`, `sync` | what they are made of: tables that threads share |
//! | `spill` | past memory: what is known, on disk |
//! | `distributed` | one exploration by several processes |
//! | `world`, `scene`, `path` | back from numbers to states and actions |
//! | `checkpoint`, `tables`, `binary` | a search on disk |
//! | `audit` | what a model says of itself, held against what it does |
//! | [`complete`], [`protocols`] | what explorers are compared on |

mod ambient;
mod audit;
mod binary;
mod candidate;
mod cell;
mod checkpoint;
mod chunks;
pub mod complete;
mod distributed;
mod error;
mod explorer;
mod hash;
mod hot;
mod inbox;
mod interner;
mod judge;
mod known;
mod lanes;
mod local;
mod machine;
mod outcome;
mod path;
mod property;
pub mod protocols;
mod reaction;
mod records;
mod report;
mod room;
mod row;
mod scene;
mod search;
mod spill;
mod sums;
mod symmetric;
mod symmetry;
mod sync;
mod system;
mod tables;
mod tally;
mod visited;
mod worker;
mod world;

pub use distributed::{Cluster, Distribution, SharedLevel};
pub use error::Error;
pub use explorer::{Explorer, Mode, explore};
pub use property::{Condition, OfAll, OfHistory, OfMessage, OfOne, OfPair, OfStep, Property, Reads};
pub use report::{Coverage, Discovery, Level, Limit, PANIC, Progress, Report};
pub use search::ACTORS_MAX;
pub use spill::{Spill, Spilled};
pub use symmetric::Symmetric;
pub use symmetry::Permutation;
pub use system::{Action, Msg, Random, State, Storage, System, Timer};
