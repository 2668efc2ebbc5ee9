//! The cluster's command: keys and values, members, health, logs, measurements.

use std::process::ExitCode;

fn main() -> ExitCode {
    raftlab_node::ctl::run(std::env::args_os())
}
