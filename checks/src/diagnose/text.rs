//! A diagnosis for people.

use std::fmt::Write as _;

use super::argument::{Argued, Confidence, NAMED, Sign};
use super::{Diagnosis, Outcome, seconds};

/// All of it.
pub fn draw(diagnosis: &Diagnosis) -> String {
    let mut text = format!("watched {} · {}\n", seconds(diagnosis.watched_us), diagnosis.read.join("; "));
    // Writing to a string never fails.
    for symptom in &diagnosis.symptoms {
        let _ = writeln!(text, "  {:14} {}", symptom.what, symptom.says);
    }
    section(&mut text, "harm", &diagnosis.harm);
    section(&mut text, "seen, and no harm", &diagnosis.notes);
    if diagnosis.outcome != Outcome::Healthy {
        for (at, own) in diagnosis.causes.iter().filter(|own| is_shown(own)).enumerate() {
            cause(&mut text, at + 1, own);
        }
        ruled_out(&mut text, diagnosis);
    }
    if diagnosis.outcome == Outcome::Undecided {
        section(&mut text, "what would help", &helps(diagnosis));
    } else {
        section(&mut text, "not read", &diagnosis.missing);
    }
    let _ = writeln!(text, "DIAGNOSIS {}", conclusion(diagnosis));
    text
}

/// The last line: what it comes to.
pub fn conclusion(diagnosis: &Diagnosis) -> String {
    match diagnosis.outcome {
        Outcome::Healthy => "nothing is wrong".to_string(),
        Outcome::Undecided => "undecided: something is wrong, and what was read does not say why".to_string(),
        Outcome::Named => {
            let named = diagnosis.named().map(|own| {
                let Argued { cause, argument } = own;
                format!("{} at {} ({})", cause.name, argument.servers.join(" "), argument.confidence().word())
            });
            named.collect::<Vec<_>>().join("; then ")
        }
    }
}

/// What would let a second look decide.
pub fn helps(diagnosis: &Diagnosis) -> Vec<String> {
    let mut helps = diagnosis.missing.clone();
    let open = diagnosis.causes.iter().filter(|own| own.argument.confidence() == Confidence::Possible);
    helps.extend(open.map(|own| format!("a closer look at {}: {}", own.cause.name, own.cause.next[0])));
    if helps.is_empty() {
        helps.push("scrapes from before the incident began, and of every server".to_string());
    }
    helps
}

fn is_shown(own: &Argued) -> bool {
    own.argument.confidence() > Confidence::RuledOut
}

fn section(text: &mut String, title: &str, lines: &[String]) {
    for (at, line) in lines.iter().enumerate() {
        let _ = writeln!(text, "{}{line}", if at == 0 { format!("{title}\n  ") } else { "  ".into() });
    }
}

fn cause(text: &mut String, number: usize, own: &Argued) {
    let Argued { cause, argument } = own;
    let at =
        if argument.servers.is_empty() { String::new() } else { format!(": {}", argument.servers.join(" ")) };
    let word = argument.confidence().word();
    let _ = writeln!(text, "cause {number} {} · {word}\n  {}{at}", cause.name, cause.title);
    let mut signs = |what: &str, signs: &[Sign]| {
        for Sign { weight, says } in signs {
            let _ = writeln!(text, "    {what:8} {weight:2}  {says}");
        }
    };
    signs("for", &argument.pro);
    signs("against", &argument.contra);
    if argument.score() < NAMED {
        return;
    }
    for next in cause.next {
        let _ = writeln!(text, "    next         {next}");
    }
    if let Some(scenario) = cause.scenario {
        let _ = writeln!(text, "    shown by     lab run {scenario}");
    }
}

fn ruled_out(text: &mut String, diagnosis: &Diagnosis) {
    let ruled_out: Vec<String> = diagnosis
        .causes
        .iter()
        .filter(|own| !is_shown(own))
        .map(|own| format!("{:20} {}", own.cause.name, why_not(own)))
        .collect();
    section(text, "ruled out", &ruled_out);
}

/// Why a cause is ruled out: the heaviest of what speaks against it.
pub fn why_not(own: &Argued) -> String {
    let heaviest = own.argument.contra.iter().rev().max_by_key(|sign| sign.weight);
    heaviest.map_or("nothing speaks for it".to_string(), |sign| sign.says.clone())
}
