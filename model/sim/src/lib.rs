//! A world in virtual time, drawn from a seed, around the node that real processes are made of.
//!
//! Servers are [`Node`](raftlab_node::node::Node)s over the real write-ahead log on disks in memory. What is made up is
//! everything between them: how long a datagram is under way, how long a sync takes, what a crash leaves of a disk, what
//! a clock shows. All of it is drawn from one seed, and nothing happens that was not drawn or asked for: two worlds with
//! one seed that are asked for the same are the same, event for event ([`World::print`]).
//!
//! | module | subject |
//! |---|---|
//! | [`world`] | what happens next: servers, links, clients and virtual time |
//! | [`server`] | one server's process: its node, disk, clock, and what is wrong with them |
//! | `life` | one life of that process: what waits for its core, and for its disk |
//! | [`host`] | node, log and disk, for whoever decides what happens next: a life here, or a trace |
//! | [`lies`] | what a host may do that it should not |
//! | [`client`] | clients that pursue a leader, as those of real clusters do |
//! | [`physics`] | how long things take |
//! | `watch` | who sees what cores are given |
//! | `queue` | events in the order of their time |
//!
//! # What is not made up
//!
//! The core, the node, the log with its recovery, the key-value store, timers, the clock that goes wrong, links that go
//! bad and how often they did: each is the code that real processes run. There are no threads here, datagrams are not
//! encoded, and a core takes no time.

pub mod client;
pub mod host;
pub mod lies;
mod life;
pub mod physics;
mod queue;
pub mod server;
mod watch;
pub mod world;

pub use self::client::{Answered, ClientId, Told, Wish};
pub use self::host::Host;
pub use self::lies::{Honest, Lies};
pub use self::physics::{Physics, Takes};
pub use self::server::{Founded, Note, Spec};
pub use self::watch::{Silent, Watch};
pub use self::world::World;
