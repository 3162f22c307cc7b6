//! Where a training run gets its images from.

use std::borrow::Borrow;

use image::RgbImage;
use sha2::{Digest, Sha256};

use crate::error::Result;
use crate::learn::order::Draw;

/// Images of the model's size, by index.
pub trait TrainingImages {
    /// How many there are.
    fn count(&self) -> usize;

    /// Tells these images from others: a run goes on with the same ones only.
    fn fingerprint(&self) -> String;

    /// Hears which images are asked for next, and in which order.
    fn expect(&self, _draws: &[Draw]) {}

    /// Images that could not be read since the last time, each named with the reason, and once.
    fn take_unreadable(&self) -> Vec<String> {
        Vec::new()
    }

    /// An image, mirrored as drawn; none for one that cannot be read and is to be passed over.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
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

/// A hash as text.
pub(super) fn hex(hash: Sha256) -> String {
    let bytes = hash.finalize();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
