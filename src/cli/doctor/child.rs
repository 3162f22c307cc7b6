//! A process of its own, so that a driver that crashes or hangs takes no other finding with it.

use std::io::Read;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How often it is looked at.
const POLL: Duration = Duration::from_millis(20);

/// What `command` prints, if that is anything, and within `limit`.
///
/// # Errors
///
/// What became of it instead.
pub(crate) fn output(command: &mut Command, limit: Duration) -> Result<String, String> {
    let started = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("it cannot be looked at: {error}"))?;
    // A full pipe would stop it.
    let printed = child.stdout.take().map(|pipe| thread::spawn(|| all(pipe)));
    let said = child.stderr.take().map(|pipe| thread::spawn(|| all(pipe)));
    let text = |reader: Option<thread::JoinHandle<String>>| {
        let text = reader.and_then(|reader| reader.join().ok());
        text.unwrap_or_default()
    };
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if started.elapsed() < limit => thread::sleep(POLL),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
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

/// Why it printed nothing.
fn reason(status: ExitStatus, said: &str) -> String {
    match said
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("error: "))
    {
        Some(error) => error.to_owned(),
        None => format!("its driver ended the program ({status})"),
    }
}

fn all(mut pipe: impl Read) -> String {
    let mut bytes = Vec::new();
    let _ = pipe.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn output_of(script: &str) -> Result<String, String> {
        output(
            Command::new("sh").args(["-c", script]),
            Duration::from_secs(1),
        )
    }

    #[test]
    fn what_becomes_of_a_process_is_said() {
        assert_eq!(output_of("echo found; exit 1"), Ok("found\n".to_owned()));
        let crashed = output_of("kill -SEGV $$").unwrap_err();
        assert!(
            crashed.contains("ended the program (signal: 11"),
            "{crashed}"
        );
        let failed = output_of("echo 'error: no such device' >&2; exit 1");
        assert_eq!(failed, Err("no such device".to_owned()));
        let silent = output_of("exec sleep 60").unwrap_err();
        assert!(silent.contains("no answer within 1 s"), "{silent}");
    }
}
