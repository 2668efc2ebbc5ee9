//! What servers did that have nothing wrong is what the core does, and every property that can be judged was.

use std::collections::BTreeMap;

use raftlab_checks::validate::validate;
use raftlab_core::NodeId;
use raftlab_node::node::Event;
use raftlab_node::replica::DiskIo;

use crate::hand::Hand;
use crate::world::{put, scratch, story};

/// Through crashes, losses, snapshots and changes of the configuration. That the properties *can* fail is shown where
/// something is weakened.
#[test]
fn servers_did_what_the_core_does_and_every_property_was_judged() {
    for seed in 1..=12 {
        let dir = scratch(&format!("story-{seed}"));
        let mut world = story(&dir, seed, if seed % 4 == 0 { DiskIo::Inline } else { DiskIo::Parallel });
        world.stop();
        let report = validate(&dir, &world.options());
        assert_eq!((report.exit, report.findings.len()), (0, 0), "seed {seed}: {:#?}", report.findings);
        for property in &report.properties {
            let is_judged = property.holds == Some(true) || property.not_judged.is_some();
            assert!(is_judged, "seed {seed}: {} was never judged", property.name);
        }
        let totals = report.totals;
        assert!(totals.servers == 4 && totals.lives > 8 && totals.steps > 3000, "seed {seed}: {totals:?}");
        assert!(totals.applied > 60 && totals.leaders > 1 && totals.snapshots > 3, "seed {seed}: {totals:?}");
    }
}

#[test]
fn one_run_has_one_report() {
    let dir = scratch("twice");
    let mut world = story(&dir, 1, DiskIo::Parallel);
    world.stop();
    let told = || {
        let report = validate(&dir, &world.options());
        let judged: BTreeMap<_, _> = report.properties.iter().map(|p| (p.name, p.judged)).collect();
        (report.exit, report.totals, judged)
    };
    assert_eq!(told(), told());
}

/// What a crash may leave of a batch: a beginning of it.
#[test]
fn a_disk_may_hold_more_than_it_had_said() {
    let dir = scratch("more-than-said");
    let mut hand = Hand::new(&dir, 3, None);
    hand.times_out(2);
    let (_, _, message) = hand.mail.remove(0);
    hand.dies_in_write(1, Event::Receive { from: NodeId(2), message });
    assert_eq!(hand.disks[&1].voted_for, Some(NodeId(2)), "the disk had done it, and nobody had heard so");
    hand.start(1);
    hand.times_out(1);
    hand.talk(1, 2);
    assert!(hand.leads(1));
    hand.ask(1, put("a", 1));
    hand.talk(1, 2);
    let report = hand.end();
    assert_eq!((report.exit, report.findings.len()), (0, 0), "{:#?}", report.findings);
}
