//! `daad import`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use image::RgbImage;
use pollster::block_on;

use daad::error::shown;
use daad::exchange::from_pytorch;
use daad::file;
use daad::learn::finish;
use daad::settings::Settings;

use super::common::arguments::{CommonArgs, ProvenanceArgs};
use super::common::files::{check_new, good_images, read, settings_over, write_calibrated};
use super::common::output::{note, threshold};

#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub(crate) struct ImportArgs {
    /// The weights: a safetensors file of PyTorch's state_dict (docs/training.md has the names)
    #[arg(long, value_name = "FILE")]
    safetensors: PathBuf,
    /// Good images that the network was not trained on, or folders of them, to set scaling and
    /// threshold (may be repeated)
    #[arg(long, value_name = "PATH", required = true)]
    normal: Vec<PathBuf>,
    /// Where to write the model
    #[arg(long, value_name = "FILE", default_value = "model.safetensors")]
    out: PathBuf,
    /// Replace a model that is there
    #[arg(long)]
    overwrite: bool,
    /// TOML file of the settings of the network and its scores, as of `daad train`; flags go over
    /// it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    provenance: ProvenanceArgs,
    #[command(flatten)]
    common: CommonArgs,
}

pub(crate) fn run(args: ImportArgs) -> anyhow::Result<ExitCode> {
    check_new(&args.out, args.overwrite)?;
    file::check_writable(&args.out)?;
    let settings = settings_over(args.config.as_deref(), &args.settings)?;
    settings.check_effect()?;
    let config = settings.resolve()?;

    let bytes = read(&args.safetensors)?;
    let device = args.common.device.resolve()?;
    let imported = from_pytorch(&bytes, &config.model, &device.device)
        .with_context(|| shown(&args.safetensors))?;

    let normal = good_images(
        &args.normal,
        (config.model.width_px, config.model.height_px),
    )?;
    let normal: Vec<&RgbImage> = normal.iter().map(|labelled| &labelled.image).collect();
    let provenance = args.provenance.of(&args.normal[0]);
    let finished = block_on(finish(
        &imported.model,
        &config,
        provenance,
        imported.precision,
        &normal,
        &device.device,
    ))?;
    write_calibrated(&finished, &args.out, &device)?;
    let calibration = &finished.detector.card().calibration;
    note(&format!(
        "Wrote {}; the threshold {:.4} {}.",
        shown(&args.out),
        calibration.threshold,
        calibration.rate_in_words()
    ));
    if args.common.json {
        threshold(calibration)?;
    }
    Ok(ExitCode::SUCCESS)
}
