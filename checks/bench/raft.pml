/*
 * Raft for Spin: three servers, the set network and no crash, as `check` explores them with one entry a message.
 *
 * It is written for comparison: the protocol of impl/core, and the properties of Figure 3 of the paper, in the language
 * of another model checker. Bounds are macros:
 *
 *   -DTERMS=3             the last term in which an election may start
 *   -DTIMEOUTS=3          election time-outs in all; absent: no limit but the terms
 *   -DPROPOSALS=1         client proposals in all
 *   -DNO_OWN_TERM_CHECK   a leader commits by counting replicas whatever the entry's term (Figure 8)
 *   -DONE_STEP            an event is one transition: a larger program, in which breadth-first finds the fewest events
 *
 * What is the same as in the core. A leader starts its term with a no-op. AppendEntries carry one entry and are sent at
 * an election, at a proposal and for every answer that leaves a follower behind; there are no heartbeats and no
 * retries. A rejection carries the conflict hint (term and index), and nextIndex goes back by it; nothing of that is
 * simplified. A request of an older term is answered with the newer term alone. Every message that was ever sent may
 * arrive at any time, again or never. Writes are durable within the step that makes them.
 *
 * What is simplified. An entry is its term. The first of a term is the no-op, the others are proposals, and their
 * values follow from their places; with two proposals or more `check` could tell apart what this model does not. A step
 * that would change nothing is left out, and to all requests of older terms that one server has from another there is
 * one answer, in one step: both save transitions and no state.
 *
 * How it is encoded, and why so. A Promela channel is a queue, and a set kept in one has as many orders as it has
 * messages. But almost all of a message follows from a few numbers, so the network is a handful of bits:
 *
 *   RequestVote     a server asks once in a term, everybody, with one log: the end of that log, by term and candidate
 *   AppendEntries   a term has one leader, whose log only grows: one bit by term, receiver, index and leaderCommit, and
 *                   once for each term the part of the leader's log that is under way
 *   replies         they matter to a server only in its present role and term, and are dead for ever after: bits at the
 *                   receiver, cleared when they die. A rejection that lives answers the one request that nextIndex
 *                   stands for, so there is one at a time; an assertion says so
 *
 * The same replies are taken for dead as in model/raft/src/dead.rs, and the same history is kept. So this model has the
 * states of `check`, one for one.
 *
 * Logs are packed into one number each, since Spin gives every element of a bit array a byte. Index i stands in bits
 * i * BITS and up, and index 0 is the empty place before the first entry. All of an event is one d_step, hence one
 * transition; an AppendEntries is picked from its bits first, within one atomic step.
 *
 * § is the Raft paper, extended version.
 */

#define N 3

#ifndef TERMS
#define TERMS 2
#endif
#ifndef PROPOSALS
#define PROPOSALS 0
#endif

/* The longest log: a no-op for each term, and all proposals. */
#define LONGEST (TERMS + PROPOSALS)

#if TERMS < 1 || PROPOSALS < 0 || LONGEST > 5
#error "1 term or more, and terms and proposals together 5 at most: the encoding has no more bits"
#endif

/* ---- numbers in bits ---- */

#if TERMS <= 3
#define BITS 2
#else
#define BITS 3
#endif

#if (LONGEST + 1) * BITS <= 15
#define LOG short
#else
#define LOG int
#endif

/* A set of (index, leaderCommit), the index from 1 and leaderCommit from 0 to LONGEST. */
#define COMMITS (LONGEST + 1)
#if LONGEST * COMMITS <= 15
#define REQUESTS short
#else
#define REQUESTS int
#endif

#define TERM_AT(log, i)       ((log >> ((i) * BITS)) & ((1 << BITS) - 1))
#define UP_TO(i)              ((1 << (((i) + 1) * BITS)) - 1)
#define EQUAL_UP_TO(a, b, i)  (((a ^ b) & UP_TO(i)) == 0)

/* A position, ordered as §5.4.1 orders the ends of logs: by term, then by index. */
#define POSITION(term, index) ((term) * 8 + (index))

/* ---- state ---- */

#define FOLLOWER  0
#define CANDIDATE 1
#define LEADER    2

