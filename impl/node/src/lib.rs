//! Where the core runs: what a process needs around it, and nothing that decides in its place.

pub mod clock;
pub mod disk;
pub mod kv;
pub mod peers;
pub mod replica;
pub mod timers;
pub mod wal;
pub mod wire;
