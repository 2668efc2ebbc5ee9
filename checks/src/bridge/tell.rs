//! Both walks side by side, for people.

use std::fmt;

use super::{Bridged, Broken, Came, End, Walk, Walks};

/// The widest that an event or a state is printed.
const WIDTH_MAX: usize = 64;

impl fmt::Display for Bridged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} ({}): {}", self.rule, self.way, self.property)?;
        match &self.came {
            Came::Unwalkable(why) => writeln!(f, "not walked: {why}"),
            Came::Walked(walks) => walks.tell(&self.property, f),
        }
    }
}

impl Bridged {
    /// Did it go as it should?
    pub fn mark(&self) -> char {
        match (&self.came, self.failure()) {
            (Came::Unwalkable(_), _) => '·',
            (Came::Walked(_), None) => '✔',
            (Came::Walked(_), Some(_)) => '✗',
        }
    }

    /// What came of it with the rule off, and with the rule on.
    pub fn cells(&self) -> [String; 2] {
        let Walks { off, on, held } = match &self.came {
            Came::Unwalkable(why) => return [format!("not walked: {why}"), String::new()],
            Came::Walked(walks) => walks,
        };
        let fell = |broken: &Broken| format!("{} falls at step {}", broken.property, broken.step);
        let of_off = off.breaks(&self.property).map_or(format!("{} holds", self.property), fell);
        let of_on = match (on.broken.first(), held) {
            (Some(broken), _) => fell(broken),
            (None, Some(End { step, .. })) => format!("holds at step {step}"),
            (None, None) => "something else comes of the same".to_string(),
        };
        [of_off, of_on]
    }

    /// All of it in one line.
    pub fn line(&self) -> String {
        let [off, on] = self.cells();
        let on = if on.is_empty() { on } else { format!(" · rule on: {on}") };
        format!("{} {} ({}): {off}{on}\n", self.mark(), self.rule, self.way)
    }
}

impl Walks {
    fn tell(&self, property: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Walks { off, on, held } = self;
        let steps = off.steps.len().max(on.steps.len());
        let event = |at: usize| off.steps.get(at).or(on.steps.get(at)).map_or("", |step| &*step.event);
        let state = |walk: &Walk, at: usize| walk.steps.get(at).map(|step| step.state.clone());
        let width = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or(0).min(WIDTH_MAX);
        let of_events = width(&mut (0..steps).map(|at| event(at).chars().count()));
        let of_states =
            width(&mut off.steps.iter().map(|step| step.state.chars().count())).max("rule off".len());
        writeln!(f, "\n step  {:of_events$}  {:of_states$}  rule on", "event", "rule off")?;
        for at in 0..steps {
            let (was, is) = (state(off, at), state(on, at));
            let on = match &is {
                Some(_) if is == was => "the same",
                Some(state) => state,
                None => "✗",
            };
            let off = was.as_deref().unwrap_or("✗");
            writeln!(f, "{:5}  {:of_events$}  {off:of_states$}  {on}", at + 1, event(at))?;
        }
        writeln!(f)?;
        tell_off(off, property, f)?;
        tell_on(on, held.as_ref(), f)
    }
}

fn tell_off(off: &Walk, property: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if let Some(Broken { property, step, why }) =
        off.broken.first().filter(|first| first.property != property)
    {
        writeln!(f, "rule off  first, at step {step}, `{property}` breaks: {why}")?;
    }
    match (off.breaks(property), &off.end) {
        (Some(Broken { step, why, .. }), _) => {
            writeln!(f, "rule off  at step {step} `{property}` is violated: {why}")?;
        }
        (None, _) => writeln!(f, "rule off  `{property}` is not violated")?,
    }
    off.end.as_ref().map_or(Ok(()), |End { step, why }| {
        writeln!(f, "rule off  ends at step {step}, where the model goes on: {why}")
    })
}

fn tell_on(on: &Walk, held: Option<&End>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if let Some(End { step, why }) = held {
        writeln!(f, "rule on   holds at step {step}: {why}")?;
    } else {
        writeln!(f, "rule on   goes the same way, and something else comes of it")?;
    }
    if let Some(End { step, why }) =
        on.end.as_ref().filter(|end| held.is_none_or(|held| held.step != end.step))
    {
        writeln!(f, "rule on   ends at step {step}: {why}")?;
    }
    match on.broken.first() {
        None => writeln!(f, "rule on   nothing is violated"),
        Some(Broken { property, step, why }) => {
            writeln!(f, "rule on   at step {step} `{property}` is violated: {why}")
        }
    }
}
