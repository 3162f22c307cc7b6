//! Reacts to Ctrl-C, to the signals with which operating systems stop programs, and to the end of
//! the sweep that runs this program as a job.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::output::note;

/// The exit code of a program that was stopped by Ctrl-C.
pub(crate) const INTERRUPTED: u8 = 130;

/// Whether the next signal ends the program at once.
static ENDS_AT_ONCE: AtomicBool = AtomicBool::new(false);

/// Makes Ctrl-C set the returned flag and print `told`. A second Ctrl-C ends the program at once.
/// On Unix SIGTERM and SIGHUP do the same: schedulers, containers and closed terminals send them.
pub(crate) fn stop_on_ctrl_c(told: &'static str) -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&stop);
    on_signal(move || {
        if ENDS_AT_ONCE.swap(true, Ordering::Relaxed) {
            // After a second Ctrl-C no checkpoint is written; the last one on disk remains.
            std::process::exit(i32::from(INTERRUPTED));
        }
        seen.store(true, Ordering::Relaxed);
        note(told);
    })?;
    Ok(stop)
}

/// From now on a single Ctrl-C ends the program.
pub(crate) fn end_at_once() {
    ENDS_AT_ONCE.store(true, Ordering::Relaxed);
}

#[cfg(unix)]
fn on_signal(mut act: impl FnMut() + Send + 'static) -> anyhow::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;

    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    if !hangup_is_ignored() {
        signals.add_signal(SIGHUP)?;
    }
    std::thread::spawn(move || {
        for _ in signals.forever() {
            act();
        }
    });
    Ok(())
}

/// Whether this program was started with `nohup`, to outlive its terminal.
#[cfg(unix)]
fn hangup_is_ignored() -> bool {
    // Signal number n has bit n − 1. This file exists only on Linux.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & 1 << (signal_hook::consts::SIGHUP - 1) != 0)
}

#[cfg(windows)]
fn on_signal(act: impl FnMut() + Send + 'static) -> anyhow::Result<()> {
    Ok(ctrlc::set_handler(act)?)
}

/// Sets `stop` when standard input ends. A sweep holds the other end of the pipe, so its job stops
/// when the sweep ends, even if the sweep is killed. A signal that comes afterwards, such as the
/// Ctrl-C that ended the sweep, does not end the job at once.
pub(crate) fn stop_at_eof(stop: Arc<AtomicBool>) {
    std::thread::spawn(move || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        stop.store(true, Ordering::Relaxed);
    });
}
