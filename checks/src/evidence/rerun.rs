//! `rerun.sh`: the commands that start the run again, and those that judge again what it left.

use std::fmt::Write as _;

use super::Told;

/// The commands, in the order in which a person needs them: what starts the run, what judges it, what draws it.
pub fn commands(told: &Told) -> Vec<String> {
    let dir = told.dir.display();
    vec![start(told), format!("lab validate {dir}"), format!("lab report {dir}")]
}

/// The script. Without an argument it starts the run again; `judge` judges the directory in which it lies.
pub fn draw(told: &Told) -> String {
    let start = start(told);
    let start = start.strip_prefix("lab ").map_or(start.clone(), |rest| format!("\"$LAB\" {rest}"));
    let mut faults = String::new();
    for fault in &told.run.faults {
        let server = fault.server.as_deref().unwrap_or("all");
        let text: String = fault.text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let at = told.run.seconds(fault.at_us);
        let _ = writeln!(faults, "#   {at:>8.2} s  {:8} {server:4} {text}", fault.verb);
    }
    if faults.is_empty() {
        faults = "#   none\n".into();
    }
    format!(
        "#!/bin/sh\n\
         # Starts the run of this directory again (`rerun.sh`), or judges again what it left (`rerun.sh judge`).\n\
         # `lab` is looked for in PATH, if $LAB does not name it. What was done to the cluster, and when:\n\
         {faults}\
         set -eu\n\
         : \"${{LAB:=lab}}\"\n\
         case \"${{1:-run}}\" in\n\
         run) exec {start} ;;\n\
         judge)\n\
         \x20   dir=$(CDPATH= cd -- \"$(dirname -- \"$0\")\" && pwd)\n\
         \x20   \"$LAB\" validate \"$dir\"\n\
         \x20   exec \"$LAB\" report \"$dir\" ;;\n\
         *) echo \"usage: $0 [run|judge]\" >&2; exit 2 ;;\n\
         esac\n"
    )
}

/// The command line that started the run, with its seed.
fn start(told: &Told) -> String {
    let Some(document) = &told.run.document else { return "lab up".into() };
    // One line, whatever a file says: a second one would be a command of its own.
    let command: String = document.command.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match document.seed {
        Some(seed) if !command.contains("--seed") => format!("{command} --seed {seed}"),
        _ => command,
    }
}
