-------------------------------- MODULE raft --------------------------------
(***************************************************************************)
(* Raft for TLC: servers that elect leaders and replicate, on the set      *)
(* network and without crashes, as `check` explores them with one entry a  *)
(* message.                                                                *)
(*                                                                         *)
(* It is written for comparison: the protocol of impl/core, and the        *)
(* properties of Figure 3 of the paper, in the language of another model   *)
(* checker.  A leader starts its term with a no-op.  AppendEntries carry   *)
(* one entry and are sent at an election, at a proposal and for every      *)
(* answer that leaves a follower behind; there are no heartbeats and no    *)
(* retries.  A request of an older term is answered with the newer term    *)
(* alone.  Every message that was ever sent may arrive at any time, again  *)
(* or never.  Writes are durable within the step that makes them.          *)
(*                                                                         *)
(* One thing is simpler: an entry is its term.  The first of a term is the *)
(* no-op, the others are proposals, and their values follow from their     *)
(* places; with two proposals or more `check` could tell apart what this   *)
(* specification does not.                                                 *)
(*                                                                         *)
(* Bounds are guards, not a CONSTRAINT: what lies outside is never built.  *)
(* Replies that can never act again are dropped, by the same rule as in    *)
(* model/raft/src/dead.rs; otherwise there are hundreds of times more      *)
(* states.                                                                 *)
(*                                                                         *)
(* A step is a function of one server and one event: what the server       *)
(* becomes, and the messages that it sends.  "Section" is the Raft paper,  *)
(* extended version.                                                       *)
(***************************************************************************)
EXTENDS Integers, Sequences, FiniteSets

CONSTANTS
    Server,        \* the servers, all voters
    Nobody,        \* no server
    Terms,         \* the last term in which an election may start
    Timeouts,      \* election time-outs in all; 0: no limit but the terms
    Proposals,     \* client proposals in all
    OwnTermCheck   \* FALSE: a leader commits whatever the entry's term (Figure 8)

VARIABLES
    server,        \* the state of each server
    messages,      \* every message that was sent and can still act
    timeouts       \* time-outs so far, if they are limited

vars == <<server, messages, timeouts>>

-----------------------------------------------------------------------------
(* Logs, and positions <<term, index>> in them.                            *)

Min(a, b) == IF a < b THEN a ELSE b
Max(a, b) == IF a > b THEN a ELSE b

\* Index 0 stands before the first entry; beyond the end there is no term.
TermAt(log, index) ==
    IF index = 0 THEN 0 ELSE IF index <= Len(log) THEN log[index] ELSE -1

Last(log) == <<TermAt(log, Len(log)), Len(log)>>

\* The order in which logs are up-to-date (section 5.4.1).
AtLeast(p, q) == p[1] > q[1] \/ (p[1] = q[1] /\ p[2] >= q[2])

\* The last position that may agree with a log in which this one stands.
LatestAtOrBelow(log, position) ==
    LET candidates == {index \in 0..Min(position[2], Len(log)) :
                           TermAt(log, index) <= position[1]}
        index == CHOOSE i \in candidates : \A j \in candidates : j <= i
    IN  <<TermAt(log, index), index>>

-----------------------------------------------------------------------------
(* Servers.                                                                *)

Peers(i) == Server \ {i}
None == [j \in Server |-> 0]
IsMajority(servers) == 2 * Cardinality(servers) > Cardinality(Server)

NewServer ==
    [ term |-> 0, vote |-> Nobody, log |-> <<>>, commit |-> 0,
      role |-> "follower",
      leader |-> Nobody,            \* as follower: who was heard from
      votes |-> {},                 \* as candidate
      next |-> None, matched |-> None,   \* as leader
      proposed |-> 0,
      \* History: the terms it led, and the term in which each committed
      \* entry was taken for committed here.
      led |-> {}, since |-> <<>> ]

Follow(s, leader) ==
    [s EXCEPT !.role = "follower", !.leader = leader, !.votes = {},
              !.next = None, !.matched = None]

\* A newer term makes a follower (section 5.1).
Adopt(s, term) ==
    IF term > s.term
    THEN [Follow(s, Nobody) EXCEPT !.term = term, !.vote = Nobody]
    ELSE s

CommitTo(s, index) ==
    IF index <= s.commit THEN s
    ELSE [s EXCEPT !.commit = index,
                   !.since = @ \o [k \in 1..(index - s.commit) |-> s.term]]

-----------------------------------------------------------------------------
(* Messages.                                                               *)

Request == {"RequestVote", "AppendEntries"}

RequestVote(i, s, j) ==
    [type |-> "RequestVote", from |-> i, to |-> j, term |-> s.term,
     last |-> Last(s.log)]

