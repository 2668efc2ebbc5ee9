//! The pictures of a run: one axis of time for all of them, faults behind every curve, a legend in each.
//!
//! Elements carry classes, and `plot.css` says how they look on a light and on a dark ground; a file of its own holds
//! that sheet, a page holds it once. Colours of servers are told apart by people who see few, and every curve has its
//! server's name at its end, every fault its word where there is room.

mod canvas;
mod frame;
mod lanes;
mod load;
mod scale;
mod series;
mod servers;
mod terms;

use super::Told;

/// How the pictures look.
pub const STYLE: &str = include_str!("plot/plot.css");

/// What is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plot {
    /// Each server's roles.
    Lanes,
    /// Terms and their leaders.
    Terms,
    /// What clients got done.
    Throughput,
    /// How long they waited.
    Latency,
    /// How long disks took.
    Fsync,
    /// What waited and what was refused.
    Proposals,
    /// Memory and processors.
    Resources,
}

impl Plot {
    /// All of them, in the order of a page.
    pub const ALL: [Plot; 7] = [
        Plot::Lanes,
        Plot::Terms,
        Plot::Throughput,
        Plot::Latency,
        Plot::Fsync,
        Plot::Proposals,
        Plot::Resources,
    ];

    /// Its file's name, without the ending.
    pub fn name(self) -> &'static str {
        match self {
            Plot::Lanes => "lanes",
            Plot::Terms => "terms",
            Plot::Throughput => "throughput",
            Plot::Latency => "latency",
            Plot::Fsync => "fsync",
            Plot::Proposals => "proposals",
            Plot::Resources => "resources",
        }
    }

    /// What stands above it.
    pub fn title(self) -> &'static str {
        match self {
            Plot::Lanes => "Servers: roles, terms, faults",
            Plot::Terms => "Terms and their leaders",
            Plot::Throughput => "Operations a second",
            Plot::Latency => "Latency of operations that were done",
            Plot::Fsync => "Time of a sync, at each server's disk",
            Plot::Proposals => "Proposals that wait, requests that are refused",
            Plot::Resources => "Memory and processor time of each server",
        }
    }

    /// How it is read.
    pub fn says(self) -> &'static str {
        match self {
            Plot::Lanes => {
                "A number is the term that begins there. ✗ is a process that ends, ▲ one that starts, if there are few. Below each lane \
                 stand the faults at that server."
            }
            Plot::Terms => {
                "A bar is the time for which a server led its term, the staircase the latest term that any server \
                 was in. Two bars above each other are an old leader who did not know yet."
            }
            Plot::Throughput => {
                "A failed operation had no effect, an unknown one may have had: the client got no answer in time."
            }
            Plot::Latency => "Median and slowest hundredth of each second; no line where nothing was done.",
            Plot::Fsync => {
                "Median and slowest hundredth of the last syncs, as each server measures them. Where samples are denser \
                 than pixels, the highest are drawn."
            }
            Plot::Proposals => {
                "Refused are requests to a server at which too many wait: the client tries again."
            }
            Plot::Resources => "Memory is what is resident; 100 % is one processor, over the last second.",
        }
    }
}

/// A picture as a part of a page that holds [`STYLE`].
pub fn draw(told: &Told, plot: Plot) -> String {
    match plot {
        Plot::Lanes => lanes::draw(told),
        Plot::Terms => terms::draw(told),
        Plot::Throughput => load::throughput(told),
        Plot::Latency => load::latency(told),
        Plot::Fsync => servers::fsync(told),
        Plot::Proposals => servers::proposals(told),
        Plot::Resources => servers::resources(told),
    }
}

/// A picture as a file of its own.
pub fn file(told: &Told, plot: Plot) -> String {
    let drawn = draw(told, plot);
    let at = drawn.find('>').map_or(0, |at| at + 1);
    format!("{}\n<style>\n{STYLE}</style>{}", &drawn[..at], &drawn[at..])
}
