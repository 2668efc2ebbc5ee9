//! Stories to draw: a short one, one with all that a picture has marks for, and random walks of any length.

use raftlab_checks::gallery;
use raftlab_checks::story::Story;
use raftlab_model::{Action, Bounds, RaftModel, Setup, label};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

fn model(bounds: &str) -> RaftModel {
    RaftModel::new(Setup::new(bounds.parse::<Bounds>().expect("bounds can be read")))
}

/// Takes steps by label; `…` at a label's end stands for any rest.
pub fn told(bounds: &str, labels: &[&str]) -> Story {
    let model = model(bounds);
    let mut story = Story::at(&model, model.initial());
    for wanted in labels {
        let possible = model.successors(story.last());
        let fits = |text: &str| match wanted.strip_suffix('…') {
            Some(start) => text.starts_with(start),
            None => text == *wanted,
        };
        let labels: Vec<_> = possible.iter().map(|(action, _)| label(action)).collect();
        let at = labels.iter().position(|text| fits(text));
        let at = at.unwrap_or_else(|| panic!("`{wanted}` cannot happen, but\n{}", labels.join("\n")));
        story.push(&model, possible[at].0.clone());
    }
    story
}

/// Eight steps: an election, and an entry committed.
pub fn short() -> Story {
    told(
        "3 servers · terms <= 2 · proposals <= 1 · crashes <= 1 · entries a message <= 1 · set network",
        &[
            "timeout n1",
            "deliver n1@1 → n2 RequestVote last=0@0",
            "deliver n2@1 → n1 VoteReply granted",
            "propose n1",
            "deliver n1@1 → n2 AppendEntries prev=0@0 [1@1] commit=0",
            "deliver n2@1 → n1 AppendReply accepted to 1",
            "crash n2",
            "deliver n1@1 → n2 AppendEntries prev=1@1 [2@1=a1]…",
        ],
    )
}

/// Three terms: a leader is left behind with entries that a later one makes it drop, crashes, and is caught up.
pub fn long() -> Story {
    told(
        "3 servers · terms <= 3 · proposals <= 3 · heartbeats <= 2 · crashes <= 2 · entries a message <= 2 · set network",
        &[
            "timeout n1",
            "deliver n1@1 → n2 RequestVote…",
            "deliver n2@1 → n1 VoteReply granted",
            "propose n1",
            "propose n1",
            "timeout n3",
            "timeout n3",
            "deliver n3@2 → n2 RequestVote…",
            "crash n1",
            "deliver n2@2 → n3 VoteReply granted",
            "deliver n3@2 → n2 AppendEntries…",
            "propose n3",
            "deliver n2@2 → n3 AppendReply accepted to 1",
            "deliver n1@1 → n2 AppendEntries prev=0@0…",
            "deliver n3@2 → n1 AppendEntries prev=0@0…",
            "deliver n3@2 → n2 AppendEntries prev=1@2…",
            "deliver n2@2 → n3 AppendReply accepted to 2",
            "deliver n1@2 → n3 AppendReply accepted to 1",
            "crash n3",
            "timeout n2",
            "deliver n2@3 → n1 RequestVote…",
            "deliver n1@3 → n2 VoteReply granted",
            "heartbeat n2",
        ],
    )
}

/// A slow disk: what is written and not yet synced, and a crash that loses it.
pub fn buffered() -> Story {
    told(
        "3 servers · terms <= 1 · proposals <= 2 · crashes <= 1 · entries a message <= 3 · buffered disk · set network",
        &[
            "timeout n1",
            "sync n1",
            "deliver n1@1 → n2 RequestVote…",
            "sync n2",
            "deliver n2@1 → n1 VoteReply granted",
            "propose n1",
            "sync n1",
            "propose n1",
            "deliver n1@1 → n2 AppendEntries prev=0@0 [1@1 2@1=a1]…",
            "crash n2 keeping 0 of 1 writes",
            "deliver n1@1 → n2 AppendEntries prev=0@0 [1@1 2@1=a1 3@1=a2]…",
            "sync n2",
            "deliver n2@1 → n1 AppendReply accepted to 3",
            "sync n1",
        ],
    )
}

/// A walk in the broken world of an exhibit until its property falls, and what is wrong then.
pub fn broken(name: &str, seed: u64) -> (Story, String) {
    let exhibit = gallery::named(name).expect("the gallery has it");
    let model = RaftModel::new(exhibit.setup());
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    for _ in 0..100_000 {
        let mut story = Story::at(&model, model.initial());
        while let Some(action) = draw(&model, &story, &mut dice) {
            story.push(&model, action);
            if let Err(why) = exhibit.property().holds(&story.last().servers()) {
                return (story, why.clone());
            }
        }
    }
    panic!("`{name}` was not found to break");
}

fn draw(model: &RaftModel, story: &Story, dice: &mut ChaCha8Rng) -> Option<Action> {
    let possible = model.successors(story.last());
    let at =
        usize::try_from(dice.next_u64() % possible.len().max(1) as u64).expect("it is less than a length");
    possible.get(at).map(|(action, _)| action.clone())
}

/// A walk of `length` steps that are drawn from all that can happen.
pub fn walk(bounds: &str, length: usize, seed: u64) -> Story {
    let model = model(bounds);
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let mut story = Story::at(&model, model.initial());
    while story.steps.len() < length {
        let Some(action) = draw(&model, &story, &mut dice) else { break };
        story.push(&model, action);
    }
    story
}

/// A world with enough to spend for a walk of some thousand steps.
pub const WIDE: &str = "3 servers · terms <= 400 · proposals <= 2000 · heartbeats <= 2000 · crashes <= 200 \
                        · entries a message <= 2 · buffered disk · set network";
