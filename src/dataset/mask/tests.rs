//! Masks in every coding, with files that the tests create.

use std::fs;

use image::codecs::jpeg::JpegEncoder;
use image::{GrayAlphaImage, ImageBuffer, Luma, LumaA, Rgb, RgbImage, Rgba, RgbaImage};
use tempfile::TempDir;

use super::*;

const SIDE: u32 = 16;

/// Whether a pixel is part of the defect.
fn is_set(x: u32, y: u32) -> bool {
    (3..6).contains(&x) && (8..12).contains(&y)
}

/// A folder with a photograph and its masks.
struct Folder {
    root: TempDir,
}

impl Folder {
    fn new() -> Self {
        let root = TempDir::new().unwrap();
        Self { root }
    }

    fn put(&self, name: &str, mask: impl Into<DynamicImage>) -> PathBuf {
        let path = self.root.path().join(name);
        mask.into().save(&path).unwrap();
        path
    }

    fn load(&self, masks: &[PathBuf]) -> Result<GrayImage, MaskFlaw> {
        let photograph = Stored {
            size: (SIDE, SIDE),
            turn: Orientation::NoTransforms,
        };
        load(masks, photograph, (SIDE as usize, SIDE as usize)).map(|united| united.mask)
    }

    #[track_caller]
    fn assert_marks(&self, path: PathBuf) {
        let mask = self.load(&[path]).unwrap();
        for (x, y, pixel) in mask.enumerate_pixels() {
            assert_eq!(pixel[0] > 0, is_set(x, y), "at {x}, {y}");
        }
    }
}

fn grey(set: u8, unset: u8) -> GrayImage {
    GrayImage::from_fn(SIDE, SIDE, |x, y| {
        Luma([if is_set(x, y) { set } else { unset }])
    })
}

#[test]
fn black_on_white_marks_what_is_black() {
    let folder = Folder::new();
    folder.assert_marks(folder.put("mask.png", grey(0, 255)));
    folder.assert_marks(folder.put("mask.jpg", grey(0, 255)));
    // A large defect that does not touch one side of the border is not background.
    let large = GrayImage::from_fn(SIDE, SIDE, |x, _| Luma([if x < 12 { 255 } else { 0 }]));
    let mask = folder
        .load(&[folder.put("large.png", large.clone())])
        .unwrap();
    assert_eq!(mask, large);
}

#[test]
fn what_is_not_black_is_anomalous_whatever_number_says_so() {
    let folder = Folder::new();
    for value in [1, 2, 100, 127, 128, 255] {
        folder.assert_marks(folder.put("mask.png", grey(value, 0)));
        folder.assert_marks(folder.put("mask.bmp", grey(value, 0)));
        folder.assert_marks(folder.put("mask.tif", grey(value, 0)));
    }
    let deep = ImageBuffer::from_fn(SIDE, SIDE, |x, y| Luma([u16::from(is_set(x, y))]));
    folder.assert_marks(folder.put("deep.png", DynamicImage::ImageLuma16(deep)));
    for colour in [[255, 0, 0], [0, 0, 128], [1, 1, 1]] {
        let mask = RgbImage::from_fn(SIDE, SIDE, |x, y| {
            Rgb(if is_set(x, y) { colour } else { [0; 3] })
        });
        folder.assert_marks(folder.put("colour.png", mask));
    }
}

#[test]
fn the_numbers_of_several_kinds_of_defects_are_one_mask() {
    let folder = Folder::new();
    let mask = GrayImage::from_fn(SIDE, SIDE, |x, y| {
        Luma([u8::from(is_set(x, y)) * (x as u8)])
    });
    folder.assert_marks(folder.put("classes.png", mask));
}

#[test]
fn a_mask_may_lie_in_the_alpha_channel_or_beside_one_that_says_nothing() {
    let folder = Folder::new();
    let draw = |set: [u8; 4], unset: [u8; 4]| {
        RgbaImage::from_fn(SIDE, SIDE, |x, y| {
            Rgba(if is_set(x, y) { set } else { unset })
        })
    };
    for (set, unset) in [
        // All colours white or all black, with the mask in alpha.
        ([255; 4], [255, 255, 255, 0]),
        ([0, 0, 0, 255], [0; 4]),
        ([0, 0, 0, 9], [0; 4]),
        // Strokes on a transparent page of any colour.
        ([255, 0, 0, 255], [0; 4]),
        ([255, 0, 0, 255], [255, 255, 255, 0]),
        // Alpha is the same everywhere; in some BMP files it is 0.
        ([255, 0, 0, 255], [0, 0, 0, 255]),
        ([255, 0, 0, 0], [0, 0, 0, 0]),
    ] {
        folder.assert_marks(folder.put("alpha.png", draw(set, unset)));
    }
    let grey = GrayAlphaImage::from_fn(SIDE, SIDE, |x, y| {
        LumaA([7, if is_set(x, y) { 255 } else { 0 }])
    });
    folder.assert_marks(folder.put("grey.png", grey));
}

#[test]
fn noise_of_jpeg_is_no_defect() {
    let folder = Folder::new();
    let large = |x: u32, y: u32| is_set(x / 8, y / 8);
    let mask = GrayImage::from_fn(8 * SIDE, 8 * SIDE, |x, y| {
        Luma([if large(x, y) { 255 } else { 0 }])
    });
    folder.assert_marks(folder.put("mask.jpg", mask));
    let empty = folder.put("empty.jpg", GrayImage::from_pixel(SIDE, SIDE, Luma([2])));
    assert_eq!(folder.load(&[empty]), Err(MaskFlaw::Empty));
}

