//! The program `node`: one server, from its flags to its end.
//!
//! It ends with 0 when it is asked to (Ctrl-C, or SIGTERM), with 2 where flags make no sense, 65 where what is on disk or
//! in the key file does not, and 74 where the system refuses something: a port, a directory, room on the disk. Each with
//! one sentence on what to do.

mod flags;

use std::io::{self, IsTerminal, Read};
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use clap::Parser;
use tokio::sync::oneshot;
use tracing::info;
use tracing_subscriber::EnvFilter;

pub use self::flags::Flags;
use self::flags::LogFormat;
pub use self::flags::duration;
use crate::http::{self, App};
use crate::process::{EndError, Handle, Process, StartError};

/// How long clients that are being answered may take when the server ends.
const LINGERS_FOR: Duration = Duration::from_millis(300);

/// How long a server may take to end whose supervisor is gone: nobody is there who would kill it.
const OUTLIVES_FOR: Duration = Duration::from_secs(2);

/// Why the program ends with something else than 0.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Flags that make no sense.
    #[error("{0}")]
    Usage(String),
    /// The key file.
    #[error(transparent)]
    Key(#[from] crate::wire::KeyError),
    /// The server does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// It ended by itself.
    #[error(transparent)]
    End(#[from] EndError),
    /// The system refuses something else.
    #[error("{doing}: {error}")]
    Io {
        /// What was tried.
        doing: String,
        /// What the system said.
        error: io::Error,
    },
}

impl Failure {
    /// The exit code: 2 usage, 65 bad input or a corrupt log, 70 a bug, 74 input or output.
    pub fn exit(&self) -> u8 {
        use crate::wal::OpenError;
        use crate::wire::KeyError;
        match self {
            Failure::Usage(_) | Failure::Start(StartError::Exposed(_) | StartError::ChaosExposed(_)) => 2,
            Failure::Key(KeyError::Io { .. })
            | Failure::Io { .. }
            | Failure::End(EndError::Full(_) | EndError::Disk(_) | EndError::Journal(_))
            | Failure::Start(
                StartError::Listen { .. }
                | StartError::Directory { .. }
                | StartError::Log(OpenError::Io { .. }),
            ) => 74,
            Failure::End(EndError::Panic) => 70,
            Failure::Key(_) | Failure::Start(_) | Failure::End(EndError::Snapshot(_)) => 65,
        }
    }
}

/// Runs the program with these arguments, the first being its name, and says how it ended.
pub fn main(arguments: impl IntoIterator<Item = std::ffi::OsString>) -> ExitCode {
    let flags = Flags::parse_from(arguments);
    log(&flags);
    match run(&flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(failure.exit())
        }
    }
}

/// What happens goes to stderr: text for people, or JSON for programs.
fn log(flags: &Flags) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(&flags.log_level));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let builder = builder.with_ansi(std::io::stderr().is_terminal());
    // Another subscriber can be there only where a program embeds this one, and then it is the one that is wanted.
    let _ = match flags.log_format {
        LogFormat::Text => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
}

fn run(flags: &Flags) -> Result<(), Failure> {
    let http_address = flags.listen_http;
    let io = |doing: &str| {
        let doing = doing.to_string();
        move |error| Failure::Io { doing, error }
    };
    let listener = http::listen(http_address).map_err(io(&format!("listening on {http_address}")))?;
    let options = flags.options()?;
    let supervised = flags.until_stdin_closes.then(end_with_stdin);
    let (cluster, reads) = (options.cluster, options.config.features().reads);
    let (server, address) = (options.config.id(), options.address);
    let process = Process::start(options)?;
    let recovery = process.recovery();
    info!(
        "{server} listens for servers on {} and for clients on {http_address}; its log held {recovery}",
        address.peer
    );
    if let Some(supervised) = supervised {
        // It is set nowhere else.
        let _ = supervised.set(process.handle().clone());
    }
    let app = App { handle: process.handle().clone(), cluster, reads };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(flags.http_threads)
        .enable_all()
        .build()
        .map_err(io("starting threads for HTTP"))?;
    let (ends, ended) = oneshot::channel::<()>();
    let clients = runtime.spawn(http::serve(listener, app, async { drop(ended.await) }));
    let handle = process.handle().clone();
    runtime.spawn(async move {
        asked_to_end().await;
        info!("asked to end");
        handle.stop();
    });
    let end = process.join();
    drop(ends);
    runtime.block_on(async { drop(tokio::time::timeout(LINGERS_FOR, clients).await) });
    runtime.shutdown_background();
    Ok(end?)
}

/// Ends the program when stdin does: a pipe whose other end goes with whoever started it, however that ends. The server
/// is to be set when it runs; one that does not end in time, or that hangs where it starts, is ended from here.
fn end_with_stdin() -> Arc<OnceLock<Handle>> {
    let server = Arc::new(OnceLock::<Handle>::new());
    let shared = Arc::clone(&server);
    thread::spawn(move || {
        let mut bytes = [0; 64];
        let mut stdin = io::stdin().lock();
        while match stdin.read(&mut bytes) {
            Ok(read) => read > 0,
            Err(error) => error.kind() == io::ErrorKind::Interrupted,
        } {}
        info!("stdin was closed: whoever started this server is gone");
        // A core that sleeps may not take its word in time.
        thread::spawn(move || shared.get().map(Handle::stop));
        thread::sleep(OUTLIVES_FOR);
        std::process::exit(0);
    });
    server
}

/// Returns when Ctrl-C or SIGTERM comes.
async fn asked_to_end() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        },
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}
