//! The anomalous pixels of an image: reads masks of any coding and resizes them to the model's
//! size.

mod find;
mod fit;
mod labelme;

pub use find::photographs;
pub(super) use find::{Found, MASK_FOLDERS, Masks, unshare, unused};

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};

use image::metadata::Orientation;
use image::{DynamicImage, GrayImage};

use super::sample::{decoded, read_file};
use crate::error::Result;
use crate::image::{decode_upright, is_lossy};
use fit::cover;

pub(super) use fit::Stored;

/// In a mask that was compressed with losses, brightnesses up to this value (16 of 255, here of
/// 65,535) are noise; so are those within this distance of the highest brightness.
const NOISE: u16 = 16 * 257;

/// The reason why a mask does not show which pixels of its image are anomalous. Pixel metrics leave
/// the image out, like an anomalous image without a mask.
///
/// ```
/// use daad::dataset::{MaskFlaw, Sample};
/// use daad::metric::Label;
/// use image::{GrayImage, RgbImage};
///
/// let folder = tempfile::tempdir()?;
/// let [photograph, mask] = ["000.png", "000_mask.png"].map(|name| folder.path().join(name));
/// RgbImage::new(64, 64).save(&photograph)?;
/// GrayImage::new(64, 64).save(&mask)?; // all of it is black
///
/// let mut sample = Sample::of_file(photograph, "", Label::Anomalous);
/// sample.masks.push(mask);
/// let flaw = sample.load(32, 32)?.mask_flaw.expect("the mask is of no use");
/// assert_eq!((&flaw, &*flaw.to_string()), (&MaskFlaw::Empty, "the mask is empty"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MaskFlaw {
    /// The file cannot be read; the file and the reason.
    Unreadable(String),
    /// No pixel is anomalous.
    Empty,
    /// All pixels are anomalous, for instance because the background is not black.
    Full,
    /// The mask has another aspect ratio than its image, for instance because one of them was
    /// cropped. Stretching the mask would move the defect.
    Shape {
        /// Width and height of the mask.
        mask: (u32, u32),
        /// Width and height of the image, upright.
        image: (u32, u32),
    },
}

impl fmt::Display for MaskFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(reason) => write!(f, "{reason}"),
            Self::Empty => write!(f, "the mask is empty"),
            Self::Full => write!(f, "the mask marks every pixel; is its background black?"),
            Self::Shape { mask, image } => write!(
                f,
                "the mask has {}×{} pixels, the image {}×{}",
                mask.0, mask.1, image.0, image.1
            ),
        }
    }
}

/// Reads the masks of a photograph and unites them at the given size (width, height): 255 is
/// anomalous, 0 normal. A pixel is anomalous if it overlaps any anomalous pixel, so that no defect
/// is lost.
///
/// # Errors
///
/// Says why the masks cannot be used.
pub(super) fn load(
    paths: &[PathBuf],
    photograph: Stored,
    size: (usize, usize),
) -> Result<United, MaskFlaw> {
    let size = (size.0 as u32, size.1 as u32);
    let mut united = GrayImage::new(size.0, size.1);
    let (mut is_empty, mut is_full) = (true, false);
    let mut is_turn_guessed = false;
    for path in paths {
        let read = read(path).map_err(|error| MaskFlaw::Unreadable(error.reason()))?;
        is_turn_guessed |= photograph.leaves_turn_open(&read);
        let mask = photograph.upright(read)?;
        is_empty &= mask.iter().all(|&pixel| pixel == 0);
        is_full |= mask.iter().all(|&pixel| pixel > 0);
        for (pixel, covered) in united.iter_mut().zip(cover(&mask, size).iter()) {
            *pixel = (*pixel).max(*covered);
        }
    }
    match (is_empty, is_full) {
        (true, _) => Err(MaskFlaw::Empty),
        (_, true) => Err(MaskFlaw::Full),
        _ => Ok(United {
            mask: united,
            is_turn_guessed,
        }),
    }
}

/// The union of the masks of a photograph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct United {
    /// 255 for anomalous pixels, 0 for normal ones.
    pub(super) mask: GrayImage,
    /// Whether the photograph is turned, and a mask does not show whether it was drawn before or
    /// after that: see [`Stored::upright`].
    pub(super) is_turn_guessed: bool,
}

/// A mask in the orientation of its file.
struct Read {
    /// 255 for anomalous pixels, 0 for normal ones.
    mask: GrayImage,
    /// Whether the orientation is known from the file, and the mask is already upright.
    is_turned: bool,
}

fn read(path: &Path) -> Result<Read> {
    if is_json(path) {
        // labelme shows photographs upright, so its shapes are upright too.
        return decoded(path, labelme::draw).map(|mask| Read {
            mask,
            is_turned: true,
        });
    }
    decoded(path, |bytes| -> Result<Read> {
        let upright = decode_upright(bytes)?;
        Ok(Read {
            mask: anomalous(upright.image, is_lossy(bytes)),
            is_turned: upright.turn != Orientation::NoTransforms,
        })
    })
}

fn is_json(path: &Path) -> bool {
    let ending = path.extension();
    ending.is_some_and(|ending| ending.eq_ignore_ascii_case("json"))
}

