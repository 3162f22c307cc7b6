//! Where an image is anomalous: a mask of any coding, of the model's size.

mod find;
mod fit;
mod labelme;

pub use find::photographs;
pub(super) use find::{Found, MASK_FOLDERS, Masks, unshare};

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

/// In a mask with losses, pixels below this brightness of 65,535 (16 of 255) are noise, and as far
/// from the highest brightness as well.
const NOISE: u16 = 16 * 257;

/// Why a mask does not say which pixels of its image are anomalous. The image is left out of pixel
/// metrics, as an anomalous image without a mask is.
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
    /// All pixels are anomalous, as where the background is not black.
    Full,
    /// The mask has another shape than its image, as where one of them was cropped. Stretching it
    /// would put the defect elsewhere.
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
/// anomalous, 0 normal. A pixel is anomalous if any pixel that it stands for is, so no defect
/// vanishes.
///
/// # Errors
///
/// Why the masks are of no use.
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

/// The masks of a photograph as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct United {
    /// 255 for anomalous pixels, 0 for normal ones.
    pub(super) mask: GrayImage,
    /// Whether the photograph is turned, and a mask does not say whether it was drawn before or
    /// after: see [`Stored::upright`].
    pub(super) is_turn_guessed: bool,
}

/// A mask as its file holds it.
struct Read {
    /// 255 for anomalous pixels, 0 for normal ones.
    mask: GrayImage,
    /// Whether the file itself says which way is up, and the mask is turned already.
    is_turned: bool,
}

fn read(path: &Path) -> Result<Read> {
    if is_json(path) {
        // labelme shows photographs upright.
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

/// The pixels that are not background, which is black, or transparent: masks of 0 and 1, of a number
/// for each kind of defect, of colours from a palette (also VOC's border, for nothing says that it is
/// normal), or drawn in the alpha channel. A mask in black on white is turned into its negative.
///
/// Compression with losses leaves noise near black and soft edges, also in what was saved as PNG
/// later; in such masks pixels of less than a quarter of the highest brightness are background.
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

/// Whether a mask was compressed with losses, whatever its file is now: near black and near white
/// are several levels each, and most pixels that are not black have one of these. The numbers of many
/// kinds of defects, in contrast, are spread, or all low.
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
/// border are not black, but some pixels are. No defect of MVTec AD comes near to that; one that
/// did, and reached nearly around the image, would be turned inside out.
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

/// How far each pixel is from the background.
fn levels(image: &image::ImageBuffer<image::Rgba<u16>, Vec<u16>>) -> Vec<u16> {
    let brightness = |pixel: &image::Rgba<u16>| pixel[0].max(pixel[1]).max(pixel[2]);
    let first = image.pixels().next().copied();
    let first = first.unwrap_or(image::Rgba([0; 4]));
    let varies = |channels: std::ops::Range<usize>| {
        let mut pixels = image.pixels();
        pixels.any(|pixel| pixel.0[channels.clone()] != first.0[channels.clone()])
    };
    // The alpha channel says nothing where it is the same everywhere, and a BMP file may even hold
    // zeros there beside a mask in colours.
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
