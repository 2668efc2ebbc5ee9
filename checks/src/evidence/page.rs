//! `index.html`: one page that needs nothing else, and no script.
//!
//! It is formatted by hand, as the page of a story is: nearly all of it is tables that one function draws from rows, so
//! that a template language would add a dependency and a second syntax, and take nothing away. All text goes through
//! one function that escapes it.
//!
//! The page is small enough to be sent by mail ([`BYTES_MAX`]). Where a run is too long for it, tables lose rows from
//! their middle, then pictures are left to their files, and the page says so.

mod sections;
mod table;

use self::sections::Section;
use super::followed::lasting;
use super::plot::{self, Plot};
use super::{Told, mark};
use crate::render::html::fill;
use crate::render::ink::escape;
use crate::verdict::Verdict;

/// A page is smaller than this.
pub const BYTES_MAX: usize = 2_000_000;

/// Before pictures go, tables have no more rows than this.
const ROWS_MIN: usize = 60;

/// How much of a long run a page shows.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// Rows of a table.
    rows: usize,
    /// Characters of a text that somebody else wrote.
    text: usize,
    /// Pictures with more bytes than this are left to their files.
    picture: usize,
}

/// The page, smaller than [`BYTES_MAX`].
pub fn draw(told: &Told) -> String {
    draw_within(told, BYTES_MAX)
}

/// The page, smaller than `bytes_max`, or with next to nothing on it if not even that fits.
fn draw_within(told: &Told, bytes_max: usize) -> String {
    let drawn = Plot::ALL.map(|plot| (plot, plot::draw(told, plot)));
    let mut sizes: Vec<usize> = drawn.iter().map(|(_, drawn)| drawn.len()).collect();
    sizes.sort_unstable();
    let mut limits = Limits { rows: 1000, text: 100_000, picture: usize::MAX };
    loop {
        let page = page(told, &drawn, limits);
        if page.len() < bytes_max || limits.picture == 0 {
            return page;
        }
        if limits.rows > ROWS_MIN {
            limits = Limits { rows: limits.rows / 2, text: limits.text / 2, ..limits };
        } else {
            // The largest picture goes next.
            limits.picture = sizes.pop().map_or(0, |size| size - 1);
        }
    }
}

