//! Atomic writing of files, names of files beside other files, and decoding of text files.

use std::fs::{self, File, Permissions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::path::{Path, PathBuf, is_separator};
use std::time::Duration;

use tempfile::Builder;

use crate::error::{Error, Result};

/// The ending of files that are not finished.
const TEMPORARY_ENDING: &str = ".tmp";

/// The longest file name that the file systems in use allow.
const MAX_NAME_BYTES: usize = 255;

/// Writes a new file beside `path`, syncs it, and renames it to `path`. At any moment, and after a
/// crash, a reader finds either the old or the new bytes, never a part. If `path` is a link, the
/// file that the link points to is replaced. The permissions of a file that is replaced are kept.
///
/// ```
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("new/model.safetensors"); // the folder is created
/// daad::file::write(&path, b"weights")?;
/// assert_eq!(std::fs::read(&path)?, b"weights");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`Error::File`] naming `path`, also if it is not a regular file or is write-protected; the old
/// content is kept.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let write = || -> io::Result<()> {
        let target = Target::of(path)?;
        let mut file = target.temporary()?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(&target.path)?;
        // The rename itself must reach the disk too. Not every system can sync a folder.
        if let Ok(folder) = File::open(target.folder()) {
            let _ = folder.sync_all();
        }
        Ok(())
    };
    write().map_err(|error| Error::file("cannot write", path, error))
}

/// Checks that [`write()`] can write `path`. A caller does this before a long computation.
///
/// ```
/// use daad::file::check_writable;
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("model.safetensors");
/// check_writable(&path)?;
/// assert!(!path.exists());
/// let error = check_writable(folder.path()).unwrap_err().to_string();
/// assert!(error.contains("it is not a regular file"), "{error}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// As [`write()`].
pub fn check_writable(path: &Path) -> Result<()> {
    let check = || {
        let target = Target::of(path)?;
        target.remove_leftovers();
        target.temporary().map(drop)
    };
    check().map_err(|error| Error::file("cannot write", path, error))
}

/// Creates `folder` if it does not exist, and checks that files can be written into it.
///
/// ```
/// let folder = tempfile::tempdir()?;
/// let results = folder.path().join("results");
/// daad::file::check_folder(&results)?;
/// assert!(results.is_dir());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`Error::File`] naming the folder.
pub fn check_folder(folder: &Path) -> Result<()> {
    let check = || Target::of(&folder.join("any file"))?.temporary().map(drop);
    check().map_err(|error| Error::file("cannot write into", folder, error))
}

/// The file that [`write()`] writes for `path`.
///
/// # Errors
///
/// As [`write()`].
pub(crate) fn target(path: &Path) -> Result<PathBuf> {
    let target = Target::of(path).map_err(|error| Error::file("cannot write", path, error))?;
    Ok(target.path)
}

/// `path` with `ending` added to its name. A name that would become too long for a file system is
/// cut, and gets a hash of the whole name to stay unique.
///
/// ```
/// use std::path::Path;
///
/// let checkpoint = daad::file::with_ending(Path::new("runs/a.safetensors"), ".checkpoint");
/// assert_eq!(checkpoint, Path::new("runs/a.safetensors.checkpoint"));
/// ```
pub fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default();
    if name.len() + ending.len() <= MAX_NAME_BYTES {
        let mut name = name.to_owned();
        name.push(ending);
        return path.with_file_name(name);
    }
    let hash = format!("-{:016x}", hash(name));
    let name = name.to_string_lossy();
    let end = name.floor_char_boundary(MAX_NAME_BYTES - hash.len() - ending.len());
    path.with_file_name(format!("{}{hash}{ending}", &name[..end]))
}

/// A hash that is the same in every run of the program.
fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// The place of a file after all links are followed.
struct Target {
    path: PathBuf,
    /// The permissions of the file that is there.
    permissions: Option<Permissions>,
}

