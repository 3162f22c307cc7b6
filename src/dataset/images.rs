//! The interface through which a training run gets its images.

use std::borrow::Borrow;

use image::RgbImage;
use sha2::{Digest, Sha256};

use crate::error::Result;
use crate::learn::order::Draw;

/// Images of the model's size, by index.
///
/// ```
/// use daad::dataset::TrainingImages;
/// use daad::learn::TrainConfig;
/// use daad::learn::order::{Draw, draws};
/// use image::{Rgb, RgbImage};
///
/// /// Grey images that are made when they are asked for.
/// struct Greys;
///
/// impl TrainingImages for Greys {
///     fn count(&self) -> usize {
///         256
///     }
///
///     fn fingerprint(&self) -> String {
///         "256 greys".into()
///     }
///
///     fn draw(&self, draw: &Draw) -> daad::Result<Option<RgbImage>> {
///         let image = RgbImage::from_pixel(32, 32, Rgb([draw.index as u8; 3]));
///         Ok(Some(draw.apply(&image)))
///     }
/// }
///
/// let draws = draws(&TrainConfig::default(), 0, Greys.count());
/// Greys.expect(&draws);
/// assert!(Greys.draw(&draws[0])?.is_some());
/// assert!(Greys.take_unreadable().is_empty());
/// # Ok::<(), daad::Error>(())
/// ```
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

    /// An image, mirrored and shifted as drawn; None for an image that cannot be read and is to be
    /// skipped.
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
