//! The model checker's command.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use clap::Parser;
use raftlab_checks::cli::{Cli, Color, Common};
use raftlab_checks::search::INTERRUPTED;
use raftlab_checks::verdict::exit;
use raftlab_checks::{commands, console};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let cli = Cli::parse();
    log_to_stderr(&cli.common);
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

/// What the program does, for those who ask: `RUST_LOG`, or `-v` and `-vv`.
fn log_to_stderr(common: &Common) {
    let default = ["off", "info", "debug"][usize::from(common.verbose.min(2))];
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let ansi = match common.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => std::io::stderr().is_terminal(),
    };
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(ansi).init();
}