impl Target {
    fn of(path: &Path) -> io::Result<Self> {
        /// The maximum number of links in a chain, as on Linux.
        const MAX_LINKS: usize = 40;
        let name = path.as_os_str().as_encoded_bytes();
        if name.last().is_some_and(|&byte| is_separator(byte.into())) {
            return Err(io::Error::other("it names a folder"));
        }
        let mut path = path.to_owned();
        for _ in 0..MAX_LINKS {
            match fs::symlink_metadata(&path) {
                Ok(found) if found.is_symlink() => {
                    let link = fs::read_link(&path)?;
                    path = path.parent().unwrap_or(Path::new("")).join(link);
                }
                Ok(found) if found.is_file() && found.permissions().readonly() => {
                    return Err(io::Error::other("it is write-protected"));
                }
                Ok(found) if found.is_file() => {
                    let permissions = Some(found.permissions());
                    return Ok(Self { path, permissions });
                }
                Ok(_) => return Err(io::Error::other("it is not a regular file")),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let permissions = None;
                    return Ok(Self { path, permissions });
                }
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other("too many links point to each other"))
    }

    fn folder(&self) -> &Path {
        let folder = self.path.parent();
        let folder = folder.filter(|folder| !folder.as_os_str().is_empty());
        folder.unwrap_or(Path::new("."))
    }

    /// An empty file in the same folder, which is removed unless it is renamed. No other process
    /// has a file of this name. The name is short, so that the target's own name may have the
    /// maximum length.
    fn temporary(&self) -> io::Result<tempfile::NamedTempFile> {
        let folder = self.folder();
        fs::create_dir_all(folder)?;
        let mut temporary = Builder::new();
        let prefix = self.temporary_prefix();
        temporary.prefix(&prefix).suffix(TEMPORARY_ENDING);
        // `File::create_new` gives a new file the usual permissions; `tempfile` itself would make it
        // private.
        let temporary = temporary.make_in(folder, |path| File::create_new(path))?;
        if let Some(permissions) = &self.permissions {
            temporary.as_file().set_permissions(permissions.clone())?;
        }
        Ok(temporary)
    }

    fn temporary_prefix(&self) -> String {
        format!(".daad-{:016x}-", hash(self.path.file_name()))
    }

    /// Removes temporary files that a killed program left behind: those of this target that are
    /// older than a day.
    fn remove_leftovers(&self) {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        let prefix = self.temporary_prefix();
        let entries = fs::read_dir(self.folder()).into_iter().flatten().flatten();
        for entry in entries {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if !(name.starts_with(&prefix) && name.ends_with(TEMPORARY_ENDING)) {
                continue;
            }
            let modified = entry.metadata().and_then(|file| file.modified());
            let age = modified.ok().and_then(|time| time.elapsed().ok());
            if age.is_some_and(|age| age > DAY) {
                let _ = fs::remove_file(entry.path()); // it is in nobody's way
            }
        }
    }
}

