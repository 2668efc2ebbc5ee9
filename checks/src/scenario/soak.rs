//! Scenarios that nobody wrote: everything that can go wrong, drawn by a seed, one thing after another, under load.
//!
//! After each thing the cluster has to be led again and clients have to be answered, or the scenario fails there. What it
//! shows beyond that, its journals and histories show when it is over: nothing acknowledged was lost, all reads were of
//! their time, and memory did not grow.

use std::time::Duration;

use raftlab_core::NodeId;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use super::{Command, Expect, Expected, Fault, Load, Member, Quality, Scenario, Step, Target};

/// About how long it takes until the cluster is led again and answers, beyond what is waited for.
const RECOVERS_IN: Duration = Duration::from_millis(500);

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// How often all servers have to agree.
const AGREES_EVERY: Duration = Duration::from_secs(60);

/// A scenario of about this length.
pub fn soak(seed: u64, lasts: Duration, servers: u64, load: Load) -> Scenario {
    let mut draft = Draft {
        dice: ChaCha8Rng::seed_from_u64(seed),
        commands: vec![Command::Up { servers, flags: Vec::new() }, Command::Load(load)],
        takes: Duration::ZERO,
        founders: servers,
        joiner: servers,
    };
    let mut agreed = Duration::ZERO;
    draft.wait(1000, 2000);
    while draft.takes < lasts {
        draft.episode();
        draft.expect(Expected::Leader(None));
        draft.expect(Expected::Progress);
        draft.wait(300, 1500);
        if draft.takes > agreed + AGREES_EVERY {
            draft.expect(Expected::AllAgree);
            agreed = draft.takes;
        }
    }
    draft.commands.push(Command::StopLoad);
    draft.expect(Expected::AllAgree);
    draft.commands.push(Command::Down);
    let steps = draft.commands.into_iter().enumerate();
    let steps = steps.map(|(at, command)| Step { line: at + 1, command }).collect();
    let about =
        format!("Everything that can go wrong for about {} s, drawn by seed {seed}.", lasts.as_secs());
    Scenario { name: "soak".into(), about, steps }
}

/// A scenario that is being made up.
struct Draft {
    dice: ChaCha8Rng,
    commands: Vec<Command>,
    /// About how long it takes so far.
    takes: Duration,
    founders: u64,
    /// The last server that joined; no name is used twice.
    joiner: u64,
}

impl Draft {
    fn below(&mut self, limit: u64) -> u64 {
        self.dice.next_u64() % limit
    }

    fn time(&mut self, least_ms: u64, most_ms: u64) -> Duration {
        Duration::from_millis(least_ms + self.below(most_ms - least_ms))
    }

    fn wait(&mut self, least_ms: u64, most_ms: u64) {
        let time = self.time(least_ms, most_ms);
        self.takes += time;
        self.commands.push(Command::Wait(time));
    }

    fn expect(&mut self, what: Expected) {
        self.commands.push(Command::Expect(Expect { what, within: PATIENCE }));
    }

    fn fault(&mut self, fault: Fault) {
        self.commands.push(Command::Fault(fault));
    }

    /// The leader, as often as not.
    fn target(&mut self) -> Target {
        if self.below(2) == 0 { Target::Leader } else { Target::Follower }
    }

    /// A founder, by name.
    fn founder(&mut self) -> NodeId {
        NodeId(1 + self.below(self.founders))
    }

    /// One thing that goes wrong, for a while, and is well again; or a change of who belongs to the cluster.
    fn episode(&mut self) {
        self.takes += RECOVERS_IN;
        match self.below(12) {
            0 | 1 => self.kill(1),
            2 => self.kill(2),
            3 => {
                let (server, lasts) = (self.target(), self.time(200, 3000));
                self.takes += lasts;
                self.fault(Fault::Pause { server, lasts });
                self.commands.push(Command::Wait(lasts));
            }
            4 => {
                let server = self.target();
                self.while_it_lasts(Fault::Isolate(server), 1000, 4000);
            }
            5 => self.cut_one_way(),
            6 => self.bad_link(),
            7 => {
                let (server, by) = (self.target(), self.time(20, 400));
                self.while_it_lasts(Fault::SlowDisk { server, by, jitter: Duration::ZERO }, 1500, 5000);
            }
            8 => {
                let server = self.target();
                self.while_it_lasts(Fault::StallDisk(server), 1500, 4000);
            }
            9 => self.wrong_clock(),
            _ => self.membership(),
        }
    }

