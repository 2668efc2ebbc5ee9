//! Where the core runs: what a process needs around it, and nothing that decides in its place.
//!
//! | module | subject |
//! |---|---|
//! | [`program`] | the program `node`: flags, logs, exit codes |
//! | [`ctl`] | the program `ctl`: etcd's verbs, logs offline, measurements, a live table |
//! | [`client`] | finds the leader, repeats in a session, says when nobody knows |
//! | [`load`] | clients that each wait for their answer, by the thousand; what they saw |
//! | [`http`], [`api`] | clients, metrics, health, events: around a process, and what is said there |
//! | [`numbers`] | how a server stands and what was counted, for people and for Prometheus |
//! | [`chaos`] | faults on demand |
//! | [`process`] | threads, sockets and a directory around a [`node`] |
//! | [`node`] | core, state machine, timers and waiting clients, for a host to drive |
//! | [`replica`] | the core, and what of its effects waits for the disk |
//! | [`wal`] | the write-ahead log: segments, snapshots, recovery |
//! | [`disk`] | what the log needs of a file system: a directory, or a disk in memory that crashes |
//! | [`journal`] | all that a core was told and what came of it, to be replayed |
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
//! Encryption: whoever can listen between servers reads what is said, and only changes are prevented, by the cluster's
//! key. HTTP has neither: put a proxy before it where others reach the port. Keys and values are text over HTTP, and
//! bytes everywhere else. A server's address is learnt from its own flags and from the log; to move a server to another
//! port is to let its leader note it anew.

pub mod api;
pub mod chaos;
pub mod client;
pub mod clock;
pub mod ctl;
pub mod disk;
pub mod http;
pub mod journal;
pub mod kv;
pub mod load;
pub mod node;
pub mod numbers;
pub mod peers;
pub mod process;
pub mod program;
pub mod replica;
pub mod timers;
pub mod wal;
pub mod wire;
