//! How far apart clocks may be: a lease that is twice the skew shorter than the promise holds in every schedule, and
//! one tick beyond that a stale read is found.

use raftlab_checks::search::{Plan, search};
use raftlab_model::{Bounds, Setup};

/// The first property that breaks in this world, if one does; a search that ends otherwise fails.
fn broken(skew: u32, promise: u32, drift: u32) -> Option<&'static str> {
    let ticks = promise;
    let bounds = format!(
        "3 servers · terms <= 2 · time-outs <= 2 · reads <= 1 · clock ticks <= {ticks} · skew <= {skew} · \
         entries a message <= 1 · lease of {promise} less {drift} · set network"
    );
    let setup = Setup::new(bounds.parse::<Bounds>().expect("bounds"));
    let outcome = search(&bounds, setup, &Plan::default(), &|_| ()).expect("a search");
    let violation = outcome.violation.as_ref();
    assert!(violation.is_some() || outcome.limit.is_none(), "{bounds}: cut");
    violation.map(|violation| violation.property.name)
}

#[test]
fn a_lease_bears_the_skew_that_it_allows_for() {
    assert_eq!(broken(1, 3, 2), None);
}

#[test]
fn and_not_one_tick_more() {
    assert_eq!(broken(2, 3, 2), Some("Linearizability of reads"), "the clocks are a tick further apart");
    assert_eq!(broken(1, 3, 1), Some("Linearizability of reads"), "the lease is a tick longer");
}
