//! What goes to the terminal: results to standard output, everything else to standard error.

use std::io::{self, Write};
use std::process::ExitCode;

use daad::train::Evaluation;

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
