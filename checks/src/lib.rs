//! Why we believe it: what the command `check` is made of.

pub mod gallery;
pub mod nearest;
pub mod render;
pub mod story;
pub mod trace;
