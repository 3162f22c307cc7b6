//! Converts bytes to tensors `[B, 3, H, W]` in [−1, 1] and back. Only this module decodes, resizes
//! and normalizes images, and it does so in the same way on every target.

mod flips;

pub use flips::{Flips, Mirror};

use std::io::Cursor;

use burn::tensor::{Device, Tensor, TensorData};
use image::metadata::Orientation;
use image::{
    DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage, Rgba, RgbaImage,
    imageops,
};

use crate::error::{Error, Result};

/// The minimum side of an image. A shorter image contains too little to score.
pub const MIN_SIDE_PX: u32 = 8;
/// The maximum side of an image. A longer image is refused before it is decoded.
pub const MAX_SIDE_PX: u32 = 16_384;
/// The maximum number of pixels. More pixels would take seconds to decode and gigabytes of memory,
/// which a web page does not have.
const MAX_PIXELS: u64 = 100_000_000;
/// The memory that decoding one image may allocate: up to eight bytes for each pixel.
const MAX_DECODED_BYTES: u64 = 8 * MAX_PIXELS;

/// Decodes an image file (PNG, JPEG, WebP or BMP), turns it upright, lays it on white where it is
/// transparent, and resizes it to `width_px` × `height_px` (linear filter with antialiasing, as
/// PyTorch's and PIL's bilinear; the aspect ratio is not kept, as in the paper).
///
/// # Errors
///
/// [`Error::Image`] for bytes that are not such an image or are cut off, and for an image that is
/// too small or too large.
pub fn decode(bytes: &[u8], width_px: u32, height_px: u32) -> Result<RgbImage> {
    Ok(resize(decode_original(bytes)?, width_px, height_px))
}

/// Resizes in the same way as [`decode`]; an image that already has this size is returned
/// unchanged.
pub fn resize(image: RgbImage, width_px: u32, height_px: u32) -> RgbImage {
    if image.dimensions() == (width_px, height_px) {
        return image;
    }
    imageops::resize(&image, width_px, height_px, imageops::FilterType::Triangle)
}

/// Decodes an image file in the same way as [`decode`], but keeps the image's size. Its sides may
/// have [`MIN_SIDE_PX`] to [`MAX_SIDE_PX`] pixels, and it may have at most a hundred million
/// pixels.
///
/// # Errors
///
/// As [`decode`].
pub fn decode_original(bytes: &[u8]) -> Result<RgbImage> {
    if bytes.is_empty() {
        return Err(Error::Image("the file is empty".into()));
    }
    if is_cut_off_jpeg(bytes) {
        return Err(Error::Image("the file is cut off".into()));
    }
    let reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|error| Error::Image(error.to_string()))?;
    let known = [
        ImageFormat::Png,
        ImageFormat::Jpeg,
        ImageFormat::WebP,
        ImageFormat::Bmp,
        // TIFF occurs in data sets; the engines of the web page cannot read it.
        ImageFormat::Tiff,
    ];
    if !reader
        .format()
        .is_some_and(|format| known.contains(&format) && format.reading_enabled())
    {
        return Err(Error::Image(
            "this is not a PNG, JPEG, WebP or BMP file".into(),
        ));
    }
    let mut decoder = reader.into_decoder().map_err(describe)?;
    let (width, height) = decoder.dimensions();
    let sides = MIN_SIDE_PX..=MAX_SIDE_PX;
    if !sides.contains(&width) || !sides.contains(&height) {
        return Err(Error::Image(format!(
            "it is {width}×{height} pixels, each side must have {MIN_SIDE_PX} to {MAX_SIDE_PX}"
        )));
    }
    let pixels = u64::from(width) * u64::from(height);
    if pixels > MAX_PIXELS {
        return Err(Error::Image(format!(
            "it has {} million pixels, the limit is {}",
            pixels / 1_000_000,
            MAX_PIXELS / 1_000_000
        )));
    }
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    decoder.set_limits(limits).map_err(describe)?;
    // An image with an invalid orientation tag is accepted, without rotation.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut image = DynamicImage::from_decoder(decoder).map_err(describe)?;
    image.apply_orientation(orientation);
    Ok(flatten(image))
}

