//! The judge of client histories against stories with a known end, a twin that tries everything, and long histories.

mod brute;
mod files;
mod generate;
mod long;
mod random;
mod stories;
