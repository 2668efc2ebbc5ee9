//! Protocols to explore: stateright's published examples, written anew.
//!
//! They are the common ground on which explorers are compared: what they do is known, and how many states they have
//! was published or can be counted with stateright itself. Each is made by one function, which returns a plain
//! [`ActorModel`](stateright::actor::ActorModel) with its properties; what a network loses and how many actors crash
//! are the builder's own settings.
//!
//! | module | made by | space | what is special about it |
//! |---|---|---|---|
//! | [`paxos`] | [`paxos::paxos`] | finite | a history, judged for linearizability |
//! | [`abd`] | [`abd::abd`] | finite | the same, with a quorum for each read and write |
//! | [`single_copy`] | [`single_copy::single_copy`] | finite | not linearizable with two servers |
//! | [`write_once`] | [`write_once::write_once`] | finite | a write can be refused |
//! | [`pinger`] | [`pinger::pinger`] | infinite | timers that are always armed |
//! | [`ping_pong`] | [`ping_pong::ping_pong`] | finite, by a boundary | a boundary, a history of counts, liveness |
//! | [`reliable_link`] | [`reliable_link::reliable_link`] | finite, by a boundary | a lossy network, storage |
//! | [`lww`] | [`lww::lww`] | infinite | random choices |
//! | [`raft`] | [`raft::raft`] | infinite | timers, crashes, and a panic in the depth |
//!
//! # Counting
//!
//! Two searches of one space count the same only where both see all of it.
//!
//! - stateright stops when every property has a discovery. Each model here has a property that holds in every state, on
//!   every network and under crashes, so that this never happens.
//! - To stateright the initial state has depth 1, and a state at the depth `n` of `target_max_depth(n)` is counted, but
//!   neither judged nor left: `n` is the number of states on the longest path that is counted, and one more than its
//!   number of steps. A bound on depth is exact with one thread only.
//! - stateright's own hash merges states. [`Complete`](crate::complete::Complete) is what to count with:
//!
//! ```
//! use raftlab_explorer::complete::Complete;
//! use raftlab_explorer::protocols::single_copy::single_copy;
//! use stateright::actor::Network;
//! use stateright::{Checker, Model};
//!
//! let model = single_copy(2, 1, Network::new_unordered_nonduplicating([]));
//! let checker = Complete(model).checker().spawn_bfs().join();
//! checker.assert_properties();
//! assert_eq!(checker.unique_state_count(), 93);
//! ```
//!
//! # Symmetry
//!
//! Servers are interchangeable only in [`raft`], whose rules look at a server's id for nothing but equality. Where the
//! order of ids breaks ties ([`paxos`], [`abd`], [`lww`]) renaming servers changes what happens next, and in all the
//! register models a client picks its servers by their numbers.

pub mod abd;
pub mod lww;
pub mod paxos;
pub mod ping_pong;
pub mod pinger;
pub mod raft;
pub mod register;
pub mod reliable_link;
pub mod single_copy;
pub mod write_once;
