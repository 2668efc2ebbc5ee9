//! A line, word by word: what stands there is read as what has to stand there, or the mistake says what would do.

use std::time::Duration;

use raftlab_core::NodeId;
use raftlab_node::peers::server_name;

use super::error::Mistake;
use super::{Target, Verb};
use crate::nearest::{nearest, unknown};

/// The longest time that can be written: enough for every run, and short enough for every clock.
const TIME_MAX: Duration = Duration::from_secs(24 * 3600);

/// The names that stand for a server, whichever it is.
const ROLES: [(&str, Target); 2] = [("leader", Target::Leader), ("follower", Target::Follower)];

/// A word, and where it begins, in characters from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word<'a> {
    pub text: &'a str,
    pub column: usize,
}

/// The words of a line that were not read yet.
#[derive(Clone, Debug)]
pub struct Words<'a> {
    all: Vec<Word<'a>>,
    at: usize,
    /// One past the last character.
    end: usize,
    /// How the line should be written, once that is known.
    usage: &'static str,
}

impl<'a> Words<'a> {
    /// Splits a line at spaces, and around `|`; what is behind a `#` that begins a word is a comment.
    pub fn of(line: &'a str) -> Words<'a> {
        let mut words = Vec::new();
        let mut begin = None;
        let characters = line.char_indices().zip(1..).map(|((byte, c), column)| (byte, c, column));
        let mut end = 1;
        for (byte, c, column) in characters {
            if begin.is_none() && c == '#' {
                break;
            }
            if c.is_whitespace() || c == '|' {
                words.extend(word(line, begin.take(), byte));
                if c == '|' {
                    words.push(Word { text: "|", column });
                    end = column + 1;
                }
            } else {
                begin.get_or_insert((byte, column));
                end = column + 1;
            }
        }
        // What a comment cut off began no word.
        words.extend(word(line, begin, line.len()));
        Words { all: words, at: 0, end, usage: "" }
    }

    /// Is nothing there?
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// What the line has to look like, for what is said of it from now on.
    pub fn expects(&mut self, verb: &Verb) {
        self.usage = verb.usage;
    }

    /// The next word, left where it is.
    pub fn peek(&self) -> Option<Word<'a>> {
        self.all.get(self.at).copied()
    }

