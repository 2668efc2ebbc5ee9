//! One frame: what is shown of servers, whatever it is shown on.

use std::net::SocketAddr;

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Row as TableRow, Table, Widget};

use crate::api::{PeerStatus, StatusDocument};
use crate::ctl::endpoint::millis;

/// What the columns are called, and how wide they are.
const COLUMNS: [(&str, u16); 13] = [
    ("server", 8),
    ("role", 13),
    ("term", 6),
    ("leader", 6),
    ("commit", 10),
    ("applied", 10),
    ("lag", 8),
    ("rtt", 9),
    ("fsync p50", 10),
    ("fsync p99", 10),
    ("entries/s", 9),
    ("keys", 9),
    ("waiting", 7),
];

/// All servers at one moment.
#[derive(Clone, Debug)]
pub struct View {
    /// One each, by name; those that are not reached come last.
    pub rows: Vec<Row>,
}

/// One of them.
#[derive(Clone, Debug)]
pub struct Row {
    /// Where it listens for clients.
    pub address: SocketAddr,
    /// How it stands, or why that is not known.
    pub status: Result<StatusDocument, String>,
    /// How many entries it saw committed in a second, if it was looked at before.
    pub per_second: Option<f64>,
}

impl Row {
    /// One that has not answered.
    pub fn unknown(address: SocketAddr) -> Row {
        Row { address, status: Err("it has not answered".into()), per_second: None }
    }

    /// `n2` before `n10`.
    fn order(&self) -> (usize, String) {
        self.status.as_ref().map_or((usize::MAX, self.address.to_string()), |status| {
            (status.server.len(), status.server.clone())
        })
    }
}

impl View {
    /// These, in their order.
    pub fn of(mut rows: Vec<Row>) -> View {
        rows.sort_by_cached_key(Row::order);
        View { rows }
    }

