//! The socket, wherever the run's directory is: its path may be longer than the 107 bytes that the address of a Unix
//! socket holds. Then the directory is opened, and the socket named through the open directory, as Linux allows.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

use super::SOCKET;
use crate::failure::Failure;

/// The longest path of a socket, in bytes.
const PATH_BYTES_MAX: usize = 107;

/// A path by which a socket in `dir` can be named, as long as the file is open.
fn short(dir: &Path) -> io::Result<(PathBuf, Option<File>)> {
    let path = dir.join(SOCKET);
    if path.as_os_str().len() <= PATH_BYTES_MAX {
        return Ok((path, None));
    }
    let open = File::open(dir)?;
    Ok((PathBuf::from(format!("/proc/self/fd/{}", open.as_raw_fd())).join(SOCKET), Some(open)))
}

/// Takes the control socket of a run. One that nobody listens at is replaced.
///
/// # Errors
///
/// If somebody does, or the system refuses.
pub async fn listen(dir: &Path) -> Result<UnixListener, Failure> {
    let path = dir.join(SOCKET);
    if connect(dir).await.is_ok() {
        return Err(Failure::data(format!("{}: a cluster runs here already", dir.display())));
    }
    match fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(Failure::at(&path, &error)),
        _ => {}
    }
    let (name, _open) = short(dir).map_err(|error| Failure::at(dir, &error))?;
    UnixListener::bind(name).map_err(|error| Failure::at(&path, &error))
}

/// Connects to the supervisor of a run.
///
/// # Errors
///
/// The system's: nobody is there.
pub async fn connect(dir: &Path) -> io::Result<UnixStream> {
    let (name, _open) = short(dir)?;
    UnixStream::connect(name).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_found_in_a_directory_whose_name_is_too_long_for_one() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let dir = std::env::temp_dir().join(format!("raftlab-{}-{}", "long".repeat(40), std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        runtime.block_on(async {
            assert!(connect(&dir).await.is_err());
            let listener = listen(&dir).await.unwrap();
            connect(&dir).await.unwrap();
            assert!(listen(&dir).await.unwrap_err().message.contains("runs here already"));
            drop(listener);
            // What a supervisor left that was killed is in nobody's way.
            listen(&dir).await.unwrap();
        });
        fs::remove_dir_all(&dir).unwrap();
    }
}
