//! Describes the appearance of normal images, and measures how much an image as a whole differs
//! from it.
//!
//! A model's score is meaningless for an image of another kind of object: it is high for normal and
//! for defective ones. Therefore an image is compared with the normal images without the networks.
//! The image is divided into cells, and each cell is described by its colour and by its contrast at
//! three distances. A defect changes few cells, but an image of another kind differs in most of
//! them, and therefore in the median cell.

use image::RgbImage;
use serde::{Deserialize, Serialize};

/// Cells along each side of an image; fewer where the side has fewer pixels.
const CELLS: usize = 8;

/// Distances in pixels at which contrast is measured.
const DISTANCES: [usize; 3] = [1, 2, 4];

/// Number of features of a cell: luma, two colour differences, and the logarithms of the contrasts.
const FEATURES: usize = 3 + DISTANCES.len();

/// Added to a contrast before its logarithm is taken, because smaller differences are noise.
const LEAST_CONTRAST: f64 = 0.005;

/// The least deviation of a feature, even if the good images are more alike: for luma and colours
/// in a range of 1, and for logarithms of contrasts.
const TOLERANCE: [f64; 2] = [0.02, 0.1];

/// The assumed deviations before any image is measured. They have the weight of [`PRIOR_WEIGHT`]
/// images, so that a few similar images do not make all other images unfamiliar.
const PRIOR: [f64; 2] = [0.05, 0.25];
const PRIOR_WEIGHT: f64 = 4.0;

/// An image is unfamiliar if the features of its median cell differ from those of the good images
/// by more than this many deviations, as a root mean square. The value was chosen on good,
/// defective and foreign images of PIPED, CIFAR-10, MVTec AD and others; see docs/training.md.
const LIMIT: f64 = 2.0;

type Features = [f64; FEATURES];

/// The appearance of good images: mean and deviation of the features of each cell.
///
/// ```
/// # use daad::Detector;
/// let card = daad::weights::read_card(&std::fs::read("models/piped.safetensors")?)?;
/// let file = std::fs::read("www/gallery/piped/PA_GLA01_TL_S_D_02_2.png")?;
/// // A defective image, but of the kind that the model learned.
/// let image = daad::image::decode(&file, 128, 128)?;
/// assert!(card.calibration.appearance.unfamiliarity(&image) < 1.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Appearance {
    /// The mean of each feature, cell by cell, row by row.
    mean: Vec<Features>,
    /// The deviation of each feature, in the same order.
    deviation: Vec<Features>,
}

impl Appearance {
    /// The appearance of good images, which all have the same size.
    ///
    /// ```
    /// use daad::score::Appearance;
    /// use image::{Rgb, RgbImage};
    ///
    /// let grey = |value| RgbImage::from_pixel(64, 64, Rgb([value; 3]));
    /// let appearance = Appearance::of([grey(120), grey(125), grey(130)]);
    /// assert!(appearance.unfamiliarity(&grey(128)) < 1.0);
    /// assert!(appearance.unfamiliarity(&RgbImage::from_pixel(64, 64, Rgb([250, 90, 0]))) > 1.0);
    /// ```
    ///
    /// # Panics
    ///
    /// If there is no image.
    pub fn of(images: impl IntoIterator<Item = RgbImage>) -> Self {
        let described: Vec<_> = images.into_iter().map(|image| describe(&image)).collect();
        let images = described.len();
        assert!(images > 0, "at least one image");
        let (mut mean, mut deviation) = (Vec::new(), Vec::new());
        for cell in 0..described[0].len() {
            let values = |feature: usize| described.iter().map(move |cells| cells[cell][feature]);
            let means: Features =
                std::array::from_fn(|feature| values(feature).sum::<f64>() / images as f64);
            let deviations: Features = std::array::from_fn(|feature| {
                let squares = values(feature).map(|value| (value - means[feature]).powi(2));
                let prior = PRIOR_WEIGHT * kind(feature, PRIOR).powi(2);
                let variance =
                    (prior + squares.sum::<f64>()) / (PRIOR_WEIGHT + images as f64 - 1.0);
                (variance + kind(feature, TOLERANCE).powi(2)).sqrt()
            });
            mean.push(means.map(rounded));
            deviation.push(deviations.map(rounded));
        }
        Self { mean, deviation }
    }

    /// How much an image of the same size differs from the good images: above 1 it is unfamiliar,
    /// and the model's score is meaningless.
    ///
    /// ```
    /// let card = daad::weights::read_card(&std::fs::read("models/piped.safetensors")?)?;
    /// let other = daad::image::test_pattern(128, 128); // no paper
    /// assert!(card.calibration.appearance.unfamiliarity(&other) > 1.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn unfamiliarity(&self, image: &RgbImage) -> f64 {
        let cells = describe(image);
        let known = self.mean.iter().zip(&self.deviation);
        let mut departures: Vec<f64> = cells
            .iter()
            .zip(known)
            .map(|(cell, (mean, deviation))| {
                let squares = (0..FEATURES)
                    .map(|feature| ((cell[feature] - mean[feature]) / deviation[feature]).powi(2));
                (squares.sum::<f64>() / FEATURES as f64).sqrt()
            })
            .collect();
        departures.sort_by(f64::total_cmp);
        departures[departures.len() / 2] / LIMIT
    }

    /// Whether all numbers are finite and all deviations positive.
    pub(super) fn is_sound(&self) -> bool {
        !self.mean.is_empty()
            && self.mean.len() == self.deviation.len()
            && self.mean.iter().flatten().all(|mean| mean.is_finite())
            && self
                .deviation
                .iter()
                .flatten()
                .all(|&deviation| deviation.is_finite() && deviation > 0.0)
    }
}