#[test]
fn several_masks_are_united() {
    let folder = Folder::new();
    let half = |is_left: bool| {
        GrayImage::from_fn(SIDE, SIDE, |x, y| {
            Luma([u8::from(is_set(x, y) && (x < 5) == is_left)])
        })
    };
    let halves = [
        folder.put("0.png", half(true)),
        folder.put("1.png", half(false)),
    ];
    let united = folder.load(&halves).unwrap();
    assert_eq!(
        united,
        folder.load(&[folder.put("all.png", grey(255, 0))]).unwrap()
    );
    let empty = folder.put("2.png", grey(0, 0));
    assert_eq!(
        folder.load(&[halves[0].clone(), empty]),
        folder.load(&halves[..1])
    );
}

#[test]
fn a_mask_that_says_nothing_or_has_another_shape_is_refused_by_name() {
    let folder = Folder::new();
    let empty = folder.put("empty.png", grey(0, 0));
    assert_eq!(folder.load(&[empty]), Err(MaskFlaw::Empty));
    let full = folder.put("full.png", grey(0, 255));
    assert!(
        folder.load(&[full]).is_ok(),
        "an inverted mask is not guessed at"
    );
    let full = folder.put("full.png", grey(100, 255));
    assert_eq!(folder.load(&[full]), Err(MaskFlaw::Full));
    let cropped = folder.put("cropped.png", GrayImage::from_pixel(16, 8, Luma([1])));
    let flaw = folder.load(&[cropped]).unwrap_err();
    assert!(
        flaw.to_string().contains("16×8 pixels, the image 16×16"),
        "{flaw}"
    );
}

#[test]
fn a_mask_that_cannot_be_read_is_named() {
    let folder = Folder::new();
    let path = folder.root.path().join("mask.png");
    fs::write(&path, b"no image").unwrap();
    let flaw = folder.load(&[path]).unwrap_err().to_string();
    assert!(flaw.contains("mask.png"), "{flaw}");
}

/// A JPEG mask of `SIDE` times eight pixels.
fn jpeg(quality: u8) -> Vec<u8> {
    let mask = GrayImage::from_fn(8 * SIDE, 8 * SIDE, |x, y| {
        Luma([if is_set(x / 8, y / 8) { 255 } else { 0 }])
    });
    let mut bytes = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut bytes, quality);
    mask.write_with_encoder(encoder).unwrap();
    bytes
}

#[test]
fn a_mask_is_decoded_as_photographs_are() {
    let folder = Folder::new();
    let put = |name: &str, bytes: &[u8]| {
        let path = folder.root.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    // A JPEG file that is cut off has no mask, with and without an end marker.
    let whole = jpeg(75);
    let cut = &whole[..whole.len() * 3 / 4];
    for bytes in [cut.to_vec(), [cut, b"\xFF\xD9"].concat()] {
        let flaw = folder.load(&[put("cut.jpg", &bytes)]);
        assert!(matches!(flaw, Err(MaskFlaw::Unreadable(_))), "{flaw:?}");
    }
    // A PNG or JPEG file counts as complete even without its end marker.
    let path = folder.put("mask.png", grey(255, 0));
    let png = fs::read(path).unwrap();
    folder.assert_marks(put("mask.png", &png[..png.len() - 12]));
    folder.assert_marks(put("mask.jpg", &whole[..whole.len() - 2]));
    // With one scan for each component, the picture is the same as in one scan.
    let golden = |name: &str| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let read = read(&root.join("tests/golden/images").join(name)).unwrap();
        read.mask
    };
    let (scans, expected) = (golden("a_scan_each.jpg"), golden("420.jpg"));
    let pairs = scans.iter().zip(expected.iter());
    assert!(pairs.filter(|(a, b)| a != b).count() * 20 < scans.len());
}

#[test]
fn noise_of_jpeg_is_no_defect_in_a_png_file_either() {
    let folder = Folder::new();
    for quality in [30, 50, 75, 85] {
        let jpeg = image::load_from_memory(&jpeg(quality)).unwrap();
        folder.assert_marks(folder.put("grey.png", jpeg.to_luma8()));
        folder.assert_marks(folder.put("colour.png", jpeg.to_rgb8()));
    }
    // Neither a few kinds of defects nor 255 kinds are noise.
    for kinds in [4, 40, 255] {
        let mask = GrayImage::from_fn(64, 64, |x, y| {
            Luma([if y < 16 {
                0
            } else {
                ((x + 64 * y) % kinds) as u8 + 1
            }])
        });
        let read = read(&folder.put("kinds.png", mask.clone())).unwrap().mask;
        let expected = mask.iter().filter(|&&kind| kind > 0).count();
        let inverted = mask.len() - expected;
        let set = read.iter().filter(|&&pixel| pixel > 0).count();
        // A defect of this size is taken for the white background of a mask in black on white.
        assert!([expected, inverted].contains(&set), "{kinds}: {set}");
    }
}

#[test]
fn the_mask_of_a_turned_photograph_is_turned_alike() {
    let folder = Folder::new();
    let photograph = Stored {
        size: (20, 10),
        turn: Orientation::Rotate90,
    };
    let place = |size: (u32, u32)| {
        let mut mask = GrayImage::new(size.0, size.1);
        mask.put_pixel(0, 0, Luma([255]));
        let path = folder.put("mask.png", mask);
        let mask = load(&[path], photograph, (10, 20)).unwrap().mask;
        let mut set = mask.enumerate_pixels().filter(|(_, _, pixel)| pixel[0] > 0);
        set.next().map(|(x, y, _)| (x, y))
    };
    assert_eq!(place((20, 10)), Some((9, 0)), "drawn on the stored pixels");
    assert_eq!(
        place((10, 20)),
        Some((0, 0)),
        "drawn on the upright photograph"
    );
}
