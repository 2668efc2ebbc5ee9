//! Why we believe it: what the command `check` is made of.
//!
//! Data flows one way: [`catalogue`] and [`gallery`] say what is searched, [`search`] and [`walk`] do it, a [`story`]
//! is the way to what was found, [`trace`] keeps it, [`render`] draws it, [`report`] and [`verdict`] say what it came
//! to. [`commands`] puts these together, a file for each verb of [`cli`]; [`mod@bench`] measures the engines beside
//! each other. [`evidence`] reports on a live run from the files that it left.

pub mod bench;
pub mod catalogue;
pub mod cli;
pub mod commands;
pub mod console;
pub mod evidence;
pub mod failure;
pub mod gallery;
pub mod history;
pub mod index;
pub mod lab;
pub mod linearizable;
pub mod memory;
pub mod nearest;
pub mod render;
pub mod report;
pub mod rundir;
pub mod scenario;
pub mod search;
pub mod story;
pub mod trace;
pub mod validate;
pub mod verdict;
pub mod walk;