    fn while_it_lasts(&mut self, fault: Fault, least_ms: u64, most_ms: u64) {
        self.fault(fault);
        self.wait(least_ms, most_ms);
        self.fault(Fault::Heal);
    }

    /// So many servers die, the leader among them or not, and start again. Of three, two are a majority: nothing is done
    /// until one is back.
    fn kill(&mut self, count: u64) {
        let first = self.target();
        self.fault(Fault::Kill(first));
        for _ in 1..count {
            self.fault(Fault::Kill(Target::Follower));
        }
        self.wait(300, 2500);
        self.fault(Fault::Start(None));
    }

    fn cut_one_way(&mut self) {
        let cut = self.founder();
        let others =
            (1..=self.founders).map(NodeId).filter(|other| *other != cut).map(Target::Server).collect();
        let (from, to) = if self.below(2) == 0 {
            (vec![Target::Server(cut)], others)
        } else {
            (others, vec![Target::Server(cut)])
        };
        let is_one_way = self.below(3) > 0;
        self.while_it_lasts(Fault::Partition { from, to, is_one_way }, 1000, 4000);
    }

    fn bad_link(&mut self) {
        #[expect(clippy::cast_precision_loss, reason = "a share of a hundred")]
        let mut share = |of: u64| self.below(of) as f64 / 100.0;
        let (drop, duplicate) = (0.05 + share(30), 0.05 + share(20));
        let quality = Quality { drop, duplicate, delay: self.time(1, 30), jitter: self.time(1, 30) };
        let (from, to) = (Target::Leader, Target::Follower);
        self.while_it_lasts(Fault::Link { from, to, quality, is_one_way: false }, 1500, 4000);
    }

    fn wrong_clock(&mut self) {
        let server = Target::Server(self.founder());
        if self.below(2) == 0 {
            let ms = [-1500, -200, 200, 3000][usize::try_from(self.below(4)).unwrap_or(0)];
            self.fault(Fault::Jump { server, ms });
            self.wait(500, 2000);
        } else {
            let percent = [50.0, 90.0, 110.0, 200.0][usize::try_from(self.below(4)).unwrap_or(0)];
            self.while_it_lasts(Fault::Skew { server, percent }, 1500, 4000);
        }
    }

    /// A server joins and leaves again, or leadership moves.
    fn membership(&mut self) {
        if self.below(3) == 0 {
            return self.commands.push(Command::Member(Member::MoveLeader(Target::Follower)));
        }
        self.joiner += 1;
        let joiner = NodeId(self.joiner);
        self.commands.push(Command::Member(Member::Add(joiner)));
        self.wait(500, 2000);
        self.expect(Expected::Progress);
        self.commands.push(Command::Member(Member::Remove(Target::Server(joiner))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_is_one_scenario_and_every_kind_of_trouble_comes_up() {
        let lasts = Duration::from_secs(600);
        let text = |seed| {
            let steps = soak(seed, lasts, 3, Load::default()).steps;
            let lines: Vec<_> = steps.iter().map(|step| step.command.to_string()).collect();
            lines.join("\n")
        };
        assert_eq!(text(1), text(1));
        assert_ne!(text(1), text(2));
        for word in [
            "kill leader",
            "pause",
            "isolate",
            "partition",
            "link",
            "slow-disk",
            "stall-disk",
            "add n4",
            "remove n4",
        ] {
            assert!(text(1).contains(word), "{word} never comes up");
        }
        // What is made up is in the language in which others are written.
        let again = Scenario::parse("soak.scenario", &text(1)).unwrap();
        assert_eq!(again.steps.len(), soak(1, lasts, 3, Load::default()).steps.len());
    }
}
