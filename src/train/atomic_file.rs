//! Files that are there whole or not at all.

use std::fs::File;
use std::io::Write;
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
    let write = || {
        std::fs::create_dir_all(folder)?;
        // Made by hand for the usual permissions; tempfile's own are private.
        let mut file = Builder::new().make_in(folder, |path| File::create_new(path))?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
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
        std::fs::create_dir(&blocked).unwrap();
        assert!(write(&blocked, b"bytes").is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(
            std::fs::read_dir(folder.path().join("new"))
                .unwrap()
                .count(),
            2
        );
    }
}
