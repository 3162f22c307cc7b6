//! `daad calibrate`.

use std::process::ExitCode;

use anyhow::Context;
use image::RgbImage;

use daad::metric::Label;
use daad::train::dataset::{Sample, Unreadable};
use daad::train::{atomic_file, recalibrate, wait};
use daad::weights::read_card;

use super::args::CalibrateArgs;
use super::output::note;
use super::score::images;
use super::threshold::print;
use super::train::load_with_progress;

/// From fewer images one odd one decides the threshold.
const FEW: usize = 20;

pub(crate) fn run(args: &CalibrateArgs) -> anyhow::Result<ExitCode> {
    let path = args.model.display();
    let bytes = std::fs::read(&args.model).with_context(|| format!("cannot read {path}"))?;
    let card = read_card(&bytes).with_context(|| path.to_string())?;
    let mut paths = images(&args.paths)?;
    paths.sort();
    paths.dedup();
    if paths.len() < FEW {
        note(&format!(
            "{} images say little of what is normal; {FEW} or more would be better.",
            paths.len()
        ));
    }
    let sample = |path| Sample::of_file(path, "", Label::Normal);
    let samples: Vec<Sample> = paths.into_iter().map(sample).collect();
    let normal = load_with_progress(
        samples,
        (card.config.width_px, card.config.height_px),
        Unreadable::Fail,
    )?;
    let device = args.common.device.resolve()?;
    let normal: Vec<&RgbImage> = normal.iter().map(|labelled| &labelled.image).collect();
    let finished = wait(recalibrate(&bytes, &normal, args.flips, &device.device))
        .with_context(|| path.to_string())?;
    let range = finished.detector.card().calibration.fusion.reconstruction;
    anyhow::ensure!(
        range.max > range.min,
        "all of these images score the same, so there is nothing to scale by: give more of them"
    );
    atomic_file::write(&args.model, &finished.bytes)?;
    let calibration = &finished.detector.card().calibration;
    note(&format!(
        "{path}: {} scores from {} images; the threshold {:.4} became {:.4}, in units of a new scaling.",
        calibration.normal_scores.len(),
        normal.len(),
        card.calibration.threshold,
        calibration.threshold
    ));
    if args.common.json {
        print(calibration)?;
    }
    Ok(ExitCode::SUCCESS)
}
