//! The library's error type: one sentence each, saying what is wrong and what to do.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What can go wrong with what a user hands in (images, model files, folders, settings).
///
/// Programmer errors (a tensor of the wrong shape) panic instead.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes of an image cannot be used.
    #[error("cannot use this image: {0}")]
    Image(String),
    /// The bytes of a model file cannot be used.
    #[error("cannot use this model file: {0}")]
    Model(String),
    /// A configuration that no network can be built from.
    #[error("impossible configuration: {0}")]
    Config(String),
    /// A folder of images cannot be used.
    #[error("cannot use this data: {0}")]
    Data(String),
    /// A checkpoint cannot be used.
    #[error("cannot use this checkpoint: {0}")]
    Checkpoint(String),
    /// A file that records a run cannot be used.
    #[error("cannot use this record: {0}")]
    Record(String),
    /// Training went astray.
    #[error("training diverged: {0}")]
    Diverged(String),
    /// The compute device failed or is not there.
    #[error("device: {0}")]
    Device(String),
    /// A run is larger than the machine.
    #[error("not enough memory: {0}")]
    Memory(String),
    /// Two runs would write the same files.
    #[error("another run is writing {0}; wait for its end, or choose another --out")]
    Busy(String),
    /// A file could not be read or written.
    #[error("{action} {path}: {reason}")]
    File {
        /// What was attempted, for instance `cannot write`.
        action: &'static str,
        /// The file or folder.
        path: String,
        /// The operating system's reason.
        reason: std::io::Error,
    },
}

impl Error {
    /// Wraps an I/O error with what was attempted on which path.
    pub fn file(action: &'static str, path: &std::path::Path, reason: std::io::Error) -> Self {
        let path = path.display().to_string();
        Self::File {
            action,
            path,
            reason,
        }
    }
}

/// The library's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What `work` gives, or what it said when it panicked.
///
/// What it was working on must not be used afterwards, unless it is sound at every moment.
///
/// # Errors
///
/// The message of a panic.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| message(&*panic).to_owned())
}

/// What a panic said.
pub fn message(panic: &(dyn Any + Send)) -> &str {
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    let said = owned.or_else(|| panic.downcast_ref::<&str>().copied());
    said.unwrap_or("for no given reason")
}
