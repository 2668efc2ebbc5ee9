//! One server of a raftlab cluster.

use std::process::ExitCode;

fn main() -> ExitCode {
    raftlab_node::program::main(std::env::args_os())
}
