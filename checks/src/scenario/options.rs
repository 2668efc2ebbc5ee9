//! What may stand behind a command, in any order, each at most once: `drop 10% delay 5ms`.

use super::error::Mistake;
use super::words::Words;
use super::{Load, Quality};
use crate::nearest::unknown;

/// Reads options until the line ends, each by `read`; whatever is not one of `names` is a mistake.
pub fn each(
    words: &mut Words<'_>,
    names: &[&'static str],
    mut read: impl FnMut(&str, &mut Words<'_>) -> Result<(), Mistake>,
) -> Result<(), Mistake> {
    let mut seen = Vec::new();
    while let Some(word) = words.peek() {
        let name = word.text.trim_start_matches("--");
        let Some(name) = names.iter().find(|known| **known == name) else {
            return Err(Mistake::new(word.column, unknown("word that can stand here", name, names.to_vec())));
        };
        if seen.contains(name) {
            return Err(Mistake::new(word.column, format!("`{name}` is there twice")));
        }
        seen.push(*name);
        words.take(name);
        read(name, words)?;
    }
    Ok(())
}

/// Only `one-way`.
pub fn one_way(words: &mut Words<'_>) -> Result<bool, Mistake> {
    let mut is_one_way = false;
    each(words, &["one-way"], |_, _| {
        is_one_way = true;
        Ok(())
    })?;
    Ok(is_one_way)
}

/// What is wrong with a link, at least one thing, and whether one way only.
pub fn link(words: &mut Words<'_>) -> Result<(Quality, bool), Mistake> {
    let (mut quality, mut is_one_way) = (Quality::default(), false);
    let mut told = words.clone();
    each(words, &["drop", "delay", "jitter", "duplicate", "one-way"], |name, words| {
        match name {
            "drop" => quality.drop = words.share()?,
            "duplicate" => quality.duplicate = words.share()?,
            "delay" => quality.delay = words.time()?,
            "jitter" => quality.jitter = words.time()?,
            _ => is_one_way = true,
        }
        Ok(())
    })?;
    if quality == Quality::default() {
        let nothing = "something that is wrong with the link";
        return Err(match told.next(nothing) {
            Err(mistake) => mistake,
            Ok(word) => Mistake::new(
                word.column,
                "nothing is wrong with such a link: say drop, delay, jitter or duplicate, or `heal`",
            ),
        });
    }
    Ok((quality, is_one_way))
}

/// How clients work.
pub fn load(words: &mut Words<'_>, mut load: Load) -> Result<Load, Mistake> {
    each(words, &["for", "reads", "keys", "rate"], |name, words| {
        match name {
            "for" => load.lasts = Some(words.time()?),
            "reads" => load.reads = reads(words)?,
            "keys" => load.keys = words.number_u32("a number of keys", 1, 10_000)?,
            _ => load.rate = Some(words.number_u32("a number of operations a second", 1, 1_000_000)?),
        }
        Ok(())
    })?;
    Ok(load)
}

pub fn reads(words: &mut Words<'_>) -> Result<(u32, u32), Mistake> {
    let word = words.next("reads to writes, such as 1:1,")?;
    ratio(word.text).ok_or_else(|| words.wrong(word, "reads to writes such as 1:1 or 9:1"))
}

/// `9:1`: reads to writes, not both 0.
pub fn ratio(text: &str) -> Option<(u32, u32)> {
    let (reads, writes) = text.split_once(':')?;
    let (reads, writes): (u32, u32) = (reads.parse().ok()?, writes.parse().ok()?);
    Some((reads, writes)).filter(|(reads, writes)| reads + writes > 0 && *reads <= 1000 && *writes <= 1000)
}
