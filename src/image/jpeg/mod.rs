//! Decodes JPEG files, after a check that the file is complete.

mod entropy;
mod scans;

use std::borrow::Cow;

use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, RgbImage};
use jpeg_decoder::{ColorTransform, Decoder, Error, PixelFormat};

use scans::Header;

/// The beginning of the reason for a file whose content is inconsistent.
const DAMAGED: &str = "the file is damaged";

/// The pixels of a JPEG file as they are stored, and the rotation that turns them upright.
/// `check_size` is called before memory is allocated.
///
/// # Errors
///
/// The error of `check_size`, or what is wrong with the file.
pub(super) fn decode(
    bytes: &[u8],
    check_size: impl FnOnce(u32, u32) -> Result<(), String>,
) -> Result<(DynamicImage, Orientation), String> {
    let mut decoder = Decoder::new(bytes);
    decoder.read_info().map_err(describe)?;
    let info = decoder.info().ok_or("the file is cut off")?;
    check_size(info.width.into(), info.height.into())?;
    let header = scans::check(bytes)?;
    // The decoder requires the end marker, but some phones and cameras write files without one.
    let bytes = match header.has_end {
        true => Cow::Borrowed(bytes),
        false => Cow::Owned([bytes, &[0xFF, 0xD9]].concat()),
    };
    let mut decoder = Decoder::new(&*bytes);
    decoder.set_color_transform(colour_transform(&header));
    let pixels = decoder.decode().map_err(describe)?;
    let (width, height) = (info.width.into(), info.height.into());
    let image = match info.pixel_format {
        PixelFormat::L8 => GrayImage::from_raw(width, height, pixels).map(DynamicImage::from),
        PixelFormat::RGB24 => RgbImage::from_raw(width, height, pixels).map(DynamicImage::from),
        PixelFormat::CMYK32 => {
            RgbImage::from_raw(width, height, without_ink(pixels)).map(DynamicImage::from)
        }
        PixelFormat::L16 => None,
    };
    let image = image.ok_or("it has values of more than 8 bits, which are not read")?;
    let exif = decoder.exif_data();
    // An image with an invalid orientation tag is accepted, without rotation.
    let turn = exif.and_then(Orientation::from_exif_chunk);
    Ok((image, turn.unwrap_or(Orientation::NoTransforms)))
}

/// The colour transform of the components, chosen by the same rules as in libjpeg, because most
/// programs use libjpeg to show images.
fn colour_transform(header: &Header) -> ColorTransform {
    match (header.components.as_slice(), header.adobe) {
        ([_], _) => ColorTransform::Grayscale,
        ([_, _, _], _) if header.is_jfif => ColorTransform::YCbCr,
        ([_, _, _], Some(0)) | (b"RGB", None) => ColorTransform::RGB,
        ([_, _, _], _) => ColorTransform::YCbCr,
        (_, None | Some(0)) => ColorTransform::CMYK,
        (_, Some(_)) => ColorTransform::YCCK,
    }
}

/// Converts amounts of cyan, magenta, yellow and black ink to red, green and blue, in place.
fn without_ink(mut pixels: Vec<u8>) -> Vec<u8> {
    let count = pixels.len() / 4;
    for index in 0..count {
        let light = |ink: u8| 255 - u32::from(ink);
        let black = light(pixels[4 * index + 3]);
        for channel in 0..3 {
            let value = light(pixels[4 * index + channel]) * black;
            pixels[3 * index + channel] = ((value + 127) / 255) as u8;
        }
    }
    pixels.truncate(3 * count);
    pixels
}

