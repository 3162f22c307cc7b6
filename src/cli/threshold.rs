//! `daad threshold`.

use std::process::ExitCode;

use anyhow::Context;
use daad::train::atomic_file;
use daad::weights::{ModelCard, read_card, with_card};

use super::args::ThresholdArgs;
use super::output::line;

pub(crate) fn run(args: &ThresholdArgs) -> anyhow::Result<ExitCode> {
    let path = args.model.display();
    let bytes = std::fs::read(&args.model).with_context(|| format!("cannot read {path}"))?;
    let card = read_card(&bytes).with_context(|| path.to_string())?;
    let before = card.calibration.threshold;
    let card = ModelCard {
        calibration: card
            .calibration
            .with_false_alarm_rate(args.false_alarm_rate),
        ..card
    };
    atomic_file::write(&args.model, &with_card(&bytes, &card)?)?;
    line(&format!(
        "{path}: threshold {before:.4} became {:.4}",
        card.calibration.threshold
    ))?;
    Ok(ExitCode::SUCCESS)
}
