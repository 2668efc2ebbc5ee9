//! All servers in a table that is drawn again and again.

mod view;

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use tokio::task::JoinSet;

use super::args::{Common, TopArgs};
use super::failure::Failure;
use super::output::Output;
use crate::api::StatusDocument;
use crate::client::{Reason, Server, endpoints};

pub use self::view::{Row, View};

/// How long a server may take to say how it stands: others are shown meanwhile as they were.
const TIMEOUT_MAX: Duration = Duration::from_secs(1);

/// How wide a frame is that goes to no terminal, in columns.
const WIDTH: u16 = 140;

/// How many servers are followed at most.
const SERVERS_MAX: usize = 64;

/// Those who are looked at.
struct Followed {
    servers: Vec<Option<Server>>,
    /// What each had committed when it was looked at last.
    commits: Vec<Option<(Instant, u64)>>,
    addresses: Vec<SocketAddr>,
    timeout: Duration,
}

/// Shows how servers stand, until a key ends it.
pub(super) fn run(args: &TopArgs, common: &Common, output: &Output) -> Result<(), Failure> {
    let addresses = endpoints(&common.endpoints)?;
    if !args.once && !std::io::stdout().is_terminal() {
        let says = "top draws on a terminal, and stdout is none: with --once it prints one frame";
        return Err(Failure::Usage(says.into()));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Failure::io("starting"))?;
    let mut followed = Followed::new(addresses, common.timeout.min(TIMEOUT_MAX));
    if args.once {
        let view = runtime.block_on(async {
            // Rates need two looks, and the first one may make more servers known.
            followed.look().await;
            tokio::time::sleep(args.interval).await;
            followed.look().await
        });
        output.bytes(view.plain(WIDTH).as_bytes())?;
        let is_any = view.rows.iter().any(|row| row.status.is_ok());
        return if is_any { Ok(()) } else { Err(Failure::Unhealthy) };
    }
    let mut terminal = ratatui::try_init().map_err(Failure::io("the terminal"))?;
    let ended = follow(&mut terminal, args.interval, || runtime.block_on(followed.look()));
    ratatui::restore();
    ended.map_err(Failure::io("the terminal"))
}

fn follow(
    terminal: &mut DefaultTerminal,
    interval: Duration,
    mut look: impl FnMut() -> View,
) -> std::io::Result<()> {
    loop {
        let (began, view) = (Instant::now(), look());
        terminal.draw(|frame| view.render(frame.area(), frame.buffer_mut()))?;
        while event::poll(interval.saturating_sub(began.elapsed()))? {
            match event::read()? {
                Event::Key(key) if ends(key) => return Ok(()),
                Event::Resize(..) => {
                    terminal.draw(|frame| view.render(frame.area(), frame.buffer_mut()))?;
                }
                _ => {}
            }
        }
    }
}

fn ends(key: KeyEvent) -> bool {
    let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
    key.kind == KeyEventKind::Press
        && match key.code {
            KeyCode::Char('q') | KeyCode::Esc => true,
            KeyCode::Char('c') => is_control,
            _ => false,
        }
}

impl Followed {
    fn new(addresses: Vec<SocketAddr>, timeout: Duration) -> Followed {
        let mut followed =
            Followed { servers: Vec::new(), commits: Vec::new(), addresses: Vec::new(), timeout };
        for address in addresses {
            followed.add(address);
        }
        followed
    }

    fn add(&mut self, address: SocketAddr) {
        if !self.addresses.contains(&address) && self.addresses.len() < SERVERS_MAX {
            self.servers.push(Some(Server::new(address, self.timeout)));
            self.commits.push(None);
            self.addresses.push(address);
        }
    }

    /// Asks all at once. Members that were not known are asked the next time.
    async fn look(&mut self) -> View {
        let mut asked = JoinSet::new();
        for (at, (server, address)) in self.servers.iter_mut().zip(&self.addresses).enumerate() {
            let mut server = server.take().unwrap_or_else(|| Server::new(*address, self.timeout));
            asked.spawn(async move {
                let status = server.status().await;
                (at, server, status, Instant::now())
            });
        }
        let mut rows: Vec<_> = self.addresses.iter().map(|address| Row::unknown(*address)).collect();
        while let Some(joined) = asked.join_next().await {
            let Ok((at, server, status, now)) = joined else { continue };
            self.servers[at] = Some(server);
            rows[at] = self.row(at, status, now);
        }
        let members = rows.iter().filter_map(|row| row.status.as_ref().ok());
        let members: Vec<_> =
            members.flat_map(|status| &status.members.members).filter_map(|member| member.http).collect();
        for address in members {
            self.add(address);
        }
        View::of(rows)
    }

    fn row(&mut self, at: usize, status: Result<StatusDocument, Reason>, now: Instant) -> Row {
        let status = status.map_err(|reason| reason.to_string());
        let commit = status.as_ref().ok().map(|status| status.commit);
        let before = std::mem::replace(&mut self.commits[at], commit.map(|commit| (now, commit)));
        let per_second = before.zip(commit).and_then(|((then, before), commit)| {
            let entries = u32::try_from(commit.saturating_sub(before)).unwrap_or(u32::MAX);
            let seconds = (now - then).as_secs_f64();
            (seconds > 0.0).then(|| f64::from(entries) / seconds)
        });
        Row { address: self.addresses[at], status, per_second }
    }
}