/* What a server knows of another one, and which of its replies live. */
typedef Peer {
  unsigned next : 3;        /* nextIndex, as leader */
  unsigned matched : 3;     /* matchIndex, as leader */
  unsigned accepted : 6;    /* bit i: AppendEntries accepted up to index i, of this term and above matchIndex */
  unsigned refused : 6;     /* 1 + the hint of the rejection of prevLogIndex = nextIndex - 1; 0: there is none */
  unsigned granted : 1;     /* a vote in this candidacy */
  unsigned newer : 6        /* bit t: a request was of an older term, the other is in t, above this server's term */
}

typedef Server {
  unsigned term : 3;        /* currentTerm */
  unsigned role : 2;
  unsigned vote : 2;        /* votedFor: 1 + the server, 0 nobody */
  unsigned heard : 1;       /* as follower: the leader of this term was heard from */
  unsigned length : 3;      /* of the log */
  unsigned commit : 3;      /* commitIndex */
  unsigned proposed : 3;    /* proposals made here */
  LOG log;                  /* the term of each entry */
  LOG since;                /* history: for each committed entry the term in which it was taken for committed here */
  Peer peer[2]              /* the next server in the ring, and the one after */
}

/* What was sent in a term, and by whom it was led. */
typedef Term {
  byte leader;              /* history: 1 + the server that was elected, 0 nobody yet */
  byte asked[N];            /* RequestVote of each candidate: 1 + its last position, 0 not sent */
  LOG entries;              /* what the AppendEntries below carry, and what stands before it */
  REQUESTS append[N]        /* AppendEntries to each server */
}

Server s[N];
Term terms[TERMS];
byte pick;                  /* the AppendEntries that is about to be delivered, 0 between steps */
byte h, i, c, j, p, e;        /* scratch, 0 between steps */

#ifdef TIMEOUTS
byte timeouts;
#define MAY_TIME_OUT  (timeouts < TIMEOUTS)
#define SPEND_TIMEOUT timeouts++
#else
#define MAY_TIME_OUT  true
#define SPEND_TIMEOUT skip
#endif

#define me            s[_pid]
#define in(t)         terms[(t) - 1]
#define OTHER(k)      ((_pid + 1 + (k)) % N)
#define SLOT(of, by)  (((of) + N - (by) - 1) % N)
#define LAST          POSITION(TERM_AT(me.log, me.length), me.length)
#define NAME          (_pid + 1)

/* ---- properties: Figure 3, asserted where a step could break them ---- */

#define MUST(holds, otherwise) if :: holds :: else -> printf(otherwise); assert(false) fi

#define AGREE(a, b, i) (TERM_AT(a, i) == 0 || TERM_AT(a, i) != TERM_AT(b, i) || EQUAL_UP_TO(a, b, i))
#if LONGEST < 3
#define AGREE_FROM_3(a, b) true
#elif LONGEST == 3
#define AGREE_FROM_3(a, b) AGREE(a, b, 3)
#elif LONGEST == 4
#define AGREE_FROM_3(a, b) (AGREE(a, b, 3) && AGREE(a, b, 4))
#else
#define AGREE_FROM_3(a, b) (AGREE(a, b, 3) && AGREE(a, b, 4) && AGREE(a, b, 5))
#endif

/* Two logs that hold the same entry are equal up to it: judged when a log changes. */
inline log_matching() {
  MUST(AGREE(me.log, s[OTHER(0)].log, 2) && AGREE_FROM_3(me.log, s[OTHER(0)].log), "violates Log Matching\n");
  MUST(AGREE(me.log, s[OTHER(1)].log, 2) && AGREE_FROM_3(me.log, s[OTHER(1)].log), "violates Log Matching\n")
}

/* A leader holds what was committed in older terms: judged when there is a new leader, with each other server. */
inline holds_what_is_committed(k) {
  h = s[OTHER(k)].commit;
  do
  :: TERM_AT(s[OTHER(k)].since, h) >= me.term -> h--
  :: else -> break
  od;
  MUST(EQUAL_UP_TO(me.log, s[OTHER(k)].log, h), "violates Leader Completeness\n")
}