/// Whether a file holds shapes that labelme drew.
fn is_labelme(path: &Path) -> bool {
    is_json(path) && read_file(path).is_ok_and(|bytes| labelme::is_labelme(&bytes))
}

/// Marks the pixels that are not background. The background is black or transparent. Masks may have
/// the values 0 and 1, a number for each kind of defect, colours from a palette, or a drawing in
/// the alpha channel. VOC's border counts as anomalous, because it is not known to be normal. A
/// mask in black on white is inverted.
///
/// Compression with losses causes noise near black and soft edges, which remain if the mask is
/// saved as PNG later. In such masks, pixels below a quarter of the highest brightness are
/// background.
fn anomalous(image: DynamicImage, is_lossy: bool) -> GrayImage {
    let (width, height) = (image.width(), image.height());
    let levels = match image {
        DynamicImage::ImageLuma8(grey) => grey.iter().map(|&v| u16::from(v) * 257).collect(),
        other => levels(&other.into_rgba16()),
    };
    let highest = levels.iter().copied().max().unwrap_or(0);
    let background = match is_lossy || is_noisy(&levels) {
        false => 0,
        true => (highest / 4).max(NOISE),
    };
    let pixels = levels.iter().map(|&level| match level > background {
        true => 255,
        false => 0,
    });
    let mut mask = GrayImage::from_raw(width, height, pixels.collect()).expect("one value a pixel");
    if is_black_on_white(&mask) {
        mask.iter_mut().for_each(|pixel| *pixel = 255 - *pixel);
    }
    mask
}

/// Whether a mask was ever compressed with losses, also if its file is lossless now. Such a mask
/// has several levels near black and several near white, and most pixels that are not black have
/// one of these levels. The numbers of many kinds of defects are spread over the range, or all low.
fn is_noisy(levels: &[u16]) -> bool {
    const LEVELS_NEAR_AN_END: usize = 3;
    let highest = levels.iter().copied().max().unwrap_or(0);
    if highest < u16::MAX / 2 {
        return false;
    }
    let coloured: Vec<u16> = levels.iter().copied().filter(|&level| level > 0).collect();
    let (low, high): (Vec<u16>, Vec<u16>) = coloured
        .iter()
        .filter(|&&level| level <= NOISE || level >= highest - NOISE)
        .partition(|&&level| level <= NOISE);
    let are_several = |levels: &[u16]| {
        let distinct: HashSet<&u16> = levels.iter().collect();
        distinct.len() >= LEVELS_NEAR_AN_END
    };
    2 * (low.len() + high.len()) > coloured.len() && are_several(&low) && are_several(&high)
}

/// Whether a mask is drawn in black on white, as PIPED's are: most of its pixels and most of its
/// border are not black, but some pixels are. No defect of MVTec AD is nearly as large. The mask of
/// a defect that covers most of the image and of its border would wrongly be inverted.
fn is_black_on_white(mask: &GrayImage) -> bool {
    const SHARE_OF_BORDER: f64 = 0.75;
    let (width, height) = mask.dimensions();
    let share = |pixels: &[bool]| {
        let marked = pixels.iter().filter(|&&is_marked| is_marked).count();
        marked as f64 / pixels.len().max(1) as f64
    };
    let (mut all, mut border) = (Vec::new(), Vec::new());
    for (x, y, pixel) in mask.enumerate_pixels() {
        all.push(pixel[0] > 0);
        if x == 0 || y == 0 || x + 1 == width || y + 1 == height {
            border.push(pixel[0] > 0);
        }
    }
    (0.5..1.0).contains(&share(&all)) && share(&border) >= SHARE_OF_BORDER
}

/// The difference of each pixel from the background.
fn levels(image: &image::ImageBuffer<image::Rgba<u16>, Vec<u16>>) -> Vec<u16> {
    let brightness = |pixel: &image::Rgba<u16>| pixel[0].max(pixel[1]).max(pixel[2]);
    let first = image.pixels().next().copied();
    let first = first.unwrap_or(image::Rgba([0; 4]));
    let varies = |channels: std::ops::Range<usize>| {
        let mut pixels = image.pixels();
        pixels.any(|pixel| pixel.0[channels.clone()] != first.0[channels.clone()])
    };
    // An alpha channel with the same value everywhere has no information. In a BMP file this value
    // may be 0 although the colours hold the mask.
    if !varies(3..4) && (first[3] > 0 || varies(0..3)) {
        return image.pixels().map(brightness).collect();
    }
    let mut visible = image.pixels().filter(|pixel| pixel[3] > 0);
    let colour = visible.next().map(|pixel| [pixel[0], pixel[1], pixel[2]]);
    let is_one_colour = visible.all(|pixel| Some([pixel[0], pixel[1], pixel[2]]) == colour);
    let level = |pixel: &image::Rgba<u16>| match (pixel[3], is_one_colour) {
        (0, _) => 0,
        (alpha, true) => alpha,
        (_, false) => brightness(pixel),
    };
    image.pixels().map(level).collect()
}

#[cfg(test)]
mod tests;
