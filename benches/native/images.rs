//! The images that both programs get: bytes, row by row, red, green, blue.

use std::path::Path;

use anyhow::Context;
use image::RgbImage;

/// All images of a file, `size_px` pixels a side.
pub(crate) fn read(path: &Path, size_px: usize) -> anyhow::Result<Vec<RgbImage>> {
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    let side = size_px as u32;
    bytes
        .chunks_exact(3 * size_px * size_px)
        .map(|image| RgbImage::from_raw(side, side, image.to_vec()).context("a whole image"))
        .collect()
}
