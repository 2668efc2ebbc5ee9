//! A load driver: so many clients, each of which asks again when it has been answered.
//!
//! It is closed: who waits sends nothing meanwhile, so a slow cluster is asked less often, and the longest waits weigh
//! less than they would on users who come when they like. What it drives is a [`Target`]: a client of this cluster, or
//! of another system, so that both are measured by the same hand.
//!
//! What is drawn is drawn by a seed, client by client: which key, and whether it is read or written. Every value is
//! written once only (it names its client and counts), so that a history of operations says which write a read saw.
//! Such a history is what [`Hooks::on_operation`] is given, from all clients by one clock.

mod report;
mod target;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use self::report::Tally;
pub use self::report::{Latencies, Report};
pub use self::target::{Answer, ClusterTarget, Target};

/// What is to be asked, and how often.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How many clients.
    pub clients: usize,
    /// For how long they are counted, after the warm-up; without an end if absent.
    pub duration: Option<Duration>,
    /// How many operations all of them begin together, the warm-up's among them; without an end if absent.
    pub operations: Option<u64>,
    /// What begins within this time is not counted. It is in the history.
    pub warm_up: Duration,
    /// How many keys there are.
    pub keys: u64,
    /// What keys begin with.
    pub key_prefix: String,
    /// How long a value is, in bytes; longer where what makes it unique takes more.
    pub value_bytes: usize,
    /// Reads to writes, drawn one by one. Not both are 0.
    pub reads: (u32, u32),
    /// By which keys and kinds are drawn. It is part of every value: two runs on one cluster take two seeds.
    pub seed: u64,
}

/// What is told while it runs.
#[derive(Clone, Default)]
pub struct Hooks {
    /// Every operation, when it has ended, by the client's own task: it must not block for long.
    pub on_operation: Option<Arc<OnOperation>>,
    /// Set to end it before its time. What is under way is waited for.
    pub stop: Arc<AtomicBool>,
    /// By which all times are told.
    pub clock: Clock,
}

/// What is done with an operation that has ended.
pub type OnOperation = dyn Fn(&Operation) + Send + Sync;

/// A monotonic clock that many share: microseconds since it was made.
#[derive(Clone, Copy, Debug)]
pub struct Clock(Instant);

/// One operation of one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Whose, counted from 0. A client has at most one under way.
    pub client: u64,
    /// The key.
    pub key: String,
    /// What was asked.
    pub kind: Kind,
    /// When it began, in microseconds by [`Hooks::clock`].
    pub start_us: u64,
    /// When it ended, or when the client gave up waiting.
    pub end_us: u64,
    /// What came of it.
    pub outcome: Outcome,
}

/// What an operation asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// That this value is written, which nobody else writes.
    Put(String),
    /// The value; this was there, or nothing was, if the outcome is [`Outcome::Done`].
    Get(Option<String>),
}

/// What came of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It took effect between its start and its end.
    Done,
    /// It took no effect, and never will.
    NotDone,
    /// It may have taken effect at any time from its start on, or may yet, or not.
    Unknown,
}

impl Default for Plan {
    fn default() -> Plan {
        Plan {
            clients: 16,
            duration: Some(Duration::from_secs(10)),
            operations: None,
            warm_up: Duration::from_secs(1),
            keys: 10_000,
            key_prefix: "k".to_string(),
            value_bytes: 256,
            reads: (1, 1),
            seed: 0,
        }
    }
}

/// Runs a plan: `connect` makes the client of each number. It returns when all have ended.
///
/// It needs a tokio runtime, and is leanest in one of a single thread.
pub async fn run<T: Target>(plan: &Plan, hooks: &Hooks, mut connect: impl FnMut(usize) -> T) -> Report {
    let shared = Arc::new(Shared {
        plan: plan.clone(),
        filler: ".".repeat(plan.value_bytes),
        hooks: hooks.clone(),
        begun: AtomicU64::new(0),
        began: Instant::now(),
        tally: Mutex::new(Tally::new()),
    });
    let clients: Vec<_> = (0..plan.clients as u64)
        .map(|id| {
            let client = Client::new(id, connect(usize::try_from(id).unwrap_or(usize::MAX)), &shared);
            tokio::spawn(client.run())
        })
        .collect();
    let mut panicked = None;
    for client in clients {
        panicked = client.await.err().or(panicked);
    }
    if let Some(panicked) = panicked.filter(tokio::task::JoinError::is_panic) {
        std::panic::resume_unwind(panicked.into_panic());
    }
    let tally = std::mem::take(&mut *shared.tally());
    tally.report()
}

