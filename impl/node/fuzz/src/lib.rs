//! Whatever comes from a network, a disk or a person, by chance: nothing panics, and what is taken in is sound.
//!
//! | target | what is fed | subject |
//! |---|---|---|
//! | [`datagram`](targets::datagram) | bytes of the network | the wire, and the core behind it in every role |
//! | [`log`](targets::log) | files of a disk | recovery |
//! | [`trace`](targets::trace) | text | counterexamples |
//! | [`history`](targets::history) | text | what clients did |
//! | [`scenario`](targets::scenario) | text | what is done to a cluster |
//! | [`journal`](targets::journal) | files of journals | what servers recorded, and the replay of it |
//! | [`body`](targets::body) | text | what is said over HTTP, and what names the servers of a cluster |
//! | [`store`](targets::store) | bytes of the log | commands, and snapshots of the store |
//!
//! Each target is a function of some bytes, which it takes for decisions and for content ([`Source`]). Noise alone is
//! turned away at the first check, so most cases begin with something valid and change it a little, and put the right
//! seal around it. How far each case came is counted, and [`run`] fails a target that too seldom came through.
//!
//! # To run it
//!
//! ```text
//! cargo test -p raftlab-fuzz                                                            some seconds
//! RAFTLAB_FUZZ_CASES=10000000 cargo test --release -p raftlab-fuzz datagram -- --nocapture
//! RAFTLAB_FUZZ_FIRST=123456 RAFTLAB_FUZZ_CASES=1 cargo test -p raftlab-fuzz datagram     one case again
//! cargo bolero test -p raftlab-fuzz datagram                                            libFuzzer, AFL or Honggfuzz
//! ```
//!
//! Without a fuzzer the cases are drawn by `ChaCha8` from their number, so that each run tries the same ones, and a case
//! that fails is named by its number.
//!
//! # To add a target
//!
//! A file in `targets/`, its line in `targets.rs` and above, and its test in `tests/targets.rs`.

mod drive;
mod source;
pub mod targets;

pub use self::drive::{Cases, Reached, run};
pub use self::source::Source;
