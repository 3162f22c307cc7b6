//! Converts bytes to tensors `[B, 3, H, W]` in [−1, 1] and back. Only this module decodes, resizes
//! and normalizes images, and it does so in the same way on every target.
//!
//! ```
//! use burn::tensor::Device;
//! use daad::image::{decode, to_tensor};
//!
//! let file = std::fs::read("www/gallery/piped/PA_GLA01_TL_S_D_02_2.png")?;
//! let image = decode(&file, 64, 32)?;
//! assert_eq!(to_tensor(&[&image], &Device::flex()).dims(), [1, 3, 32, 64]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod decode;
mod flips;
pub(crate) mod format;
mod jpeg;

pub use decode::{
    MAX_SIDE_PX, Upright, decode, decode_original, decode_upright, from_rgba, to_rgba,
};
pub use flips::{Flips, Mirror};
pub use format::{is_lossy, only_part_read};

use burn::tensor::{Device, Tensor, TensorData};
use image::{RgbImage, imageops};

/// The minimum side of an image. A shorter image contains too little to score.
///
/// ```
/// use daad::image::{MIN_SIDE_PX, from_rgba};
///
/// let grey = |side: u32| from_rgba(vec![127; 4 * (side * side) as usize], side, side);
/// assert!(grey(MIN_SIDE_PX).is_ok());
/// assert!(grey(MIN_SIDE_PX - 1).is_err());
/// ```
pub const MIN_SIDE_PX: u32 = 8;

/// Resizes in the same way as [`decode`]; an image that already has this size is returned
/// unchanged.
pub(crate) fn resize(image: RgbImage, width_px: u32, height_px: u32) -> RgbImage {
    if image.dimensions() == (width_px, height_px) {
        return image;
    }
    imageops::resize(&image, width_px, height_px, imageops::FilterType::Triangle)
}

/// The largest factor between two aspect ratios at which an image that is resized from one to the
/// other does not count as distorted.
const SHAPE_SLACK: f64 = 1.1;

/// Whether an image whose width and height are `from` is noticeably distorted where it is resized
/// to `to`.
///
/// ```
/// assert!(daad::image::is_stretched((640, 480), (128, 128)));
/// assert!(!daad::image::is_stretched((640, 480), (100, 76)));
/// ```
pub fn is_stretched(from: (u32, u32), to: (u32, u32)) -> bool {
    let [from, to] = [from, to].map(|(width, height)| f64::from(width) / f64::from(height));
    from / to > SHAPE_SLACK || to / from > SHAPE_SLACK
}

/// Converts images of the same size to a batch `[B, 3, H, W]` in [−1, 1] on `device`.
///
/// ```
/// use burn::tensor::Device;
/// use image::{Rgb, RgbImage};
///
/// let (black, white) = (RgbImage::new(16, 8), RgbImage::from_pixel(16, 8, Rgb([255; 3])));
/// let batch = daad::image::to_tensor(&[&black, &white], &Device::flex());
/// assert_eq!(batch.dims(), [2, 3, 8, 16]);
/// assert_eq!(batch.clone().min().into_scalar::<f32>(), -1.0);
/// assert_eq!(batch.max().into_scalar::<f32>(), 1.0);
/// ```
///
/// # Panics
///
/// Where there is no image, or their sizes differ.
pub fn to_tensor(images: &[&RgbImage], device: &Device) -> Tensor<4> {
    let (width, height) = images.first().expect("at least one image").dimensions();
    let (width, height) = (width as usize, height as usize);
    let plane = width * height;
    let mut values = vec![0.0f32; images.len() * 3 * plane];
    for (image, out) in images.iter().zip(values.chunks_exact_mut(3 * plane)) {
        assert_eq!(
            image.dimensions(),
            (width as u32, height as u32),
            "images of a batch have one size"
        );
        for (index, pixel) in image.pixels().enumerate() {
            for channel in 0..3 {
                out[channel * plane + index] = normalize(pixel.0[channel]);
            }
        }
    }
    let data = TensorData::new(values, [images.len(), 3, height, width]);
    Tensor::from_data(data, device)
}

/// Scales a value from 0 … 255 to −1 … 1.
fn normalize(value: u8) -> f32 {
    f32::from(value) / 127.5 - 1.0
}

/// Converts the values of one image, channel by channel, `[3, H, W]` in [−1, 1], to an image.
/// Values outside the range are clamped.
///
/// # Panics
///
/// Where there are not 3·H·W values.
pub(crate) fn from_values(values: &[f32], width_px: u32, height_px: u32) -> RgbImage {
    let plane = (width_px * height_px) as usize;
    assert_eq!(values.len(), 3 * plane, "expected three planes of {plane}");
    let mut image = RgbImage::new(width_px, height_px);
    for (index, pixel) in image.pixels_mut().enumerate() {
        pixel.0 = [0, 1, 2].map(|channel| {
            let value = (values[channel * plane + index] + 1.0) * 127.5;
            // Adding 0.5 rounds to the nearest integer, because the cast truncates.
            (value.clamp(0.0, 255.0) + 0.5) as u8
        });
    }
    image
}

/// Converts a map of non-negative values to colours, from dark for 0 to light for `full_scale` and
/// above. The colour map is Inferno, whose lightness increases with the value, so it is also
/// readable without colour vision.
pub(crate) fn heat_map(values: &[f32], width_px: u32, height_px: u32, full_scale: f32) -> RgbImage {
    const STEPS: usize = 256;
    let palette: [_; STEPS] = std::array::from_fn(|step| {
        let colour = colorous::INFERNO.eval_continuous(step as f64 / (STEPS - 1) as f64);
        image::Rgb(colour.as_array())
    });
    RgbImage::from_fn(width_px, height_px, |x, y| {
        let value = values[(y * width_px + x) as usize] / full_scale.max(f32::MIN_POSITIVE);
        palette[(value.clamp(0.0, 1.0) * (STEPS - 1) as f32 + 0.5) as usize]
    })
}

/// The test pattern for checking a device. It is smooth and asymmetric, and computed from integers
/// only, so that it is the same on every target.
///
/// ```
/// let pattern = daad::image::test_pattern(64, 32);
/// assert_eq!(pattern.dimensions(), (64, 32));
/// assert_eq!(pattern, daad::image::test_pattern(64, 32));
/// ```
pub fn test_pattern(width_px: u32, height_px: u32) -> RgbImage {
    RgbImage::from_fn(width_px, height_px, |x, y| {
        let ramp = |value: u32, size: u32| (value * 255 / size.max(1)) as u8;
        let checker = if (x / 5 + y / 9) % 2 == 0 { 40 } else { 200 };
        image::Rgb([ramp(x, width_px), ramp(y, height_px), checker])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_round_trip_through_a_tensor() {
        let image = test_pattern(10, 8);
        let tensor = to_tensor(&[&image], &Device::flex());
        assert_eq!(tensor.dims(), [1, 3, 8, 10]);
        let values = tensor.into_data().try_to_vec::<f32>().unwrap();
        assert!(values.iter().all(|value| (-1.0..=1.0).contains(value)));
        assert_eq!(from_values(&values, 10, 8), image);
    }
}