/// What all clients share.
struct Shared {
    plan: Plan,
    /// As long as a value.
    filler: String,
    hooks: Hooks,
    /// How many operations were begun.
    begun: AtomicU64,
    began: Instant,
    tally: Mutex<Tally>,
}

struct Client<T> {
    id: u64,
    target: T,
    shared: Arc<Shared>,
    dice: ChaCha8Rng,
    /// How many values it has written.
    written: u64,
}

impl<T: Target> Client<T> {
    fn new(id: u64, target: T, shared: &Arc<Shared>) -> Client<T> {
        let mut dice = ChaCha8Rng::seed_from_u64(shared.plan.seed);
        dice.set_stream(id);
        Client { id, target, shared: Arc::clone(shared), dice, written: 0 }
    }

    async fn run(mut self) {
        while self.shared.goes_on() {
            let number = self.draw(self.shared.plan.keys);
            let key = format!("{}{number:08}", self.shared.plan.key_prefix);
            let (reads, writes) = self.shared.plan.reads;
            let is_read = self.draw(u64::from(reads) + u64::from(writes)) < u64::from(reads);
            let kind = if is_read { Kind::Get(None) } else { Kind::Put(self.next_value()) };
            let start = Instant::now();
            let (kind, answer) = match kind {
                Kind::Put(value) => {
                    let answer = self.target.put(&key, &value).await;
                    (Kind::Put(value), answer)
                }
                Kind::Get(_) => match self.target.get(&key).await {
                    Answer::Done(value) => (Kind::Get(value), Answer::Done(())),
                    Answer::NotDone(kind) => (Kind::Get(None), Answer::NotDone(kind)),
                    Answer::Unknown(kind) => (Kind::Get(None), Answer::Unknown(kind)),
                },
            };
            self.shared.ended(self.id, key, kind, start, answer);
        }
    }

    /// A number below `below`; 0 if that is 0. What is left of 2^64 divided by it is of no weight here.
    fn draw(&mut self, below: u64) -> u64 {
        self.dice.next_u64() % below.max(1)
    }

    fn next_value(&mut self) -> String {
        self.written += 1;
        let plan = &self.shared.plan;
        let mut value = String::with_capacity(plan.value_bytes.max(32));
        // Writing to a string never fails.
        let _ =
            fmt::Write::write_fmt(&mut value, format_args!("{:x}.{}.{}.", plan.seed, self.id, self.written));
        value.push_str(self.shared.filler.get(value.len()..).unwrap_or_default());
        value
    }
}

impl Shared {
    fn tally(&self) -> std::sync::MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Is another operation to be begun? If so, it is counted as begun.
    fn goes_on(&self) -> bool {
        let plan = &self.plan;
        let is_over = plan.duration.is_some_and(|duration| self.began.elapsed() >= plan.warm_up + duration);
        !is_over
            && !self.hooks.stop.load(Ordering::Relaxed)
            && plan.operations.is_none_or(|most| self.begun.fetch_add(1, Ordering::Relaxed) < most)
    }

    fn ended(&self, client: u64, key: String, kind: Kind, start: Instant, answer: Answer<()>) {
        let end = Instant::now();
        let outcome = match &answer {
            Answer::Done(()) => Outcome::Done,
            Answer::NotDone(_) => Outcome::NotDone,
            Answer::Unknown(_) => Outcome::Unknown,
        };
        let counts_from = self.began + self.plan.warm_up;
        if start >= counts_from {
            self.tally().count(matches!(kind, Kind::Get(_)), start - counts_from, end - start, answer);
        }
        if let Some(on_operation) = &self.hooks.on_operation {
            let Clock(origin) = self.hooks.clock;
            let (start_us, end_us) = (micros(start - origin), micros(end - origin));
            on_operation(&Operation { client, key, kind, start_us, end_us, outcome });
        }
    }
}

impl Clock {
    /// The time now, in microseconds.
    pub fn now_us(self) -> u64 {
        micros(self.0.elapsed())
    }
}

impl Default for Clock {
    fn default() -> Clock {
        Clock(Instant::now())
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Hooks { on_operation, stop, clock } = self;
        let is_recorded = on_operation.is_some();
        f.debug_struct("Hooks")
            .field("is_recorded", &is_recorded)
            .field("stop", stop)
            .field("clock", clock)
            .finish()
    }
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