fn page(told: &Told, drawn: &[(Plot, String)], limits: Limits) -> String {
    let sections = Section::all(told, limits);
    let links = sections.iter().map(|own| format!(r##"<a href="#{}">{}</a>"##, own.id, escape(own.title)));
    let links: Vec<String> =
        [r##"<a href="#pictures">Pictures</a>"##.to_string()].into_iter().chain(links).collect();
    let pictures = drawn.iter().map(|(plot, drawn)| picture(*plot, drawn, limits));
    let parts = [
        ("{{title}}", escape(&title(told))),
        ("{{style}}", format!("{}{}", include_str!("page/page.css"), plot::STYLE)),
        ("{{verdict}}", verdict(told)),
        ("{{facts}}", sections::facts(told)),
        ("{{reasons}}", sections::reasons(told, limits)),
        ("{{links}}", links.join("\n")),
        ("{{pictures}}", pictures.collect()),
        ("{{sections}}", sections.iter().map(section).collect()),
    ];
    fill(include_str!("page/page.html"), &parts)
}

fn section(own: &Section) -> String {
    let (id, title) = (own.id, escape(own.title));
    format!(
        "<section id=\"{id}\" aria-labelledby=\"{id}-title\">\n<h2 id=\"{id}-title\">{title}</h2>\n{}</section>\n",
        own.body
    )
}

fn title(told: &Told) -> String {
    let servers = told.findings.servers.len();
    let took = lasting(told.run.end_us - told.run.start_us);
    let document = told.run.document.as_ref();
    let what = match document.map(|own| (own.scenario.as_deref(), own.on.as_str())) {
        Some((Some(scenario), "sim")) => format!("{scenario}, simulated"),
        Some((Some(scenario), _)) => format!("{scenario}, live"),
        _ => "A live run".to_string(),
    };
    format!("{what}: {servers} servers, {took}, {}", told.verdict.verdict)
}

/// What it came to, in a word and a sentence.
fn verdict(told: &Told) -> String {
    let own = told.verdict;
    let class = match own.verdict {
        Verdict::Verified => "good",
        Verdict::Incomplete | Verdict::Vacuous => "doubtful",
        Verdict::Violated | Verdict::Error => "bad",
    };
    format!(
        "<p class=\"verdict {class}\"><strong>{} {}</strong> <span>{}</span> <small>exit {}</small></p>",
        mark(own.verdict),
        own.verdict,
        escape(&own.says),
        own.exit
    )
}

fn picture(plot: Plot, drawn: &str, limits: Limits) -> String {
    let (name, title, says) = (plot.name(), escape(plot.title()), escape(plot.says()));
    if drawn.len() > limits.picture {
        let file = format!("<a href=\"{name}.svg\">{name}.svg</a>");
        return format!(
            "<p class=\"cut\" id=\"{name}\">“{title}” is left out to keep this page small: it is in {file}.</p>\n"
        );
    }
    format!("<figure id=\"{name}\">\n{drawn}<figcaption>{says}</figcaption>\n</figure>\n")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::evidence::{Judgements, Validation, findings::Findings, judge, read::Run, record};
    use crate::validate::Figures;

    #[test]
    fn a_page_too_long_loses_rows_then_pictures_and_says_so() {
        let fault = |at: u64| record::FaultRecord {
            at_us: at * 1_000,
            verb: "pause".into(),
            server: Some("n1".into()),
            text: "a pause that is told at some length, so that it takes room".into(),
            until_us: Some(at * 1_000 + 500),
        };
        let mut run = Run { faults: (0..5000).map(fault).collect(), end_us: 5_000_000, ..Run::default() };
        run.document = serde_json::from_str(
            r#"{"schema":"raftlab-run/1","command":"lab up","started_at_us":0,"started_unix_us":0,
                "servers":[{"server":"n1","peer":"","http":""}]}"#,
        )
        .ok();
        let lines = vec!["a line ".repeat(20); 3000];
        let validation = Validation {
            verdict: Verdict::Verified,
            exit: 0,
            lines,
            properties: Vec::new(),
            figures: Figures::default(),
        };
        let judgements = Judgements { validation: Some(validation), ..Judgements::default() };
        let findings = Findings::of(&run, &judgements);
        let verdict = judge::judge(&run, &findings, &judgements);
        let told = Told {
            dir: Path::new("run"),
            run: &run,
            findings: &findings,
            judgements: &judgements,
            verdict: &verdict,
        };
        let whole = draw(&told);
        assert!(whole.len() < BYTES_MAX, "{}", whole.len());
        assert!(whole.contains("4,000 of 5,000 rows are left out"), "no table has more than a thousand");
        let small = draw_within(&told, 250_000);
        assert!(small.len() < 250_000, "{}", small.len());
        assert!(small.contains("rows are left out") && small.contains("characters are left out"));
        let is_left = |plot: &Plot| small.contains(&format!("<figure id=\"{}\"", plot.name()));
        let size = |plot: Plot| plot::draw(&told, plot).len();
        let (left, out): (Vec<_>, Vec<_>) = Plot::ALL.into_iter().partition(is_left);
        assert!(!left.is_empty() && !out.is_empty(), "{left:?} {out:?}");
        assert!(
            left.iter().all(|left| out.iter().all(|out| size(*out) >= size(*left))),
            "the largest go first"
        );
        for plot in out {
            assert!(small.contains(&format!("it is in <a href=\"{0}.svg\">{0}.svg</a>", plot.name())));
        }
        let tiny = draw_within(&told, 10_000);
        assert!(!tiny.contains("<svg") && tiny.contains("What was judged"), "{}", tiny.len());
    }
}
