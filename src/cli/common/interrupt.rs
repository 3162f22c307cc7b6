//! Reacts to Ctrl-C, and to the end of the sweep that runs this program as a job.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::output::note;

/// The exit code of a program that was stopped by Ctrl-C.
pub(crate) const INTERRUPTED: u8 = 130;

/// Makes Ctrl-C set the returned flag and print `told`. A second Ctrl-C ends the program at once.
pub(crate) fn stop_on_ctrl_c(told: &'static str) -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        if seen.swap(true, Ordering::Relaxed) {
            // After a second Ctrl-C no checkpoint is written; the last one on disk remains.
            std::process::exit(i32::from(INTERRUPTED));
        }
        note(told);
    })?;
    Ok(stop)
}

/// Sets `stop` when standard input ends. A sweep holds the other end of the pipe, so its job stops
/// when the sweep ends, even if the sweep is killed.
pub(crate) fn stop_at_eof(stop: Arc<AtomicBool>) {
    std::thread::spawn(move || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        stop.store(true, Ordering::Relaxed);
    });
}
