//! Writes images as files and embeds them in the page.

use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use image::{RgbImage, imageops};

use crate::cli::common::files::write_png;

/// Larger images are reduced to this size and embedded as JPEG, so that the page's file stays
/// small.
const LARGEST_PX: u32 = 192;
/// Smaller images are embedded unchanged, because JPEG would blur them.
const SMALL_PX: u32 = 96;
const QUALITY: u8 = 88;

/// An image inside the page.
pub(super) struct Picture {
    /// A data URL.
    pub(super) url: String,
    pub(super) width_px: u32,
    pub(super) height_px: u32,
}

impl Picture {
    /// Writes the image to `path`, as PNG, and makes the page's copy of it.
    pub(super) fn save(image: &RgbImage, path: &Path) -> anyhow::Result<Self> {
        let png = write_png(image, path)?;
        let (width, height) = image.dimensions();
        let side = width.max(height);
        if side <= SMALL_PX {
            return Ok(Self::of("image/png", &png, image));
        }
        let shown = side.min(LARGEST_PX);
        let shrunk = |px: u32| (px * shown).div_ceil(side);
        let filter = FilterType::Triangle;
        let image = imageops::resize(image, shrunk(width), shrunk(height), filter);
        let mut jpeg = Vec::new();
        JpegEncoder::new_with_quality(&mut jpeg, QUALITY).encode_image(&image)?;
        Ok(Self::of("image/jpeg", &jpeg, &image))
    }

    fn of(kind: &str, bytes: &[u8], image: &RgbImage) -> Self {
        Self {
            url: format!("data:{kind};base64,{}", BASE64_STANDARD.encode(bytes)),
            width_px: image.width(),
            height_px: image.height(),
        }
    }
}
