//! Large photographs are cut into tiles of the size that the model was trained on, and each tile is
//! scored separately.

use image::{RgbImage, imageops};

use super::Detector;
use super::tiling::{Tile, TileGrid, TileSize, stitch};
use crate::error::Result;
use crate::image::{heat_map, resize};
use crate::score::{RawScore, Verdict};

/// The number of tiles in a batch, independent of the number of all tiles.
const BATCH: usize = 8;

/// How a photograph is cut.
///
/// ```
/// use daad::TileOptions;
/// use daad::detector::TileSize;
///
/// // Tiles as large as what a training image showed, without overlap.
/// let options = TileOptions {
///     size: Some(TileSize { width_px: 500, height_px: 500 }),
///     overlap: 0.0,
///     ..TileOptions::default()
/// };
/// assert!(!options.error_map);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TileOptions {
    /// The size of a tile in pixels of the photograph; each tile is resized to the model's size. A
    /// tile should show as much of the object as a training image did. None stands for the model's
    /// size, which is right if the training images were not resized.
    pub size: Option<TileSize>,
    /// The share of a tile, in each direction, that also belongs to its neighbour: from 0 to below
    /// 1.
    pub overlap: f64,
    /// Whether to compute the error map of the whole photograph, with one value per pixel.
    pub error_map: bool,
}

impl Default for TileOptions {
    /// The default overlap is a quarter. Then every defect smaller than a quarter of a tile lies
    /// completely in at least one tile, and no border between tiles cuts it into two parts that
    /// both stay below the threshold. This takes 16/9 of the time without overlap.
    fn default() -> Self {
        Self {
            size: None,
            overlap: 0.25,
            error_map: false,
        }
    }
}

/// The results of the detector for a photograph and its tiles.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { pollster::block_on(async {
/// # use burn::tensor::Device;
/// # use daad::Detector;
/// # let file = std::fs::read("models/piped.safetensors")?;
/// # let detector = Detector::from_bytes(&file, &Device::flex())?;
/// # use daad::TileOptions;
/// # let photograph = daad::image::test_pattern(192, 128);
/// // A photograph of 192×128 pixels, and a model for 128×128.
/// let detection = detector.detect_tiles(&photograph, &TileOptions::default(), |_| {}).await?;
/// assert_eq!((detection.width_px, detection.tiles.len()), (192, 2));
/// assert_eq!(detection.verdict.word(), "unfamiliar");
/// # Ok(()) }) }
/// ```
#[derive(Debug, Clone)]
pub struct TiledDetection {
    /// The largest of the tiles' anomaly scores.
    pub anomaly_score: f64,
    /// Whether this score lies above the threshold.
    ///
    /// NOTE: a threshold calibrated on whole images refuses its share of normal *tiles*. The more
    /// tiles a normal photograph has, the more likely one of them is refused. See
    /// [`Detector::with_threshold`].
    pub is_anomalous: bool,
    /// The median of the tiles' unfamiliarities: above 1 the photograph is unfamiliar.
    pub unfamiliarity: f64,
    /// The verdict on the photograph.
    pub verdict: Verdict,
    /// Width of the photograph.
    pub width_px: u32,
    /// Height of the photograph.
    pub height_px: u32,
    /// All tiles, row by row; at least one.
    pub tiles: Vec<ScoredTile>,
    /// If it was requested: the squared error per pixel of the photograph, row by row. Where tiles
    /// overlap, it is the largest of their values.
    pub error_map: Option<Vec<f32>>,
}

/// The results of the detector for one tile.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { pollster::block_on(async {
/// # use burn::tensor::Device;
/// # use daad::Detector;
/// # let file = std::fs::read("models/piped.safetensors")?;
/// # let detector = Detector::from_bytes(&file, &Device::flex())?;
/// # use daad::TileOptions;
/// # let photograph = daad::image::test_pattern(192, 128);
/// let detection = detector.detect_tiles(&photograph, &TileOptions::default(), |_| {}).await?;
/// let scored = detection.tiles[1];
/// assert_eq!((scored.tile.x_px, scored.tile.y_px), (64, 0));
/// assert!(scored.anomaly_score <= detection.anomaly_score);
/// # Ok(()) }) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoredTile {
    /// The position and size of the tile.
    pub tile: Tile,
    /// R and L before scaling.
    pub raw: RawScore,
    /// A of Eq. 7, deployed protocol.
    pub anomaly_score: f64,
    /// Whether this score lies above the threshold.
    pub is_anomalous: bool,
    /// How unlike the good images the tile as a whole is: above 1 it is unfamiliar.
    pub unfamiliarity: f64,
}

