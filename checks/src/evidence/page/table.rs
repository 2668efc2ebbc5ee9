//! Tables, and texts that somebody else wrote: escaped, and cut where they are too long.

use std::fmt::Write as _;

use super::super::float;
use crate::console::grouped;
use crate::render::ink::escape;

/// A table of rows whose first cell names the row.
pub(super) struct Table<'a> {
    /// What it is a table of.
    pub caption: &'a str,
    /// What each column holds.
    pub head: &'a [&'a str],
    /// The cells, as plain text.
    pub rows: Vec<Vec<String>>,
    /// Where all rows are, if some are cut.
    pub source: &'a str,
}

impl Table<'_> {
    /// The table, with so many rows at most: those in the middle are left out.
    pub fn draw(&self, rows_max: usize) -> String {
        let caption = escape(self.caption);
        let columns: Vec<bool> = (0..self.head.len()).map(|at| self.is_of_numbers(at)).collect();
        let mut head = String::new();
        for (name, is_number) in self.head.iter().zip(&columns) {
            let _ = write!(head, "<th scope=\"col\"{}>{}</th>", class(*is_number), escape(name));
        }
        let mut body = String::new();
        let (all, first) = (self.rows.len(), rows_max.div_ceil(2));
        for (at, row) in self.rows.iter().enumerate() {
            if all > rows_max && at == first {
                body += &self.left_out(all - rows_max);
            }
            if all <= rows_max || at < first || at >= all - (rows_max - first) {
                body += &draw_row(row, &columns);
            }
        }
        if self.rows.is_empty() {
            body = format!("<tr><td colspan=\"{}\">none</td></tr>\n", self.head.len());
        }
        format!(
            "<div class=\"wide\" role=\"region\" aria-label=\"{caption}\" tabindex=\"0\">\n\
             <table>\n<caption>{caption}</caption>\n\
             <thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>\n</div>\n"
        )
    }

    fn left_out(&self, count: usize) -> String {
        let says = format!(
            "{} of {} rows are left out to keep this page small: {} has all",
            grouped(count as u64),
            grouped(self.rows.len() as u64),
            self.source
        );
        let (says, columns) = (escape(&says), self.head.len());
        format!("<tr><td class=\"cut\" colspan=\"{columns}\">{says}</td></tr>\n")
    }

    /// Does a column stand to the right?
    fn is_of_numbers(&self, at: usize) -> bool {
        let mut cells = self.rows.iter().filter_map(|row| row.get(at)).peekable();
        at > 0 && cells.peek().is_some() && cells.all(|text| is_number(text))
    }
}

fn draw_row(row: &[String], columns: &[bool]) -> String {
    let cell = |(at, text): (usize, &String)| {
        let (text, class) = (escape(text), class(columns.get(at) == Some(&true)));
        if at == 0 { format!("<th scope=\"row\">{text}</th>") } else { format!("<td{class}>{text}</td>") }
    };
    format!("<tr>{}</tr>\n", row.iter().enumerate().map(cell).collect::<String>())
}

fn class(is_number: bool) -> &'static str {
    if is_number { " class=\"number\"" } else { "" }
}

/// Is it a number with its unit, or the sign for one that is not known?
fn is_number(text: &str) -> bool {
    const UNITS: [&str; 13] =
        ["s", "ms", "µs", "min", "MiB", "KiB", "B", "MiB/h", "MiB/min", "%", "×", "±", "–"];
    text == "–"
        || text.starts_with(|c: char| c.is_ascii_digit() || "+-−".contains(c))
            && text.split(' ').all(|word| {
                UNITS.contains(&word) || word.chars().all(|c| c.is_ascii_digit() || ",.+-−".contains(c))
            })
}

/// A text as it is, in a block that scrolls, with so many characters at most: the middle is left out.
pub(super) fn block(text: &str, source: &str, chars_max: usize) -> String {
    let all = text.chars().count();
    let keep = |text: &str| escape_lines(text);
    if all <= chars_max {
        return format!("<pre tabindex=\"0\">{}</pre>\n", keep(text));
    }
    let half = chars_max / 2;
    let (start, end): (String, String) =
        (text.chars().take(half).collect(), text.chars().skip(all - half).collect());
    let cut = grouped((all - 2 * half) as u64);
    format!(
        "<pre tabindex=\"0\">{}</pre>\n<p class=\"cut\">{cut} characters are left out to keep this page small: {} has all</p>\n\
         <pre tabindex=\"0\">{}</pre>\n",
        keep(&start),
        escape(source),
        keep(&end)
    )
}

/// Escaped, with its lines kept.
fn escape_lines(text: &str) -> String {
    text.lines().map(escape).collect::<Vec<_>>().join("\n")
}

/// Bytes as mebibytes.
pub(super) fn mebibytes(bytes: Option<u64>) -> String {
    bytes.map_or("–".into(), |bytes| format!("{:.1} MiB", float(bytes) / 1024.0 / 1024.0))
}
