//! A measurement: for how long clients work in a closed loop, at what, and under which name that is kept.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::error::Mistake;
use super::options::{each, reads};
use super::words::Words;
use super::write::Time;

/// The most clients that measure.
const CLIENTS_MAX: u32 = 1000;

/// One window of it. Those of one name, ratio and number of clients are samples of the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measure {
    /// What is measured, in a word: `lease`.
    pub name: String,
    /// Reads to writes. There are reads among them.
    pub reads: (u32, u32),
    /// How many clients, each asking for one thing at a time.
    pub clients: u32,
    /// On how many keys.
    pub keys: u32,
    /// For how long.
    pub lasts: Duration,
}

/// What stands behind `measure`. The ratio and the time have to be there.
pub fn measure(words: &mut Words<'_>) -> Result<Measure, Mistake> {
    let name = words.word("a name of what is measured")?;
    let (mut ratio, mut lasts) = (None, None);
    let (mut clients, mut keys) = (16, 64);
    each(words, &["reads", "clients", "keys", "for"], |option, words| {
        let word = words.peek();
        match option {
            "reads" => ratio = Some(reads(words)?),
            "clients" => clients = words.number_u32("a number of clients", 1, CLIENTS_MAX)?,
            "keys" => keys = words.number_u32("a number of keys", 1, 10_000)?,
            _ => lasts = Some(words.time()?),
        }
        let is_nothing = ratio.is_some_and(|(reads, _)| reads == 0) || lasts == Some(Duration::ZERO);
        match word {
            Some(word) if is_nothing => Err(words.wrong(word, "enough to measure a read in")),
            _ => Ok(()),
        }
    })?;
    // What is missing is missed where the line ends.
    let missing = |words: &mut Words<'_>, what: &str| match words.next(what) {
        Ok(word) => words.wrong(word, what),
        Err(mistake) => mistake,
    };
    let ratio = ratio.ok_or_else(|| missing(words, "`reads` and reads to writes, such as 10:1,"))?;
    let lasts = lasts.ok_or_else(|| missing(words, "`for` and a time"))?;
    Ok(Measure { name, reads: ratio, clients, keys, lasts })
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Measure { name, reads: (reads, writes), clients, keys, lasts } = self;
        write!(f, "measure {name} reads {reads}:{writes} clients {clients} keys {keys} for {}", Time(*lasts))
    }
}
