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

/// AUROC and the rest as a table, or as one JSON line.
pub(crate) fn evaluation(evaluation: &Evaluation, json: bool) -> anyhow::Result<()> {
    if json {
        return line(&serde_json::to_string(evaluation)?);
    }
    let figure = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.3}"));
    let percent = |value: Option<f64>| {
        value.map_or("–".to_owned(), |value| format!("{:.0} %", 100.0 * value))
    };
    let row = |cells: [&str; 8]| {
        let [
            name,
            normal,
            anomalous,
            deployed,
            paper,
            r_only,
            alarms,
            detected,
        ] = cells;
        line(&format!(
            "{name:<14} {normal:>6} {anomalous:>9}  {deployed:>8} {paper:>8} {r_only:>8}  \
             {alarms:>12} {detected:>8}"
        ))
    };
    row([
        "",
        "normal",
        "defective",
        "deployed",
        "paper",
        "R alone",
        "false alarms",
        "detected",
    ])?;
    for metrics in &evaluation.categories {
        let name = match metrics.category.as_str() {
            "" => "AUROC",
            name => name,
        };
        row([
            name,
            &metrics.normal.to_string(),
            &metrics.anomalous.to_string(),
            &figure(metrics.auroc_deployed),
            &figure(metrics.auroc_paper),
            &figure(metrics.auroc_reconstruction),
            &percent(metrics.false_alarms),
            &percent(metrics.detected),
        ])?;
    }
    if evaluation.categories.len() > 1 {
        let deployed = figure(evaluation.mean_auroc_deployed);
        let paper = figure(evaluation.mean_auroc_paper);
        row(["mean AUROC", "", "", &deployed, &paper, "", "", ""])?;
    }
    Ok(())
}
