//! Checks whether a network has learned to reconstruct images: its error must be lower than that of
//! the mean image, which is the same for every image.

use image::RgbImage;

use crate::detector::Detector;
use crate::error::Result;

/// The error is measured on at most this many images, which are enough for an estimate.
const MOST_IMAGES: usize = 32;

/// The mean squared error if each image is predicted by the mean of the other images, over all
/// values of all images. Its unit is that of the network, whose values go from −1 to 1. None for
/// fewer than two images.
///
/// ```
/// use daad::learn::mean_image_error;
/// use image::{Rgb, RgbImage};
///
/// let [black, white] = [0, 255].map(|value| RgbImage::from_pixel(2, 2, Rgb([value; 3])));
/// assert_eq!(mean_image_error(&[&black, &white]), Some(4.0));
/// assert_eq!(mean_image_error(&[&black]), None);
/// ```
pub fn mean_image_error(images: &[&RgbImage]) -> Option<f64> {
    let count = images.len() as f64;
    let values = images.first()?.as_raw().len();
    if images.len() < 2 {
        return None;
    }
    // This factor converts the error of the mean of all images into that of the mean of the other
    // images, which is larger because it does not include the image itself.
    let of_others = (count / (count - 1.0)).powi(2);
    let variance = |at: usize| {
        let column = images.iter().map(|image| f64::from(image.as_raw()[at]));
        let mean = column.clone().sum::<f64>() / count;
        column.map(|value| (value - mean).powi(2)).sum::<f64>() / count
    };
    let sum: f64 = (0..values).map(variance).sum();
    Some(of_others * sum / values as f64 / 127.5f64.powi(2))
}

/// The warning for users if a network has not learned to reconstruct `images`, on which it was not
/// trained; None if it has. The scores of such a network may separate normal from anomalous images
/// only by chance.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { pollster::block_on(async {
/// use burn::tensor::Device;
/// use daad::Detector;
/// use daad::dataset::{SyntheticImages, Texture};
/// use daad::learn::rebuilding_warning;
///
/// let model = std::fs::read("models/series/floors-r4.safetensors")?;
/// let detector = Detector::from_bytes(&model, &Device::flex())?;
/// let floors = SyntheticImages::new(Texture::Floor, 64, 5).normal(4);
/// let floors: Vec<_> = floors.iter().map(|labelled| &labelled.image).collect();
/// assert_eq!(rebuilding_warning(&detector, &floors).await?, None);
/// # Ok(()) }) }
/// ```
///
/// # Errors
///
/// [`crate::Error::Device`] where the device fails.
pub async fn rebuilding_warning(
    detector: &Detector,
    images: &[&RgbImage],
) -> Result<Option<String>> {
    let images = &images[..images.len().min(MOST_IMAGES)];
    let Some(of_mean) = mean_image_error(images) else {
        return Ok(None);
    };
    let mut sum = 0.0;
    for image in images {
        let prediction = &detector.predict(&[image]).await?[0];
        let both = image
            .as_raw()
            .iter()
            .zip(prediction.reconstruction.as_raw());
        let squares = both.map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2));
        sum += squares.sum::<f64>() / image.as_raw().len() as f64 / 127.5f64.powi(2);
    }
    let error = sum / images.len() as f64;
    Ok((error >= of_mean).then(|| {
        format!(
            "The network has not learned to rebuild: its error on held-out images is {error:.4}, and \
             that of their mean image {of_mean:.4}. Train it longer; until then its scores mean little."
        )
    }))
}
