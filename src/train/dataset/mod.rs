//! Images to train on and to test with.

mod folder;
mod synthetic;

pub use folder::{Folder, find_images};
pub use synthetic::{Defect, SyntheticImages, Texture};

use std::path::{Path, PathBuf};

use image::imageops::FilterType;
use image::{GrayImage, RgbImage};
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::image::decode;
use crate::metric::Label;

/// One image file and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// The file.
    pub path: PathBuf,
    /// The product or texture it shows; empty where the data has one kind only.
    pub category: String,
    /// The kind of defect, `good` for MVTec AD's normal images; empty where it is not known.
    pub kind: String,
    /// Normal or anomalous.
    pub label: Label,
    /// The image file that shows where the defect is.
    pub mask: Option<PathBuf>,
}

/// A decoded image of the model's size, and what is known of it.
#[derive(Debug, Clone)]
pub struct LabelledImage {
    /// The file's path, as it was listed.
    pub name: String,
    /// As [`Sample::category`].
    pub category: String,
    /// As [`Sample::kind`].
    pub kind: String,
    /// As [`Sample::label`].
    pub label: Label,
    /// Which video it is a frame of; empty for single images.
    pub video: String,
    /// Where the defect is: 255 anomalous, 0 normal, of the image's size. None for normal images,
    /// and where nobody knows.
    pub mask: Option<GrayImage>,
    /// The pixels.
    pub image: RgbImage,
}

/// Decodes and resizes files on all cores, in order; the first that cannot be used is the error.
///
/// # Errors
///
/// [`Error::File`] or [`Error::Data`] naming the file.
pub fn load(
    samples: &[Sample],
    width_px: usize,
    height_px: usize,
    on_loaded: impl Fn() + Sync,
) -> Result<Vec<LabelledImage>> {
    let load = |sample: &Sample| {
        let image = load_image(&sample.path, width_px, height_px)?;
        on_loaded();
        Ok(LabelledImage {
            name: sample.path.display().to_string(),
            category: sample.category.clone(),
            kind: sample.kind.clone(),
            label: sample.label,
            video: String::new(),
            mask: match &sample.mask {
                Some(path) => Some(load_mask(path, width_px, height_px)?),
                None => None,
            },
            image,
        })
    };
    // Collected before they are looked at, so that the error is that of the first in order.
    let loaded: Vec<Result<_>> = samples.par_iter().map(load).collect();
    loaded.into_iter().collect()
}

fn load_image(path: &Path, width_px: usize, height_px: usize) -> Result<RgbImage> {
    let bytes = std::fs::read(path).map_err(|error| Error::file("cannot read", path, error))?;
    decode(&bytes, width_px as u32, height_px as u32)
        .map_err(|error| Error::Data(format!("{}: {error}", path.display())))
}

fn load_mask(path: &Path, width_px: usize, height_px: usize) -> Result<GrayImage> {
    let bytes = std::fs::read(path).map_err(|error| Error::file("cannot read", path, error))?;
    let mask = image::load_from_memory(&bytes)
        .map_err(|error| Error::Data(format!("{}: {error}", path.display())))?
        .into_luma8();
    let (width_px, height_px) = (width_px as u32, height_px as u32);
    let mut mask = image::imageops::resize(&mask, width_px, height_px, FilterType::Nearest);
    for pixel in mask.pixels_mut() {
        pixel[0] = if pixel[0] > 127 { 255 } else { 0 };
    }
    Ok(mask)
}
