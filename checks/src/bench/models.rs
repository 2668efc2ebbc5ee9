//! What is measured: this project's Raft, and two protocols that others measure too.

use std::hash::Hash;
use std::time::Instant;

use raftlab_explorer::complete::Complete;
use raftlab_explorer::protocols::{paxos, raft};
use raftlab_explorer::{Explorer, System, explore};
use raftlab_model::{RaftModel, Setup};
use stateright::actor::Network;
use stateright::{Checker, Model};

use super::{Asked, Counts, Engine, Subject, with_memory};
use crate::search::SearchError;

/// Models of half a million to a million states.
pub fn large() -> Vec<Subject> {
    vec![
        own("raft", "3 servers · terms <= 2 · proposals <= 1 · entries a message <= 1 · set network"),
        own(
            "raft-crash",
            "3 servers · terms <= 2 · time-outs <= 2 · crashes <= 1 · entries a message <= 1 · buffered disk · set network",
        ),
        paxos("paxos-3x3", "Paxos, 3 clients and 3 servers, bag network", 3),
        example(
            "example-raft",
            "stateright's Raft example, 3 servers, 1 crash, 9 steps deep, bag network",
            9,
        ),
    ]
}

/// The same, small.
pub fn quick() -> Vec<Subject> {
    vec![
        own("raft", "3 servers · terms <= 1 · proposals <= 1 · entries a message <= 1 · set network"),
        own(
            "raft-crash",
            "3 servers · terms <= 1 · crashes <= 1 · entries a message <= 1 · buffered disk · set network",
        ),
        paxos("paxos-2x3", "Paxos, 2 clients and 3 servers, bag network", 2),
        example(
            "example-raft",
            "stateright's Raft example, 3 servers, 1 crash, 5 steps deep, bag network",
            5,
        ),
    ]
}

/// This project's Raft, in a world of these bounds.
fn own(name: &'static str, bounds: &'static str) -> Subject {
    let model = move || RaftModel::new(Setup::new(bounds.parse().expect("a bench's bounds can be read")));
    Subject {
        name,
        says: bounds,
        stateright: Box::new(move |engine| Some(checked(model(), None, engine))),
        told: Box::new(move |asked| explored(&model(), None, asked)),
        plain: None,
        has_symmetry: true,
    }
}

/// Paxos. Its servers are not interchangeable: a ballot is ordered by its leader's name.
fn paxos(name: &'static str, says: &'static str, clients: usize) -> Subject {
    let model = move || paxos::paxos(clients, 3, Network::new_unordered_nonduplicating([]));
    Subject {
        name,
        says,
        stateright: Box::new(move |engine| Some(checked(Complete(model()), None, engine))),
        told: Box::new(move |asked| explored(&paxos::Told(model()), None, asked)),
        plain: Some(Box::new(move |asked| explored(&model(), None, asked))),
        has_symmetry: false,
    }
}

/// stateright's Raft example, so many steps deep: it has no end. With a bound on depth a depth-first search loses
/// states, those to which it came by a longer way first.
fn example(name: &'static str, says: &'static str, steps: u32) -> Subject {
    let model = || raft::raft(3, Network::new_unordered_nonduplicating([]));
    let by_stateright = move |engine| {
        (engine != Engine::StaterightDfs).then(|| checked(Complete(model()), Some(steps), engine))
    };
    Subject {
        name,
        says,
        stateright: Box::new(by_stateright),
        told: Box::new(move |asked| explored(&raft::Told(model()), Some(steps), asked)),
        plain: Some(Box::new(move |asked| explored(&model(), Some(steps), asked))),
        has_symmetry: true,
    }
}

/// By stateright, on one thread. To it a path is as long as it has states.
fn checked<M>(model: M, steps: Option<u32>, engine: Engine) -> Counts
where
    M: Model<State: Clone + PartialEq + Hash + Send + Sync, Action: Clone + PartialEq>
        + Send
        + Sync
        + 'static,
{
    let builder = model.checker().threads(1);
    let builder = steps.into_iter().fold(builder, |asked, steps| asked.target_max_depth(steps as usize + 1));
    let start = Instant::now();
    let ((states, generated, nanos), peak_bytes) = with_memory(|| {
        let count =
            |states: usize, generated: usize| (states as u64, generated as u64, start.elapsed().as_nanos());
        if engine == Engine::StaterightDfs {
            let checker = builder.spawn_dfs().join();
            count(checker.unique_state_count(), checker.state_count())
        } else {
            let checker = builder.spawn_bfs().join();
            count(checker.unique_state_count(), checker.state_count())
        }
    });
    Counts { states, states_full: states, generated, symmetry: 1, seconds_nanos: nanos, peak_bytes }
}

/// By the explorer. What it finds does not end it: stateright's search goes on too.
fn explored<S: System>(system: &S, steps: Option<u32>, asked: &Asked) -> Result<Counts, SearchError> {
    let explorer = explore(system).keep_going();
    let explorer = explorer.threads(asked.threads).mode(asked.mode).symmetry(asked.symmetry);
    let start = Instant::now();
    let report = steps.into_iter().fold(explorer, Explorer::max_depth).run()?;
    Ok(Counts {
        states: report.progress.states,
        states_full: report.full_states,
        generated: report.progress.generated,
        symmetry: report.symmetry,
        seconds_nanos: start.elapsed().as_nanos(),
        peak_bytes: Some(report.peak_bytes as u64),
    })
}
