//! Every target, on some cases; on as many as `RAFTLAB_FUZZ_CASES` says; or on those of a fuzzer.

use raftlab_fuzz::targets;

/// A test of a target: how many cases a test run has, and how many of a thousand have to reach what.
macro_rules! target {
    ($name:ident, $cases:literal, [$($what:literal $of_thousand:literal),*]) => {
        #[test]
        fn $name() {
            #[cfg(fuzzing)]
            bolero::check!().for_each(|input: &[u8]| targets::$name::run(input, &mut raftlab_fuzz::Reached::default()));
            #[cfg(not(fuzzing))]
            raftlab_fuzz::run(
                stringify!($name),
                raftlab_fuzz::Cases::or_as_told($cases),
                &[$(($what, $of_thousand)),*],
                targets::$name::run,
            );
        }
    };
}

target!(datagram, 20_000, ["datagrams that are messages" 1000, "datagrams sealed around something else" 300,
    "steps of a follower" 4000, "steps of a pre-candidate" 1000, "steps of a candidate" 1000, "steps of a leader" 2000,
    "entries that are committed" 100, "snapshots that are installed" 250]);
target!(log, 4_000, ["opened" 200, "opened, and a torn record cut" 40, "refused as damaged" 200,
    "refused as senseless" 100, "refused as incomplete" 30, "refused as another server's log" 30]);
target!(trace, 10_000, ["traces" 300, "traces of a world" 300, "traces that happen" 15, "refused behind the first line" 200]);
target!(history, 4_000, ["histories" 250, "linearizable" 100, "not linearizable" 60, "refused behind the first line" 300]);
target!(body, 20_000, ["JSON" 120, "bodies" 60, "requests to the store" 10, "requests for faults" 8,
    "requests for members" 4, "lists of servers" 3]);
target!(store, 20_000, ["commands" 40, "snapshots" 50, "no commands" 200, "no snapshots" 200]);
target!(scenario, 4_000, ["commands" 500, "lines that are refused" 500, "scenarios" 100]);
target!(journal, 1_000, ["records" 1000, "journals with something wrong" 100, "runs that are violated" 30,
    "runs that are in error" 100]);
