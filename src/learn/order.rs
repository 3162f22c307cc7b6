//! The order in which an epoch uses the training images, which images are mirrored, and how far
//! each is shifted.

use image::{RgbImage, imageops};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::config::TrainConfig;

/// One image of an epoch: its index, along which axes it is mirrored, and how far it is shifted.
///
/// ```
/// use daad::learn::TrainConfig;
/// use daad::learn::order::draws;
///
/// let images = ["a", "b", "c"];
/// for draw in draws(&TrainConfig::default(), 0, images.len()) {
///     println!("{} is next", images[draw.index]);
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draw {
    /// The index of the training image.
    pub index: usize,
    flip_horizontal: bool,
    flip_vertical: bool,
    /// To the right and downwards.
    shift_px: [i32; 2],
}

/// The draws of `epoch` over `count` images. They depend only on the seed and the epoch, so that a
/// resumed run draws the same images as a run without interruption.
///
/// ```
/// use daad::learn::TrainConfig;
/// use daad::learn::order::draws;
///
/// let config = TrainConfig {
///     seed: 7,
///     ..TrainConfig::default()
/// };
/// let epoch = draws(&config, 0, 5);
/// assert_eq!(epoch, draws(&config, 0, 5));
/// let mut indices: Vec<usize> = epoch.iter().map(|draw| draw.index).collect();
/// indices.sort_unstable();
/// assert_eq!(indices, [0, 1, 2, 3, 4]);
/// ```
pub fn draws(config: &TrainConfig, epoch: usize, count: usize) -> Vec<Draw> {
    let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
    rng.set_stream(epoch as u64 + 1);
    let mut order: Vec<usize> = (0..count).collect();
    order.shuffle(&mut rng);
    order
        .into_iter()
        .map(|index| Draw {
            index,
            flip_horizontal: rng.random_bool(0.5) && config.flips.horizontal(),
            flip_vertical: rng.random_bool(0.5) && config.flips.vertical(),
            shift_px: match config.shift_px as i32 {
                0 => [0; 2], // draws no numbers, so that flips do not depend on this setting
                most => [(); 2].map(|()| rng.random_range(-most..=most)),
            },
        })
        .collect()
}

impl Draw {
    /// The image, mirrored and shifted as drawn.
    ///
    /// ```
    /// use daad::image::Flips;
    /// use daad::learn::TrainConfig;
    /// use daad::learn::order::draws;
    /// use image::{Rgb, RgbImage, imageops};
    ///
    /// let config = TrainConfig {
    ///     flips: Flips::Horizontal,
    ///     ..TrainConfig::default()
    /// };
    /// let image = RgbImage::from_fn(4, 4, |x, _| Rgb([x as u8; 3]));
    /// let drawn = draws(&config, 0, 1)[0].apply(&image);
    /// assert!(drawn == image || drawn == imageops::flip_horizontal(&image));
    /// ```
    pub fn apply(&self, image: &RgbImage) -> RgbImage {
        let mut image = image.clone();
        if self.flip_horizontal {
            imageops::flip_horizontal_in_place(&mut image);
        }
        if self.flip_vertical {
            imageops::flip_vertical_in_place(&mut image);
        }
        match self.shift_px {
            [0, 0] => image,
            [right, down] => shift(&image, right, down),
        }
    }
}

/// The indices, ascending, of those of `count` normal training images that are held out for
/// calibration; the same seed gives the same indices. At least one image is held out, and at least
/// one is left to train on.
///
/// ```
/// use daad::learn::TrainConfig;
/// use daad::learn::order::held_out;
///
/// let config = TrainConfig {
///     held_out: 0.2,
///     ..TrainConfig::default()
/// };
/// let places = held_out(&config, 10);
/// assert_eq!(places.len(), 2);
/// assert!(places.is_sorted());
/// ```
///
/// # Panics
///
/// Where there are fewer than two images.
pub fn held_out(config: &TrainConfig, count: usize) -> Vec<usize> {
    assert!(count >= 2, "one image to train on and one to hold out");
    let mut order: Vec<usize> = (0..count).collect();
    order.shuffle(&mut ChaCha8Rng::seed_from_u64(config.seed));
    let share = (count as f64 * config.held_out).round() as usize;
    order.truncate(share.clamp(1, count - 1));
    order.sort_unstable();
    order
}

