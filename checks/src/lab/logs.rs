//! Logs on their disks: moved from one to another, and disks made well under logs that nobody writes.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use raftlab_core::NodeId;
use raftlab_node::disk::{LOCK, PROFILE};

use super::cluster::Cluster;
use super::lives;
use crate::failure::Failure;

/// Stops a server, moves its log, and starts it again. What is wrong with the old disk stays with the old directory.
///
/// # Errors
///
/// If it is down, the new directory holds something, or the system refuses. The server may be down then.
pub async fn move_log(cluster: &Arc<Cluster>, name: NodeId, to: Option<&Path>) -> Result<(), Failure> {
    lives::running(cluster, name)?;
    if let Some(simulated) = &cluster.simulated {
        lives::stop(cluster, name).await?;
        simulated.heal_disk(name);
        cluster.note(cluster.now(), "heal", Some(name), &format!("move-log {name}"));
        return lives::start(cluster, name).await;
    }
    let server = cluster.server(name)?;
    let from = server.log_dir();
    let to = match to {
        Some(to) => std::path::absolute(to).map_err(|error| Failure::at(to, &error))?,
        None => beside(&server.data_dir),
    };
    if fs::read_dir(&to).is_ok_and(|mut files| files.next().is_some()) {
        let says = format!("{} is not empty: a log moves into a directory of its own", to.display());
        return Err(Failure::data(says));
    }
    lives::stop(cluster, name).await?;
    move_files(&from, &to)?;
    cluster.change(name, |server| server.wal_dir = Some(to.clone()));
    let text = format!("move-log {name} {}", to.display());
    cluster.note(cluster.now(), "heal", Some(name), &text);
    lives::start(cluster, name).await
}

/// Makes a disk well on which nobody writes.
///
/// # Errors
///
/// The system's.
pub fn heal_disk(log: &Path) -> Result<(), Failure> {
    let profile = log.join(PROFILE);
    match fs::remove_file(&profile) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Failure::at(&profile, &error)),
        _ => Ok(()),
    }
}

/// Turns a bit of a log on which nobody writes: the lowest of the last byte of its newest segment that holds something.
/// Gives the file and the place; nothing, if there is no such byte.
///
/// # Errors
///
/// The system's.
pub fn rot(log: &Path) -> Result<Option<String>, Failure> {
    let failed = |error: io::Error| Failure::at(log, &error);
    let files = fs::read_dir(log).and_then(Iterator::collect::<io::Result<Vec<_>>>).map_err(failed)?;
    let mut names: Vec<_> = files.iter().map(std::fs::DirEntry::file_name).collect();
    names.retain(|name| name.to_string_lossy().ends_with(".log"));
    names.sort();
    let Some(name) = names.last() else { return Ok(None) };
    let path = log.join(name);
    let mut bytes = fs::read(&path).map_err(failed)?;
    let Some(at) = bytes.iter().rposition(|byte| *byte != 0) else { return Ok(None) };
    bytes[at] ^= 1;
    fs::write(&path, bytes).map_err(failed)?;
    Ok(Some(format!("{}, byte {at}", name.to_string_lossy())))
}

/// `log-2` in a server's directory, or the next that is not there.
fn beside(data_dir: &Path) -> PathBuf {
    let names = (2..).map(|number: u32| data_dir.join(format!("log-{number}")));
    names.into_iter().find(|path| !path.exists()).unwrap_or_else(|| data_dir.join("log-2"))
}

/// Moves a log's files, whose server is down.
fn move_files(from: &Path, to: &Path) -> Result<(), Failure> {
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        move |error: io::Error| Failure::at(&path, &error)
    };
    fs::create_dir_all(to).map_err(failed(to))?;
    let files = fs::read_dir(from).and_then(Iterator::collect::<io::Result<Vec<_>>>).map_err(failed(from))?;
    let stays = |name: &OsStr| name == LOCK || name == PROFILE;
    for file in files.iter().filter(|file| !stays(&file.file_name())) {
        let there = to.join(file.file_name());
        match fs::rename(file.path(), &there) {
            Err(error) if error.kind() == ErrorKind::CrossesDevices => {
                fs::copy(file.path(), &there).map_err(failed(&there))?;
                fs::File::open(&there).and_then(|copy| copy.sync_all()).map_err(failed(&there))?;
                fs::remove_file(file.path()).map_err(failed(&file.path()))?;
            }
            moved => moved.map_err(failed(&there))?,
        }
    }
    fs::File::open(to).and_then(|to| to.sync_all()).map_err(failed(to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_moves_and_the_lock_and_what_is_wrong_with_the_disk_stay() {
        let dir = std::env::temp_dir().join(format!("raftlab-move-log-{}", std::process::id()));
        let (from, to) = (dir.join("log"), beside(&dir));
        fs::create_dir_all(&from).unwrap();
        for name in ["1.segment", LOCK, PROFILE] {
            fs::write(from.join(name), name).unwrap();
        }
        move_files(&from, &to).unwrap();
        let names = |dir: &Path| {
            let names =
                fs::read_dir(dir).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
            let mut names: Vec<_> = names.collect();
            names.sort();
            names
        };
        assert_eq!(names(&to), ["1.segment"]);
        assert_eq!(names(&from), [PROFILE, LOCK]);
        assert_eq!(beside(&dir), dir.join("log-3"));
        heal_disk(&from).unwrap();
        heal_disk(&from).unwrap();
        assert_eq!(names(&from), [LOCK]);
        fs::remove_dir_all(&dir).unwrap();
    }
}
