//! All servers anew, told something else.
//!
//! All have stopped before the first one starts: servers that are told differently are never up together. Some settings
//! are promises of all to one of them. A lease is: a server that is not told of it votes for another leader within it.

use std::sync::Arc;
use std::time::Duration;

use super::cluster::Cluster;
use super::lives;
use super::simulated::run::spec;
use crate::failure::Failure;

/// How long servers that have started may take to elect a leader.
const LEADS_WITHIN: Duration = Duration::from_secs(20);

/// Stops every server that runs, in order, and starts it again with these flags in place of what it was told under the
/// same names; then waits until one leads. Whoever starts later is told the same.
///
/// # Errors
///
/// If the flags make no sense, before any server stops; if none runs; or if one does not start, or none leads in time.
pub async fn all(cluster: &Arc<Cluster>, flags: &[String]) -> Result<(), Failure> {
    let _turn = cluster.turn.lock().await;
    let told = in_place(&cluster.flags(), flags);
    let spec = spec(&told)?;
    let running = cluster.running();
    if running.is_empty() {
        return Err(Failure::data("no server runs: `start all` first"));
    }
    for server in &running {
        lives::stop(cluster, *server).await?;
    }
    *cluster.flags() = told;
    if let Some(simulated) = &cluster.simulated {
        simulated.respec(spec);
    }
    let anew: String = flags.iter().flat_map(|flag| [" ", flag]).collect();
    for server in &running {
        let moment = cluster.now();
        lives::begin(cluster, *server)?;
        cluster.note(moment, "start", Some(*server), &format!("start {server}{anew}"));
    }
    for server in &running {
        lives::answers(cluster, *server).await?;
    }
    lives::leads(cluster, LEADS_WITHIN).await.map(|_| ())
}

/// What is told when `new` is said to who was told `old`: a flag that is named again goes with its values.
fn in_place(old: &[String], new: &[String]) -> Vec<String> {
    fn name(flag: &str) -> &str {
        flag.split('=').next().unwrap_or(flag)
    }
    let is_named = |flag: &str| new.iter().any(|new| new.starts_with("--") && name(new) == name(flag));
    let mut is_replaced = false;
    let kept = old.iter().filter(|word| {
        if word.starts_with("--") {
            is_replaced = is_named(word);
        }
        !is_replaced
    });
    kept.chain(new).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_again_takes_the_place_of_what_was_said() {
        let told = |old: &str, new: &str| {
            let words = |text: &str| text.split_whitespace().map(String::from).collect::<Vec<_>>();
            in_place(&words(old), &words(new)).join(" ")
        };
        assert_eq!(told("", "--read-mode lease"), "--read-mode lease");
        assert_eq!(
            told("--read-mode log --pre-vote=false", "--read-mode=lease"),
            "--pre-vote=false --read-mode=lease"
        );
        assert_eq!(
            told("--read-mode=log --snapshot-count 5", "--snapshot-count 9"),
            "--read-mode=log --snapshot-count 9"
        );
        assert_eq!(told("--read-mode log", ""), "--read-mode log");
    }
}
