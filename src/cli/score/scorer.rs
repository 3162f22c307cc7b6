//! Scores one image, whole or in tiles, and prints its line.

use std::borrow::Cow;
use std::cell::Cell;
use std::path::Path;

use image::RgbImage;
use pollster::block_on;
use serde::Serialize;

use daad::error::shown;
use daad::image::{decode_original, is_stretched};
use daad::score::{RawScore, Verdict};
use daad::{Detector, TileOptions, TiledDetection};

use super::ScoreArgs;
use crate::cli::common::files::open;
use crate::cli::common::output::{line, note};
use crate::cli::common::tiles::{self, Photograph};

/// A model, and how images are scored with it.
pub(super) struct Scorer {
    detector: Detector,
    /// How images are cut; None if they are scored whole.
    tiling: Option<TileOptions>,
    /// Whether the user has been warned about a stretched image.
    told_of_stretching: Cell<bool>,
}

/// The results for one image that are printed and saved, for a whole image or an image cut into
/// tiles.
pub(super) struct Scored {
    anomaly_score: f64,
    is_anomalous: bool,
    unfamiliarity: f64,
    verdict: Verdict,
    /// R and L of the whole image, or of the worst tile.
    raw: RawScore,
    pub(super) heat_map: Option<RgbImage>,
    pub(super) reconstruction: Option<RgbImage>,
    tiles: Option<TiledDetection>,
}

/// One line of `--json`.
#[derive(Serialize)]
pub(super) struct Line<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<Cow<'a, str>>,
    score: f64,
    reconstruction_score: f64,
    alignment_score: Option<f64>,
    threshold: f64,
    anomalous: bool,
    unfamiliarity: f64,
    verdict: Verdict,
    #[serde(flatten)]
    photograph: Option<Photograph>,
}

impl Scorer {
    pub(super) fn open(args: &ScoreArgs) -> anyhow::Result<Self> {
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
        Ok(Self {
            detector,
            tiling,
            told_of_stretching: Cell::new(false),
        })
    }

    /// Scores the bytes of an image file.
    pub(super) fn score(&self, bytes: &[u8], wants_map: bool) -> anyhow::Result<Scored> {
        match &self.tiling {
            None => self.whole(bytes, wants_map),
            Some(options) => self.in_tiles(bytes, options, wants_map),
        }
    }

    fn whole(&self, bytes: &[u8], wants_map: bool) -> anyhow::Result<Scored> {
        let image = decode_original(bytes)?;
        self.tell_of_stretching(image.dimensions());
        let detection = block_on(self.detector.detect_image(image))?;
        Ok(Scored {
            anomaly_score: detection.anomaly_score,
            is_anomalous: detection.is_anomalous,
            unfamiliarity: detection.unfamiliarity,
            verdict: detection.verdict,
            raw: detection.prediction.raw,
            heat_map: wants_map.then(|| self.detector.heat_map(&detection)),
            reconstruction: Some(detection.prediction.reconstruction),
            tiles: None,
        })
    }

    /// Prints the warning only once, because a folder of such images would repeat it for each
    /// image.
    fn tell_of_stretching(&self, (width, height): (u32, u32)) {
        let config = &self.detector.card().config;
        let (to_width, to_height) = (config.width_px as u32, config.height_px as u32);
        let stretched = is_stretched((width, height), (to_width, to_height));
        if stretched && !self.told_of_stretching.replace(true) {
            note(&format!(
                "An image of {width} × {height} pixels is stretched to the model's {to_width} × {to_height}; \
                 so are all others of another shape."
            ));
        }
    }

    fn in_tiles(
        &self,
        bytes: &[u8],
        options: &TileOptions,
        wants_map: bool,
    ) -> anyhow::Result<Scored> {
        let options = TileOptions {
            error_map: wants_map,
            ..*options
        };
        let mut detection = tiles::detect(&self.detector, bytes, &options)?;
        let heat_map = self.detector.tiled_heat_map(&detection);
        detection.error_map = None;
        Ok(Scored {
            anomaly_score: detection.anomaly_score,
            is_anomalous: detection.is_anomalous,
            unfamiliarity: detection.unfamiliarity,
            verdict: detection.verdict,
            raw: detection.worst_first()[0].raw,
            heat_map,
            reconstruction: None,
            tiles: Some(detection),
        })
    }

    /// The line of `--json`; without a path where the image came from no file.
    pub(super) fn line<'a>(&self, path: Option<&'a Path>, scored: &Scored) -> Line<'a> {
        Line {
            path: path.map(Path::to_string_lossy),
            score: scored.anomaly_score,
            reconstruction_score: scored.raw.reconstruction,
            alignment_score: scored.raw.alignment,
            threshold: self.threshold(),
            anomalous: scored.is_anomalous,
            unfamiliarity: scored.unfamiliarity,
            verdict: scored.verdict,
            photograph: scored.tiles.as_ref().map(Photograph::new),
        }
    }

    pub(super) fn print(&self, path: &Path, scored: &Scored, json: bool) -> anyhow::Result<()> {
        if json {
            return line(&serde_json::to_string(&self.line(Some(path), scored))?);
        }
        let (score, threshold) = (scored.anomaly_score, self.threshold());
        line(&format!(
            "{:<10}  {score:>8.3} (threshold {threshold:.3})  {}",
            scored.verdict.word(),
            shown(path)
        ))?;
        scored.tiles.as_ref().map_or(Ok(()), tiles::print_worst)
    }

    fn threshold(&self) -> f64 {
        self.detector.card().calibration.threshold
    }
}
