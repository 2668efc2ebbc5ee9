//! The command for clusters that run.

use std::process::ExitCode;

use clap::Parser;
use raftlab_checks::console;
use raftlab_checks::lab::{self, Cli};
use raftlab_checks::verdict::exit;

fn main() -> ExitCode {
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