/// Selects the value for luma and colours or the value for contrasts.
fn kind(feature: usize, [colour, contrast]: [f64; 2]) -> f64 {
    if feature < 3 { colour } else { contrast }
}

/// Rounds to four decimals, which are precise enough and keep the model file small.
fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

/// The features of each cell of an image.
fn describe(image: &RgbImage) -> Vec<Features> {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let (columns, rows) = (CELLS.min(width), CELLS.min(height));
    let mut cells = vec![[0.0; FEATURES]; columns * rows];
    let mut pixels = vec![0.0; columns * rows];
    let luma = |[red, green, blue]: [u8; 3]| {
        (0.299 * f64::from(red) + 0.587 * f64::from(green) + 0.114 * f64::from(blue)) / 255.0
    };
    let lumas: Vec<f64> = image.pixels().map(|pixel| luma(pixel.0)).collect();
    for (index, pixel) in image.pixels().enumerate() {
        let (x, y) = (index % width, index / width);
        let cell = (y * rows / height) * columns + x * columns / width;
        let here = lumas[index];
        let [red, _, blue] = pixel.0.map(|value| f64::from(value) / 255.0);
        let features = &mut cells[cell];
        features[0] += here;
        features[1] += blue - here;
        features[2] += red - here;
        for (contrast, distance) in features[3..].iter_mut().zip(DISTANCES) {
            if x + distance < width {
                *contrast += (lumas[index + distance] - here).abs();
            }
            if y + distance < height {
                *contrast += (lumas[index + distance * width] - here).abs();
            }
        }
        pixels[cell] += 1.0;
    }
    for (features, pixels) in cells.iter_mut().zip(pixels) {
        for (index, feature) in features.iter_mut().enumerate() {
            *feature /= pixels;
            if index >= 3 {
                *feature = (*feature + LEAST_CONTRAST).ln();
            }
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use image::Rgb;
    use rand::RngExt;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// A dark disc on a bright background with noise; position and brightness vary a little.
    fn part(seed: u64) -> RgbImage {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let (x, y) = (random.random_range(28..36), random.random_range(28..36));
        let ground = random.random_range(195..205);
        RgbImage::from_fn(64, 64, |column, row| {
            let distance = (i64::from(column) - x).pow(2) + (i64::from(row) - y).pow(2);
            let base = if distance < 400 { 60 } else { ground };
            Rgb([(base + random.random_range(-6..6)) as u8; 3])
        })
    }

    fn appearance() -> Appearance {
        Appearance::of((0..10).map(part))
    }

    #[test]
    fn other_good_images_and_local_defects_are_familiar() {
        let appearance = appearance();
        for seed in 100..120 {
            let mut image = part(seed);
            let good = appearance.unfamiliarity(&image);
            assert!(good < 0.6, "{good}");
            // A quarter of the disc is missing.
            for (x, y, pixel) in image.enumerate_pixels_mut() {
                if x < 32 && y < 32 {
                    *pixel = Rgb([255, 0, 0]);
                }
            }
            let defective = appearance.unfamiliarity(&image);
            assert!(defective > good && defective < 1.0, "{defective}");
        }
    }

    #[test]
    fn other_things_other_light_and_other_texture_are_unfamiliar() {
        let appearance = appearance();
        let texture = RgbImage::from_fn(64, 64, |x, y| {
            Rgb([if (x + y) % 2 == 0 { 20 } else { 235 }; 3])
        });
        let ramp = RgbImage::from_fn(64, 64, |x, y| Rgb([(4 * x) as u8, (4 * y) as u8, 128]));
        let mut inverted = part(200);
        image::imageops::invert(&mut inverted);
        for image in [texture, ramp, inverted] {
            let unfamiliarity = appearance.unfamiliarity(&image);
            assert!(unfamiliarity > 1.2, "{unfamiliarity}");
        }
    }

    #[test]
    fn a_single_good_image_does_not_make_its_like_unfamiliar() {
        let appearance = Appearance::of([part(0)]);
        let unfamiliarity = (1..20).map(|seed| appearance.unfamiliarity(&part(seed)));
        assert!(unfamiliarity.into_iter().all(|value| value < 1.0));
    }

    #[test]
    fn it_is_small_in_a_file_and_the_same_after_reading() {
        let appearance = appearance();
        let json = serde_json::to_string(&appearance).unwrap();
        assert!(json.len() < 8000, "{}", json.len());
        let read: Appearance = serde_json::from_str(&json).unwrap();
        assert_eq!(read, appearance);
        assert!(read.is_sound());
        let cut = Appearance {
            mean: read.mean[1..].to_vec(),
            ..read
        };
        assert!(!cut.is_sound());
    }
}
