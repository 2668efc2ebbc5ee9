//! Why we believe it: what the command `check` is made of.

pub mod catalogue;
pub mod cli;
pub mod commands;
pub mod console;
pub mod failure;
pub mod gallery;
pub mod index;
pub mod memory;
pub mod nearest;
pub mod render;
pub mod report;
pub mod rundir;
pub mod search;
pub mod story;
pub mod trace;
pub mod verdict;
pub mod walk;
