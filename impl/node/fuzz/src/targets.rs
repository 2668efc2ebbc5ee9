//! What is fed with what, a file each.

pub mod body;
pub mod datagram;
pub mod history;
pub mod log;
pub mod store;
pub mod trace;
