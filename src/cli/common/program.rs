//! Starts this program again, as a process of its own.

use std::path::{Path, PathBuf};

/// The path of the program that is running.
pub(crate) fn this_program() -> PathBuf {
    // On Linux this is the running program even after its file was replaced by a newer build.
    let running = Path::new("/proc/self/exe");
    if running.exists() {
        return running.to_owned();
    }
    std::env::current_exe().unwrap_or_else(|_| "daad".into())
}
