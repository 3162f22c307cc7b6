//! The kinds of defects of synthetic images.

use std::f32::consts::TAU;

use image::RgbImage;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// A kind of defect.
///
/// ```
/// use daad::dataset::{Defect, SyntheticImages, Texture};
///
/// let mut cloths = SyntheticImages::new(Texture::Cloth, 64, 1);
/// let scratched = cloths.with(Defect::Scratch);
/// assert_eq!(scratched.dimensions(), (64, 64));
/// assert_eq!(Defect::Scratch.name(), "scratch");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defect {
    /// A darker spot.
    Stain,
    /// A thin bright line.
    Scratch,
    /// A black area.
    Hole,
    /// Mortar in place of a tile.
    MissingTile,
    /// Halves of two different tiles in one place. Each half is normal; only their combination is
    /// not.
    MixedTile,
}

impl Defect {
    /// The name of the defect, one word, used for folders.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stain => "stain",
            Self::Scratch => "scratch",
            Self::Hole => "hole",
            Self::MissingTile => "missing",
            Self::MixedTile => "mixed",
        }
    }
}

/// Draws a defect inside an ellipse at a random position near the middle of the image.
pub(super) fn damage(image: &mut RgbImage, defect: Defect, rng: &mut ChaCha8Rng) {
    let size = image.width() as f32;
    let (centre_x, centre_y) = (
        rng.random_range(0.25..0.75) * size,
        rng.random_range(0.25..0.75) * size,
    );
    let angle: f32 = rng.random_range(0.0..TAU);
    let (sin, cos) = angle.sin_cos();
    let (length, width) = match defect {
        Defect::Stain => (0.13, 0.09),
        Defect::Scratch => (0.3, 0.02),
        _ => (0.07, 0.07),
    };
    for (x, y, pixel) in image.enumerate_pixels_mut() {
        let (dx, dy) = (x as f32 - centre_x, y as f32 - centre_y);
        let along = (dx * cos + dy * sin) / (length * size);
        let across = (dy * cos - dx * sin) / (width * size);
        if along * along + across * across > 1.0 {
            continue;
        }
        pixel.0 = match defect {
            Defect::Stain => pixel.0.map(|value| (f32::from(value) * 0.55) as u8),
            Defect::Scratch => pixel.0.map(|value| value.saturating_add(90)),
            _ => [12; 3],
        };
    }
}
