//! The library's error type: one sentence each, saying what is wrong and what to do.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Errors in what a user supplies: images, model files, folders, settings.
///
/// Programmer errors (a tensor of the wrong shape) panic instead.
///
/// ```
/// use burn::tensor::Device;
/// use daad::{Detector, Error};
///
/// let refused = Detector::from_bytes(b"no model", &Device::flex());
/// match refused {
///     Err(Error::Model(reason)) => println!("choose another file: {reason}"),
///     other => panic!("expected Error::Model, got {other:?}"),
/// }
/// ```
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
    /// Training diverged: a loss is not finite, or a weight is not finite or too large.
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
    ///
    /// ```
    /// use std::path::Path;
    ///
    /// use daad::Error;
    ///
    /// let path = Path::new("no-such-folder/model.safetensors");
    /// let read = std::fs::read(path).map_err(|reason| Error::file("cannot read", path, reason));
    /// let error = read.unwrap_err();
    /// assert!(error.to_string().starts_with("cannot read no-such-folder/model.safetensors: "));
    /// ```
    pub fn file(action: &'static str, path: &Path, reason: std::io::Error) -> Self {
        let path = shown(path);
        Self::File {
            action,
            path,
            reason,
        }
    }

    /// The reason alone, without the prefix of [`Error::Data`], so that a caller can put it into
    /// another [`Error::Data`].
    ///
    /// ```
    /// use daad::Error;
    ///
    /// let error = Error::Data("the folder is empty".into());
    /// assert_eq!(error.to_string(), "cannot use this data: the folder is empty");
    /// assert_eq!(error.reason(), "the folder is empty");
    /// ```
    pub fn reason(self) -> String {
        match self {
            Self::Data(reason) => reason,
            other => other.to_string(),
        }
    }
}

/// A path for people to read. Control characters in file names, which could colour a terminal or
/// begin a line that looks like one of this program's, are escaped.
///
/// ```
/// use std::path::Path;
///
/// assert_eq!(daad::error::shown(Path::new("photos/Prüfling 1.png")), "photos/Prüfling 1.png");
/// assert_eq!(daad::error::shown(Path::new("red\u{1b}[31m.png")), "red\\u{1b}[31m.png");
/// ```
pub fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy())
}

/// A text on one line, with its control characters escaped.
///
/// ```
/// assert_eq!(daad::error::printable("one\ntwo"), "one\\ntwo");
/// ```
pub fn printable(text: &str) -> String {
    let escaped = |letter: char| match letter.is_control() || is_invisible(letter) {
        true => letter.escape_default().to_string(),
        false => letter.to_string(),
    };
    text.chars().map(escaped).collect()
}

/// Whether a character changes the direction or the order of the text around it, or is a separator
/// of lines.
fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// The library's result.
///
/// ```
/// fn height(card: &daad::weights::ModelCard) -> daad::Result<usize> {
///     card.config.validate()?;
///     Ok(card.config.height_px)
/// }
/// let card = daad::weights::read_card(&std::fs::read("models/piped.safetensors")?)?;
/// assert_eq!(height(&card)?, 128);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The result of `work`, or the message of its panic.
///
/// After a panic, data that `work` was changing may be inconsistent and must not be used.
///
/// ```
/// assert_eq!(daad::error::caught(|| 1 + 1), Ok(2));
/// let failed = daad::error::caught(|| assert!([1, 2].is_empty(), "two are left"));
/// assert_eq!(failed, Err("two are left".to_owned()));
/// ```
///
/// # Errors
///
/// The message of a panic.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| message(&*panic).to_owned())
}

/// The message of a panic.
pub(crate) fn message(panic: &(dyn Any + Send)) -> &str {
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    let said = owned.or_else(|| panic.downcast_ref::<&str>().copied());
    said.unwrap_or("for no given reason")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_cannot_colour_a_terminal_or_begin_a_line() {
        let name = Path::new("a\u{1b}[31m\nnormal ä 部品.png\u{202e}");
        assert_eq!(shown(name), "a\\u{1b}[31m\\nnormal ä 部品.png\\u{202e}");
    }
}
