//! The scripts: what was done to clusters that never were, and what became of them.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use super::scene::Scene;

/// Seven seconds of three servers: n1 leads, is killed, n2 leads, n1 comes back.
pub fn short() -> Scene {
    let mut scene = Scene::new(&["n1", "n2", "n3"], 7);
    scene.elect(400, "n1", 1, &["n2", "n3"]);
    scene.fault(2000, "kill", Some("n1"), "kill n1");
    scene.elect(3155, "n2", 2, &["n3"]);
    scene.fault(4000, "start", Some("n1"), "start n1");
    scene.role(4600, "n1", "follower", 2);
    scene.event(4600, "n1", 2, "leader", "n2 leads");
    scene.fault(5000, "link", Some("n3"), "isolate n3");
    scene.fault(6000, "heal", None, "heal");
    scene.fired.insert("n3", vec![("link_cut", 42), ("pause", 0)]);
    scene
}

/// A minute with everything: kills, a partition of the leader, a slow disk, a pause, a new member, a fast clock.
pub fn minute() -> Scene {
    let mut scene = Scene::new(&["n1", "n2", "n3", "n4"], 60);
    scene.elect(950, "n1", 1, &["n2", "n3"]);
    scene.fault(10_000, "kill", Some("n1"), "kill n1");
    scene.elect(11_310, "n2", 2, &["n3"]);
    scene.fault(14_000, "start", Some("n1"), "start n1");
    scene.role(14_420, "n1", "follower", 2);
    cut(&mut scene);
    scene.fault(33_000, "disk", Some("n3"), "slow-disk n3 40ms");
    scene.fault(37_500, "link", None, "link n1 n3 delay 5ms jitter 5ms");
    scene.fault(39_000, "heal", None, "heal");
    scene.pause(42_000, "n3", 3000);
    scene.elect(43_380, "n1", 5, &["n2"]);
    scene.role(45_030, "n3", "follower", 5);
    scene.fault(46_000, "start", Some("n4"), "start n4, which is to join");
    scene.joined.insert("n4", 46_000);
    scene.role(46_400, "n4", "follower", 5);
    scene.fault(46_600, "member", Some("n4"), "n4 is a learner");
    for (at, server) in ["n1", "n2", "n3", "n4"].into_iter().enumerate() {
        scene.event(46_560 + at as u64, server, 5, "members", "{n1 n2 n3 | n4} since 131072");
        scene.event(48_090 + at as u64, server, 5, "members", "{n1 n2 n3 n4} since 138001");
    }
    scene.fault(48_150, "member", Some("n4"), "n4 votes");
    scene.fault(52_000, "clock", Some("n2"), "skew n2 120%");
    scene.fault(56_000, "kill", Some("n3"), "kill n3");
    scene.fault(56_150, "start", Some("n3"), "start n3");
    scene.role(56_500, "n3", "follower", 5);
    scene.fault(57_000, "heal", None, "heal");
    scene.fired.insert("n1", vec![("link_delay", 1204)]);
    scene.fired.insert("n2", vec![("link_cut", 311), ("clock_rate", 5120)]);
    scene.fired.insert("n3", vec![("disk_slow", 96), ("pause", 1)]);
    scene
}

/// The leader is cut off; two elections fail, a third one succeeds.
fn cut(scene: &mut Scene) {
    scene.fault(20_000, "link", None, "partition n2 | n1,n3");
    scene.role(21_100, "n2", "follower", 2);
    scene.role(21_510, "n3", "candidate", 3);
    scene.role(21_520, "n1", "candidate", 3);
    scene.role(22_300, "n2", "pre-candidate", 2);
    scene.role(22_655, "n1", "pre-candidate", 3);
    scene.elect(22_900, "n3", 4, &["n1"]);
    scene.fault(27_000, "heal", None, "heal");
    scene.role(27_090, "n2", "follower", 4);
}

/// Half an hour of five servers under a fault every six seconds, as they are drawn.
pub fn half_an_hour() -> Scene {
    const SERVERS: [&str; 5] = ["n1", "n2", "n3", "n4", "n5"];
    let mut scene = Scene::new(&SERVERS, 1800);
    let mut dice = ChaCha8Rng::seed_from_u64(9);
    let (mut leader, mut term) = (0, 1);
    scene.elect(700, SERVERS[0], 1, &SERVERS[1..]);
    for at_ms in (6000..1_790_000).step_by(6000) {
        let victim = dice.next_u32() as usize % 5;
        let server = SERVERS[victim];
        let is_over = match dice.next_u32() % 4 {
            0 => {
                scene.fault(at_ms, "kill", Some(server), &format!("kill {server}"));
                scene.fault(at_ms + 2500, "start", Some(server), &format!("start {server}"));
                true
            }
            1 => {
                scene.pause(at_ms, server, 2500);
                true
            }
            2 => {
                scene.fault(at_ms, "link", Some(server), &format!("isolate {server}"));
                scene.fault(at_ms + 3500, "heal", Some(server), "heal");
                true
            }
            _ => {
                scene.fault(at_ms, "disk", Some(server), &format!("slow-disk {server} 40ms"));
                scene.fault(at_ms + 3000, "heal", Some(server), "heal");
                false
            }
        };
        if is_over && victim == leader {
            (leader, term) = ((leader + 1) % 5, term + 1);
            let others: Vec<&'static str> =
                (0..5).filter(|at| *at != leader && *at != victim).map(|at| SERVERS[at]).collect();
            scene.elect(at_ms + 1100 + u64::from(dice.next_u32() % 700), SERVERS[leader], term, &others);
        }
        if is_over {
            scene.role(at_ms + 4000, server, "follower", term);
        }
    }
    for server in SERVERS {
        scene.fired.insert(server, vec![("link_cut", 900), ("disk_slow", 700), ("pause", 14)]);
    }
    scene
}
