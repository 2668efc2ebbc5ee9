//! Why we believe it: what the commands `check` and `lab` are made of.
//!
//! Data flows one way: [`catalogue`] and [`gallery`] say what is searched, [`search`] and [`walk`] do it, a [`story`]
//! is the way to what was found, [`trace`] keeps it, [`render`] draws it, [`report`] and [`verdict`] say what it came
//! to. [`commands`] puts these together, a file for each verb of [`cli`]; [`mod@bench`] measures the engines beside
//! each other. [`lab`] runs the core live, by a [`scenario`] or by hand; what that left is judged by [`mod@validate`], with
//! the properties of the model, and by [`linearizable`], and reported by [`evidence`], with what was [`measured`] and how [`quorums`] overlap. [`mod@diagnose`] argues the cause of
//! an incident from what production has of it.

pub mod bench;
pub mod bridge;
pub mod catalogue;
pub mod cli;
pub mod commands;
pub mod console;
pub mod diagnose;
pub mod evidence;
pub mod failure;
pub mod gallery;
pub mod history;
pub mod index;
pub mod lab;
pub mod linearizable;
pub mod measured;
pub mod memory;
pub mod nearest;
pub mod quorums;
pub mod render;
pub mod report;
pub mod rundir;
pub mod sample;
pub mod scenario;
pub mod search;
pub mod story;
pub mod trace;
pub mod validate;
pub mod verdict;
pub mod walk;