/* And when something is committed, with each leader of a newer term. No two servers commit different entries. */
inline committed_for_good(k) {
  MUST(s[OTHER(k)].role != LEADER || s[OTHER(k)].term <= me.term || EQUAL_UP_TO(me.log, s[OTHER(k)].log, me.commit),
       "violates Leader Completeness\n");
  MUST(((me.log ^ s[OTHER(k)].log) & UP_TO(me.commit) & UP_TO(s[OTHER(k)].commit)) == 0,
       "violates State Machine Safety\n")
}

/* ---- steps ---- */

/* Replies to a role that is over are dead. */
inline forget(k) {
  me.peer[k].next = 0;
  me.peer[k].matched = 0;
  me.peer[k].accepted = 0;
  me.peer[k].refused = 0;
  me.peer[k].granted = 0
}

inline follow(known) {
  me.role = FOLLOWER;
  me.heard = known;
  forget(0);
  forget(1)
}

/* A newer term was seen (§5.1). */
inline adopt(t) {
  me.term = t;
  me.vote = 0;
  me.peer[0].newer = (me.peer[0].newer >> (t + 1)) << (t + 1);
  me.peer[1].newer = (me.peer[1].newer >> (t + 1)) << (t + 1);
  follow(0)
}

inline commit_to(index) {
  do
  :: me.commit < index -> me.commit++; me.since = me.since | (me.term << (me.commit * BITS))
  :: else -> break
  od;
  committed_for_good(0);
  committed_for_good(1)
}

/* AppendEntries with the entry at nextIndex. */
inline send_entry(k) {
  h = me.peer[k].next;
  in(me.term).entries = in(me.term).entries | (me.log & UP_TO(h) & ~(UP_TO(h - 1) >> BITS));
  in(me.term).append[OTHER(k)] = in(me.term).append[OTHER(k)] | (1 << ((h - 1) * COMMITS + me.commit))
}

inline append_own() {
  me.length++;
  me.log = me.log | (me.term << (me.length * BITS));
  log_matching();
  send_entry(0);
  send_entry(1)
}

/* The election timer runs out (§5.2). */
inline campaign() {
  printf("timeout n%d\n", NAME);
  SPEND_TIMEOUT;
  h = me.term + 1;
  adopt(h);
  me.vote = NAME;
  me.role = CANDIDATE;
  in(me.term).asked[_pid] = 1 + LAST
}

/* A client's command (§5.3). */
inline propose() {
  printf("propose n%d\n", NAME);
  me.proposed++;
  append_own()
}

/* A vote for a candidate: with its own a majority of three. It leads, and appends a no-op (§5.2, §8). */
inline vote_reply(k) {
  printf("deliver n%d@%d -> n%d VoteReply granted\n", OTHER(k) + 1, me.term, NAME);
  MUST(in(me.term).leader == 0, "violates Election Safety\n");
  in(me.term).leader = NAME;
  me.role = LEADER;
  forget(0);
  forget(1);
  me.peer[0].next = me.length + 1;
  me.peer[1].next = me.length + 1;
  append_own();
  holds_what_is_committed(0);
  holds_what_is_committed(1)
}

/* Is the other still a candidate of this term, without a vote from here under way? */
#define WANTS_VOTE(j, t) (s[j].role == CANDIDATE && s[j].term == t && s[j].peer[SLOT(_pid, j)].granted == 0)

#define VOTE_REQUESTED(k, t) \
  (in(t).asked[OTHER(k)] != 0 && (t > me.term || t == me.term && in(t).asked[OTHER(k)] > LAST \
   && (me.vote == 0 || me.vote == OTHER(k) + 1 && WANTS_VOTE(OTHER(k), t))))

/* Grant it to the first who asks with a log as good (§5.2, §5.4.1). A refusal is dead on arrival. */
inline request_vote(k, t) {
  j = OTHER(k);
  printf("deliver n%d@%d -> n%d RequestVote last=%d@%d\n", j + 1, t, NAME,
         (in(t).asked[j] - 1) % 8, (in(t).asked[j] - 1) / 8);
  if
  :: t > me.term -> adopt(t)
  :: else
  fi;
  if
  :: (me.vote == 0 || me.vote == j + 1) && in(t).asked[j] > LAST ->
     me.vote = j + 1;
     if
     :: WANTS_VOTE(j, t) -> s[j].peer[SLOT(_pid, j)].granted = 1
     :: else
     fi
  :: else
  fi
}

