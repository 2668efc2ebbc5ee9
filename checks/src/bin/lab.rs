//! The command for clusters that run.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use raftlab_checks::console;
use raftlab_checks::lab::{self, Cli};
use raftlab_checks::verdict::exit;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // A whole cluster needs one program: `lab node` is a server, `lab ctl` a client.
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    match arguments.first().and_then(|verb| verb.to_str()) {
        Some("node") => return raftlab_node::program::main(arguments),
        Some("ctl") => return raftlab_node::ctl::run(lab::control::with_endpoints(arguments)),
        _ => {}
    }
    let cli = Cli::parse();
    console::log_to_stderr(&cli.common);
    console::silence_model_panics();
    match lab::dispatch(cli) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            eprintln!("error: {failure}");
            if failure.exit == exit::USAGE {
                eprintln!("\nFor more information, try '--help'.");
            }
            ExitCode::from(failure.exit)
        }
    }
}
