//! The standing checks as they are written: sizes that can be read, witnesses that exist, and both kinds of message.

use raftlab_checks::catalogue::{CHECKS, Check, Tier};
use raftlab_model::{Disk, NetworkKind, WITNESSES};

#[test]
fn bounds_can_be_read_and_are_written_in_one_way() {
    for check in CHECKS {
        for scope in check.worlds() {
            assert_eq!(scope.bounds().to_string(), scope.bounds, "{}", check.name);
            assert!(scope.bounds().trivial().is_none(), "{}: {}", check.name, scope.bounds);
            assert_eq!(scope.witnesses().len(), scope.witnesses.len());
            assert!(!scope.witnesses.is_empty(), "{}: {} has no witness", check.name, scope.bounds);
        }
    }
}

#[test]
fn every_check_has_both_tiers_and_the_suite_every_kind_of_world() {
    let scopes = || CHECKS.iter().flat_map(|check| check.scopes(Tier::Quick));
    assert!(CHECKS.iter().all(|check| !check.quick.is_empty() && !check.deep.is_empty()));
    for network in NetworkKind::ALL {
        assert!(scopes().any(|scope| scope.bounds().network == network), "{network}");
    }
    assert!(scopes().any(|scope| scope.bounds().max_entries == 1));
    assert!(scopes().any(|scope| scope.bounds().max_entries >= 2));
    assert!(scopes().any(|scope| scope.bounds().servers == 5));
    assert!(scopes().any(|scope| scope.bounds().disk == Disk::Buffered));
}

#[test]
fn every_witness_is_asked_for_by_some_check() {
    let scopes = || CHECKS.iter().flat_map(Check::worlds);
    let asked = |name| scopes().any(|scope| scope.witnesses.contains(&name));
    for witness in WITNESSES {
        assert!(asked(witness.name), "{}", witness.name);
    }
}