    /// The frame as text, so many columns wide.
    pub fn plain(&self, width: u16) -> String {
        let height = u16::try_from(self.rows.len()).unwrap_or(u16::MAX).saturating_add(4);
        let area = Rect::new(0, 0, width, height);
        let mut buffer = Buffer::empty(area);
        self.render(area, &mut buffer);
        let mut text = String::new();
        for y in 0..height {
            let line: String = (0..width).map(|x| buffer[(x, y)].symbol()).collect();
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text.trim_end().to_string() + "\n"
    }

    /// Draws it.
    pub fn render(&self, area: Rect, buffer: &mut Buffer) {
        let [title, table, end] =
            Layout::vertical([Constraint::Length(2), Constraint::Fill(1), Constraint::Length(1)]).areas(area);
        Line::from(self.title()).style(Modifier::BOLD).render(title, buffer);
        let header = TableRow::new(COLUMNS.map(|(name, _)| name)).style(Modifier::UNDERLINED);
        let widths = COLUMNS.map(|(_, width)| Constraint::Length(width));
        let leader = self.leader();
        let rows = self.rows.iter().map(|row| drawn(row, leader));
        Widget::render(Table::new(rows, widths).header(header), table, buffer);
        // What does not fit into columns stands over them.
        for (at, row) in self.rows.iter().enumerate() {
            let Ok(at) = u16::try_from(at) else { break };
            if let (Err(says), true) = (&row.status, at.saturating_add(1) < table.height) {
                let line = Rect::new(table.x, table.y + 1 + at, table.width, 1);
                let text = format!("{}  {}", row.address, says);
                Line::from(text).style(Style::new().fg(Color::Red)).render(line, buffer);
            }
        }
        Line::from("q quits").style(Modifier::DIM).render(end, buffer);
    }

    /// The leader of the highest term, of those that say that they lead.
    fn leader(&self) -> Option<&StatusDocument> {
        let all = self.rows.iter().filter_map(|row| row.status.as_ref().ok());
        all.filter(|status| status.role == "leader").max_by_key(|status| status.term)
    }

    fn title(&self) -> String {
        let reached = self.rows.iter().filter(|row| row.status.is_ok()).count();
        let leads = self.leader().map_or("no leader".to_string(), |leader| {
            let members = &leader.members;
            format!(
                "{} leads in term {} · {} acknowledgements commit, {} voters may fail · reads by {}",
                leader.server, leader.term, members.quorum, members.tolerates, leader.read_mode
            )
        });
        format!("{reached} of {} servers · {leads}", self.rows.len())
    }
}

fn drawn<'a>(row: &Row, leader: Option<&StatusDocument>) -> TableRow<'a> {
    let Ok(status) = &row.status else { return TableRow::new([String::new()]) };
    let peer = leader.and_then(|leader| leader.peers.iter().find(|peer| peer.server == status.server));
    let known = |known: Option<String>| known.unwrap_or("-".into());
    let lag = known(peer.map(|PeerStatus { lag, .. }| lag.to_string()));
    let round_trip = known(peer.and_then(|peer| peer.round_trip_us).map(millis));
    let cells = [
        status.server.clone(),
        status.role.clone(),
        status.term.to_string(),
        known(status.leader.clone()),
        status.commit.to_string(),
        status.applied.to_string(),
        lag,
        round_trip,
        millis(status.fsync_p50_us),
        millis(status.fsync_p99_us),
        known(row.per_second.map(|rate| format!("{rate:.0}"))),
        status.keys.to_string(),
        status.waiting.to_string(),
    ];
    let style = match status.role.as_str() {
        "leader" => Style::new().fg(Color::Green).add_modifier(Modifier::BOLD),
        "follower" => Style::new(),
        _ => Style::new().fg(Color::Yellow),
    };
    TableRow::new(cells).style(style)
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;
    use crate::api::{Member, Members};

    fn status(server: &str, role: &str, peers: Vec<PeerStatus>) -> StatusDocument {
        let member =
            |server: &str| Member { server: server.into(), standing: "voter".into(), peer: None, http: None };
        StatusDocument {
            server: server.into(),
            cluster: "c1".into(),
            version: "0.1.0".into(),
            pid: 7,
            uptime_ms: 60_000,
            role: role.into(),
            term: 4,
            leader: Some("n2".into()),
            commit: 40,
            applied: 39,
            last: 41,
            base: 12,
            members: Members { quorum: 2, tolerates: 1, members: ["n1", "n2", "n3"].map(member).into() },
            waiting: 3,
            keys: 17,
            read_mode: "index".into(),
            fsync_p50_us: 850,
            fsync_p99_us: 4_200,
            peers,
        }
    }

    fn row(port: u16, status: Result<StatusDocument, &str>, per_second: Option<f64>) -> Row {
        Row { address: ([127, 0, 0, 1], port).into(), status: status.map_err(str::to_string), per_second }
    }

    fn view() -> View {
        let peer = |server: &str, lag, round_trip_us| PeerStatus {
            server: server.into(),
            matched: 41 - lag,
            lag,
            heard_ms_ago: Some(5),
            round_trip_us,
        };
        let peers = vec![peer("n10", 6, Some(312)), peer("n3", 0, None)];
        View::of(vec![
            row(9010, Ok(status("n10", "follower", vec![])), Some(99.6)),
            row(9001, Err("it is not reached: Connection refused"), None),
            row(9002, Ok(status("n2", "leader", peers)), Some(100.4)),
        ])
    }

    const EXPECTED: &str = "\
2 of 3 servers · n2 leads in term 4 · 2 acknowledgements commit, 1 voters may fail · reads by index

server   role          term   leader commit     applied    lag      rtt       fsync p50  fsync p99  entries/s keys      waiting
n2       leader        4      n2     40         39         -        -         0.85 ms    4.20 ms    100       17        3
n10      follower      4      n2     40         39         6        0.31 ms   0.85 ms    4.20 ms    100       17        3
127.0.0.1:9001  it is not reached: Connection refused
q quits
";

    #[test]
    fn a_frame_shows_every_server_and_what_the_leader_knows_of_it() {
        assert_eq!(view().plain(140), EXPECTED);
    }

    #[test]
    fn a_terminal_shows_the_same_in_colour() {
        let mut terminal = Terminal::new(TestBackend::new(140, 7)).unwrap();
        let view = view();
        terminal.draw(|frame| view.render(frame.area(), frame.buffer_mut())).unwrap();
        let lines = EXPECTED.lines().map(|line| format!("{line:140}"));
        let shown = terminal.backend().buffer().clone();
        for (y, line) in (0..).zip(lines) {
            let drawn: String = (0..140).map(|x| shown[(x, y)].symbol()).collect();
            assert_eq!(drawn, line);
        }
        assert_eq!(shown[(0, 3)].fg, Color::Green);
        assert_eq!(shown[(0, 4)].fg, Color::Reset);
        assert_eq!(shown[(0, 5)].fg, Color::Red);
    }

    #[test]
    fn a_terminal_that_is_too_small_is_no_harm() {
        for (width, height) in [(1, 1), (10, 2), (20, 3), (40, 4)] {
            let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
            let view = view();
            terminal.draw(|frame| view.render(frame.area(), frame.buffer_mut())).unwrap();
        }
    }

    #[test]
    fn nobody_leads_where_nobody_says_so() {
        let view = View::of(vec![Row::unknown(([127, 0, 0, 1], 9001).into())]);
        assert!(view.plain(100).starts_with("0 of 1 servers · no leader\n"));
    }
}