impl TiledDetection {
    /// The tiles, the most anomalous first. A defect in an overlap appears in several tiles.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { pollster::block_on(async {
    /// # use burn::tensor::Device;
    /// # use daad::Detector;
    /// # let file = std::fs::read("models/piped.safetensors")?;
    /// # let detector = Detector::from_bytes(&file, &Device::flex())?;
    /// # use daad::TileOptions;
    /// # let photograph = daad::image::test_pattern(192, 128);
    /// let detection = detector.detect_tiles(&photograph, &TileOptions::default(), |_| {}).await?;
    /// let tiles = detection.worst_first();
    /// assert!(tiles[0].anomaly_score >= tiles[1].anomaly_score);
    /// # Ok(()) }) }
    /// ```
    pub fn worst_first(&self) -> Vec<&ScoredTile> {
        let mut tiles: Vec<_> = self.tiles.iter().collect();
        tiles.sort_by(|a, b| b.anomaly_score.total_cmp(&a.anomaly_score));
        tiles
    }
}

impl Detector {
    /// Cuts a photograph (see [`crate::image::decode_original`]) into tiles and scores each tile.
    /// The score of the photograph is that of its worst tile. `on_scored` is called after each
    /// batch with the number of tiles in it.
    ///
    /// The time grows with the number of tiles, but the memory does not, except for the tiles'
    /// scores: each batch is cut, scored and read back before the next.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { pollster::block_on(async {
    /// # use burn::tensor::Device;
    /// # use daad::Detector;
    /// # let file = std::fs::read("models/piped.safetensors")?;
    /// # let detector = Detector::from_bytes(&file, &Device::flex())?;
    /// use daad::TileOptions;
    /// use daad::detector::TileSize;
    /// use daad::image::decode_original;
    ///
    /// # let file = std::fs::read("www/gallery/piped/PA_GLA01_TL_S_D_02_2.png")?;
    /// let photograph = decode_original(&file)?;
    /// let options = TileOptions {
    ///     size: Some(TileSize { width_px: 64, height_px: 64 }),
    ///     ..TileOptions::default()
    /// };
    /// let detection = detector.detect_tiles(&photograph, &options, |_| {}).await?;
    /// let worst = detection.worst_first()[0];
    /// assert_eq!(worst.anomaly_score, detection.anomaly_score);
    /// println!("the worst tile is at {}, {}", worst.tile.x_px, worst.tile.y_px);
    /// # Ok(()) }) }
    /// ```
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
            let predictions = self.predict(&cut).await?;
            for ((tile, image), prediction) in batch.iter().zip(&cut).zip(predictions) {
                if let Some(whole) = &mut error_map {
                    let row = self.card.config.width_px;
                    stitch(whole, width_px, *tile, &prediction.error_map, row);
                }
                let anomaly_score = self.anomaly_score(prediction.raw)?;
                scored.push(ScoredTile {
                    tile: *tile,
                    raw: prediction.raw,
                    anomaly_score,
                    is_anomalous: self.is_anomalous(anomaly_score),
                    unfamiliarity: self.unfamiliarity(image),
                });
            }
            on_scored(batch.len());
        }
        let scores = scored.iter().map(|tile| tile.anomaly_score);
        let anomaly_score = scores.fold(f64::NEG_INFINITY, f64::max);
        let mut unfamiliarities: Vec<_> = scored.iter().map(|tile| tile.unfamiliarity).collect();
        unfamiliarities.sort_by(f64::total_cmp);
        let unfamiliarity = unfamiliarities[unfamiliarities.len() / 2];
        Ok(TiledDetection {
            anomaly_score,
            is_anomalous: self.is_anomalous(anomaly_score),
            unfamiliarity,
            verdict: self.verdict(anomaly_score, unfamiliarity),
            width_px,
            height_px,
            tiles: scored,
            error_map,
        })
    }

    /// The tiles into which [`Self::detect_tiles`] cuts a photograph of this size.
    ///
    /// ```
    /// use daad::TileOptions;
    /// # use burn::tensor::Device;
    /// # use daad::Detector;
    /// # let file = std::fs::read("models/piped.safetensors")?;
    /// # let detector = Detector::from_bytes(&file, &Device::flex())?;
    /// // Tiles of 128×128 pixels, whose stride is three quarters of that.
    /// let grid = detector.tile_grid(4000, 3000, &TileOptions::default())?;
    /// assert_eq!(grid.len(), 42 * 31);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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

    /// The error map of the whole photograph in the colours of [`Self::heat_map`]; None if it
    /// was not requested.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { pollster::block_on(async {
    /// # use burn::tensor::Device;
    /// # use daad::Detector;
    /// # let file = std::fs::read("models/piped.safetensors")?;
    /// # let detector = Detector::from_bytes(&file, &Device::flex())?;
    /// # use daad::TileOptions;
    /// # let photograph = daad::image::test_pattern(192, 128);
    /// let options = TileOptions { error_map: true, ..TileOptions::default() };
    /// let detection = detector.detect_tiles(&photograph, &options, |_| {}).await?;
    /// let heat_map = detector.tiled_heat_map(&detection).ok_or("it was requested")?;
    /// assert_eq!(heat_map.dimensions(), (192, 128));
    /// # Ok(()) }) }
    /// ```
    pub fn tiled_heat_map(&self, detection: &TiledDetection) -> Option<RgbImage> {
        let full_scale = self.card.calibration.error_full_scale as f32;
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