/// Whether a JPEG file is cut off; the decoder would fill the missing part with grey. A complete
/// file has an end marker after its last scan. Data that cameras append after the end marker is
/// ignored.
fn is_cut_off_jpeg(bytes: &[u8]) -> bool {
    const START: u8 = 0xD8;
    const END: u8 = 0xD9;
    if !bytes.starts_with(&[0xFF, START, 0xFF]) {
        return false;
    }
    let mut rest = &bytes[2..];
    loop {
        // Inside a scan, FF 00 is a value and FF D0 to FF D7 are restart points; FF FF is padding.
        let is_marker =
            |pair: &[u8]| pair[0] == 0xFF && !matches!(pair[1], 0x00 | 0xD0..=0xD7 | 0xFF);
        let Some(at) = rest.windows(2).position(is_marker) else {
            return true;
        };
        let marker = rest[at + 1];
        rest = &rest[at + 2..];
        if marker == END {
            return false;
        }
        // A segment contains its length. The values of a scan follow the header of the scan, and
        // have to be searched for the next marker.
        let Some(&[high, low]) = rest.first_chunk::<2>() else {
            return true;
        };
        let Some(after) = rest.get(usize::from(u16::from_be_bytes([high, low]))..) else {
            return true;
        };
        rest = after;
    }
}

fn describe(error: image::ImageError) -> Error {
    Error::Image(match error {
        image::ImageError::Limits(_) => "unpacking it would take too much memory".into(),
        image::ImageError::Unsupported(error) => format!("its format is not supported ({error})"),
        other => format!("the file is damaged or cut off ({other})"),
    })
}

fn flatten(image: DynamicImage) -> RgbImage {
    if !image.color().has_alpha() {
        return image.into_rgb8();
    }
    on_white(&image.into_rgba8())
}

fn on_white(image: &RgbaImage) -> RgbImage {
    let mut page = RgbaImage::from_pixel(image.width(), image.height(), Rgba([255; 4]));
    imageops::overlay(&mut page, image, 0, 0);
    DynamicImage::ImageRgba8(page).into_rgb8()
}

/// An image from RGBA pixels, row by row; transparent pixels are drawn on white.
///
/// # Errors
///
/// [`Error::Image`] where a side is shorter than [`MIN_SIDE_PX`], or there are not
/// 4·`width_px`·`height_px` values.
pub fn from_rgba(pixels: Vec<u8>, width_px: u32, height_px: u32) -> Result<RgbImage> {
    let wrong = || Error::Image(format!("it is no image of {width_px}×{height_px} pixels"));
    if width_px.min(height_px) < MIN_SIDE_PX {
        return Err(wrong());
    }
    if pixels.len() != 4 * width_px as usize * height_px as usize {
        return Err(wrong());
    }
    let image = RgbaImage::from_raw(width_px, height_px, pixels).ok_or_else(wrong)?;
    Ok(on_white(&image))
}

