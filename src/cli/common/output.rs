//! Writes to the terminal: results to standard output, everything else to standard error.

use std::io::{self, Write};
use std::process::ExitCode;

use daad::error::printable;
use daad::evaluate::Evaluation;
use daad::learn::TrainConfig;
use daad::model::ModelConfig;
use daad::score::Calibration;
use daad::settings::Settings;
use serde::Serialize;

/// Prints a result line.
pub(crate) fn line(text: &str) -> anyhow::Result<()> {
    writeln!(io::stdout().lock(), "{text}")?;
    Ok(())
}

/// Prints a message for the user, line by line, with control characters escaped; errors are
/// ignored, because nobody may be reading.
pub(crate) fn note(text: &str) {
    let mut stderr = io::stderr().lock();
    for line in text.lines() {
        let _ = writeln!(stderr, "{}", printable(line));
    }
}

/// Prints an error as one sentence and returns the exit code.
pub(crate) fn finish(result: anyhow::Result<ExitCode>) -> ExitCode {
    let error = match result {
        Ok(code) => return code,
        Err(error) => error,
    };
    // `head` in `daad score … | head` closes the pipe after some lines, which is not an error.
    let io = error.downcast_ref::<io::Error>().map(io::Error::kind);
    if io == Some(io::ErrorKind::BrokenPipe) {
        return ExitCode::SUCCESS;
    }
    note(&format!("error: {error:#}"));
    ExitCode::FAILURE
}

/// The first line of the last error that [`finish`] printed into `log`.
pub(crate) fn last_error(log: &str) -> Option<&str> {
    let mut lines = log.lines().rev();
    lines.find_map(|line| line.strip_prefix("error: "))
}

/// Prints the figures as a table, or as one JSON line.
pub(crate) fn evaluation(evaluation: &Evaluation, json: bool) -> anyhow::Result<()> {
    if json {
        return line(&serde_json::to_string(evaluation)?);
    }
    line(&super::table::evaluation(evaluation))
}

/// A threshold in the output of `--json`.
#[derive(Serialize)]
struct ThresholdLine {
    threshold: f64,
    /// The share of normal images that the threshold refuses at most.
    false_alarm_rate: f64,
    /// The number of normal images from whose scores the threshold was computed.
    normal_images: usize,
}

/// Prints a threshold as one JSON line.
pub(crate) fn threshold(calibration: &Calibration) -> anyhow::Result<()> {
    line(&serde_json::to_string(&ThresholdLine {
        threshold: calibration.threshold,
        false_alarm_rate: calibration.false_alarm_rate,
        normal_images: calibration.normal_scores.len(),
    })?)
}

/// A description of networks.
pub(crate) fn network(config: &ModelConfig) -> String {
    format!(
        "{} at {}×{} pixels, {:.2} million parameters",
        config.system_name(),
        config.height_px,
        config.width_px,
        config.parameter_count() as f64 / 1e6
    )
}

/// The settings that resolve to `config`, as the text of a TOML file; empty for a configuration
/// that no settings describe.
pub(crate) fn settings_of(config: &TrainConfig) -> String {
    let settings = Settings::of(config);
    settings.map_or_else(String::new, |settings| settings.to_toml())
}

#[cfg(test)]
mod tests {
    use super::last_error;

    #[test]
    fn the_reason_of_a_failed_job_is_its_last_error_and_no_other_line() {
        let log =
            "Settings:\nerror: of a run before\nepoch 1\nerror: no images: empty\nepochs = 3\n";
        assert_eq!(last_error(log), Some("no images: empty"));
        let panic = "epoch 12/60, rec 0.1\nthread 'main' panicked at src/a.rs:1\nnote: run with …";
        assert_eq!(last_error(panic), None);
    }
}
