//! How a system prints, so that `{:#?}` has one line for each rule:
//! `m1 from me+1 at 2: become 0; m2 to nobody, set t0`.

use std::fmt::{self, Debug, Formatter};

use super::{Effect, Next, Peer, Rule, Sent, Start, Trigger};

impl Debug for Peer {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Peer::After(0) => f.write_str("me"),
            Peer::After(steps) => write!(f, "me+{steps}"),
            Peer::Nobody => f.write_str("nobody"),
        }
    }
}

impl Debug for Sent {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "m{} from {:?} to {:?}", self.msg, self.src, self.dst)
    }
}

impl Debug for Start {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "become {}", self.value)?;
        list(f, &self.effects)
    }
}

impl Debug for Rule {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.on)?;
        if let Some(value) = self.value {
            write!(f, " at {value}")?;
        }
        write!(f, ": {:?}", self.next)?;
        list(f, &self.effects)
    }
}

fn list(f: &mut Formatter<'_>, effects: &[Effect]) -> fmt::Result {
    for (index, effect) in effects.iter().enumerate() {
        write!(f, "{} {effect:?}", if index == 0 { ";" } else { "," })?;
    }
    Ok(())
}

impl Debug for Trigger {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Trigger::Message { msg, from: Some(from) } => write!(f, "m{msg} from {from:?}"),
            Trigger::Message { msg, from: None } => write!(f, "m{msg}"),
            Trigger::Timeout(timer) => write!(f, "t{timer}"),
            Trigger::Random(random) => write!(f, "r{random}"),
        }
    }
}

impl Debug for Next {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Next::Keep => f.write_str("keep"),
            Next::Touch => f.write_str("touch"),
            Next::Become(value) => write!(f, "become {value}"),
            Next::Note => f.write_str("note"),
        }
    }
}

impl Debug for Effect {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Effect::Send { to, msg } => write!(f, "m{msg} to {to:?}"),
            Effect::SetTimer(timer) => write!(f, "set t{timer}"),
            Effect::CancelTimer(timer) => write!(f, "cancel t{timer}"),
            Effect::Choose { key, among } => {
                let among: Vec<_> = among.iter().map(|random| format!("r{random}")).collect();
                write!(f, "choose key {key} of [{}]", among.join(" "))
            }
            Effect::Save(saved) => write!(f, "save {saved}"),
        }
    }
}