VoteReply(i, s, j, granted) ==
    [type |-> "VoteReply", from |-> i, to |-> j, term |-> s.term,
     granted |-> granted]

\* The entry at nextIndex, behind what stands before it.
AppendEntries(i, s, j) ==
    LET n == s.next[j]
    IN  [type |-> "AppendEntries", from |-> i, to |-> j, term |-> s.term,
         prev |-> <<TermAt(s.log, n - 1), n - 1>>, entry |-> s.log[n],
         commit |-> s.commit]

Accepted(i, s, j, matched) ==
    [type |-> "Accepted", from |-> i, to |-> j, term |-> s.term,
     matched |-> matched]

Rejected(i, s, j, prev, hint) ==
    [type |-> "Rejected", from |-> i, to |-> j, term |-> s.term,
     prev |-> prev, hint |-> hint]

NewerTerm(i, s, j) ==
    [type |-> "NewerTerm", from |-> i, to |-> j, term |-> s.term]

\* To those of these followers that lack an entry.
Replicate(i, s, followers) ==
    {AppendEntries(i, s, j) : j \in {f \in followers : s.next[f] <= Len(s.log)}}

\* Can it never again change its receiver s, nor make it send anything?
Dead(s, m) ==
    \/ m.type \notin Request /\ m.term < s.term
    \/ /\ m.term = s.term
       /\ CASE m.type \in Request    -> FALSE
            [] m.type = "NewerTerm"  -> TRUE
            [] m.type = "VoteReply"  ->
                  ~(m.granted /\ s.role = "candidate" /\ m.from \notin s.votes)
            [] m.type = "Accepted"   ->
                  ~(s.role = "leader" /\ m.matched > s.matched[m.from])
            [] m.type = "Rejected"   ->
                  ~(/\ s.role = "leader"
                    /\ m.prev > s.matched[m.from]
                    /\ m.prev < s.next[m.from])

-----------------------------------------------------------------------------
(* Steps: [server |-> what it becomes, sent |-> what it sends].            *)

Silent(s) == [server |-> s, sent |-> {}]

Campaign(i, s) ==
    LET c == [Adopt(s, s.term + 1) EXCEPT !.role = "candidate", !.vote = i,
                                          !.votes = {i}]
    IN  [server |-> c, sent |-> {RequestVote(i, c, j) : j \in Peers(i)}]

\* Granted to the first who asks with a log as good (sections 5.2, 5.4.1).
HandleRequestVote(i, s, m) ==
    LET granted == s.vote \in {Nobody, m.from} /\ AtLeast(m.last, Last(s.log))
        v == IF granted THEN [s EXCEPT !.vote = m.from] ELSE s
    IN  [server |-> v, sent |-> {VoteReply(i, v, m.from, granted)}]

Lead(i, s) ==
    LET l == [Follow(s, Nobody) EXCEPT
                !.role = "leader", !.led = @ \cup {s.term},
                !.next = [j \in Server |-> Len(s.log) + 1],
                !.log = Append(@, s.term)]
    IN  [server |-> l, sent |-> Replicate(i, l, Peers(i))]

HandleVoteReply(i, s, m) ==
    LET counted == [s EXCEPT !.votes = @ \cup {m.from}]
    IN  IF ~(m.granted /\ m.term = s.term /\ s.role = "candidate")
        THEN Silent(s)
        ELSE IF IsMajority(counted.votes) THEN Lead(i, s) ELSE Silent(counted)

\* Figure 2, "Receiver implementation".  What would replace a committed
\* entry is not heard.
HandleAppendEntries(i, s, m) ==
    LET f == Follow(s, m.from)
        index == m.prev[2] + 1
        has == TermAt(s.log, index) = m.entry
        log == IF has THEN s.log
               ELSE Append(SubSeq(s.log, 1, index - 1), m.entry)
        hint == LatestAtOrBelow(s.log, m.prev)
    IN  IF s.role = "leader" \/ (~has /\ index <= s.commit) THEN Silent(s)
        ELSE IF TermAt(s.log, index - 1) # m.prev[1]
        THEN [server |-> f,
              sent |-> {Rejected(i, f, m.from, m.prev[2], hint)}]
        ELSE [server |-> CommitTo([f EXCEPT !.log = log], Min(m.commit, index)),
              sent |-> {Accepted(i, f, m.from, index)}]

\* Figure 2, last rule for leaders (sections 5.3, 5.4.2).
AdvanceCommit(i, s) ==
    LET held == {n \in 0..Len(s.log) :
                    IsMajority({i} \cup {j \in Peers(i) : s.matched[j] >= n})}
        reached == CHOOSE n \in held : \A k \in held : k <= n
    IN  IF OwnTermCheck /\ TermAt(s.log, reached) # s.term
        THEN s ELSE CommitTo(s, reached)