/* Requests of older terms are answered with this one (§5.1), unless that says nothing new. */
#define REQUESTED_IN(j, t) (t < me.term && (in(t).asked[j] != 0 || in(t).leader == (j) + 1 && in(t).append[_pid] != 0))
#if TERMS <= 2
#define REQUESTED(j) REQUESTED_IN(j, 1)
#elif TERMS == 3
#define REQUESTED(j) (REQUESTED_IN(j, 1) || REQUESTED_IN(j, 2))
#elif TERMS == 4
#define REQUESTED(j) (REQUESTED_IN(j, 1) || REQUESTED_IN(j, 2) || REQUESTED_IN(j, 3))
#else
#define REQUESTED(j) (REQUESTED_IN(j, 1) || REQUESTED_IN(j, 2) || REQUESTED_IN(j, 3) || REQUESTED_IN(j, 4))
#endif
#define NEWS_FOR(k) s[OTHER(k)].peer[SLOT(_pid, OTHER(k))].newer
#define STALE_REQUEST(k) \
  (s[OTHER(k)].term < me.term && ((NEWS_FOR(k) >> me.term) & 1) == 0 && REQUESTED(OTHER(k)))

inline answer_stale(k) {
  printf("deliver n%d -> n%d a request of an older term\n", OTHER(k) + 1, NAME);
  NEWS_FOR(k) = NEWS_FOR(k) | (1 << me.term)
}

inline newer_term(k, t) {
  printf("deliver n%d@%d -> n%d NewerTerm\n", OTHER(k) + 1, t, NAME);
  adopt(t)
}

/* Does the leader of t still lead, and what does it know of this server? */
#define LEADS(t)       (s[in(t).leader - 1].role == LEADER && s[in(t).leader - 1].term == t)
#define KNOWN_TO(t)    s[in(t).leader - 1].peer[SLOT(_pid, in(t).leader - 1)]
#define HAS(t, i)      (TERM_AT(me.log, i) == TERM_AT(in(t).entries, i))
#define MIN(a, b)      (a < b -> a : b)
#define LIVE_ACCEPT(t, i) (LEADS(t) && (i) > KNOWN_TO(t).matched && ((KNOWN_TO(t).accepted >> (i)) & 1) == 0)
#define LIVE_REFUSE(t, i) \
  (LEADS(t) && (i) == KNOWN_TO(t).next && (i) - 1 > KNOWN_TO(t).matched && KNOWN_TO(t).refused == 0)

/* Would AppendEntries of term t with the entry at i change anything? */
#define MATTERS(t, i, upto) \
  (t > me.term || me.role == CANDIDATE || me.heard == 0 \
   || (HAS(t, i) -> MIN((i), (upto)) > me.commit || LIVE_ACCEPT(t, i) : HAS(t, i - 1) || LIVE_REFUSE(t, i)))

/* AppendEntries (Figure 2, "Receiver implementation"). */
inline append_entries(t, upto) {
  j = in(t).leader - 1;
  p = TERM_AT(in(t).entries, i - 1);
  e = TERM_AT(in(t).entries, i);
  printf("deliver n%d@%d -> n%d AppendEntries prev=%d@%d [%d@%d] commit=%d\n", j + 1, t, NAME, i - 1, p, i, e, upto);
  if
  :: t > me.term -> adopt(t)
  :: else
  fi;
  MUST(me.role != LEADER, "violates Election Safety\n");
  if
  :: TERM_AT(me.log, i) != e && i - 1 < me.commit /* it would replace what is committed: not heard */
  :: else ->
     follow(1);
     if
     :: TERM_AT(me.log, i - 1) == p ->
        if
        :: TERM_AT(me.log, i) != e ->
           me.log = (me.log & UP_TO(i - 1)) | (e << (i * BITS));
           me.length = i;
           log_matching()
        :: else
        fi;
        h = MIN(i, upto);
        if
        :: h > me.commit -> commit_to(h)
        :: else
        fi;
        if
        :: LIVE_ACCEPT(t, i) -> KNOWN_TO(t).accepted = KNOWN_TO(t).accepted | (1 << i)
        :: else
        fi
     :: else ->
        h = MIN(i - 1, me.length);
        do
        :: TERM_AT(me.log, h) > p -> h--
        :: else -> break
        od;
        e = 1 + POSITION(TERM_AT(me.log, h), h);
        assert(!LEADS(t) || i > KNOWN_TO(t).next || i - 1 <= KNOWN_TO(t).matched
               || i == KNOWN_TO(t).next && (KNOWN_TO(t).refused == 0 || KNOWN_TO(t).refused == e));
        if
        :: LIVE_REFUSE(t, i) -> KNOWN_TO(t).refused = e
        :: else
        fi
     fi
  fi
}

