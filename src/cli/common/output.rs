//! What goes to the terminal: results to standard output, everything else to standard error.

use std::io::{self, Write};
use std::process::ExitCode;

use daad::evaluate::Evaluation;
use daad::learn::TrainConfig;
use daad::score::Calibration;
use daad::settings::Settings;
use serde::Serialize;

/// Prints a result line.
pub(crate) fn line(text: &str) -> anyhow::Result<()> {
    writeln!(io::stdout().lock(), "{text}")?;
    Ok(())
}

/// Tells a person, who may not be there.
pub(crate) fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// One sentence for an error, and the exit code.
pub(crate) fn finish(result: anyhow::Result<ExitCode>) -> ExitCode {
    let error = match result {
        Ok(code) => return code,
        Err(error) => error,
    };
    // `daad score … | head` closes the pipe when it has seen enough.
    let io = error.downcast_ref::<io::Error>().map(io::Error::kind);
    if io == Some(io::ErrorKind::BrokenPipe) {
        return ExitCode::SUCCESS;
    }
    note(&format!("error: {error:#}"));
    ExitCode::FAILURE
}

/// The figures as a table, or as one JSON line.
pub(crate) fn evaluation(evaluation: &Evaluation, json: bool) -> anyhow::Result<()> {
    if json {
        return line(&serde_json::to_string(evaluation)?);
    }
    line(&super::table::evaluation(evaluation))
}

/// What `--json` says of a threshold.
#[derive(Serialize)]
struct ThresholdLine {
    threshold: f64,
    false_alarm_rate: f64,
    /// Of how many normal images it is the quantile.
    normal_images: usize,
}

/// A threshold as one JSON line.
pub(crate) fn threshold(calibration: &Calibration) -> anyhow::Result<()> {
    line(&serde_json::to_string(&ThresholdLine {
        threshold: calibration.threshold,
        false_alarm_rate: calibration.false_alarm_rate,
        normal_images: calibration.normal_scores.len(),
    })?)
}

/// The settings that give `config`, as a TOML file has them.
pub(crate) fn settings_of(config: &TrainConfig) -> String {
    let settings = Settings::of(config);
    settings.map_or_else(String::new, |settings| settings.to_toml())
}
