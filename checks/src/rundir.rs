//! The directory in which a run leaves its report. It is made before the work starts: a path that cannot be written is
//! said before minutes are lost.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// A run's directory.
#[derive(Debug)]
pub struct RunDir(PathBuf);

impl RunDir {
    /// Makes the directory: `out`, or `runs/<utc>-<verb>-<id>` with a link `runs/latest` to it.
    ///
    /// # Errors
    ///
    /// If it cannot be made or written.
    pub fn create(out: Option<&Path>, verb: &str) -> Result<RunDir, Failure> {
        let dir = out.map_or_else(|| fresh(verb), Path::to_path_buf);
        fs::create_dir_all(&dir).map_err(|error| Failure::at(&dir, &error))?;
        let run = RunDir(dir);
        run.write("verdict.txt", "UNFINISHED\n")?;
        if out.is_none()
            && let Some(name) = run.0.file_name()
        {
            link_latest(Path::new(name));
        }
        Ok(run)
    }

    /// Writes a file in it.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf, Failure> {
        let path = self.0.join(name);
        fs::write(&path, text).map_err(|error| Failure::at(&path, &error))?;
        Ok(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

/// Lets `runs/latest` lead to a run's directory, which is named from `runs` or by its whole path. A convenience: where
/// links are not to be had, a run is no worse without.
pub fn link_latest(to: &Path) {
    let _ = fs::create_dir_all("runs");
    let link = Path::new("runs/latest");
    let _ = fs::remove_file(link);
    #[cfg(unix)]
    let _ = std::os::unix::fs::symlink(to, link);
}

/// Makes sure that files can be written in `dir`, which is made if it is not there.
///
/// # Errors
///
/// The system's.
pub fn make_writable(dir: &Path) -> Result<(), Failure> {
    let probe = dir.join(format!(".probe-{}", std::process::id()));
    let written =
        fs::create_dir_all(dir).and_then(|()| fs::write(&probe, "")).and_then(|()| fs::remove_file(&probe));
    written.map_err(|error| Failure::at(dir, &error))
}

fn fresh(verb: &str) -> PathBuf {
    let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    Path::new("runs").join(format!("{now}-{verb}-{}", std::process::id()))
}