/// Divides `all` into the elements at `places`, which are ascending, and the others.
pub(crate) fn partition<T>(all: Vec<T>, places: &[usize]) -> (Vec<T>, Vec<T>) {
    let indexed = all.into_iter().enumerate();
    let (chosen, others): (Vec<_>, Vec<_>) =
        indexed.partition(|(index, _)| places.binary_search(index).is_ok());
    let values = |part: Vec<(usize, T)>| part.into_iter().map(|(_, value)| value).collect();
    (values(chosen), values(others))
}

/// The image, moved to the right and downwards; a negative distance moves it the other way. The
/// edge that it leaves is filled with the nearest pixels of the image.
fn shift(image: &RgbImage, right_px: i32, down_px: i32) -> RgbImage {
    let (width, height) = image.dimensions();
    let source = |place: u32, distance: i32, length: u32| {
        place
            .saturating_add_signed(distance.saturating_neg())
            .min(length - 1)
    };
    RgbImage::from_fn(width, height, |x, y| {
        *image.get_pixel(source(x, right_px, width), source(y, down_px, height))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Flips, test_pattern};

    #[test]
    fn a_shifted_image_keeps_its_pixels_and_repeats_those_at_its_edge() {
        let image = test_pattern(9, 8);
        let shifted = shift(&image, 2, -3);
        assert_eq!(shifted.dimensions(), (9, 8));
        assert_eq!(shifted.get_pixel(2, 0), image.get_pixel(0, 3));
        assert_eq!(shifted.get_pixel(8, 4), image.get_pixel(6, 7));
        assert_eq!(shifted.get_pixel(0, 7), image.get_pixel(0, 7)); // both edges
        assert!(shift(&image, 0, 0) == image);
    }

    #[test]
    fn an_epoch_shows_every_image_once_in_its_own_order() {
        let config = TrainConfig::default();
        let first = draws(&config, 0, 50);
        assert_eq!(first, draws(&config, 0, 50));
        assert_ne!(first, draws(&config, 1, 50));
        let mut indices: Vec<usize> = first.iter().map(|draw| draw.index).collect();
        indices.sort_unstable();
        assert_eq!(indices, (0..50).collect::<Vec<_>>());
        let flipped = first.iter().filter(|draw| draw.flip_horizontal).count();
        assert!((10..40).contains(&flipped), "{flipped}");
    }

    #[test]
    fn without_flips_images_come_as_they_are() {
        let config = TrainConfig {
            flips: Flips::None,
            ..TrainConfig::default()
        };
        let image = test_pattern(9, 7);
        let draws = draws(&config, 3, 20);
        assert!(draws.iter().all(|draw| draw.apply(&image) == image));
    }

    #[test]
    fn images_are_shifted_by_every_distance_up_to_the_largest() {
        let config = TrainConfig {
            flips: Flips::None,
            shift_px: 2,
            ..TrainConfig::default()
        };
        let image = test_pattern(19, 17);
        let mut seen = [[0; 5]; 5];
        for draw in draws(&config, 0, 1000) {
            let [right, down] = draw.shift_px;
            seen[(down + 2) as usize][(right + 2) as usize] += 1;
            assert!(draw.apply(&image) == shift(&image, right, down));
        }
        assert!(
            seen.as_flattened()
                .iter()
                .all(|count| (15..70).contains(count)),
            "{seen:?}"
        );
    }

    #[test]
    fn at_least_one_image_is_held_out_and_one_left() {
        let config = TrainConfig::default();
        assert_eq!(held_out(&config, 2).len(), 1);
        assert_eq!(held_out(&config, 100).len(), 15);
    }
}
