//! A live cluster.

fn main() {}