fn describe(error: Error) -> String {
    match error {
        Error::Unsupported(feature) => {
            format!("it is a JPEG of a kind that is not read ({feature:?})")
        }
        Error::Format(reason) => format!("{DAMAGED} ({reason})"),
        Error::Io(_) => "the file is cut off".into(),
        Error::Internal(reason) => format!("{DAMAGED} ({reason})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    macro_rules! golden {
        ($($name:literal)*) => {
            [$(($name, include_bytes!(concat!("../../../tests/golden/images/", $name)).as_slice())),*]
        };
    }

    /// The same picture in files of each layout, made by libjpeg: `tests/golden/make_images.py`.
    const FILES: [(&str, &[u8]); 17] = golden![
        "picture.png" "444.jpg" "422.jpg" "440.jpg" "420.jpg" "411.jpg" "optimized.jpg"
        "progressive.jpg" "progressive_restarts.jpg" "restarts.jpg" "a_scan_each.jpg"
        "colours_first.jpg" "rgb.jpg" "cmyk.jpg" "ycck.jpg" "grey.jpg" "arithmetic.jpg"
    ];

    fn file(name: &str) -> Vec<u8> {
        let found = FILES.iter().find(|(other, _)| *other == name);
        found.expect(name).1.to_vec()
    }

    fn read(bytes: &[u8]) -> Result<RgbImage, String> {
        decode(bytes, |_, _| Ok(())).map(|(image, _)| image.into_rgb8())
    }

    /// The mean difference to the picture that was encoded.
    fn difference(image: &RgbImage) -> f64 {
        let expected = image::load_from_memory(&file("picture.png")).unwrap();
        let expected = expected.into_rgb8();
        assert_eq!(image.dimensions(), expected.dimensions());
        let pairs = image.as_raw().iter().zip(expected.as_raw());
        let sum: f64 = pairs.map(|(&a, &b)| f64::from(a.abs_diff(b))).sum();
        sum / image.as_raw().len() as f64
    }

    #[test]
    fn every_layout_of_a_file_gives_the_same_picture() {
        for (name, limit) in [
            ("444", 2.0),
            ("422", 2.5),
            ("440", 2.5),
            ("420", 2.5),
            ("411", 3.5),
            ("optimized", 2.5),
            ("progressive", 2.5),
            ("progressive_restarts", 2.5),
            ("restarts", 2.5),
            ("a_scan_each", 2.5),
            ("colours_first", 2.5),
            ("rgb", 2.0),
            ("cmyk", 3.0),
            ("ycck", 3.0),
        ] {
            let image = read(&file(&format!("{name}.jpg"))).unwrap();
            let difference = difference(&image);
            assert!(difference < limit, "{name}: {difference}");
        }
    }

    #[test]
    fn grey_is_grey_and_arithmetic_coding_is_named() {
        let grey = read(&file("grey.jpg")).unwrap();
        assert!(grey.pixels().all(|&image::Rgb([r, g, b])| r == g && g == b));
        let arithmetic = read(&file("arithmetic.jpg")).unwrap_err();
        assert!(arithmetic.contains("Arithmetic"), "{arithmetic}");
    }

    #[test]
    fn adobes_rgb_is_not_taken_for_luma_and_chroma() {
        let mut bytes = file("rgb.jpg");
        // The components' names in the frame header and the scan header. libjpeg writes R, G and B,
        // other programs write 1, 2 and 3. Adobe's segment decides about the colours.
        for at in 0..bytes.len() - 10 {
            if bytes[at] == 0xFF && matches!(bytes[at + 1], 0xC0 | 0xDA) {
                let (first, step) = match bytes[at + 1] {
                    0xC0 => (at + 10, 3),
                    _ => (at + 5, 2),
                };
                for index in 0..3 {
                    bytes[first + index * step] = index as u8 + 1;
                }
            }
        }
        assert!(difference(&read(&bytes).unwrap()) < 2.0);
    }

    const WHOLE: [&str; 5] = [
        "420.jpg",
        "a_scan_each.jpg",
        "progressive.jpg",
        "progressive_restarts.jpg",
        "restarts.jpg",
    ];

    #[test]
    fn a_file_that_is_whole_is_read_whatever_follows_it() {
        for name in WHOLE {
            let whole = file(name);
            let expected = read(&whole).unwrap();
            let length = whole.len();
            let pixels = &whole[..length - 2];
            for bytes in [
                // Without an end marker, and with half of an end marker.
                pixels.to_vec(),
                whole[..length - 1].to_vec(),
                // Padded before the end marker, and with other data after it, as cameras write it.
                [pixels, b"\0\0\xFF\xFF\xD9"].concat(),
                [&whole[..], b"a film \xFF\xDA, cut off"].concat(),
            ] {
                assert!(read(&bytes).unwrap() == expected, "{name}");
            }
        }
    }

    #[test]
    fn a_file_that_is_cut_off_is_refused_with_and_without_an_end() {
        for name in WHOLE {
            let whole = file(name);
            // In some files the last bytes are only padding.
            for kept in (20..whole.len() - 6).step_by(7) {
                let cut = &whole[..kept];
                let reason = read(cut).expect_err(name);
                assert!(reason.contains("cut off"), "{name}, {kept}: {reason}");
                if name != "progressive.jpg" && name != "progressive_restarts.jpg" {
                    let ended = [cut, b"\xFF\xD9"].concat();
                    assert!(read(&ended).is_err(), "{name}, {kept}");
                }
            }
        }
    }

    #[test]
    fn a_file_that_repeats_its_scans_without_end_is_refused() {
        let whole = file("progressive.jpg");
        // The first scan, up to the next marker.
        let is_marker = |pair: &[u8]| pair[0] == 0xFF && pair[1] != 0;
        let start = whole.windows(2).position(|pair| pair == [0xFF, 0xDA]);
        let start = start.unwrap();
        let end = whole[start + 2..].windows(2).position(is_marker).unwrap() + start + 2;
        let repeated = whole[start..end].repeat(600);
        let hostile = [&whole[..end], &repeated, &whole[end..]].concat();
        let reason = read(&hostile).unwrap_err();
        assert!(reason.contains("more than 500 scans"), "{reason}");
    }

    #[test]
    fn a_file_that_is_damaged_inside_is_refused() {
        for name in WHOLE {
            let whole = file(name);
            let start = whole.windows(2).position(|pair| pair == [0xFF, 0xDA]);
            let start = start.unwrap() + 14;
            let middle = start + (whole.len() - start) / 3;
            let (before, after) = (&whole[..middle], &whole[middle + 40..]);
            for lost in [&[0; 40][..], &[], &[0xFF; 40]] {
                let damaged = [before, lost, after].concat();
                assert!(read(&damaged).is_err(), "{name}, {lost:?}");
            }
        }
    }

    #[test]
    fn a_large_file_is_refused_before_it_is_decoded() {
        let limit = |width, height| Err(format!("{width}×{height}"));
        assert_eq!(decode(&file("420.jpg"), limit).unwrap_err(), "45×37");
    }
}
