//! Large photographs: cut into tiles of the size that the model was trained on, each judged by
//! itself.

use image::{RgbImage, imageops};

use super::Detector;
use super::inference::ScoredMap;
use super::tiling::{Tile, TileGrid, TileSize, stitch};
use crate::error::Result;
use crate::image::{heat_map, resize};
use crate::score::RawScore;

/// How many tiles go through the networks at once, however many there are.
const BATCH: usize = 8;

/// How a photograph is cut.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TileOptions {
    /// Size of a tile in pixels of the photograph; each is resized to the model's size. It should
    /// show as much of the object as a training image did. None: the model's own size, which is
    /// right where the training images were not resized.
    pub size: Option<TileSize>,
    /// Share of a tile, in each direction, that its neighbour sees too: from 0 to below 1.
    pub overlap: f64,
    /// Whether the error map of the whole photograph is put together, one value per pixel.
    pub error_map: bool,
}

impl Default for TileOptions {
    /// A quarter of overlap: whatever measures less than a quarter of a tile lies whole in at least
    /// one, so no seam cuts a small defect into halves that each stay below the threshold. It costs
    /// 16/9 of the time that none costs.
    fn default() -> Self {
        Self {
            size: None,
            overlap: 0.25,
            error_map: false,
        }
    }
}

/// What the detector makes of a photograph, tile by tile.
#[derive(Debug, Clone)]
pub struct TiledDetection {
    /// The largest of the tiles' anomaly scores.
    pub anomaly_score: f64,
    /// Whether that lies above the threshold.
    ///
    /// NOTE: a threshold calibrated on whole images refuses its share of normal *tiles*; over many
    /// tiles that adds up. See [`Detector::with_threshold`].
    pub is_anomalous: bool,
    /// Width of the photograph.
    pub width_px: u32,
    /// Height of the photograph.
    pub height_px: u32,
    /// All tiles, row by row; one at least.
    pub tiles: Vec<ScoredTile>,
    /// Where asked for: squared error per pixel of the photograph, row by row, the largest where
    /// tiles overlap (see [`stitch`]).
    pub error_map: Option<Vec<f32>>,
}

/// What the detector makes of one tile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoredTile {
    /// Where it lies.
    pub tile: Tile,
    /// R and L before scaling.
    pub raw: RawScore,
    /// A of Eq. 7, deployed protocol.
    pub anomaly_score: f64,
    /// Whether that lies above the threshold.
    pub is_anomalous: bool,
}

impl TiledDetection {
    /// The tiles, the most anomalous first. A defect that lies where tiles overlap is seen by each.
    pub fn worst_first(&self) -> Vec<&ScoredTile> {
        let mut tiles: Vec<_> = self.tiles.iter().collect();
        tiles.sort_by(|a, b| b.anomaly_score.total_cmp(&a.anomaly_score));
        tiles
    }
}

impl Detector {
    /// Cuts a photograph (see [`crate::image::decode_original`]) into tiles and judges each; the
    /// photograph is as anomalous as its worst tile. `on_scored` hears of every few tiles how many
    /// they were.
    ///
    /// Time grows with the number of tiles. Memory does not, but for the tiles' scores: one batch
    /// is cut, judged and read back before the next.
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config) and [`Error::Image`](crate::Error::Image) as
    /// [`TileGrid::new`], [`Error::Device`](crate::Error::Device) where the device fails.
    pub async fn detect_tiles(
        &self,
        image: &RgbImage,
        options: &TileOptions,
        mut on_scored: impl FnMut(usize),
    ) -> Result<TiledDetection> {
        let (width_px, height_px) = image.dimensions();
        let grid = self.tile_grid(width_px, height_px, options)?;
        let pixels = width_px as usize * height_px as usize;
        let mut error_map = options.error_map.then(|| vec![0.0f32; pixels]);
        let mut scored = Vec::with_capacity(grid.len());
        let mut tiles = grid.tiles();
        loop {
            let batch: Vec<Tile> = tiles.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                break;
            }
            let cut: Vec<RgbImage> = batch.iter().map(|tile| self.cut(image, tile)).collect();
            let cut: Vec<&RgbImage> = cut.iter().collect();
            let raw = match &mut error_map {
                None => self.inference.raw_scores(&cut).await?,
                Some(whole) => {
                    let maps = self.inference.scored_maps(&cut).await?;
                    let lay = |(tile, scored): (&Tile, ScoredMap)| {
                        let row = self.card.config.width_px;
                        stitch(whole, width_px, *tile, &scored.error_map, row);
                        scored.raw
                    };
                    batch.iter().zip(maps).map(lay).collect()
                }
            };
            for (&tile, raw) in batch.iter().zip(raw) {
                let anomaly_score = self.anomaly_score(raw)?;
                scored.push(ScoredTile {
                    tile,
                    raw,
                    anomaly_score,
                    is_anomalous: self.is_anomalous(anomaly_score),
                });
            }
            on_scored(batch.len());
        }
        let scores = scored.iter().map(|tile| tile.anomaly_score);
        let anomaly_score = scores.fold(f64::NEG_INFINITY, f64::max);
        Ok(TiledDetection {
            anomaly_score,
            is_anomalous: self.is_anomalous(anomaly_score),
            width_px,
            height_px,
            tiles: scored,
            error_map,
        })
    }

    /// The tiles that [`Self::detect_tiles`] cuts a photograph of this size into.
    ///
    /// # Errors
    ///
    /// As [`TileGrid::new`].
    pub fn tile_grid(
        &self,
        width_px: u32,
        height_px: u32,
        options: &TileOptions,
    ) -> Result<TileGrid> {
        let config = &self.card.config;
        let own = TileSize {
            width_px: config.width_px as u32,
            height_px: config.height_px as u32,
        };
        TileGrid::new(
            width_px,
            height_px,
            options.size.unwrap_or(own),
            options.overlap,
        )
    }

    /// The error map of the whole photograph in the colours of [`Self::heat_map`]; none where it
    /// was not asked for.
    pub fn tiled_heat_map(&self, detection: &TiledDetection) -> Option<RgbImage> {
        let full_scale = self.card.calibration.normal_error_max as f32;
        let map = detection.error_map.as_ref()?;
        let (width, height) = (detection.width_px, detection.height_px);
        Some(heat_map(map, width, height, full_scale))
    }

    fn cut(&self, image: &RgbImage, tile: &Tile) -> RgbImage {
        let Tile {
            x_px,
            y_px,
            width_px,
            height_px,
        } = *tile;
        let cut = imageops::crop_imm(image, x_px, y_px, width_px, height_px).to_image();
        let config = &self.card.config;
        resize(cut, config.width_px as u32, config.height_px as u32)
    }
}
