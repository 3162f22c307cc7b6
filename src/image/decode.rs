//! Decodes image files.

use std::borrow::Cow;
use std::io::Cursor;

use image::buffer::ConvertBuffer;
use image::metadata::Orientation;
use image::{
    DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, RgbImage, RgbaImage,
};

use super::{MIN_SIDE_PX, format, jpeg, resize};
use crate::error::{Error, Result, caught};

/// The maximum side of an image. A longer image is refused before it is decoded.
///
/// ```
/// use std::io::Cursor;
///
/// use daad::image::{MAX_SIDE_PX, decode};
/// use image::{GrayImage, ImageFormat};
///
/// let mut file = Cursor::new(Vec::new());
/// GrayImage::new(MAX_SIDE_PX + 1, 8).write_to(&mut file, ImageFormat::Png)?;
/// let refused = decode(file.get_ref(), 64, 64).unwrap_err().to_string();
/// assert!(refused.contains("a side may have at most 65535"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub const MAX_SIDE_PX: u32 = 65_535;
/// The maximum number of pixels. Phones and cameras take smaller images, and 32 bits can count the
/// bytes of an image of this size. The limit is lower where addresses have 32 bits, as in a web
/// page, because there is less memory.
const MAX_PIXELS: u64 = match usize::BITS {
    32 => 100_000_000,
    _ => 250_000_000,
};
/// The last chunk of a PNG file.
const PNG_END: &[u8] = b"\0\0\0\0IEND\xAE\x42\x60\x82";
/// The memory that decoding one image may allocate: up to eight bytes for each pixel.
const MAX_DECODED_BYTES: u64 = 8 * MAX_PIXELS;

/// Decodes an image file (PNG, JPEG, WebP or BMP; natively also TIFF), turns it upright, lays it on
/// white where it is transparent, and resizes it to `width_px` × `height_px` (linear filter with
/// antialiasing, as PyTorch's and PIL's bilinear; the aspect ratio is not kept, as in the paper).
///
/// ```
/// let file = std::fs::read("www/gallery/piped/PA_GLA01_TL_S_D_02_2.png")?;
/// let image = daad::image::decode(&file, 64, 32)?;
/// assert_eq!(image.dimensions(), (64, 32));
/// let refused = daad::image::decode(b"not an image", 64, 32);
/// assert!(matches!(refused, Err(daad::Error::Image(_))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`Error::Image`] if the bytes are not such an image or are cut off or damaged, or if the image
/// is too small or too large.
pub fn decode(bytes: &[u8], width_px: u32, height_px: u32) -> Result<RgbImage> {
    Ok(resize(decode_original(bytes)?, width_px, height_px))
}

/// Decodes an image file in the same way as [`decode`], but keeps the image's size. Its sides may
/// have [`MIN_SIDE_PX`] to [`MAX_SIDE_PX`] pixels, and it may have at most 250 million pixels, or
/// 100 million in a web page.
///
/// ```
/// let file = std::fs::read("www/gallery/piped/PA_GLA01_TL_S_D_02_2.png")?;
/// assert_eq!(daad::image::decode_original(&file)?.dimensions(), (128, 128));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// As [`decode`].
pub fn decode_original(bytes: &[u8]) -> Result<RgbImage> {
    decode_upright(bytes)?.photograph()
}

/// The pixels of an image file, turned upright, with all channels and the bit depth of the file.
///
/// ```
/// use image::metadata::Orientation;
///
/// let file = std::fs::read("www/gallery/piped/PA_GLA01_TL_S_D_02_2.png")?;
/// let upright = daad::image::decode_upright(&file)?;
/// assert_eq!(upright.stored_size, (128, 128));
/// assert_eq!(upright.turn, Orientation::NoTransforms);
/// assert_eq!(upright.image.color(), image::ColorType::Rgb8);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Upright {
    /// The pixels.
    pub image: DynamicImage,
    /// Width and height of the pixels as the file holds them.
    pub stored_size: (u32, u32),
    /// The rotation or reflection that turned the pixels upright.
    pub turn: Orientation,
    format: ImageFormat,
    is_premultiplied: bool,
}

impl Upright {
    fn new(bytes: &[u8], mut image: DynamicImage, turn: Orientation, format: ImageFormat) -> Self {
        let stored_size = (image.width(), image.height());
        image.apply_orientation(turn);
        Self {
            image,
            stored_size,
            turn,
            format,
            is_premultiplied: format == ImageFormat::Tiff && format::is_premultiplied(bytes),
        }
    }

