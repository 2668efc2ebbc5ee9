//! What the tables share memory with. It is the standard library's; a test that tries all orders of what threads do
//! puts others in their place.

pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
pub(crate) use std::sync::{Mutex, OnceLock};
