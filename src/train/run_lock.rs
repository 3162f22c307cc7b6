//! One run at a time writes a model.

use std::fs::{self, File, TryLockError};
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
    /// [`Error::File`] where there cannot be a file, [`Error::Checkpoint`] where another run holds
    /// the lock.
    pub fn acquire(model: &Path, patience: Duration) -> Result<Self> {
        let mut name = model.as_os_str().to_owned();
        name.push(".lock");
        let path = PathBuf::from(name);
        let failed = |error| Error::file("cannot lock", &path, error);
        let begun = Instant::now();
        loop {
            let file = File::create(&path).map_err(failed)?;
            match file.try_lock() {
                Ok(()) => return Ok(Self { path, _file: file }),
                // Some network file systems know no locks: no reason not to train there.
                Err(TryLockError::Error(error))
                    if error.kind() == std::io::ErrorKind::Unsupported =>
                {
                    return Ok(Self { path, _file: file });
                }
                Err(TryLockError::Error(error)) => return Err(failed(error)),
                Err(TryLockError::WouldBlock) if begun.elapsed() < patience => {
                    std::thread::sleep(RETRY);
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::Checkpoint(format!(
                        "another run is writing {}",
                        model.display()
                    )));
                }
            }
        }
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
        let model = folder.path().join("model.safetensors");
        let lock = RunLock::acquire(&model, Duration::ZERO).unwrap();
        let error = RunLock::acquire(&model, Duration::ZERO).unwrap_err();
        assert!(
            error.to_string().contains("another run is writing"),
            "{error}"
        );
        drop(lock);
        assert!(RunLock::acquire(&model, Duration::ZERO).is_ok());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
