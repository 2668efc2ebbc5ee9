//! What the tests of the explorer share.

// Each test program compiles all of this and uses a part of it.
#![allow(dead_code)]

pub mod cases;
pub mod features;
pub mod random_system;
pub mod step;
pub mod survey;
pub mod walk;