    /// The pixels as an RGB photograph; transparent pixels are drawn on white.
    ///
    /// ```
    /// use std::io::Cursor;
    ///
    /// use image::{ImageFormat, Rgba, RgbaImage};
    ///
    /// // A PNG file of 8×8 transparent pixels.
    /// let mut file = Cursor::new(Vec::new());
    /// RgbaImage::from_pixel(8, 8, Rgba([0; 4])).write_to(&mut file, ImageFormat::Png)?;
    /// let photograph = daad::image::decode_upright(file.get_ref())?.photograph()?;
    /// assert_eq!(photograph[(0, 0)].0, [255; 3]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Image`] where a side is shorter than [`MIN_SIDE_PX`].
    pub fn photograph(self) -> Result<RgbImage> {
        let (width, height) = (self.image.width(), self.image.height());
        check_sides(width, height)?;
        if has_values_beyond_one(&self.image) {
            let reason = "its floating-point values go beyond 1, so which one is white is not \
                          known; save it with 8 or 16 bits";
            return Err(Error::Image(reason.into()));
        }
        Ok(match self.format {
            // BMP and TIFF files may have a fourth value in each pixel, which many programs fill
            // with zeros although nothing in the image is transparent.
            ImageFormat::Bmp | ImageFormat::Tiff if is_clear(&self.image) => self.image.into_rgb8(),
            _ if !self.image.color().has_alpha() => self.image.into_rgb8(),
            _ if self.is_premultiplied => on_white(self.image.into_rgba8(), |[r, g, b, alpha]| {
                [r, g, b].map(|value| value.saturating_add(255 - alpha))
            }),
            _ => on_white(self.image.into_rgba8(), blended),
        })
    }
}

/// Decodes any image file, a photograph or a mask, and turns it upright.
///
/// ```
/// use std::io::Cursor;
///
/// use daad::image::{decode_original, decode_upright};
/// use image::{GrayImage, ImageFormat};
///
/// let mut mask = Cursor::new(Vec::new());
/// GrayImage::new(4, 2).write_to(&mut mask, ImageFormat::Png)?;
/// assert_eq!(decode_upright(mask.get_ref())?.image.width(), 4);
/// assert!(decode_original(mask.get_ref()).is_err()); // too small for a photograph
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// As [`decode`], but an image may be small.
pub fn decode_upright(bytes: &[u8]) -> Result<Upright> {
    let format = format::recognize(bytes).map_err(Error::Image)?;
    // Some decoders panic on unexpected bytes.
    let image = caught(|| match format {
        ImageFormat::Jpeg => jpeg::decode(bytes, check_size),
        _ => decode_other(bytes, format),
    });
    let failed = |reason| Err(format!("the file cannot be decoded ({reason})"));
    let (image, turn) = image.unwrap_or_else(failed).map_err(Error::Image)?;
    Ok(Upright::new(bytes, image, turn, format))
}