#ifdef NO_OWN_TERM_CHECK
#define MAY_COMMIT(i) true
#else
#define MAY_COMMIT(i) (TERM_AT(me.log, i) == me.term)
#endif

/* A follower agrees up to an index, so with this leader a majority of three does (§5.3, §5.4.2). */
inline accepted_to(k, index) {
  printf("deliver n%d@%d -> n%d AppendReply accepted to %d\n", OTHER(k) + 1, me.term, NAME, index);
  me.peer[k].accepted = (me.peer[k].accepted >> (index + 1)) << (index + 1);
  me.peer[k].matched = index;
  if
  :: me.peer[k].next <= index + 1 -> me.peer[k].next = index + 1; me.peer[k].refused = 0
  :: else
  fi;
  if
  :: index > me.commit && MAY_COMMIT(index) -> commit_to(index)
  :: else
  fi;
  if
  :: me.peer[k].next <= me.length -> send_entry(k)
  :: else
  fi
}

/* A follower does not hold what stands before nextIndex: go back by its hint (§5.3). */
inline rejected(k) {
  p = (me.peer[k].refused - 1) / 8;
  h = (me.peer[k].refused - 1) % 8;
  printf("deliver n%d@%d -> n%d AppendReply rejected prev=%d hint=%d@%d\n", OTHER(k) + 1, me.term, NAME,
         me.peer[k].next - 1, h, p);
  h = MIN(h, me.length);
  do
  :: TERM_AT(me.log, h) > p -> h--
  :: else -> break
  od;
  h = MIN(h, me.peer[k].next - 2);
  me.peer[k].next = (h < me.peer[k].matched -> me.peer[k].matched : h) + 1;
  me.peer[k].refused = 0;
  send_entry(k)
}

/* ---- what may happen at a server ---- */

inline done() {
  pick = 0;
  h = 0;
  i = 0;
  c = 0;
  j = 0;
  p = 0;
  e = 0
}

#define STEP(guard, step) :: d_step { guard -> step; done() }

#define VOTE_REQUESTS(t) STEP(VOTE_REQUESTED(0, t), request_vote(0, t)) STEP(VOTE_REQUESTED(1, t), request_vote(1, t))
#define NEWER(k, t)      STEP((me.peer[k].newer >> t) & 1, newer_term(k, t))
#define ACCEPTED(k, i)   STEP((me.peer[k].accepted >> i) & 1, accepted_to(k, i))

#define INDEX_OF(bit)    ((bit) / COMMITS + 1)
#define COMMIT_OF(bit)   ((bit) % COMMITS)
#define APPENDED(t, bit) (((in(t).append[_pid] >> (bit)) & 1) != 0 && MATTERS(t, INDEX_OF(bit), COMMIT_OF(bit)))

/* An AppendEntries is picked by its term, then by its bit, then delivered. */
#define APPEND_OF(t)     :: d_step { t >= me.term && in(t).append[_pid] != 0 -> pick = t }
#define APPEND(t, bit)   :: d_step { APPENDED(t, bit) -> i = INDEX_OF(bit); c = COMMIT_OF(bit) }

/* Or all at once. */
#define DELIVER(t, bit) \
  :: d_step { t >= me.term && APPENDED(t, bit) -> i = INDEX_OF(bit); c = COMMIT_OF(bit); append_entries(t, c); done() }