    /// The next word, which has to be there.
    pub fn next(&mut self, what: &str) -> Result<Word<'a>, Mistake> {
        let word = self.peek().ok_or_else(|| {
            Mistake::new(self.end, format!("the line ends where {what} has to stand: `{}`", self.usage))
        })?;
        self.at += 1;
        Ok(word)
    }

    /// Takes the next word if it is this one, with or without the two dashes that flags have.
    pub fn take(&mut self, text: &str) -> bool {
        let is_next = self.peek().is_some_and(|word| word.text.trim_start_matches("--") == text);
        self.at += usize::from(is_next);
        is_next
    }

    /// All words that are left.
    pub fn rest(&mut self) -> impl Iterator<Item = Word<'a>> + use<'a> {
        self.all.split_off(self.at).into_iter()
    }

    /// Nothing may be left.
    pub fn end(&self) -> Result<(), Mistake> {
        match self.peek() {
            None => Ok(()),
            Some(Word { text, column }) => {
                let message = format!("`{text}` is more than belongs here: `{}`", self.usage);
                Err(Mistake::new(column, message))
            }
        }
    }

    /// A mistake of this word.
    pub fn wrong(&self, word: Word<'_>, what: &str) -> Mistake {
        Mistake::new(word.column, format!("`{}` is not {what}: `{}`", word.text, self.usage))
    }

    /// A length of time.
    pub fn time(&mut self) -> Result<Duration, Mistake> {
        let word = self.next("a length of time, such as 500ms,")?;
        time(word.text).ok_or_else(|| self.wrong(word, "a length of time such as 500ms, 1.5s or 2m"))
    }

    /// A time and a sign, in milliseconds.
    pub fn signed_ms(&mut self) -> Result<i64, Mistake> {
        let word = self.next("a time with its sign, such as +5s,")?;
        let (sign, text) = match word.text.strip_prefix('-') {
            Some(text) => (-1, text),
            None => (1, word.text.strip_prefix('+').unwrap_or(word.text)),
        };
        let ms = time(text).and_then(|time| i64::try_from(time.as_millis()).ok());
        ms.map(|ms| sign * ms).ok_or_else(|| self.wrong(word, "a time such as +5s or -500ms"))
    }

    /// A whole number from `min` to `max`.
    pub fn number(&mut self, what: &str, min: u64, max: u64) -> Result<u64, Mistake> {
        let word = self.next(what)?;
        let number = word.text.parse().ok().filter(|number| (min..=max).contains(number));
        number.ok_or_else(|| self.wrong(word, &format!("{what} from {min} to {max}")))
    }

    /// The same, of what fits into 32 bits.
    pub fn number_u32(&mut self, what: &str, min: u32, max: u32) -> Result<u32, Mistake> {
        let number = self.number(what, min.into(), max.into())?;
        Ok(u32::try_from(number).unwrap_or(max))
    }

    /// A share: `10%` or `0.1`.
    pub fn share(&mut self) -> Result<f64, Mistake> {
        let word = self.next("a share, such as 10%,")?;
        let share = match word.text.strip_suffix('%') {
            Some(percent) => percent.parse::<f64>().ok().map(|percent| percent / 100.0),
            None => word.text.parse().ok(),
        };
        share
            .filter(|share| (0.0..=1.0).contains(share))
            .ok_or_else(|| self.wrong(word, "a share of all datagrams such as 10% or 0.1"))
    }

    /// How fast a clock runs, in percent.
    pub fn percent(&mut self) -> Result<f64, Mistake> {
        let word = self.next("how fast the clock runs, such as 110%,")?;
        let percent = word.text.strip_suffix('%').and_then(|percent| percent.parse().ok());
        percent
            .filter(|percent| (0.0..=10_000.0).contains(percent))
            .ok_or_else(|| self.wrong(word, "a clock's speed from 0% to 10000% of the truth, such as 110%"))
    }

    /// A word as it stands there.
    pub fn word(&mut self, what: &str) -> Result<String, Mistake> {
        self.next(what).map(|word| word.text.to_string())
    }

    /// Servers' names, with commas between.
    pub fn names(&mut self) -> Result<Vec<NodeId>, Mistake> {
        let word = self.next("servers' names, such as n1,n2,n3,")?;
        let name = |text| server_name(text).map_err(|error| Mistake::new(word.column, error.to_string()));
        word.text.split(',').filter(|text| !text.is_empty()).map(name).collect()
    }

    /// A server, by name or by what it is.
    pub fn target(&mut self) -> Result<Target, Mistake> {
        let word = self.next("a server: n1, leader or follower,")?;
        target(word)
    }

    /// A server, by name.
    pub fn name(&mut self) -> Result<NodeId, Mistake> {
        let word = self.next("a server's name, such as n1,")?;
        server_name(word.text).map_err(|error| Mistake::new(word.column, error.to_string()))
    }

    /// Servers, until a word that is none of theirs: separated by spaces or commas.
    pub fn targets(&mut self, ends: &[&str]) -> Result<Vec<Target>, Mistake> {
        let mut targets = Vec::new();
        while let Some(word) = self.peek() {
            if ends.contains(&word.text.trim_start_matches("--")) {
                break;
            }
            self.at += 1;
            let mut column = word.column;
            for text in word.text.split(',') {
                if !text.is_empty() {
                    targets.push(target(Word { text, column })?);
                }
                column += text.chars().count() + 1;
            }
        }
        if targets.is_empty() {
            self.next("a server: n1, leader or follower,")?;
            return Err(Mistake::new(self.end, format!("no server is named: `{}`", self.usage)));
        }
        Ok(targets)
    }
}

fn word(line: &str, begin: Option<(usize, usize)>, end: usize) -> Option<Word<'_>> {
    begin.map(|(byte, column)| Word { text: &line[byte..end], column })
}

fn target(Word { text, column }: Word<'_>) -> Result<Target, Mistake> {
    if let Some((_, target)) = ROLES.iter().find(|(name, _)| *name == text) {
        return Ok(*target);
    }
    server_name(text).map(Target::Server).map_err(|error| {
        let is_near = !nearest(text, ROLES.map(|(name, _)| name)).is_empty();
        let message = if is_near {
            unknown("server", text, ROLES.map(|(name, _)| name))
        } else {
            format!("{error}; `leader` and `follower` stand for whichever server is one")
        };
        Mistake::new(column, message)
    })
}

/// `500ms`, `3s`, `1.5s`, `2m`.
fn time(text: &str) -> Option<Duration> {
    let split = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(split);
    let seconds = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    let number: f64 = number.parse().ok()?;
    Duration::try_from_secs_f64(number * seconds).ok().filter(|time| *time <= TIME_MAX)
}
