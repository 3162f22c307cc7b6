//! `daad calibrate`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use image::RgbImage;

use daad::error::shown;
use daad::file;
use daad::image::Flips;
use daad::learn::{TrainConfig, recalibrate};
use daad::settings::named;
use pollster::block_on;
use serde::Deserialize;

use super::common::arguments::CommonArgs;
use super::common::files::{good_images, read_model, write_calibrated};
use super::common::output::{note, threshold};

#[derive(Debug, Args)]
pub(crate) struct CalibrateArgs {
    /// The model file, rewritten in place; its weights stay as they are
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Good images that the network was not trained on, or folders of them
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// Which of their mirror images are normal too: both, horizontal, vertical or none [default: as
    /// the model was trained]
    #[arg(long, value_name = "NAME", value_parser = named::<Flips>)]
    flips: Option<Flips>,
    #[command(flatten)]
    common: CommonArgs,
}

pub(crate) fn run(args: &CalibrateArgs) -> anyhow::Result<ExitCode> {
    let path = shown(&args.model);
    file::check_writable(&args.model)?;
    let (bytes, card) = read_model(&args.model)?;
    let normal = good_images(&args.paths, (card.config.width_px, card.config.height_px))?;
    let device = args.common.device.resolve()?;
    let normal: Vec<&RgbImage> = normal.iter().map(|labelled| &labelled.image).collect();
    let flips = match (
        args.flips,
        TrainConfig::deserialize(&card.provenance.config),
    ) {
        (Some(flips), _) => flips,
        (None, Ok(trained)) => trained.flips,
        (None, Err(_)) => {
            bail!("{path}: it does not say how its images were mirrored; give --flips")
        }
    };
    let finished = block_on(recalibrate(&bytes, &normal, flips, &device.device))
        .with_context(|| path.clone())?;
    write_calibrated(&finished, &args.model, &device)?;
    let calibration = &finished.detector.card().calibration;
    note(&format!(
        "{path}: the threshold {:.4} became {:.4}, in units of a new scaling; it {}.",
        card.calibration.threshold,
        calibration.threshold,
        calibration.rate_in_words()
    ));
    if args.common.json {
        threshold(calibration)?;
    }
    Ok(ExitCode::SUCCESS)
}
