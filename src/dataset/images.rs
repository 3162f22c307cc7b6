//! The interface through which a training run gets its images.

use std::borrow::Borrow;

use image::RgbImage;
use sha2::{Digest, Sha256};

use crate::error::Result;
use crate::learn::order::Draw;

/// Images of the model's size, by index.
pub trait TrainingImages {
    /// The number of images.
    fn count(&self) -> usize;

    /// Identifies these images: a run can only be resumed with the same images.
    fn fingerprint(&self) -> String;

    /// Tells the implementation which images the trainer will ask for next, and in which order.
    fn expect(&self, _draws: &[Draw]) {}

    /// The names of the images that could not be read since the last call, each with the reason.
    /// Each image is reported only once.
    fn take_unreadable(&self) -> Vec<String> {
        Vec::new()
    }

    /// An image, mirrored as drawn; None for an image that cannot be read and is to be skipped.
    ///
    /// # Errors
    ///
    /// Where the image cannot be read and must not be skipped.
    fn draw(&self, draw: &Draw) -> Result<Option<RgbImage>>;
}

/// Images in memory.
impl<Image: Borrow<RgbImage>> TrainingImages for Vec<Image> {
    fn count(&self) -> usize {
        self.len()
    }

    fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for image in self {
            let image: &RgbImage = image.borrow();
            hash.update(image.width().to_le_bytes());
            hash.update(image.as_raw());
        }
        hex(hash)
    }

    fn draw(&self, draw: &Draw) -> Result<Option<RgbImage>> {
        Ok(Some(draw.apply(self[draw.index].borrow())))
    }
}

/// A hash as hexadecimal text.
pub(super) fn hex(hash: Sha256) -> String {
    let bytes = hash.finalize();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
