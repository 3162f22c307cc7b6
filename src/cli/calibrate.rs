//! `daad calibrate`.

use std::process::ExitCode;

use anyhow::Context;
use image::RgbImage;

use daad::image::decode;
use daad::train::{Flips, atomic_file, recalibrate, wait};
use daad::weights::read_card;

use super::args::CalibrateArgs;
use super::output::note;
use super::score::images;
use super::threshold::print;

pub(crate) fn run(args: &CalibrateArgs) -> anyhow::Result<ExitCode> {
    let path = args.model.display();
    let bytes = std::fs::read(&args.model).with_context(|| format!("cannot read {path}"))?;
    let card = read_card(&bytes).with_context(|| path.to_string())?;
    let (width, height) = (card.config.width_px as u32, card.config.height_px as u32);
    let read = |path: std::path::PathBuf| -> anyhow::Result<RgbImage> {
        let named = || path.display().to_string();
        let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", named()))?;
        decode(&bytes, width, height).with_context(named)
    };
    let normal: Vec<RgbImage> = images(&args.paths)?
        .into_iter()
        .map(read)
        .collect::<Result<_, _>>()?;
    let flips = Flips {
        horizontal: !args.no_flips,
        vertical: !args.no_flips,
    };
    let device = args.common.device.resolve()?;
    let normal: Vec<&RgbImage> = normal.iter().collect();
    let finished = wait(recalibrate(&bytes, &normal, flips, &device.device))
        .with_context(|| path.to_string())?;
    atomic_file::write(&args.model, &finished.bytes)?;
    let calibration = &finished.detector.card().calibration;
    note(&format!(
        "{path}: {} scores of {} good images; the threshold {:.4} became {:.4}, in units of a new scaling.",
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