/// The text of a file that a person wrote: UTF-8, or UTF-16 with a byte-order mark, as PowerShell's
/// `>` writes it. None for another encoding.
///
/// ```
/// use daad::file::text;
///
/// assert_eq!(text(b"a = 1").as_deref(), Some("a = 1"));
/// assert_eq!(text(b"\xFF\xFEa\0=\x001\0").as_deref(), Some("a=1")); // UTF-16
/// assert_eq!(text(b"f\xFCr"), None); // Latin-1
/// ```
pub fn text(bytes: &[u8]) -> Option<String> {
    let utf16 = |units: &[u8], unit: fn([u8; 2]) -> u16| {
        let (units, rest) = units.as_chunks::<2>();
        let units: Vec<u16> = units.iter().map(|&bytes| unit(bytes)).collect();
        String::from_utf16(&units).ok().filter(|_| rest.is_empty())
    };
    match bytes {
        [0xFF, 0xFE, units @ ..] => utf16(units, u16::from_le_bytes),
        [0xFE, 0xFF, units @ ..] => utf16(units, u16::from_be_bytes),
        [0xEF, 0xBB, 0xBF, text @ ..] | text => str::from_utf8(text).ok().map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/model");
        write(&path, b"old").unwrap();
        let blocked = folder.path().join("new/blocked");
        fs::create_dir(&blocked).unwrap();
        let error = write(&blocked, b"bytes").unwrap_err().to_string();
        assert!(error.contains("not a regular file"), "{error}");
        assert!(check_writable(&blocked).is_err());
        check_writable(&path).unwrap();
        check_folder(&blocked).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path().join("new")).unwrap().count(), 2);
        // A file that a killed program left behind is removed, but not that of a running one.
        let target = Target::of(&path).unwrap();
        let leftover = |name: &str| {
            let name = format!("{}{name}.tmp", target.temporary_prefix());
            folder.path().join("new").join(name)
        };
        let (old, new) = (leftover("old"), leftover("new"));
        for path in [&old, &new] {
            fs::write(path, b"part").unwrap();
        }
        let days_ago = std::time::SystemTime::now() - Duration::from_secs(3 * 24 * 60 * 60);
        let file = File::options().write(true).open(&old).unwrap();
        file.set_modified(days_ago).unwrap();
        check_writable(&path).unwrap();
        assert!(!old.exists() && new.exists());
        let inside_a_file = path.join("file");
        assert!(check_writable(&inside_a_file).is_err() && check_folder(&path).is_err());
        let mut slash = path.into_os_string();
        slash.push("/");
        assert!(check_writable(Path::new(&slash)).is_err());
    }

    #[test]
    #[cfg(unix)]
    fn a_link_stays_a_link_and_what_it_points_to_is_written() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("elsewhere");
        fs::create_dir(&folder).unwrap();
        let (target, link) = (folder.join("model"), root.path().join("link"));
        std::os::unix::fs::symlink("elsewhere/model", &link).unwrap();
        for bytes in [b"new", b"old"] {
            write(&link, bytes).unwrap();
            assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
            assert_eq!(fs::read(&target).unwrap(), bytes);
        }
        let (one, other) = (root.path().join("one"), root.path().join("other"));
        std::os::unix::fs::symlink(&one, &other).unwrap();
        std::os::unix::fs::symlink(&other, &one).unwrap();
        assert!(write(&one, b"bytes").is_err());
    }

    #[test]
    #[cfg(unix)]
    fn permissions_are_kept_and_a_write_protected_file_is_not_replaced() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        write(&path, b"old").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        write(&path, b"new").unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::set_permissions(&path, Permissions::from_mode(0o444)).unwrap();
        let error = write(&path, b"newer").unwrap_err().to_string();
        assert!(error.contains("it is write-protected"), "{error}");
        assert!(check_writable(&path).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }

    #[test]
    #[cfg(unix)]
    fn a_device_is_not_replaced_by_a_file() {
        let error = write(Path::new("/dev/null"), b"bytes").unwrap_err();
        assert!(error.to_string().contains("not a regular file"), "{error}");
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }

    #[test]
    fn names_may_be_as_long_as_the_file_system_allows() {
        let folder = tempfile::tempdir().unwrap();
        let path = |start: &str| folder.path().join(format!("{start}{}", "ä".repeat(127)));
        for path in [path("a"), path("b")] {
            write(&path, b"bytes").unwrap();
            write(&with_ending(&path, ".checkpoint"), b"bytes").unwrap();
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4);
        let short = with_ending(Path::new("runs/model.safetensors"), ".lock");
        assert_eq!(short, Path::new("runs/model.safetensors.lock"));
    }

    #[test]
    fn text_is_read_in_the_encodings_that_editors_and_shells_write() {
        let words = "epochs = 3 # für";
        let little: Vec<u8> = words.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = words.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for bytes in [
            words.as_bytes().to_vec(),
            [b"\xEF\xBB\xBF", words.as_bytes()].concat(),
            [b"\xFF\xFE".as_slice(), &little].concat(),
            [b"\xFE\xFF".as_slice(), &big].concat(),
        ] {
            assert_eq!(text(&bytes).as_deref(), Some(words));
        }
        assert_eq!(text(b"\xFF\xFEa"), None);
        assert_eq!(text(b"f\xFCr in Latin-1"), None);
    }
}
