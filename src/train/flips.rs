//! Which mirror images of a normal image are normal too.

use image::{RgbImage, imageops};
use serde::{Deserialize, Serialize};

/// Drawn at random in training, and judged in calibration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flips {
    /// Left for right and upside down, as in the paper.
    #[default]
    Both,
    /// Left for right only.
    Horizontal,
    /// Upside down only.
    Vertical,
    /// None.
    None,
}

impl Flips {
    /// Whether left for right.
    pub const fn horizontal(self) -> bool {
        matches!(self, Self::Both | Self::Horizontal)
    }

    /// Whether upside down.
    pub const fn vertical(self) -> bool {
        matches!(self, Self::Both | Self::Vertical)
    }

    /// The image itself first, then its mirror images.
    pub fn mirrored(self, image: &RgbImage) -> Vec<RgbImage> {
        let mut images = vec![image.clone()];
        if self.horizontal() {
            images.push(imageops::flip_horizontal(image));
        }
        if self.vertical() {
            let flipped: Vec<_> = images.iter().map(imageops::flip_vertical).collect();
            images.extend(flipped);
        }
        images
    }
}
