//! Ctrl-C, and the end of a parent that this program is a job of.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::output::note;

/// The exit code of a program that Ctrl-C ended.
pub(crate) const INTERRUPTED: u8 = 130;

/// Sets the flag when Ctrl-C is pressed, and says so; the second time the program ends at once.
pub(crate) fn stop_on_ctrl_c(told: &'static str) -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        if seen.swap(true, Ordering::Relaxed) {
            // Asked twice: the last checkpoint on disk must do.
            std::process::exit(i32::from(INTERRUPTED));
        }
        note(told);
    })?;
    Ok(stop)
}

/// For a parent that holds the other end: when it ends, even by a kill, so does this run.
pub(crate) fn stop_at_eof(stop: Arc<AtomicBool>) {
    std::thread::spawn(move || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        stop.store(true, Ordering::Relaxed);
    });
}
