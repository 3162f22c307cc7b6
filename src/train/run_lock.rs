//! A lock, so that only one run at a time writes a model file.

use std::fs::{self, File, TryLockError};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::error::{Error, Result, shown};
use crate::file::{target, with_ending};

/// The time between two attempts to get a lock that another run holds.
const RETRY: Duration = Duration::from_millis(100);

/// The lock that a run holds while it writes its model and its checkpoint. The system releases the
/// lock when the process ends, even after a crash.
///
/// ```
/// use std::time::Duration;
///
/// use daad::train::RunLock;
///
/// let folder = tempfile::tempdir()?;
/// let model = folder.path().join("model.safetensors");
/// let lock = RunLock::acquire(&model, Duration::ZERO)?;
/// let second = RunLock::acquire(&model, Duration::ZERO);
/// assert!(matches!(second, Err(daad::Error::Busy(_))));
/// drop(lock);
/// RunLock::acquire(&model, Duration::ZERO)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct RunLock {
    path: PathBuf,
    _file: File,
}

impl RunLock {
    /// Locks `model` by a file beside it. If another run holds the lock, this waits up to
    /// `patience` for that run to end.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use daad::train::RunLock;
    ///
    /// let folder = tempfile::tempdir()?;
    /// let model = folder.path().join("model.safetensors");
    /// let _lock = RunLock::acquire(&model, Duration::from_secs(60))?;
    /// assert!(folder.path().join("model.safetensors.lock").exists());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::File`] where the lock file cannot be created, [`Error::Busy`] where another run
    /// holds the lock.
    pub fn acquire(model: &Path, patience: Duration) -> Result<Self> {
        // The lock is beside the file itself: two runs may name it by different links.
        let path = with_ending(&target(model)?, ".lock");
        let begun = Instant::now();
        loop {
            let attempt = attempt(&path);
            let attempt = attempt.map_err(|error| Error::file("cannot lock", &path, error))?;
            match attempt {
                Some(file) => return Ok(Self { path, _file: file }),
                None if begun.elapsed() < patience => std::thread::sleep(RETRY),
                None => return Err(Error::Busy(shown(model))),
            }
        }
    }
}

/// Tries once to get the lock. None if another run holds the lock, or has just released it.
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
        // Some network file systems do not support locks. Training there is allowed, without a
        // lock.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
            return Ok(Some(file));
        }
        Err(TryLockError::Error(error)) => return Err(error),
        Err(TryLockError::WouldBlock) => return Ok(None),
    }
    // If another run removed the file between opening and locking, the lock has no effect. To
    // notice this, the process id and a random number (processes in two containers may have the
    // same id) are written into the open file and read again through the path.
    let random = RandomState::new().build_hasher().finish();
    let process = format!("{} {random:016x}", std::process::id());
    file.set_len(0)?;
    file.write_all(process.as_bytes())?;
    match fs::read_to_string(path) {
        Ok(owner) if owner != process => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        // This includes systems on which a locked file cannot be read.
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