/// The pixels as they are stored, and the rotation that turns them upright.
fn decode_other(bytes: &[u8], format: ImageFormat) -> Result<(DynamicImage, Orientation), String> {
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    // The decoder requires the last chunk of a PNG file, although all pixels come before it.
    let bytes = match format {
        ImageFormat::Png if !bytes.ends_with(PNG_END) => Cow::Owned([bytes, PNG_END].concat()),
        _ => Cow::Borrowed(bytes),
    };
    let mut reader = ImageReader::with_format(Cursor::new(&*bytes), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(describe)?;
    let (width, height) = decoder.dimensions();
    check_size(width, height)?;
    let turn = match format {
        // The decoder would allocate as much memory as the chunk claims to have.
        ImageFormat::WebP => format::webp_exif(&bytes).and_then(Orientation::from_exif_chunk),
        _ => decoder.orientation().ok(),
    };
    let image = DynamicImage::from_decoder(decoder).map_err(describe)?;
    // An image with an invalid orientation tag is accepted, without rotation.
    Ok((image, turn.unwrap_or(Orientation::NoTransforms)))
}

fn check_size(width: u32, height: u32) -> Result<(), String> {
    const ADVICE: &str = "cut it into parts or scale it down";
    if width.max(height) > MAX_SIDE_PX {
        return Err(format!(
            "it is {width}×{height} pixels, a side may have at most {MAX_SIDE_PX}; {ADVICE}"
        ));
    }
    let pixels = u64::from(width) * u64::from(height);
    if pixels > MAX_PIXELS {
        return Err(format!(
            "it has {} million pixels, the limit is {}; {ADVICE}",
            pixels / 1_000_000,
            MAX_PIXELS / 1_000_000
        ));
    }
    Ok(())
}

fn describe(error: ImageError) -> String {
    match error {
        ImageError::Limits(_) => "unpacking it would take too much memory".into(),
        ImageError::Unsupported(error) => format!(
            "this variant of its format is not supported ({error}); save it as RGB or grey, with 8 \
             or 16 bits"
        ),
        other => format!("the file is damaged or cut off ({other})"),
    }
}

/// Whether every pixel is entirely transparent.
fn is_clear(image: &DynamicImage) -> bool {
    match image {
        DynamicImage::ImageRgba8(image) => image.pixels().all(|pixel| pixel[3] == 0),
        DynamicImage::ImageRgba16(image) => image.pixels().all(|pixel| pixel[3] == 0),
        DynamicImage::ImageRgba32F(image) => image.pixels().all(|pixel| pixel[3] == 0.0),
        _ => false,
    }
}

/// Whether an image of floating-point numbers, which TIFF allows, has values outside [0, 1].
fn has_values_beyond_one(image: &DynamicImage) -> bool {
    let is_beyond = |value: &f32| !(0.0..=1.0).contains(value);
    match image {
        DynamicImage::ImageRgb32F(image) => image.iter().any(is_beyond),
        DynamicImage::ImageRgba32F(image) => image.iter().any(is_beyond),
        _ => false,
    }
}

fn check_sides(width: u32, height: u32) -> Result<()> {
    if width.min(height) < MIN_SIDE_PX {
        return Err(Error::Image(format!(
            "it is {width}×{height} pixels, each side must have at least {MIN_SIDE_PX}"
        )));
    }
    Ok(())
}

/// A pixel drawn on white.
fn blended([r, g, b, alpha]: [u8; 4]) -> [u8; 3] {
    let alpha = u32::from(alpha);
    [r, g, b].map(|value| ((u32::from(value) * alpha + 255 * (255 - alpha) + 127) / 255) as u8)
}

/// Draws each pixel on white by `draw`, in place: a large photograph is not copied.
fn on_white(image: RgbaImage, draw: impl Fn([u8; 4]) -> [u8; 3]) -> RgbImage {
    let (width, height) = image.dimensions();
    let mut values = image.into_raw();
    let count = values.len() / 4;
    for index in 0..count {
        let pixel = std::array::from_fn(|channel| values[4 * index + channel]);
        values[3 * index..3 * index + 3].copy_from_slice(&draw(pixel));
    }
    values.truncate(3 * count);
    RgbImage::from_raw(width, height, values).expect("three values for each pixel")
}

/// An image from RGBA pixels, row by row; transparent pixels are drawn on white.
///
/// ```
/// let transparent = daad::image::from_rgba(vec![0; 4 * 8 * 8], 8, 8)?;
/// assert_eq!(transparent[(0, 0)].0, [255; 3]);
/// assert!(daad::image::from_rgba(vec![0; 3 * 8 * 8], 8, 8).is_err());
/// # Ok::<(), daad::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Image`] where a side is shorter than [`MIN_SIDE_PX`], or there are not
/// 4·`width_px`·`height_px` values.
pub fn from_rgba(pixels: Vec<u8>, width_px: u32, height_px: u32) -> Result<RgbImage> {
    check_sides(width_px, height_px)?;
    let wrong = || Error::Image(format!("it is no image of {width_px}×{height_px} pixels"));
    let expected = 4 * u64::from(width_px) * u64::from(height_px);
    if pixels.len() as u64 != expected {
        return Err(wrong());
    }
    let image = RgbaImage::from_raw(width_px, height_px, pixels).ok_or_else(wrong)?;
    Ok(on_white(image, blended))
}

/// The pixels of an image as RGBA, row by row, all opaque: the inverse of [`from_rgba`].
///
/// ```
/// use daad::image::{from_rgba, test_pattern, to_rgba};
///
/// let image = test_pattern(16, 8);
/// let pixels = to_rgba(&image);
/// assert_eq!((pixels.len(), pixels[3]), (4 * 16 * 8, 255));
/// assert_eq!(from_rgba(pixels, 16, 8)?, image);
/// # Ok::<(), daad::Error>(())
/// ```
pub fn to_rgba(image: &RgbImage) -> Vec<u8> {
    let image: RgbaImage = image.convert();
    image.into_raw()
}

#[cfg(test)]
mod tests {
    use image::codecs::jpeg::JpegEncoder;
    use image::codecs::png::PngEncoder;
    use image::codecs::webp::WebPEncoder;
    use image::{
        ExtendedColorType, GrayAlphaImage, GrayImage, ImageEncoder, Luma, LumaA, Rgb, Rgba,
    };

    use super::*;
    use crate::image::test_pattern;

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
    fn pixels_of_a_canvas_are_an_image_where_they_are_as_many_as_it_takes() {
        let image = from_rgba([10, 20, 30, 255].repeat(64), 8, 8).unwrap();
        assert_eq!(image.get_pixel(7, 7).0, [10, 20, 30]);
        for (count, side, reason) in [
            (63, 8, "no image of 8×8"),
            (0, 0, "8"),
            (16, 4, "at least 8"),
        ] {
            let error = from_rgba(vec![0; 4 * count], side, side).unwrap_err();
            assert!(error.to_string().contains(reason), "{error}");
        }
    }

    #[test]
    fn floating_point_values_are_read_where_it_is_known_what_is_white() {
        let tiff = |white: f32| {
            let image = image::Rgb32FImage::from_pixel(16, 16, Rgb([0.2 * white; 3]));
            let mut bytes = Cursor::new(Vec::new());
            let image = DynamicImage::ImageRgb32F(image);
            image.write_to(&mut bytes, ImageFormat::Tiff).unwrap();
            bytes.into_inner()
        };
        assert_eq!(
            decode(&tiff(1.0), 16, 16).unwrap().get_pixel(3, 3).0,
            [51; 3]
        );
        assert!(message(&tiff(255.0)).contains("floating-point"));
    }

    #[test]
    fn transparent_images_lie_on_white() {
        let clear = RgbaImage::from_pixel(16, 16, Rgba([9, 9, 9, 0]));
        let decoded = decode(&png(&DynamicImage::ImageRgba8(clear)), 16, 16).unwrap();
        assert_eq!(decoded.get_pixel(3, 3).0, [255; 3]);
        // Rounded as Pillow rounds: 100·128/255 + 127 is 177.2.
        let partly = |value, alpha| blended([value, 0, 255, alpha]);
        assert_eq!(partly(100, 128), [177, 127, 255]);
        assert_eq!(partly(201, 254), [201, 1, 255]);
        assert_eq!(partly(7, 255), [7, 0, 255]);
    }

    #[test]
    fn what_is_no_image_is_refused_with_a_reason() {
        assert!(message(b"").contains("empty"));
        assert!(message(b"GIF89a and so on").contains("GIF"));
        let whole = png(&DynamicImage::ImageRgb8(test_pattern(64, 64)));
        assert!(message(&whole[..whole.len() / 2]).contains("damaged or cut off"));
        let dot = png(&DynamicImage::ImageRgb8(RgbImage::new(1, 1)));
        assert!(message(&dot).contains("1×1 pixels"));
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
        let forged = |width: u32, height: u32| {
            let mut bytes = png(&DynamicImage::ImageRgb8(test_pattern(16, 16)));
            bytes[16..20].copy_from_slice(&width.to_be_bytes());
            bytes[20..24].copy_from_slice(&height.to_be_bytes());
            let crc = crc32(&bytes[12..29]);
            bytes[29..33].copy_from_slice(&crc.to_be_bytes());
            message(&bytes)
        };
        assert!(forged(70_000, 400).contains("70000×400"));
        assert!(forged(16_000, 16_000).contains("256 million pixels"));
        assert!(forged(16_000, 16_000).contains("cut it into parts"));
        // This size is allowed, but the file has no pixels.
        assert!(forged(20_000, 400).contains("damaged"));
    }

    #[test]
    fn a_panorama_is_read() {
        let wide = png(&DynamicImage::ImageLuma8(GrayImage::new(20_000, 40)));
        let original = decode_original(&wide).unwrap();
        assert_eq!(original.dimensions(), (20_000, 40));
        assert_eq!(resize(original, 32, 32).dimensions(), (32, 32));
    }

    /// The colours at the left and the right edge of a picture that is 16 pixels wide.
    fn ends(bytes: &[u8]) -> [[u8; 3]; 2] {
        let image = decode_original(bytes).unwrap();
        [image.get_pixel(0, 0).0, image.get_pixel(15, 7).0]
    }

    #[test]
    fn every_way_to_store_a_pixel_gives_its_colour() {
        let grey = GrayImage::from_fn(16, 8, |x, _| Luma([if x < 8 { 20 } else { 200 }]));
        let expected = [[20; 3], [200; 3]];
        let grey = DynamicImage::ImageLuma8(grey);
        for image in [
            grey.to_luma16().into(),
            grey.to_luma_alpha8().into(),
            grey.to_luma_alpha16().into(),
            grey.to_rgb16().into(),
            grey.to_rgba16().into(),
            grey,
        ] {
            assert_eq!(ends(&png(&image)), expected, "{:?}", image.color());
        }
        // Half transparent black on white is grey.
        let half = GrayAlphaImage::from_pixel(16, 8, LumaA([0, 128]));
        assert_eq!(ends(&png(&half.into())), [[127; 3]; 2]);
    }

    #[test]
    fn a_palette_and_interlaced_rows_are_read() {
        let picture = include_bytes!("../../tests/golden/images/picture.png");
        let interlaced = include_bytes!("../../tests/golden/images/interlaced.png");
        let palette = include_bytes!("../../tests/golden/images/palette.png");
        let expected = decode_original(picture).unwrap();
        assert_eq!(decode_original(interlaced).unwrap(), expected);
        let palette = decode_original(palette).unwrap();
        assert_eq!(palette.get_pixel(0, 0).0, [250, 10, 30]);
        assert_eq!(palette.get_pixel(44, 36).0, [255; 3], "transparent");
    }

    #[test]
    fn a_bmp_of_32_bits_is_opaque_where_its_fourth_byte_is_always_0() {
        // The file's header, then the image's: 16 × 8 pixels, rows from the top, BGRA masks.
        let mut bytes = b"BM".to_vec();
        bytes.extend([0u32, 0, 122, 108, 16].map(u32::to_le_bytes).concat());
        bytes.extend((-8i32).to_le_bytes());
        bytes.extend([1, 0, 32, 0]);
        bytes.extend([3u32, 512, 0, 0, 0, 0].map(u32::to_le_bytes).concat());
        let masks = [0x00FF_0000u32, 0x0000_FF00, 0x0000_00FF, 0xFF00_0000];
        bytes.extend(masks.map(u32::to_le_bytes).concat());
        bytes.extend(b"BGRs");
        bytes.resize(122, 0);
        bytes.extend([30, 20, 10, 0].repeat(128));
        assert_eq!(ends(&bytes), [[10, 20, 30]; 2]);
        // With one visible pixel, the others are meant to be transparent.
        bytes[122 + 3] = 255;
        assert_eq!(ends(&bytes), [[10, 20, 30], [255; 3]]);
    }

    #[test]
    fn a_png_without_its_end_is_read_and_a_damaged_one_is_not() {
        let whole = png(&DynamicImage::ImageRgb8(test_pattern(64, 64)));
        // The last chunk has 12 bytes.
        assert!(decode_original(&whole[..whole.len() - 12]).is_ok());
        assert!(message(&whole[..whole.len() - 40]).contains("cut off"));
        let mut damaged = whole.clone();
        let middle = whole.len() / 2;
        damaged[middle..middle + 40].fill(0);
        assert!(message(&damaged).contains("damaged"));
    }

    /// The directory of EXIF data with nothing but an orientation, as in a TIFF file.
    fn exif(orientation: u8) -> Vec<u8> {
        let head = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0";
        [&head[..], &[orientation, 0, 0, 0, 0, 0, 0, 0]].concat()
    }

    /// A TIFF file of one strip, with the 8-bit values of its pixels and one more tag.
    fn tiff((width, height): (u32, u32), values: &[u8], (tag, value): (u16, u32)) -> Vec<u8> {
        let short = |tag: u16, value: u32| (tag, 3u16, 1u32, value);
        let length = values.len() as u32;
        let samples = length / (width * height);
        let pixels_at = 8 + 2 + 12 * 10 + 4;
        let mut tags = [
            short(256, width),
            short(257, height),
            // Bits of a value: one number for each sample; they lie after the pixels.
            (258, 3, samples, pixels_at + length),
            short(259, 1),
            short(262, 2),
            (273, 4, 1, pixels_at),
            short(277, samples),
            short(278, height),
            (279, 4, 1, length),
            short(tag, value),
        ];
        tags.sort_by_key(|(tag, ..)| *tag); // as the format asks for
        let mut bytes = b"II*\0\x08\0\0\0\x0A\0".to_vec();
        for (tag, kind, count, value) in tags {
            bytes.extend(tag.to_le_bytes());
            bytes.extend(kind.to_le_bytes());
            bytes.extend(count.to_le_bytes());
            bytes.extend(value.to_le_bytes());
        }
        bytes.extend([0; 4]);
        bytes.extend(values);
        bytes.extend([8, 0].repeat(samples as usize));
        bytes
    }

    #[test]
    fn a_tiff_is_drawn_on_white_as_its_alpha_is_meant() {
        let first = |bytes: &[u8]| decode(bytes, 8, 8).unwrap().get_pixel(0, 0).0;
        // Half transparent grey of 200, stored multiplied by alpha and as it is.
        let rgba =
            |pixel: [u8; 4], extra_samples| tiff((8, 8), &pixel.repeat(64), (338, extra_samples));
        assert_eq!(first(&rgba([100, 100, 100, 128], 1)), [227; 3]);
        let [value, ..] = first(&rgba([200, 200, 200, 128], 2));
        assert!(value.abs_diff(227) <= 1, "{value}");
        // Where nothing is opaque, the fourth value is no alpha, with any number of bits.
        let clear = Rgba([20_000u16, 20_000, 20_000, 0]);
        let clear = image::ImageBuffer::from_pixel(8, 8, clear);
        let mut bytes = Cursor::new(Vec::new());
        let clear = DynamicImage::ImageRgba16(clear);
        clear.write_to(&mut bytes, ImageFormat::Tiff).unwrap();
        let [value, ..] = first(bytes.get_ref());
        assert!(value.abs_diff(78) <= 1, "{value}");
    }

    #[test]
    fn photographs_are_turned_upright_in_every_format() {
        // Dark blocks of 8 × 8 pixels, one of them light.
        let stored = |orientation: u8| {
            let upright = RgbImage::from_fn(24, 16, |x, y| {
                Rgb(if x < 8 && y < 8 { [240; 3] } else { [20; 3] })
            });
            // The stored pixels, which this orientation turns upright.
            let mut stored = DynamicImage::ImageRgb8(upright);
            let inverse = match orientation {
                6 => 8,
                8 => 6,
                other => other,
            };
            stored.apply_orientation(Orientation::from_exif(inverse).unwrap());
            stored.into_rgb8()
        };
        for orientation in 1..=8 {
            let stored = stored(orientation);
            let (width, height) = stored.dimensions();
            let encoded = |format: ImageFormat| -> Vec<u8> {
                let mut bytes = Vec::new();
                let colour = ExtendedColorType::Rgb8;
                let exif = exif(orientation);
                macro_rules! encode {
                    ($encoder:expr) => {{
                        let mut encoder = $encoder;
                        encoder.set_exif_metadata(exif).unwrap();
                        encoder.write_image(&stored, width, height, colour)
                    }};
                }
                match format {
                    ImageFormat::Png => encode!(PngEncoder::new(&mut bytes)),
                    ImageFormat::WebP => encode!(WebPEncoder::new_lossless(&mut bytes)),
                    _ => encode!(JpegEncoder::new_with_quality(&mut bytes, 95)),
                }
                .unwrap();
                bytes
            };
            for bytes in [
                encoded(ImageFormat::Png),
                encoded(ImageFormat::WebP),
                encoded(ImageFormat::Jpeg),
                tiff((width, height), &stored, (274, orientation.into())),
            ] {
                let image = decode_original(&bytes).unwrap();
                let kind = &bytes[..4];
                assert_eq!(image.dimensions(), (24, 16), "{orientation}, {kind:?}");
                for (x, y, is_light) in [(3, 3, true), (20, 3, false), (3, 12, false)] {
                    let value = image.get_pixel(x, y)[1];
                    assert_eq!(value > 128, is_light, "{orientation}, {kind:?}");
                }
            }
        }
    }

    /// PNG's checksum, for forged headers in tests.
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
