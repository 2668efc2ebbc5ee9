//! Known bugs that are not exhibited, each with the reason.

/// A known bug that cannot show here.
#[derive(Debug)]
pub struct Unreachable {
    /// Its name.
    pub bug: &'static str,
    /// Why it cannot show.
    pub reason: &'static str,
}

const fn row(bug: &'static str, reason: &'static str) -> Unreachable {
    Unreachable { bug, reason }
}

/// What is not exhibited.
pub const UNREACHABLE: &[Unreachable] = &[
    row(
        "stale-ack-counted",
        "The guard is in the core (`acks-of-this-term`) and holds nothing here: with three servers one acknowledgement is a \
         majority, so an entry that was acknowledged is replaced only after Figure 8, which takes four terms, and the stale \
         acknowledgement counts in a fifth; with five servers it takes three terms. Both are beyond what this engine \
         exhausts.",
    ),
    row(
        "match-not-reset-on-election",
        "Progress lives in the role and dies with it, so there is no guard to remove; the same bounds as `stale-ack-counted` \
         would be needed.",
    ),
    row(
        "applied-beyond-commit-on-restart",
        "Of commit and apply nothing is on this core's disk but the snapshot, and both start at its end.",
    ),
    row(
        "commit-index-taken-after-check",
        "Harmless at a leader: commitIndex only grows, so one that is taken when the round is confirmed lies no lower than one that \
         was taken before, and all that it covers is committed: the read shows more, never less. What did harm was taking a \
         *follower's*, and reads at followers are not in this core.",
    ),
    row(
        "demoted-voter-in-read-quorum",
        "A round keeps who answered, and is closed by the voters of the configuration in force then, as a commit is: there is no \
         second list of voters that a demotion could leave as it was. Were it closed by those of its beginning, a read would be as \
         good: the two differ by one server, or a change was committed in between, which proves the leadership as well.",
    ),
    row(
        "conflict-log-kept-under-snapshot",
        "The snapshot and the compaction of the log are one record, so no crash falls between. Entries kept behind it would be as \
         harmless as any that are not committed: they are acknowledged to nobody, and replaced by the next AppendEntries; what the \
         whole log is dropped for is that terms in it never fall.",
    ),
    row(
        "snapshot-conflicts-with-committed",
        "No correct leader has such a snapshot. One that ends in another term than what is committed here at its index is refused \
         and counted (`Ignored::Corrupt`), which a test of the core shows; below that index terms are not known any more, and the \
         snapshot is stale.",
    ),
    row(
        "snapshot-leaves-stale-effective-config",
        "The configuration is not kept beside the log but read from it, and below its base from the snapshot: there is nothing that \
         an installation could leave as it was.",
    ),
    row(
        "checkquorum-ignores-snapshot-traffic",
        "A follower that needs the snapshot is sent heartbeats too, and answers them: whether its answers to chunks count as well \
         changes nothing that can be seen.",
    ),
    row(
        "snapshot-reply-term-unchecked",
        "A follower that has all of a snapshot answers with an acknowledgement like any other, so the guard is `stale-ack-counted`'s, \
         and the same bounds would be needed. An answer about a part of it moves nothing but where the next chunk starts.",
    ),
    row(
        "chained-partition",
        "Of three servers in a chain each end is heard by a majority, so with pre-vote whoever leads stays, which is the property \
         `one cut link deposes nobody`; that they depose each other otherwise is what `prevote-granted-in-contact` exhibits.",
    ),
    row(
        "rejected-append-does-not-reset-timer",
        "A follower notes that it hears its leader before it looks at its log, so an AppendEntries that it rejects counts as much as \
         one that it accepts: there is no guard to remove.",
    ),
    row(
        "transfer-to-lagging-target",
        "It costs an election that the target cannot win, after which another server leads: no calm schedule ends worse for it. What \
         never ended was a host that asked for the same transfer again and again.",
    ),
    row(
        "follower-commit-not-rechecked-after-flush",
        "A follower moves commitIndex by what it holds in memory, and what is committed is given out when the disk has it, by the \
         order of effects: nothing waits for another message.",
    ),
    row("rename-without-dir-fsync", "A matter of files; the model's disk is a sequence of records."),
    row(
        "timeout-not-rerandomised",
        "How long a time-out is, the host draws; a calm schedule, which has no chance in it, gives each server its own.",
    ),
    row(
        "timer-not-reset-on-grant",
        "The model's timers fire whenever they like, and in a calm schedule an election takes no time in which another timer could \
         run out.",
    ),
    row("heartbeat-false-log-reversion", "Breaks liveness only, by a false alarm."),
    row("inflight-window-never-freed", "Breaks liveness only; there is no pipeline yet."),
    row(
        "commit-not-recomputed-after-shrink",
        "A leader counts again whenever its own disk confirms something, and the entry of the smaller configuration is such a \
         thing: there is no guard to remove.",
    ),
    row(
        "joint-union-quorum",
        "Joint consensus is no part of single-server changes: there are never two configurations in force.",
    ),
    row("joint-checks-first-config-only", "The same."),
    row("joint-never-left", "The same."),
    row(
        "joint-majority-down-wedge",
        "The same; here a server votes after it has caught up, or its promotion is refused with the numbers.",
    ),
];
