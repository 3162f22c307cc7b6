//! One run at a time writes a model.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// How often a lock that another run holds is tried again.
const RETRY: Duration = Duration::from_millis(100);

/// Held while a run writes its model and its checkpoint. It ends with the process, however that
/// ends.
#[derive(Debug)]
pub struct RunLock {
    path: PathBuf,
    _file: File,
}

impl RunLock {
    /// Locks `model` by a file beside it, waiting for another run to end for as long as `patience`.
    ///
    /// # Errors
    ///
    /// [`Error::File`] where there cannot be a file, [`Error::Busy`] where another run holds the
    /// lock.
    pub fn acquire(model: &Path, patience: Duration) -> Result<Self> {
        let mut name = model.as_os_str().to_owned();
        name.push(".lock");
        let path = PathBuf::from(name);
        let begun = Instant::now();
        loop {
            let attempt = attempt(&path);
            let attempt = attempt.map_err(|error| Error::file("cannot lock", &path, error))?;
            match attempt {
                Some(file) => return Ok(Self { path, _file: file }),
                None if begun.elapsed() < patience => std::thread::sleep(RETRY),
                None => return Err(Error::Busy(model.display().to_string())),
            }
        }
    }
}

/// None where another run holds it, or has just let go.
fn attempt(path: &Path) -> io::Result<Option<File>> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut options = File::options();
    let mut file = options
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)?;
    match file.try_lock() {
        Ok(()) => {}
        // Some network file systems know no locks: no reason not to train there.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
            return Ok(Some(file));
        }
        Err(TryLockError::Error(error)) => return Err(error),
        Err(TryLockError::WouldBlock) => return Ok(None),
    }
    // A file that was removed between opening and locking locks nothing: what is written into it
    // does not lie under the path.
    let process = std::process::id().to_string();
    file.set_len(0)?;
    file.write_all(process.as_bytes())?;
    match fs::read_to_string(path) {
        Ok(owner) if owner != process => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        // Also where a system lets nobody read what is locked.
        _ => Ok(Some(file)),
    }
}

impl Drop for RunLock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_runs_cannot_write_one_model_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("new");
        let model = folder.join("model.safetensors");
        let lock = RunLock::acquire(&model, Duration::ZERO).unwrap();
        let error = RunLock::acquire(&model, Duration::ZERO).unwrap_err();
        assert!(
            error.to_string().contains("another run is writing"),
            "{error}"
        );
        drop(lock);
        assert!(RunLock::acquire(&model, Duration::ZERO).is_ok());
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    }
}
