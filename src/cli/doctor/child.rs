//! Runs a check in its own process, so that a driver that crashes or hangs does not affect the
//! results for other devices.

use std::io::Read;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::cli::common::output::last_error;

/// The time between two checks whether the process has ended.
const POLL: Duration = Duration::from_millis(20);

/// How long to wait for the rest of the output after the process has ended.
const LEFTOVER: Duration = Duration::from_secs(2);

/// Runs `command` and returns its output, if it prints something and ends within `limit`.
///
/// # Errors
///
/// A description of how the process failed.
pub(crate) fn output(command: &mut Command, limit: Duration) -> Result<String, String> {
    output_within(command, limit, LEFTOVER)
}

fn output_within(
    command: &mut Command,
    limit: Duration,
    leftover: Duration,
) -> Result<String, String> {
    let started = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("it cannot be looked at: {error}"))?;
    let printed = child.stdout.take().map(all);
    let said = child.stderr.take().map(all);
    let text = |text: Option<Receiver<String>>| {
        let text = text.and_then(|text| text.recv_timeout(leftover).ok());
        text.unwrap_or_default()
    };
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if started.elapsed() < limit => thread::sleep(POLL),
            _ => {
                // This does not wait for the end of the process: a process that hangs inside a
                // driver may not react to the signal.
                let _ = child.kill();
                return Err(format!(
                    "it gave no answer within {} s",
                    limit.as_secs_f32()
                ));
            }
        }
    };
    let printed = text(printed);
    match printed.trim().is_empty() {
        true => Err(reason(status, &text(said))),
        false => Ok(printed),
    }
}

/// The reason why the process printed nothing.
fn reason(status: ExitStatus, said: &str) -> String {
    match last_error(said) {
        Some(error) => error.to_owned(),
        None => format!("the program ended while it looked at it ({status})"),
    }
}

/// Reads a pipe in a thread, because the process would block when the pipe is full. The result
/// comes through a channel, because a child of the process may keep the pipe open for ever.
fn all(mut pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (whole, text) = channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        let _ = whole.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    text
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(100);

    fn output_of(script: &str, limit: Duration, leftover: Duration) -> Result<String, String> {
        output_within(Command::new("sh").args(["-c", script]), limit, leftover)
    }

    #[test]
    fn what_becomes_of_a_process_is_said() {
        let of = |script| output_of(script, LONG, LONG);
        assert_eq!(of("echo found; exit 1"), Ok("found\n".to_owned()));
        let crashed = of("kill -SEGV $$").unwrap_err();
        assert!(
            crashed.contains("ended while it looked at it (signal: 11"),
            "{crashed}"
        );
        let failed = of("echo 'error: no such device' >&2; exit 1");
        assert_eq!(failed, Err("no such device".to_owned()));
        let silent = output_of("exec sleep 60", SHORT, LONG).unwrap_err();
        assert!(silent.contains("no answer within 0.1 s"), "{silent}");
        // The shell's child inherits the pipes and keeps running after the shell is killed.
        let started = Instant::now();
        assert!(output_of("sleep 20 & exit 3", LONG, SHORT).is_err());
        assert!(started.elapsed() < Duration::from_secs(15));
    }
}
