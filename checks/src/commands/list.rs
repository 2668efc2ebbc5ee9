//! `check list`: what there is to check, to take away, to break and to see.

use comfy_table::{ContentArrangement, Table, presets};
use raftlab_model::{Property, WITNESSES};
use serde_json::{Value, json};

use crate::catalogue::{CHECKS, Check, Scope};
use crate::cli::{Common, Listed, WriteOut};
use crate::console::Console;
use crate::failure::Failure;
use crate::gallery;

/// The width of a table where there is no terminal to ask.
const WIDTH: u16 = 140;

/// A list: its columns, and its rows.
struct List {
    columns: &'static [&'static str],
    rows: Vec<Vec<String>>,
}

/// Prints a list.
pub fn list(what: Listed, common: &Common, console: &Console) -> Result<u8, Failure> {
    let list = match what {
        Listed::Checks => checks(),
        Listed::Rules => rules(),
        Listed::Properties => properties(),
        Listed::Witnesses => witnesses(),
    };
    match common.write_out {
        WriteOut::Json => console.print(&super::json(&list.json())?),
        WriteOut::Simple => {
            for row in &list.rows {
                console.print(&(row.join("\t") + "\n"));
            }
        }
        WriteOut::Table => {
            let mut table = Table::new();
            table
                .load_preset(presets::UTF8_BORDERS_ONLY)
                .set_content_arrangement(ContentArrangement::Dynamic);
            if !table.is_tty() {
                table.set_width(WIDTH);
            }
            table.set_header(list.columns);
            table.add_rows(list.rows);
            console.print(&format!("{table}\n"));
        }
    }
    Ok(0)
}

impl List {
    fn json(&self) -> Value {
        let object = |row: &Vec<String>| -> Value {
            let fields = self.columns.iter().zip(row).map(|(key, value)| ((*key).to_string(), json!(value)));
            Value::Object(fields.collect())
        };
        json!({"schema": "raftlab-list/1", "rows": self.rows.iter().map(object).collect::<Vec<_>>()})
    }
}

fn strings<const N: usize>(row: [&str; N]) -> Vec<String> {
    row.iter().map(ToString::to_string).collect()
}

fn checks() -> List {
    let scopes = CHECKS.iter().flat_map(|check| {
        let row = |tier| move |scope: &Scope| strings([check.name, tier, scope.bounds, check.says]);
        let exhausted = check.quick.iter().map(row("quick")).chain(check.deep.iter().map(row("deep")));
        exhausted.chain(check.walked.iter().map(row("walked")))
    });
    List { columns: &["check", "tier", "bounds", "about"], rows: scopes.collect() }
}

fn rules() -> List {
    let row = |exhibit: &gallery::Exhibit| {
        strings([
            exhibit.name,
            &exhibit.way.to_string(),
            exhibit.section,
            exhibit.says,
            exhibit.property,
            exhibit.bug,
        ])
    };
    let columns = &["rule", "way", "section", "says", "without it falls", "bug"];
    List { columns, rows: gallery::all().map(row).collect() }
}

fn properties() -> List {
    let row = |property: &raftlab_model::Property| strings([property.name, property.section, property.says]);
    List { columns: &["property", "section", "says"], rows: Property::all().map(row).collect() }
}

fn witnesses() -> List {
    let users = |name: &str| {
        let uses = |check: &&Check| check.worlds().any(|scope| scope.witnesses.contains(&name));
        CHECKS.iter().filter(uses).map(|check| check.name).collect::<Vec<_>>().join(", ")
    };
    let rows = WITNESSES.iter().map(|witness| strings([witness.name, &users(witness.name)])).collect();
    List { columns: &["witness", "checks"], rows }
}
