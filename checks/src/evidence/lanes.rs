//! What each server was, from the start to the end: a lane of roles, terms and lives for each.
//!
//! Servers tell every change of role as it happens; samples show how they stood every moment. An event is exact and may
//! be lost with a connection; a sample is sure to come and a little late. So a sample counts where it shows a newer
//! term, or where no event was heard for a while.

use super::bands::Kind;
use super::read::Run;
use super::record::{EventRecord, FaultRecord, Role, Sample};

/// A sample may have been taken so long before it is stamped: within this of an event, the event counts.
const LATE_US: u64 = 500_000;
/// A server that was killed and answers so long after lives, even if nobody said that it was started.
const REBORN_US: u64 = 1_000_000;

/// A length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its start.
    pub from_us: u64,
    /// Its end.
    pub to_us: u64,
}

impl Span {
    /// Does it cover a moment, its end included?
    pub fn covers(self, at_us: u64) -> bool {
        (self.from_us..=self.to_us).contains(&at_us)
    }
}

/// What a server was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing was heard of it yet, in this life.
    Unheard,
    /// It did not run.
    Down,
    /// It ran.
    Up {
        /// What it was.
        role: Role,
        /// In which term.
        term: u64,
    },
}

/// A time for which a server was the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stay {
    /// When.
    pub span: Span,
    /// What.
    pub state: State,
}

/// A server's course.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// Whose.
    pub server: String,
    /// What it was, without a gap from the run's start to its end.
    pub stays: Vec<Stay>,
    /// When it was killed or stopped.
    pub ends: Vec<u64>,
    /// When it was started again.
    pub starts: Vec<u64>,
    /// When it ran and did not answer, twice or more in a row.
    pub silences: Vec<Span>,
}

/// A time for which a server led.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reign {
    /// Who.
    pub server: String,
    /// In which term.
    pub term: u64,
    /// When.
    pub span: Span,
}

/// The lanes of all servers.
pub fn lanes(run: &Run) -> Vec<Lane> {
    run.servers().into_iter().map(|server| lane(run, server)).collect()
}

/// Who led when, in order of time.
pub fn reigns(lanes: &[Lane]) -> Vec<Reign> {
    let mut reigns = Vec::new();
    for lane in lanes {
        for stay in &lane.stays {
            if let State::Up { role: Role::Leader, term } = stay.state {
                reigns.push(Reign { server: lane.server.clone(), term, span: stay.span });
            }
        }
    }
    reigns.sort_by_key(|reign| (reign.span.from_us, reign.term));
    reigns
}

impl Lane {
    /// The lives of the server: when it ran.
    pub fn lives(&self) -> Vec<Span> {
        let mut lives: Vec<Span> = Vec::new();
        for stay in self.stays.iter().filter(|stay| stay.state != State::Down) {
            match lives.last_mut() {
                Some(last) if last.to_us == stay.span.from_us && !self.starts.contains(&last.to_us) => {
                    last.to_us = stay.span.to_us;
                }
                _ => lives.push(stay.span),
            }
        }
        lives.retain(|life| {
            let is_heard = |stay: &Stay| {
                life.covers(stay.span.from_us)
                    && stay.span.from_us < life.to_us
                    && stay.state != State::Unheard
            };
            self.stays.iter().any(is_heard)
        });
        lives
    }
}

/// One thing that is known of a server.
enum Known<'a> {
    Fault(&'a FaultRecord),
    Event(&'a EventRecord),
    Sample(&'a Sample),
}

impl Known<'_> {
    fn at_us(&self) -> u64 {
        match self {
            Known::Fault(fault) => fault.at_us,
            Known::Event(event) => event.at_us,
            Known::Sample(sample) => sample.at_us,
        }
    }
}

fn lane(run: &Run, server: String) -> Lane {
    let mut known: Vec<Known> = Vec::new();
    let is_own = |fault: &&FaultRecord| fault.server.as_ref() == Some(&server);
    known.extend(run.faults.iter().filter(is_own).map(Known::Fault));
    known.extend(run.events.iter().filter(|own| own.event.server == server).map(Known::Event));
    known.extend(run.samples.iter().filter(|own| own.server == server).map(Known::Sample));
    // The sort is stable: at one moment a fault comes first, and a sample last.
    known.sort_by_key(Known::at_us);
    let mut course = Course::new(run, server);
    for known in &known {
        match known {
            Known::Fault(fault) => course.fault(fault),
            Known::Event(event) => course.event(event),
            Known::Sample(sample) => course.sample(sample),
        }
    }
    course.end(run)
}

/// A lane under construction.
struct Course {
    lane: Lane,
    state: State,
    since_us: u64,
    event_at_us: u64,
    silence: Option<(Span, usize)>,
}

impl Course {
    fn new(run: &Run, server: String) -> Course {
        let lane =
            Lane { server, stays: Vec::new(), ends: Vec::new(), starts: Vec::new(), silences: Vec::new() };
        Course { lane, state: State::Unheard, since_us: run.start_us, event_at_us: 0, silence: None }
    }

    fn becomes(&mut self, at_us: u64, state: State) {
        if self.state == state {
            return;
        }
        let at_us = at_us.max(self.since_us);
        if at_us > self.since_us {
            let span = Span { from_us: self.since_us, to_us: at_us };
            self.lane.stays.push(Stay { span, state: self.state });
        }
        (self.state, self.since_us) = (state, at_us);
    }

    fn fault(&mut self, fault: &FaultRecord) {
        if Kind::of(fault) == Some(Kind::Down) {
            self.lane.ends.push(fault.at_us);
            self.hush();
            self.becomes(fault.at_us, State::Down);
        } else if fault.verb == "start" {
            if self.state == State::Down {
                self.lane.starts.push(fault.at_us);
            }
            self.becomes(fault.at_us, State::Unheard);
        }
    }

    /// What a server said before it was killed may be heard after.
    fn event(&mut self, event: &EventRecord) {
        if self.state == State::Down {
            return;
        }
        if let Some(role) = event.role() {
            self.event_at_us = event.at_us;
            self.becomes(event.at_us, State::Up { role, term: event.event.term });
        }
    }

    fn sample(&mut self, sample: &Sample) {
        let (Some(role), Some(term)) = (sample.role, sample.term) else {
            self.unanswered(sample.at_us);
            return;
        };
        self.hush();
        let is_news = match self.state {
            State::Unheard => true,
            State::Down => sample.at_us > self.since_us + REBORN_US,
            State::Up { term: before, .. } => term > before || sample.at_us > self.event_at_us + LATE_US,
        };
        if is_news {
            self.becomes(sample.at_us, State::Up { role, term });
        }
    }

    fn unanswered(&mut self, at_us: u64) {
        if !matches!(self.state, State::Up { .. }) {
            return;
        }
        let (span, times) = self.silence.get_or_insert((Span { from_us: at_us, to_us: at_us }, 0));
        span.to_us = at_us;
        *times += 1;
    }

    /// It answers again, or is no more.
    fn hush(&mut self) {
        if let Some((span, times)) = self.silence.take()
            && times > 1
        {
            self.lane.silences.push(span);
        }
    }

    fn end(mut self, run: &Run) -> Lane {
        self.hush();
        let span = Span { from_us: self.since_us, to_us: run.end_us.max(self.since_us) };
        self.lane.stays.push(Stay { span, state: self.state });
        self.lane
    }
}
