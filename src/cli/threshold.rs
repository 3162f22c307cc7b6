//! `daad threshold`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use daad::TileOptions;
use daad::error::shown;
use daad::file;
use daad::score::{Calibration, few_images_warning};
use daad::weights::{ModelCard, with_card};

use super::common::arguments::{CommonArgs, share};
use super::common::files::{different_images, open, read_image, read_model};
use super::common::output::{line, note, threshold};
use super::common::tiles::{self, TileArgs};

#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub(crate) struct ThresholdArgs {
    /// The model file, rewritten in place; its weights stay as they are. With --tiles it is only
    /// read
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Share of normal images that the threshold may refuse at most
    #[arg(long, value_name = "SHARE", value_parser = share)]
    false_alarm_rate: f64,
    /// With --tiles: normal photographs, or folders of them, to cut and score; the threshold that
    /// this prints is for `daad score --tiles --threshold`
    #[arg(
        value_name = "PATH",
        requires = "tiles",
        required_if_eq("tiles", "true")
    )]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    tiles: TileArgs,
    #[command(flatten)]
    common: CommonArgs,
}

pub(crate) fn run(args: &ThresholdArgs) -> anyhow::Result<ExitCode> {
    match args.tiles.options() {
        None => of_the_model(args)?,
        Some(options) => of_tiles(args, &options)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Computes the threshold from the held-out scores in the model file, and writes it into that file.
fn of_the_model(args: &ThresholdArgs) -> anyhow::Result<()> {
    let path = shown(&args.model);
    let (bytes, card) = read_model(&args.model)?;
    let before = card.calibration.threshold;
    let card = ModelCard {
        calibration: card
            .calibration
            .with_false_alarm_rate(args.false_alarm_rate),
        ..card
    };
    file::write(&args.model, &with_card(&bytes, &card)?)?;
    if args.common.json {
        return threshold(&card.calibration);
    }
    line(&format!(
        "{path}: threshold {before:.4} became {:.4}; it {}",
        card.calibration.threshold,
        card.calibration.rate_in_words()
    ))
}

/// Computes the threshold from normal photographs, cut in the same way as the photographs to be
/// scored. The score of a photograph is that of its worst tile, so the false-alarm rate counts
/// photographs, not tiles.
///
/// The threshold is printed and not written into the model file, because the threshold in the file
/// is for whole images, also on the web page.
fn of_tiles(args: &ThresholdArgs, options: &TileOptions) -> anyhow::Result<()> {
    let detector = open(&args.model, &args.common.device)?;
    let images = different_images(&args.paths)?;
    let mut normal_scores = Vec::with_capacity(images.len());
    for path in &images {
        let bytes = read_image(path);
        let detection = bytes.and_then(|bytes| tiles::detect(&detector, &bytes, options));
        let detection = detection.with_context(|| shown(path))?;
        normal_scores.push(detection.anomaly_score);
    }
    normal_scores.sort_by(f64::total_cmp);
    let calibration = Calibration {
        normal_scores,
        ..detector.card().calibration.clone()
    };
    let calibration = calibration.with_false_alarm_rate(args.false_alarm_rate);
    if let Some(warning) = few_images_warning(images.len()) {
        note(&warning);
    }
    if args.common.json {
        return threshold(&calibration);
    }
    // With all digits, because the threshold is the score of one of these photographs, which must
    // not be above it.
    line(&format!(
        "--threshold {} {}, cut in this way",
        calibration.threshold,
        calibration.rate_in_words()
    ))
}
