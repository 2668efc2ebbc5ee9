//! The one line that names the size of a world says all of it, and nothing else is taken for one.

use proptest::prelude::*;
use raftlab_core::{Features, Lease, ReadMode, Span};
use raftlab_model::{Bounds, Disk, NetworkKind};

fn any_bounds() -> impl Strategy<Value = Bounds> {
    let disk = prop_oneof![Just(Disk::Atomic), Just(Disk::Buffered)];
    let network = prop::sample::select(NetworkKind::ALL.to_vec());
    let causes = prop::array::uniform12(any::<u32>());
    let servers = (1_usize..=9, prop::option::of(1_usize..=9));
    let size =
        (servers, any::<u64>(), prop::option::of(any::<u32>()), (1_usize..=u32::MAX as usize, 1_usize..=99));
    let features = any::<[bool; 3]>();
    let lease = (any::<u64>(), any::<u64>());
    let lease = lease.prop_map(|(promise, drift)| Lease { promise: Span(promise), drift: Span(drift) });
    let reads = prop_oneof![Just(ReadMode::Index), Just(ReadMode::Log), lease.prop_map(ReadMode::Lease)];
    (size, causes, disk, network, (features, reads)).prop_map(|(size, causes, disk, network, features)| {
        let (features, reads) = features;
        let [pre_vote, check_quorum, disregard_votes] = features;
        let ((servers, founders), max_term, max_timeouts, (max_entries, max_chunk)) = size;
        let [max_proposals, max_heartbeats, max_retries, max_crashes, max_faults, ..] = causes;
        let [.., max_compactions, max_resends, max_transfers, max_changes, max_reads, max_ticks, max_skew] =
            causes;
        Bounds {
            servers,
            founders,
            max_term,
            max_timeouts,
            max_proposals,
            max_resends,
            max_heartbeats,
            max_retries,
            max_crashes,
            max_faults,
            max_transfers,
            max_changes,
            max_compactions,
            max_reads,
            max_ticks,
            max_skew,
            max_entries,
            max_chunk,
            disk,
            network,
            features: Features { pre_vote, check_quorum, disregard_votes, reads },
        }
    })
}

proptest! {
    #[test]
    fn what_is_printed_is_read_back(bounds in any_bounds()) {
        let line = bounds.to_string();
        prop_assert_eq!(line.parse(), Ok(bounds), "{}", line);
    }

    /// A line with one part that is not a bound is refused, wherever the part stands.
    #[test]
    fn garbage_is_refused_and_named(bounds in any_bounds(), garbage in "[a-z<=0-9 ]{0,20}", at in any::<prop::sample::Index>()) {
        prop_assume!(garbage.parse::<Bounds>().is_err());
        let line = bounds.to_string();
        let mut parts: Vec<&str> = line.split(" · ").collect();
        parts.insert(at.index(parts.len() + 1), &garbage);
        let error = parts.join(" · ").parse::<Bounds>().unwrap_err().to_string();
        prop_assert!(error.contains(&format!("`{garbage}`")), "{error}");
    }
}

#[test]
fn causes_that_are_not_limited_are_left_out() {
    assert_eq!(
        Bounds::default().to_string(),
        "3 servers · terms <= 1 · entries a message <= 1 · set network"
    );
    assert_eq!("3 servers".parse(), Ok(Bounds::default()));
}

#[test]
fn each_kind_of_garbage_is_named() {
    for (line, named) in [
        ("", "``"),
        ("three servers", "`three servers`"),
        ("0 servers", "`0 servers`"),
        ("10 servers", "`10 servers`"),
        ("3 servers · terms <= -1", "`terms <= -1`"),
        ("3 servers · terms<=1", "`terms<=1`"),
        ("3 servers · messages <= 6", "`messages <= 6`"),
        ("3 servers · entries a message <= 0", "`entries a message <= 0`"),
        ("3 servers · crashes <= 4294967296", "`crashes <= 4294967296`"),
        ("3 servers · carrier pigeon network", "`carrier pigeon network`"),
        ("3 servers · buffered disks", "`buffered disks`"),
        ("3 servers · lease of 3", "`lease of 3`"),
        ("3 servers · lease of 3 less -1", "`lease of 3 less -1`"),
        ("3 servers ·  set network", "` set network`"),
    ] {
        let error = line.parse::<Bounds>().unwrap_err().to_string();
        assert!(error.contains(named), "{line:?} gave {error:?}");
    }
}

#[test]
fn an_unknown_network_names_the_known_ones() {
    let error = "pigeon".parse::<NetworkKind>().unwrap_err();
    assert_eq!(error.to_string(), "bounds: `pigeon` is not a network: set, bag or ordered");
}

/// Sizes in which nothing can happen are called trivial, and the smallest that is not is not.
#[test]
fn empty_worlds_say_that_they_are_empty() {
    let real = Bounds::default();
    assert_eq!(real.trivial(), None);
    for empty in [
        Bounds { servers: 0, ..real.clone() },
        Bounds { servers: 1, ..real.clone() },
        Bounds { max_term: 0, ..real.clone() },
        Bounds { max_timeouts: Some(0), ..real.clone() },
        Bounds { max_entries: 0, ..real.clone() },
    ] {
        assert!(empty.trivial().is_some(), "{empty}");
    }
}
