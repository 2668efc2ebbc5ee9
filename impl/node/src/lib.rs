//! Where the core runs: what a process needs around it, and nothing that decides in its place.
//!
//! | module | subject |
//! |---|---|
//! | [`process`] | threads, sockets and a directory around a [`node`] |
//! | [`node`] | core, state machine, timers and waiting clients, for a host to drive |
//! | [`replica`] | the core, and what of its effects waits for the disk |
//! | [`wal`] | the write-ahead log: segments, snapshots, recovery |
//! | [`disk`] | what the log needs of a file system: a directory, or a disk in memory that crashes |
//! | [`kv`] | the state machine: keys, values, sessions |
//! | [`wire`] | datagrams |
//! | [`peers`] | who the others are, and where |
//! | [`timers`], [`clock`] | when timers run out, by a clock that may be wrong |
//!
//! # Invariants of this crate
//!
//! - It does not depend on the checker, on a simulator, or on any way to switch a rule off.
//! - What the process runs and what a simulator runs is the same [`Replica`](replica::Replica) over the same
//!   [`Wal`](wal::Wal): only disk, clock and network differ.
//! - Whatever comes from a disk or a network is refused with a reason, and never a panic.
//!
//! # What is absent
//!
//! A program, so far: HTTP, metrics and commands come next.

pub mod api;
pub mod chaos;
pub mod client;
pub mod clock;
pub mod ctl;
pub mod disk;
pub mod http;
pub mod kv;
pub mod load;
pub mod node;
pub mod peers;
pub mod process;
pub mod program;
pub mod replica;
pub mod timers;
pub mod wal;
pub mod wire;
