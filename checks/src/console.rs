//! What a run says on stderr while it works: a bar on a terminal, a line every few seconds elsewhere.

use std::cell::Cell;
use std::io::IsTerminal;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tracing_subscriber::EnvFilter;

use crate::cli::{Color, Common};
use crate::memory;
use crate::search::{Progress, Tables};

/// Where progress goes, and how stdout is painted.
#[derive(Debug)]
pub struct Console {
    bars: Option<MultiProgress>,
    quiet: bool,
    color: bool,
}

/// The progress of one search.
#[derive(Debug)]
pub struct Line<'a> {
    console: &'a Console,
    name: String,
    bar: Option<ProgressBar>,
    said: Mutex<Instant>,
}

/// Between two lines where there is no terminal.
const EVERY: Duration = Duration::from_secs(5);

impl Console {
    /// As the flags and the environment want it.
    pub fn new(common: &Common) -> Console {
        let color = match common.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
            }
        };
        let bars = (!common.quiet && std::io::stderr().is_terminal()).then(MultiProgress::new);
        Console { bars, quiet: common.quiet, color }
    }

    /// Starts telling how a search goes.
    pub fn line(&self, name: &str) -> Line<'_> {
        let style = ProgressStyle::with_template("{spinner} {prefix} {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bar = self.bars.as_ref().map(|bars| bars.add(ProgressBar::new_spinner().with_style(style)));
        if let Some(bar) = &bar {
            bar.set_prefix(name.to_string());
        }
        Line { console: self, name: name.to_string(), bar, said: Mutex::new(Instant::now()) }
    }

    /// Says something that is neither result nor error.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            match &self.bars {
                Some(bars) => bars.suspend(|| eprintln!("{text}")),
                None => eprintln!("{text}"),
            }
        }
    }

    /// Prints results on stdout, past the bars.
    pub fn print(&self, text: &str) {
        match &self.bars {
            Some(bars) => bars.suspend(|| print_through(text)),
            None => print_through(text),
        }
    }

    /// `text` in green.
    pub fn good(&self, text: &str) -> String {
        self.paint(32, text)
    }

    /// `text` in red.
    pub fn bad(&self, text: &str) -> String {
        self.paint(31, text)
    }

    /// `text` in yellow.
    pub fn doubtful(&self, text: &str) -> String {
        self.paint(33, text)
    }

    fn paint(&self, color: u8, text: &str) -> String {
        if self.color { format!("\u{1b}[{color}m{text}\u{1b}[0m") } else { text.to_string() }
    }
}

/// A reader that went away (`| head`) ends the program quietly, as it ends others.
fn print_through(text: &str) {
    use std::io::Write;
    if std::io::stdout().lock().write_all(text.as_bytes()).is_err() {
        std::process::exit(0);
    }
}

impl Line<'_> {
    /// Tells how far it is.
    pub fn update(&self, progress: &Progress) {
        if let Some(bar) = &self.bar {
            bar.set_message(describe(progress));
            bar.tick();
        } else if !self.console.quiet {
            let mut said = self.said.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if said.elapsed() >= EVERY {
                *said = Instant::now();
                eprintln!("{} {}", self.name, describe(progress));
            }
        }
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// States, rate, depth, memory, the share of duplicates, and what the explorer's states are made of.
fn describe(progress: &Progress) -> String {
    // Both counters move while they are read: what is new may be counted before what was generated.
    let fresh = progress.states.min(progress.generated);
    let duplicates = 100 - 100 * fresh / progress.generated.max(1);
    let tables = progress.tables.map_or(String::new(), |Tables { locals, messages, cells, .. }| {
        let [locals, messages, cells] = [locals, messages, cells].map(|count| grouped(u64::from(count)));
        format!(" · of {locals} servers, {messages} messages, {cells} cells")
    });
    format!(
        "{} states · {}/s · frontier {} · depth {} · {} · {duplicates} % duplicates{tables}",
        grouped(progress.states),
        grouped(progress.rate()),
        grouped(progress.frontier),
        progress.depth,
        size(progress.tables.map_or_else(memory::current, |tables| tables.bytes)),
    )
}

/// `7,129,040`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `412 MiB`.
pub fn size(bytes: u64) -> String {
    match bytes {
        0x2_8000_0000.. => format!("{} GiB", bytes >> 30),
        0x10_0000.. => format!("{} MiB", bytes >> 20),
        _ => format!("{} KiB", bytes >> 10),
    }
}

thread_local! {
    /// Is a panic of this thread caught by somebody who tells of it?
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Does it, and gives back with what it panicked, if it did: where panics are silenced, nothing is printed of that.
///
/// # Errors
///
/// What it panicked with.
pub fn quietly<T>(what: impl FnOnce() -> T) -> std::thread::Result<T> {
    IS_QUIET.set(true);
    let done = catch_unwind(AssertUnwindSafe(what));
    IS_QUIET.set(false);
    done
}

/// A panic of the core is a property that broke, and is reported as one: it is not printed on the way. Nor is one that
/// is caught [quietly].
pub fn silence_model_panics() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let in_the_core = panic.location().is_some_and(|at| at.file().contains("impl/core"));
        if !in_the_core && !IS_QUIET.get() {
            print(panic);
        }
    }));
}

/// What the program does, for those who ask: `RUST_LOG`, or `-v` and `-vv`.
pub fn log_to_stderr(common: &Common) {
    let default = ["off", "info", "debug"][usize::from(common.verbose.min(2))];
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let ansi = match common.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => std::io::stderr().is_terminal(),
    };
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(ansi).init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_that_are_read_while_they_move_do_not_matter() {
        let elapsed = Duration::from_secs(1);
        let early = Progress { states: 8, generated: 7, frontier: 0, depth: 1, elapsed, tables: None };
        assert!(describe(&early).contains("0 % duplicates"));
        let later = Progress { states: 25, generated: 100, ..early };
        assert!(
            describe(&later).starts_with("25 states · 25/s") && describe(&later).contains("75 % duplicates")
        );
    }

    #[test]
    fn sizes_are_told_in_units_of_their_own() {
        assert_eq!(
            [700 << 10, 412 << 20, 9 << 30, 12 << 30].map(size),
            ["700 KiB", "412 MiB", "9216 MiB", "12 GiB"]
        );
    }

    #[test]
    fn numbers_are_grouped_by_three() {
        assert_eq!([0, 999, 1_000, 7_129_040].map(grouped), ["0", "999", "1,000", "7,129,040"]);
    }
}
