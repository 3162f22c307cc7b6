//! `daad import`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use image::RgbImage;
use pollster::block_on;

use daad::dataset::Sample;
use daad::error::shown;
use daad::exchange::from_pytorch;
use daad::file;
use daad::learn::finish;
use daad::metric::Label;
use daad::score::{NOTHING_TO_SCALE_BY, few_images_warning};
use daad::settings::Settings;
use daad::weights::Provenance;

use super::common::arguments::{CommonArgs, ProvenanceArgs};
use super::common::files::{check_new, different_images, load, read_settings};
use super::common::output::{note, threshold};
use super::common::provenance::{command, commit};

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
    /// TOML file of the settings of the network and its scores, as of `daad train`; flags go over it
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
    let file = match &args.config {
        Some(path) => read_settings(path)?,
        None => Settings::default(),
    };
    args.settings.check_numbers()?;
    let settings = args.settings.over(&file);
    settings.check_effect()?;
    let config = settings.resolve()?;

    let path = shown(&args.safetensors);
    let bytes = std::fs::read(&args.safetensors).with_context(|| format!("cannot read {path}"))?;
    let device = args.common.device.resolve()?;
    let imported = from_pytorch(&bytes, &config.model, &device.device).with_context(|| path)?;

    let paths = different_images(&args.normal)?;
    if let Some(warning) = few_images_warning(paths.len()) {
        note(&warning);
    }
    let sample = |path| Sample::of_file(path, "", Label::Normal);
    let samples: Vec<Sample> = paths.into_iter().map(sample).collect();
    let normal = load(samples, (config.model.width_px, config.model.height_px))?;
    let normal: Vec<&RgbImage> = normal.iter().map(|labelled| &labelled.image).collect();
    let folder = args.normal[0].file_name().unwrap_or_default();
    let provenance = Provenance {
        data: (args.provenance.data_name).unwrap_or(folder.to_string_lossy().into_owned()),
        licence: args.provenance.licence.unwrap_or_default(),
        attribution: args.provenance.attribution.unwrap_or_default(),
        commit: commit(),
        command: command(),
        ..Provenance::default()
    };
    let finished = block_on(finish(
        &imported.model,
        &config,
        provenance,
        imported.precision,
        &normal,
        &device.device,
    ))?;
    let calibration = &finished.detector.card().calibration;
    anyhow::ensure!(!calibration.has_no_scale(), NOTHING_TO_SCALE_BY);
    file::write(&args.out, &finished.bytes)?;
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