/// Converts images of the same size to a batch `[B, 3, H, W]` in [−1, 1] on `device`.
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
pub fn from_values(values: &[f32], width_px: u32, height_px: u32) -> RgbImage {
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
pub fn heat_map(values: &[f32], width_px: u32, height_px: u32, full_scale: f32) -> RgbImage {
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

    fn png(image: &DynamicImage) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    fn message(bytes: &[u8]) -> String {
        decode(bytes, 32, 32).unwrap_err().to_string()
    }

    #[test]
    fn an_image_of_the_right_size_comes_back_unchanged() {
        let image = test_pattern(24, 16);
        let bytes = png(&DynamicImage::ImageRgb8(image.clone()));
        assert_eq!(decode(&bytes, 24, 16).unwrap(), image);
    }

    #[test]
    fn values_round_trip_through_a_tensor() {
        let image = test_pattern(10, 8);
        let tensor = to_tensor(&[&image], &Device::flex());
        assert_eq!(tensor.dims(), [1, 3, 8, 10]);
        let values = tensor.into_data().try_to_vec::<f32>().unwrap();
        assert!(values.iter().all(|value| (-1.0..=1.0).contains(value)));
        assert_eq!(from_values(&values, 10, 8), image);
    }

    #[test]
    fn pixels_of_a_canvas_are_an_image_where_they_are_as_many_as_it_takes() {
        let image = from_rgba([10, 20, 30, 255].repeat(64), 8, 8).unwrap();
        assert_eq!(image.get_pixel(7, 7).0, [10, 20, 30]);
        for (count, side) in [(63, 8), (0, 0), (16, 4)] {
            assert!(from_rgba(vec![0; 4 * count], side, side).is_err());
        }
    }

    #[test]
    fn transparent_images_lie_on_white() {
        let clear = RgbaImage::from_pixel(16, 16, Rgba([9, 9, 9, 0]));
        let decoded = decode(&png(&DynamicImage::ImageRgba8(clear)), 16, 16).unwrap();
        assert_eq!(decoded.get_pixel(3, 3).0, [255; 3]);
    }

    #[test]
    fn what_is_no_image_is_refused_with_a_reason() {
        assert!(message(b"").contains("empty"));
        assert!(message(b"hello, I am a text file").contains("not a PNG"));
        assert!(message(b"GIF89a and so on").contains("not a PNG"));
        let whole = png(&DynamicImage::ImageRgb8(test_pattern(64, 64)));
        assert!(message(&whole[..whole.len() / 2]).contains("damaged or cut off"));
        let dot = png(&DynamicImage::ImageRgb8(RgbImage::new(1, 1)));
        assert!(message(&dot).contains("1×1 pixels"));
    }

    #[test]
    fn a_jpeg_that_is_cut_off_is_refused_and_a_whole_one_is_not() {
        let mut whole = Cursor::new(Vec::new());
        let image = DynamicImage::ImageRgb8(test_pattern(64, 64));
        image.write_to(&mut whole, ImageFormat::Jpeg).unwrap();
        let mut whole = whole.into_inner();
        assert!(message(&whole[..whole.len() / 2]).contains("cut off"));
        assert!(message(&whole[..whole.len() - 2]).contains("cut off"));
        // Some cameras append a film, whose bytes may contain anything, also markers.
        whole.extend(b"a film \xFF\xDA, cut off");
        assert_eq!(decode(&whole, 64, 64).unwrap().dimensions(), (64, 64));
    }

    #[test]
    fn a_large_photograph_keeps_its_size_where_that_is_asked_for() {
        let large = RgbImage::new(4096, 4096);
        let bytes = png(&DynamicImage::ImageRgb8(large));
        let original = decode_original(&bytes).unwrap();
        assert_eq!(original.dimensions(), (4096, 4096));
        assert_eq!(decode(&bytes, 32, 24).unwrap().dimensions(), (32, 24));
        assert_eq!(resize(original, 32, 24).dimensions(), (32, 24));
    }

    #[test]
    fn a_bomb_is_refused_before_it_is_unpacked() {
        // With 20,000 pixels per side, the image is refused because of its header alone.
        let mut wide = png(&DynamicImage::ImageRgb8(test_pattern(16, 16)));
        wide[16..20].copy_from_slice(&20_000u32.to_be_bytes());
        wide[20..24].copy_from_slice(&20_000u32.to_be_bytes());
        let crc = crc32(&wide[12..29]);
        wide[29..33].copy_from_slice(&crc.to_be_bytes());
        assert!(message(&wide).contains("20000×20000"));
        // 16,000 pixels per side are allowed, but 256 million pixels are not.
        wide[16..20].copy_from_slice(&16_000u32.to_be_bytes());
        wide[20..24].copy_from_slice(&16_000u32.to_be_bytes());
        let crc = crc32(&wide[12..29]);
        wide[29..33].copy_from_slice(&crc.to_be_bytes());
        assert!(message(&wide).contains("256 million pixels"));
    }

    /// PNG's checksum, to forge a header.
    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0u32, |mut crc, &byte| {
            crc ^= u32::from(byte);
            for _ in 0..8 {
                crc = (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
            }
            crc
        })
    }
}
