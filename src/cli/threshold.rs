//! `daad threshold`.

use std::process::ExitCode;

use anyhow::Context;
use serde::Serialize;

use daad::TileOptions;
use daad::score::Calibration;
use daad::train::atomic_file;
use daad::weights::{ModelCard, read_card, with_card};

use super::args::ThresholdArgs;
use super::eval::open;
use super::output::{line, note};
use super::score::images;
use super::tiles;

/// The line of `--json`.
#[derive(Serialize)]
struct Line {
    threshold: f64,
    false_alarm_rate: f64,
    /// Of how many normal images it is the quantile.
    normal_images: usize,
}

pub(crate) fn run(args: &ThresholdArgs) -> anyhow::Result<ExitCode> {
    match args.tiles.options() {
        None => of_the_model(args)?,
        Some(options) => of_tiles(args, &options)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// From the held-out scores in the model file, into the model file.
fn of_the_model(args: &ThresholdArgs) -> anyhow::Result<()> {
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
    if args.common.json {
        return print(&card.calibration);
    }
    line(&format!(
        "{path}: threshold {before:.4} became {:.4}",
        card.calibration.threshold
    ))
}

/// From normal photographs cut as those to be judged will be. An image's score is its worst tile's,
/// so that the rate is one of images, however many tiles they have.
///
/// It is printed and not written: the model file's threshold is for whole images, and its page too.
fn of_tiles(args: &ThresholdArgs, options: &TileOptions) -> anyhow::Result<()> {
    let detector = open(&args.model, &args.common.device)?;
    let images = images(&args.paths)?;
    let mut normal_scores = Vec::with_capacity(images.len());
    for path in &images {
        let detection = tiles::detect(&detector, path, options);
        let detection = detection.with_context(|| path.display().to_string())?;
        normal_scores.push(detection.anomaly_score);
    }
    normal_scores.sort_by(f64::total_cmp);
    let rate = args.false_alarm_rate;
    let calibration = Calibration {
        normal_scores,
        ..detector.card().calibration.clone()
    };
    let calibration = calibration.with_false_alarm_rate(rate);
    let count = images.len();
    if rate * (count as f64) < 1.0 {
        note(&format!(
            "{count} images say little of a rate of {rate}: the worst of them decides."
        ));
    }
    if args.common.json {
        return print(&calibration);
    }
    line(&format!(
        "--threshold {:.4} refuses {rate} of {count} normal images cut in this way",
        calibration.threshold
    ))
}

pub(crate) fn print(calibration: &Calibration) -> anyhow::Result<()> {
    line(&serde_json::to_string(&Line {
        threshold: calibration.threshold,
        false_alarm_rate: calibration.false_alarm_rate,
        normal_images: calibration.normal_scores.len(),
    })?)
}
