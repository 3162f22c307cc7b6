//! Starts this program again, as a process of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A command that runs this program.
pub(crate) fn this_program() -> Command {
    // On Linux this is the running program even after its file was replaced by a newer build.
    let running = Path::new("/proc/self/exe");
    let program = match running.exists() {
        true => running.to_owned(),
        false => std::env::current_exe().unwrap_or_else(|_| PathBuf::from("daad")),
    };
    let mut command = Command::new(program);
    #[cfg(unix)]
    std::os::unix::process::CommandExt::arg0(&mut command, "daad");
    command
}
