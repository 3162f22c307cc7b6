//! Images to train on and to test with.

mod folder;
mod synthetic;

pub use folder::{Folder, find_images};
pub use synthetic::{Defect, SyntheticImages, Texture};

use std::path::{Path, PathBuf};

use image::RgbImage;
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
    /// Normal or anomalous.
    pub label: Label,
}

/// A decoded image of the model's size, and what is known of it.
#[derive(Debug, Clone)]
pub struct LabelledImage {
    /// As [`Sample::category`].
    pub category: String,
    /// As [`Sample::label`].
    pub label: Label,
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
            category: sample.category.clone(),
            label: sample.label,
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