HandleAccepted(i, s, m) ==
    IF \/ m.term # s.term \/ s.role # "leader"
       \/ m.matched <= s.matched[m.from]
    THEN Silent(s)
    ELSE LET l == AdvanceCommit(i,
                    [s EXCEPT !.matched[m.from] = m.matched,
                              !.next[m.from] = Max(@, m.matched + 1)])
         IN  [server |-> l, sent |-> Replicate(i, l, {m.from})]

\* Go back to the last position where both logs may agree.
HandleRejected(i, s, m) ==
    IF \/ m.term # s.term \/ s.role # "leader"
       \/ m.prev >= s.next[m.from] \/ m.prev <= s.matched[m.from]
    THEN Silent(s)
    ELSE LET agreed == Min(LatestAtOrBelow(s.log, m.hint)[2], m.prev - 1)
             l == [s EXCEPT !.next[m.from] =
                                Max(agreed, s.matched[m.from]) + 1]
         IN  [server |-> l, sent |-> Replicate(i, l, {m.from})]

\* The rule of terms, once and first (section 5.1).
Handle(i, m) ==
    LET s == Adopt(server[i], m.term)
    IN  CASE m.type \in Request /\ m.term < s.term ->
                [server |-> s, sent |-> {NewerTerm(i, s, m.from)}]
          [] m.type = "RequestVote" /\ m.term = s.term ->
                HandleRequestVote(i, s, m)
          [] m.type = "AppendEntries" /\ m.term = s.term ->
                HandleAppendEntries(i, s, m)
          [] m.type = "VoteReply" -> HandleVoteReply(i, s, m)
          [] m.type = "Accepted"  -> HandleAccepted(i, s, m)
          [] m.type = "Rejected"  -> HandleRejected(i, s, m)
          [] m.type = "NewerTerm" -> Silent(s)

HandleProposal(i, s) ==
    LET l == [s EXCEPT !.proposed = @ + 1, !.log = Append(@, s.term)]
    IN  [server |-> l, sent |-> Replicate(i, l, Peers(i))]

-----------------------------------------------------------------------------
(* What may happen.  A step is chosen from a set of one, so that TLC        *)
(* computes it once.                                                       *)

RECURSIVE Proposed(_)
Proposed(servers) ==
    IF servers = {} THEN 0
    ELSE LET i == CHOOSE i \in servers : TRUE
         IN  server[i].proposed + Proposed(servers \ {i})

\* Nobody sends to itself, so of the others' messages only new ones can be dead.
Take(i, step) ==
    /\ server' = [server EXCEPT ![i] = step.server]
    /\ messages' = {m \in messages : m.to # i \/ ~Dead(step.server, m)}
                 \cup {m \in step.sent : ~Dead(server[m.to], m)}

Timeout(i) ==
    /\ server[i].role # "leader"
    /\ server[i].term < Terms
    /\ Timeouts = 0 \/ timeouts < Timeouts
    /\ timeouts' = IF Timeouts = 0 THEN 0 ELSE timeouts + 1
    /\ \E step \in {Campaign(i, server[i])} : Take(i, step)

Propose(i) ==
    /\ server[i].role = "leader"
    /\ Proposed(Server) < Proposals
    /\ UNCHANGED timeouts
    /\ \E step \in {HandleProposal(i, server[i])} : Take(i, step)

Deliver(m) ==
    /\ UNCHANGED timeouts
    /\ \E step \in {Handle(m.to, m)} : Take(m.to, step)

Init ==
    /\ server = [i \in Server |-> NewServer]
    /\ messages = {}
    /\ timeouts = 0

Next ==
    \/ \E i \in Server : Timeout(i) \/ Propose(i)
    \/ \E m \in messages : Deliver(m)

Spec == Init /\ [][Next]_vars

-----------------------------------------------------------------------------
(* What must hold: Figure 3.                                               *)

ElectionSafety ==
    \A i, j \in Server : i # j => server[i].led \cap server[j].led = {}

LogMatching ==
    \A i, j \in Server :
        \A k \in 1..Min(Len(server[i].log), Len(server[j].log)) :
            server[i].log[k] = server[j].log[k] =>
                SubSeq(server[i].log, 1, k) = SubSeq(server[j].log, 1, k)

LeaderCompleteness ==
    \A l, i \in Server :
        server[l].role = "leader" =>
            \A k \in 1..server[i].commit :
                server[i].since[k] < server[l].term =>
                    TermAt(server[l].log, k) = server[i].log[k]

StateMachineSafety ==
    \A i, j \in Server :
        \A k \in 1..Min(server[i].commit, server[j].commit) :
            server[i].log[k] = server[j].log[k]

=============================================================================
