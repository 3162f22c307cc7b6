//! The axes along which normal images may be mirrored: the mirror images are normal too.

use image::{RgbImage, imageops};
use serde::{Deserialize, Serialize};

/// The axes along which images are mirrored, at random in training and always in calibration.
///
/// ```
/// use daad::image::Flips;
///
/// let flips = Flips::Horizontal;
/// assert!(flips.horizontal() && !flips.vertical());
/// assert_eq!(Flips::default(), Flips::Both);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flips {
    /// Images are mirrored horizontally and vertically, as in the paper.
    #[default]
    Both,
    /// Images are mirrored horizontally (left and right exchanged) only.
    Horizontal,
    /// Images are mirrored vertically (top and bottom exchanged) only.
    Vertical,
    /// Images are not mirrored.
    None,
}

/// One way to mirror an image, along at least one axis.
///
/// ```
/// use daad::image::{Flips, test_pattern};
///
/// let mirror = Flips::Vertical.mirrors().next().expect("one axis");
/// assert!(mirror.vertical() && !mirror.horizontal());
/// let image = test_pattern(16, 8);
/// let mirrored = mirror.image(&image);
/// assert_eq!(mirrored[(3, 0)], image[(3, 7)]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mirror {
    /// Whether left and right are exchanged.
    horizontal: bool,
    /// Whether top and bottom are exchanged.
    vertical: bool,
}

impl Flips {
    /// Whether images are mirrored horizontally.
    pub const fn horizontal(self) -> bool {
        matches!(self, Self::Both | Self::Horizontal)
    }

    /// Whether images are mirrored vertically.
    pub const fn vertical(self) -> bool {
        matches!(self, Self::Both | Self::Vertical)
    }

    /// These flips without the axes of `other`.
    ///
    /// ```
    /// use daad::image::Flips;
    ///
    /// assert_eq!(Flips::Both.without(Flips::Horizontal), Flips::Vertical);
    /// assert_eq!(Flips::Vertical.without(Flips::Both), Flips::None);
    /// ```
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        let horizontal = self.horizontal() && !other.horizontal();
        match (horizontal, self.vertical() && !other.vertical()) {
            (true, true) => Self::Both,
            (true, false) => Self::Horizontal,
            (false, true) => Self::Vertical,
            (false, false) => Self::None,
        }
    }

    /// All ways to mirror an image along these axes.
    ///
    /// ```
    /// use daad::image::Flips;
    ///
    /// // Along each axis, and along both, which is a rotation by 180°.
    /// assert_eq!(Flips::Both.mirrors().count(), 3);
    /// assert_eq!(Flips::Horizontal.mirrors().count(), 1);
    /// assert_eq!(Flips::None.mirrors().count(), 0);
    /// ```
    pub fn mirrors(self) -> impl Iterator<Item = Mirror> {
        let all = [(true, false), (false, true), (true, true)];
        let allowed = move |&(horizontal, vertical): &(bool, bool)| {
            (!horizontal || self.horizontal()) && (!vertical || self.vertical())
        };
        let mirrors = all.into_iter().filter(allowed);
        mirrors.map(|(horizontal, vertical)| Mirror {
            horizontal,
            vertical,
        })
    }

    /// The image itself first, then its mirror images.
    ///
    /// ```
    /// use daad::image::{Flips, test_pattern};
    ///
    /// let image = test_pattern(16, 8);
    /// let images = Flips::Horizontal.mirrored(&image);
    /// assert_eq!(images.len(), 2);
    /// assert_eq!(images[0], image);
    /// assert_eq!(images[1][(15, 0)], image[(0, 0)]);
    /// ```
    pub fn mirrored(self, image: &RgbImage) -> Vec<RgbImage> {
        let mirrored = self.mirrors().map(|mirror| mirror.image(image));
        [image.clone()].into_iter().chain(mirrored).collect()
    }
}

impl Mirror {
    /// Whether left and right are exchanged.
    pub const fn horizontal(self) -> bool {
        self.horizontal
    }

    /// Whether top and bottom are exchanged.
    pub const fn vertical(self) -> bool {
        self.vertical
    }

    /// The mirror image.
    ///
    /// ```
    /// use daad::image::{Flips, test_pattern};
    ///
    /// let image = test_pattern(16, 8);
    /// for mirror in Flips::Both.mirrors() {
    ///     let mirrored = mirror.image(&image);
    ///     assert_ne!(mirrored, image);
    ///     assert_eq!(mirror.image(&mirrored), image);
    /// }
    /// ```
    pub fn image(self, image: &RgbImage) -> RgbImage {
        let mut image = image.clone();
        if self.horizontal {
            imageops::flip_horizontal_in_place(&mut image);
        }
        if self.vertical {
            imageops::flip_vertical_in_place(&mut image);
        }
        image
    }

    /// Mirrors a map, given row by row with `width` values in a row. Mirroring twice restores the
    /// map.
    ///
    /// ```
    /// use daad::image::Flips;
    ///
    /// let mirror = Flips::Horizontal.mirrors().next().expect("one axis");
    /// let mut map = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    /// mirror.map(&mut map, 3);
    /// assert_eq!(map, [3.0, 2.0, 1.0, 6.0, 5.0, 4.0]);
    /// ```
    pub fn map(self, values: &mut [f32], width: usize) {
        if self.vertical {
            values.reverse();
        }
        // Reversing all values rotates the map by 180°, which is the same as mirroring along both
        // axes.
        if self.vertical != self.horizontal {
            values.chunks_exact_mut(width).for_each(<[f32]>::reverse);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::test_pattern;

    const ALL: [Flips; 4] = [Flips::Both, Flips::Horizontal, Flips::Vertical, Flips::None];

    #[test]
    fn a_map_is_mirrored_as_its_image_is() {
        let image = test_pattern(9, 7);
        let red = |image: &RgbImage| -> Vec<f32> {
            image.pixels().map(|pixel| f32::from(pixel.0[0])).collect()
        };
        let counts = ALL.map(|flips| flips.mirrors().count());
        assert_eq!(counts, [3, 1, 1, 0]);
        for mirror in Flips::Both.mirrors() {
            let mut map = red(&image);
            mirror.map(&mut map, 9);
            assert_eq!(map, red(&mirror.image(&image)));
            mirror.map(&mut map, 9);
            assert_eq!(map, red(&image));
        }
    }

    #[test]
    fn an_axis_that_is_taken_away_is_gone() {
        assert_eq!(Flips::Both.without(Flips::Vertical), Flips::Horizontal);
        for flips in ALL {
            assert_eq!(flips.without(flips), Flips::None);
            assert_eq!(flips.without(Flips::None), flips);
        }
    }
}