#define DELIVER_OF(t)    EACH_BIT(DELIVER, t)

#if TERMS == 1
#define EACH_TERM(F) F(1)
#define EACH_TERM_OF(F, k) F(k, 1)
#elif TERMS == 2
#define EACH_TERM(F) F(1) F(2)
#define EACH_TERM_OF(F, k) F(k, 1) F(k, 2)
#elif TERMS == 3
#define EACH_TERM(F) F(1) F(2) F(3)
#define EACH_TERM_OF(F, k) F(k, 1) F(k, 2) F(k, 3)
#elif TERMS == 4
#define EACH_TERM(F) F(1) F(2) F(3) F(4)
#define EACH_TERM_OF(F, k) F(k, 1) F(k, 2) F(k, 3) F(k, 4)
#else
#define EACH_TERM(F) F(1) F(2) F(3) F(4) F(5)
#define EACH_TERM_OF(F, k) F(k, 1) F(k, 2) F(k, 3) F(k, 4) F(k, 5)
#endif

#define SIX_BITS(F, t, from) F(t, from) F(t, from + 1) F(t, from + 2) F(t, from + 3) F(t, from + 4) F(t, from + 5)
#if LONGEST == 1
#define EACH_BIT(F, t)   F(t, 0) F(t, 1)
#define EACH_INDEX(F, k) F(k, 1)
#elif LONGEST == 2
#define EACH_BIT(F, t)   SIX_BITS(F, t, 0)
#define EACH_INDEX(F, k) F(k, 1) F(k, 2)
#elif LONGEST == 3
#define EACH_BIT(F, t)   SIX_BITS(F, t, 0) SIX_BITS(F, t, 6)
#define EACH_INDEX(F, k) F(k, 1) F(k, 2) F(k, 3)
#elif LONGEST == 4
#define EACH_BIT(F, t)   SIX_BITS(F, t, 0) SIX_BITS(F, t, 6) SIX_BITS(F, t, 12) F(t, 18) F(t, 19)
#define EACH_INDEX(F, k) F(k, 1) F(k, 2) F(k, 3) F(k, 4)
#else
#define EACH_BIT(F, t)   SIX_BITS(F, t, 0) SIX_BITS(F, t, 6) SIX_BITS(F, t, 12) SIX_BITS(F, t, 18) SIX_BITS(F, t, 24)
#define EACH_INDEX(F, k) F(k, 1) F(k, 2) F(k, 3) F(k, 4) F(k, 5)
#endif

active [N] proctype server() {
end:
  do
  STEP(me.role != LEADER && me.term < TERMS && MAY_TIME_OUT, campaign())
#if PROPOSALS > 0
  STEP(me.role == LEADER && s[0].proposed + s[1].proposed + s[2].proposed < PROPOSALS, propose())
#endif
  STEP(me.peer[0].granted, vote_reply(0))
  STEP(me.peer[1].granted, vote_reply(1))
  STEP(STALE_REQUEST(0), answer_stale(0))
  STEP(STALE_REQUEST(1), answer_stale(1))
  STEP(me.peer[0].refused, rejected(0))
  STEP(me.peer[1].refused, rejected(1))
  EACH_TERM(VOTE_REQUESTS)
#ifdef ONE_STEP
  EACH_TERM_OF(NEWER, 0)
  EACH_TERM_OF(NEWER, 1)
  EACH_INDEX(ACCEPTED, 0)
  EACH_INDEX(ACCEPTED, 1)
  EACH_TERM(DELIVER_OF)
#else
  :: atomic { me.peer[0].newer -> if EACH_TERM_OF(NEWER, 0) fi }
  :: atomic { me.peer[1].newer -> if EACH_TERM_OF(NEWER, 1) fi }
  :: atomic { me.peer[0].accepted -> if EACH_INDEX(ACCEPTED, 0) fi }
  :: atomic { me.peer[1].accepted -> if EACH_INDEX(ACCEPTED, 1) fi }
  :: atomic {
       if EACH_TERM(APPEND_OF) fi;
       if
       EACH_BIT(APPEND, pick)
       :: else -> done(); goto end
       fi;
       d_step { append_entries(pick, c); done() }
     }
#endif
  od
}
