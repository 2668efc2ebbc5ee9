//! What is fed with what, a file each.

pub mod body;
pub mod datagram;
pub mod history;
pub mod journal;
pub mod log;
pub mod scenario;
pub mod store;
pub mod trace;
