//! Files that are there whole or not at all.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use tempfile::Builder;

use crate::error::{Error, Result};

/// Writes beside `path`, syncs, and renames: whoever reads `path`, at any moment and after any
/// crash, finds the old bytes or the new ones.
///
/// # Errors
///
/// [`Error::File`] naming `path`; what was there before is still there.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // Always the same name: what a crash leaves behind, the next write takes away.
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    let mut temporary = Builder::new();
    temporary.prefix(&name).suffix(".tmp").rand_bytes(0);
    let write = || -> io::Result<()> {
        fs::create_dir_all(folder)?;
        // Opened here, so that it has the permissions of any new file, not those of a secret one.
        let mut file = temporary.make_in(folder, |path| File::create(path))?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        // The rename itself must reach the disk too. Not every system can sync a folder.
        if let Ok(folder) = File::open(folder) {
            let _ = folder.sync_all();
        }
        Ok(())
    };
    write().map_err(|error| Error::file("cannot write", path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/model");
        write(&path, b"old").unwrap();
        // A folder in the way makes the rename fail after everything was written.
        let blocked = folder.path().join("new/blocked");
        fs::create_dir(&blocked).unwrap();
        assert!(write(&blocked, b"bytes").is_err());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path().join("new")).unwrap().count(), 2);
    }
}
