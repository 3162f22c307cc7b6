//! `--tiles`: large photographs, scored tile by tile.

use clap::Args;
use serde::Serialize;

use daad::detector::{ScoredTile, TileSize};
use daad::image::{MIN_SIDE_PX, decode_original};
use daad::{Detector, TileOptions, TiledDetection};
use pollster::block_on;

use super::arguments::share;
use super::output::line;
use super::progress::progress_bar;

/// How large photographs are cut.
#[derive(Debug, Args)]
#[command(next_help_heading = "Large photographs")]
pub(crate) struct TileArgs {
    /// Cut each image into tiles, each resized to the model's size and scored by itself; an image
    /// is as anomalous as its worst tile.
    ///
    /// The model's own threshold refuses a small share of normal images. It is not calibrated for
    /// tiles: in a photograph of a hundred normal tiles, each tile may exceed it. `daad threshold
    /// --tiles` computes a threshold from normal photographs cut in the same way, for `daad score
    /// --threshold`.
    #[arg(long)]
    tiles: bool,
    /// Side of a square tile, or WxH, in pixels of the image: as much of the object as a training
    /// image showed [default: the model's size]
    #[arg(long, value_name = "PX", value_parser = tile_size, requires = "tiles")]
    tile_px: Option<TileSize>,
    /// Share of a tile's side that its neighbour sees too [default: 0.25]
    #[arg(long, value_name = "SHARE", value_parser = share, requires = "tiles", allow_negative_numbers = true)]
    tile_overlap: Option<f64>,
}

impl TileArgs {
    /// The options for cutting images; None if images are scored whole.
    pub(crate) fn options(&self) -> Option<TileOptions> {
        let default = TileOptions::default();
        self.tiles.then(|| TileOptions {
            size: self.tile_px,
            overlap: self.tile_overlap.unwrap_or(default.overlap),
            ..default
        })
    }
}

/// The maximum number of tiles that are printed on a terminal; `--json` prints all tiles.
const NAMED: usize = 5;

/// Decodes and scores one photograph, with a progress bar.
pub(crate) fn detect(
    detector: &Detector,
    bytes: &[u8],
    options: &TileOptions,
) -> anyhow::Result<TiledDetection> {
    let image = decode_original(bytes)?;
    let grid = detector.tile_grid(image.width(), image.height(), options)?;
    let bar = progress_bar(grid.len(), "tiles scored");
    let detection = block_on(detector.detect_tiles(&image, options, |count| bar.inc(count as u64)));
    bar.finish_and_clear();
    Ok(detection?)
}

/// The additional output of `--json` for a photograph that was cut into tiles.
#[derive(Serialize)]
pub(crate) struct Photograph {
    width_px: u32,
    height_px: u32,
    tiles: Vec<Tile>,
}

#[derive(Serialize)]
struct Tile {
    x_px: u32,
    y_px: u32,
    width_px: u32,
    height_px: u32,
    score: f64,
    reconstruction_score: f64,
    alignment_score: Option<f64>,
    anomalous: bool,
    unfamiliarity: f64,
}

impl Photograph {
    pub(crate) fn new(detection: &TiledDetection) -> Self {
        let tile = |scored: &ScoredTile| Tile {
            x_px: scored.tile.x_px,
            y_px: scored.tile.y_px,
            width_px: scored.tile.width_px,
            height_px: scored.tile.height_px,
            score: scored.anomaly_score,
            reconstruction_score: scored.raw.reconstruction,
            alignment_score: scored.raw.alignment,
            anomalous: scored.is_anomalous,
            unfamiliarity: scored.unfamiliarity,
        };
        Self {
            width_px: detection.width_px,
            height_px: detection.height_px,
            tiles: detection.tiles.iter().map(tile).collect(),
        }
    }
}

/// Prints the worst tiles with their positions: the tiles above the threshold, or only the worst
/// tile if none is above it.
pub(crate) fn print_worst(detection: &TiledDetection) -> anyhow::Result<()> {
    let worst = detection.worst_first();
    let anomalous = worst.iter().filter(|tile| tile.is_anomalous).count();
    for scored in worst.iter().take(anomalous.clamp(1, NAMED)) {
        let (score, tile) = (scored.anomaly_score, scored.tile);
        line(&format!(
            "           {score:>8.3} at x {}, y {} ({}×{} pixels)",
            tile.x_px, tile.y_px, tile.width_px, tile.height_px
        ))?;
    }
    let more = anomalous.saturating_sub(NAMED);
    let more = match more {
        0 => String::new(),
        more => format!(", {more} more than are named here"),
    };
    let count = worst.len();
    line(&format!(
        "           {anomalous} of {count} tiles are above the threshold{more}"
    ))
}

fn tile_size(text: &str) -> Result<TileSize, String> {
    let (width, height) = text.split_once('x').unwrap_or((text, text));
    let side = |text: &str| text.parse().ok().filter(|&side| side >= MIN_SIDE_PX);
    let (Some(width_px), Some(height_px)) = (side(width), side(height)) else {
        return Err(format!(
            "expected a side, or WxH, of at least {MIN_SIDE_PX} pixels"
        ));
    };
    Ok(TileSize {
        width_px,
        height_px,
    })
}
