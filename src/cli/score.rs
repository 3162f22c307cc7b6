//! `daad score`.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use image::{ImageFormat, RgbImage};
use serde::Serialize;

use daad::error::shown;
use daad::file;
use daad::score::RawScore;
use daad::{Detector, TileOptions, TiledDetection};
use pollster::block_on;

use super::common::arguments::CommonArgs;
use super::common::files::{STANDARD_INPUT, images, open, read_image};
use super::common::output::{line, note};
use super::common::tiles::{self, Photograph, TileArgs};

#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub(crate) struct ScoreArgs {
    /// The model file
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Images, or folders of images; - reads an image from standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Write NAME.heat.png here for each image
    #[arg(long, value_name = "DIR")]
    heat_maps: Option<PathBuf>,
    /// Write NAME.reconstruction.png here for each image
    #[arg(long, value_name = "DIR", conflicts_with = "tiles")]
    reconstructions: Option<PathBuf>,
    /// Call scores above this anomalous, instead of the model's own threshold
    #[arg(long, value_name = "SCORE", value_parser = finite, allow_negative_numbers = true)]
    threshold: Option<f64>,
    #[command(flatten)]
    tiles: TileArgs,
    #[command(flatten)]
    common: CommonArgs,
}

/// The endings of the pictures that are written.
const HEAT_MAP: &str = ".heat.png";
const RECONSTRUCTION: &str = ".reconstruction.png";

/// One line of `--json`.
#[derive(Serialize)]
struct Line<'a> {
    path: Cow<'a, str>,
    score: f64,
    reconstruction_score: f64,
    alignment_score: Option<f64>,
    threshold: f64,
    anomalous: bool,
    #[serde(flatten)]
    photograph: Option<Photograph>,
}

/// The results for one image that are printed and saved, for a whole image or an image cut into
/// tiles.
struct Scored {
    anomaly_score: f64,
    is_anomalous: bool,
    /// R and L of the whole image, or of the worst tile.
    raw: RawScore,
    heat_map: Option<RgbImage>,
    reconstruction: Option<RgbImage>,
    tiles: Option<TiledDetection>,
}

pub(crate) fn run(args: &ScoreArgs) -> anyhow::Result<ExitCode> {
    let mut detector = open(&args.model, &args.common.device)?;
    let tiling = args.tiles.options();
    match args.threshold {
        Some(threshold) => detector = detector.with_threshold(threshold),
        None if tiling.is_some() => note(
            "The model's threshold was set on whole images; false alarms add up over tiles. \
             `daad threshold --tiles` finds one for tiles.",
        ),
        None => {}
    }
    let folders = [&args.heat_maps, &args.reconstructions];
    for folder in folders.into_iter().flatten() {
        file::check_folder(folder)?;
    }
    let images = images(&args.paths)?;
    let mut names = HashSet::new();
    let (mut failed, mut unwritten) = (0, 0);
    let wants_map = args.heat_maps.is_some();
    for path in &images {
        let scored = match &tiling {
            None => whole(&detector, path, wants_map),
            Some(options) => in_tiles(&detector, path, options, wants_map),
        };
        // An image that cannot be read must not prevent the scoring of the others.
        let scored = match scored {
            Ok(scored) => scored,
            Err(error) => {
                note(&format!("{}: {error:#}", shown(path)));
                failed += 1;
                continue;
            }
        };
        print(&detector, path, &scored, args.common.json)?;
        let name = unique_name(path, &mut names);
        let pictures = [
            (&args.heat_maps, &scored.heat_map, HEAT_MAP),
            (
                &args.reconstructions,
                &scored.reconstruction,
                RECONSTRUCTION,
            ),
        ];
        for (folder, picture, ending) in pictures {
            let (Some(folder), Some(picture)) = (folder, picture) else {
                continue;
            };
            // Nor must a picture that cannot be written.
            if let Err(error) = save(picture, &file::with_ending(&folder.join(&name), ending)) {
                note(&format!("{error:#}"));
                unwritten += 1;
            }
        }
    }
    if failed > 0 {
        anyhow::bail!("{failed} of {} images could not be scored", images.len());
    }
    anyhow::ensure!(unwritten == 0, "{unwritten} pictures could not be written");
    Ok(ExitCode::SUCCESS)
}

fn whole(detector: &Detector, path: &Path, wants_map: bool) -> anyhow::Result<Scored> {
    let detection = block_on(detector.detect(&read_image(path)?))?;
    Ok(Scored {
        anomaly_score: detection.anomaly_score,
        is_anomalous: detection.is_anomalous,
        raw: detection.prediction.raw,
        heat_map: wants_map.then(|| detector.heat_map(&detection)),
        reconstruction: Some(detection.prediction.reconstruction),
        tiles: None,
    })
}

fn in_tiles(
    detector: &Detector,
    path: &Path,
    options: &TileOptions,
    wants_map: bool,
) -> anyhow::Result<Scored> {
    let options = TileOptions {
        error_map: wants_map,
        ..*options
    };
    let mut detection = tiles::detect(detector, path, &options)?;
    let heat_map = detector.tiled_heat_map(&detection);
    detection.error_map = None;
    Ok(Scored {
        anomaly_score: detection.anomaly_score,
        is_anomalous: detection.is_anomalous,
        raw: detection.worst_first()[0].raw,
        heat_map,
        reconstruction: None,
        tiles: Some(detection),
    })
}

fn print(detector: &Detector, path: &Path, scored: &Scored, json: bool) -> anyhow::Result<()> {
    let threshold = detector.card().calibration.threshold;
    if json {
        return line(&serde_json::to_string(&Line {
            path: path.to_string_lossy(),
            score: scored.anomaly_score,
            reconstruction_score: scored.raw.reconstruction,
            alignment_score: scored.raw.alignment,
            threshold,
            anomalous: scored.is_anomalous,
            photograph: scored.tiles.as_ref().map(Photograph::new),
        })?);
    }
    let verdict = match scored.is_anomalous {
        true => "anomalous",
        false => "normal",
    };
    let score = scored.anomaly_score;
    line(&format!(
        "{verdict:<9}  {score:>8.3} (threshold {threshold:.3})  {}",
        shown(path)
    ))?;
    scored.tiles.as_ref().map_or(Ok(()), tiles::print_worst)
}

/// A file name for the results that is not taken yet, so that images of the same name from several
/// folders do not overwrite each other's results.
fn unique_name(path: &Path, taken: &mut HashSet<String>) -> String {
    let stem = match path == Path::new(STANDARD_INPUT) {
        true => "standard-input".into(),
        false => path.file_stem().unwrap_or_default().to_string_lossy(),
    };
    let candidates = (2..).map(|count| format!("{stem}-{count}"));
    let mut candidates = [stem.to_string()].into_iter().chain(candidates);
    let free = candidates.find(|name| !taken.contains(name));
    let name = free.expect("there are endless numbers");
    taken.insert(name.clone());
    name
}

fn save(image: &RgbImage, path: &Path) -> anyhow::Result<()> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png)?;
    Ok(file::write(path, &bytes.into_inner())?)
}

fn finite(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| "expected a number".into())
}
