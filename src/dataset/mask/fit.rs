//! Turns a mask upright like its photograph, and resizes it to the model's size.

use image::metadata::Orientation;
use image::{DynamicImage, GrayImage};

use super::{MaskFlaw, Read};

/// The size and orientation of a photograph in its file.
#[derive(Debug, Clone, Copy)]
pub(in crate::dataset) struct Stored {
    /// Width and height of the pixels in the file.
    pub(in crate::dataset) size: (u32, u32),
    /// The rotation that viewers apply.
    pub(in crate::dataset) turn: Orientation,
}

impl Stored {
    /// The mask, turned as its photograph is.
    ///
    /// Some tools draw masks on the stored pixels, others on the upright photograph. The sides of
    /// the mask show which of the two it was. If both are possible (a square, a rotation by 180°, a
    /// mirror image), the program assumes the stored pixels.
    pub(super) fn upright(self, read: Read) -> Result<GrayImage, MaskFlaw> {
        let (stored, upright) = (self.size, self.upright_size());
        let size = read.mask.dimensions();
        let is_upright = read.is_turned || (size == upright && size != stored);
        if !is_upright && has_shape(size, stored) {
            let mut mask = DynamicImage::ImageLuma8(read.mask);
            mask.apply_orientation(self.turn);
            return Ok(mask.into_luma8());
        }
        match has_shape(size, upright) {
            true => Ok(read.mask),
            false => Err(MaskFlaw::Shape {
                mask: size,
                image: upright,
            }),
        }
    }

    /// Whether the photograph is turned and the sides of the mask fit both orientations.
    pub(super) fn leaves_turn_open(self, read: &Read) -> bool {
        let (stored, upright) = (self.size, self.upright_size());
        let size = read.mask.dimensions();
        let is_told = read.is_turned || (size == upright) != (size == stored);
        let fits = has_shape(size, stored) && has_shape(size, upright);
        self.turn != Orientation::NoTransforms && !is_told && fits
    }

    fn upright_size(self) -> (u32, u32) {
        match turns_on_its_side(self.turn) {
            true => (self.size.1, self.size.0),
            false => self.size,
        }
    }
}

fn turns_on_its_side(turn: Orientation) -> bool {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    matches!(turn, Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH)
}

/// Whether two sizes have the same ratio of sides, within rounding to whole pixels.
fn has_shape(size: (u32, u32), other: (u32, u32)) -> bool {
    let (width, height) = (f64::from(size.0), f64::from(size.1));
    let (other_width, other_height) = (f64::from(other.0), f64::from(other.1));
    // The smaller size was rounded to whole pixels.
    let scale = (width / other_width).max(height / other_height);
    let off_px = (width - other_width * scale)
        .abs()
        .max((height - other_height * scale).abs());
    off_px <= scale.max(1.0)
}

/// Resizes a mask to `size` (width, height). A pixel is anomalous if it overlaps any anomalous
/// pixel of the mask, so that a defect of a single pixel is not lost.
pub(super) fn cover(mask: &GrayImage, size: (u32, u32)) -> GrayImage {
    let (width, height) = mask.dimensions();
    GrayImage::from_fn(size.0, size.1, |x, y| {
        let mut rows = overlapped(y, size.1, height);
        let is_anomalous = rows.any(|row| {
            let mut columns = overlapped(x, size.0, width);
            columns.any(|column| mask.get_pixel(column, row)[0] > 0)
        });
        image::Luma([if is_anomalous { 255 } else { 0 }])
    })
}

/// The range of `from` pixels in a row that overlap pixel `at` of `to` pixels.
fn overlapped(at: u32, to: u32, from: u32) -> std::ops::Range<u32> {
    let (at, to, from) = (u64::from(at), u64::from(to), u64::from(from));
    let (start, end) = (at * from / to, ((at + 1) * from).div_ceil(to));
    start as u32..end as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_of_one_shape_within_a_pixel() {
        for (size, other) in [
            ((64, 64), (1024, 1024)),
            ((333, 100), (1000, 300)),
            ((1000, 333), (300, 100)),
            ((640, 427), (6000, 4000)),
        ] {
            assert!(has_shape(size, other) && has_shape(other, size), "{size:?}");
        }
        for (size, other) in [((64, 32), (64, 64)), ((1000, 900), (1000, 1000))] {
            assert!(!has_shape(size, other) && !has_shape(other, size));
        }
    }

    #[test]
    fn a_single_pixel_is_still_there_at_any_size() {
        let mut mask = GrayImage::new(1000, 700);
        mask.put_pixel(501, 77, image::Luma([255]));
        for size in [(256, 256), (32, 32), (1, 1), (1000, 700), (2000, 1400)] {
            let set = cover(&mask, size).iter().filter(|&&p| p > 0).count();
            assert!((1..=4).contains(&set), "{size:?}: {set}");
        }
        assert_eq!(cover(&mask, (1000, 700)), mask);
    }

    fn turned(turn: Orientation, size: (u32, u32), is_turned: bool) -> Result<GrayImage, MaskFlaw> {
        let stored = Stored {
            size: (20, 10),
            turn,
        };
        let mut mask = GrayImage::new(size.0, size.1);
        mask.put_pixel(0, 0, image::Luma([255]));
        stored.upright(Read { mask, is_turned })
    }

    #[test]
    fn a_turn_is_left_open_where_the_sides_fit_both_ways() {
        use Orientation::{FlipHorizontal, NoTransforms, Rotate90, Rotate180};
        for (turn, stored, size, is_open) in [
            (Rotate90, (20, 10), (20, 10), false),
            (Rotate90, (20, 10), (10, 20), false),
            (Rotate90, (20, 20), (20, 20), true),
            (Rotate180, (20, 10), (20, 10), true),
            (FlipHorizontal, (20, 10), (10, 5), true),
            (FlipHorizontal, (20, 10), (10, 10), false),
            (NoTransforms, (20, 10), (20, 10), false),
        ] {
            let photograph = Stored { size: stored, turn };
            for is_turned in [false, true] {
                let mask = GrayImage::new(size.0, size.1);
                let found = photograph.leaves_turn_open(&Read { mask, is_turned });
                assert_eq!(
                    found,
                    is_open && !is_turned,
                    "{turn:?}, {stored:?}, {size:?}"
                );
            }
        }
    }

    #[test]
    fn a_mask_is_turned_with_its_photograph_unless_it_is_upright() {
        let place = |mask: &GrayImage| {
            mask.enumerate_pixels()
                .find(|p| p.2[0] > 0)
                .map(|p| (p.0, p.1))
        };
        let on_stored = turned(Orientation::Rotate90, (20, 10), false).unwrap();
        assert_eq!(on_stored.dimensions(), (10, 20));
        assert_eq!(place(&on_stored), Some((9, 0)));
        let on_upright = turned(Orientation::Rotate90, (10, 20), false).unwrap();
        assert_eq!(place(&on_upright), Some((0, 0)));
        // Both orientations fit, so the mask is taken to be drawn on the stored pixels.
        let half = turned(Orientation::Rotate180, (20, 10), false).unwrap();
        assert_eq!(place(&half), Some((19, 9)));
        let own = turned(Orientation::Rotate180, (20, 10), true).unwrap();
        assert_eq!(place(&own), Some((0, 0)), "its own file turned it");
        let cropped = turned(Orientation::NoTransforms, (20, 20), false);
        assert!(matches!(cropped, Err(MaskFlaw::Shape { .. })));
    }
}
