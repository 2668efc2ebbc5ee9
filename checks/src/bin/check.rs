//! The model checker's command.

use std::process::ExitCode;
use std::sync::atomic::Ordering;

use clap::Parser;
use raftlab_checks::cli::Cli;
use raftlab_checks::search::INTERRUPTED;
use raftlab_checks::verdict::exit;
use raftlab_checks::{commands, console};

fn main() -> ExitCode {
    let cli = Cli::parse();
    console::log_to_stderr(&cli.common);
    console::silence_model_panics();
    // The first Ctrl-C asks every search to stop and say what it knows; the second one ends the program.
    let _ = ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    });
    match commands::dispatch(cli) {
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
