//! Woven textures made by the program itself, with and without defects: something to try the whole
//! path on without any data.

use std::f32::consts::TAU;

use image::{Rgb, RgbImage};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::LabelledImage;
use crate::metric::Label;

/// Threads across an image, each way.
const THREADS: f32 = 4.0;

/// How far the cloth may lie shifted, in radians of a thread: a camera above a belt sees each piece
/// nearly, not exactly, in place.
const JITTER: f32 = 0.5;

/// A generator of images; the same seed gives the same images.
#[derive(Debug, Clone)]
pub struct SyntheticTextures {
    size_px: u32,
    rng: ChaCha8Rng,
}

/// What is wrong with a cloth.
#[derive(Debug, Clone, Copy)]
enum Defect {
    Stain,
    Scratch,
    Hole,
}

impl SyntheticTextures {
    /// Square images of `size_px` pixels a side.
    pub fn new(size_px: usize, seed: u64) -> Self {
        Self {
            size_px: size_px as u32,
            rng: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// `count` images without a defect.
    pub fn normal(&mut self, count: usize) -> Vec<LabelledImage> {
        (0..count)
            .map(|_| labelled(self.cloth(), Label::Normal))
            .collect()
    }

    /// `count` images with one defect each: a stain, a scratch or a hole.
    pub fn defective(&mut self, count: usize) -> Vec<LabelledImage> {
        let kinds = [Defect::Stain, Defect::Scratch, Defect::Hole];
        (0..count)
            .map(|index| {
                let mut image = self.cloth();
                self.damage(&mut image, kinds[index % kinds.len()]);
                labelled(image, Label::Anomalous)
            })
            .collect()
    }

    /// Two crossing sets of threads of random place, brightness and tint, with some noise.
    fn cloth(&mut self) -> RgbImage {
        let rng = &mut self.rng;
        let shift_x = rng.random_range(-JITTER..JITTER);
        let shift_y = rng.random_range(-JITTER..JITTER);
        let brightness = rng.random_range(0.45..0.55);
        let tint = [0.06, 0.0, -0.06].map(|tint: f32| tint + rng.random_range(-0.02..0.02));
        let step = TAU * THREADS / self.size_px as f32;
        // About the centre, so that a mirrored cloth is as normal as the cloth.
        let centre = (self.size_px - 1) as f32 / 2.0;
        RgbImage::from_fn(self.size_px, self.size_px, |x, y| {
            let warp = ((x as f32 - centre) * step + shift_x).cos();
            let weft = ((y as f32 - centre) * step + shift_y).cos();
            let light = brightness + 0.12 * warp + 0.12 * weft + rng.random_range(-0.02..0.02);
            Rgb(tint.map(|tint| ((light + tint) * 255.0).clamp(0.0, 255.0) as u8))
        })
    }

    fn damage(&mut self, image: &mut RgbImage, defect: Defect) {
        let size = self.size_px as f32;
        let rng = &mut self.rng;
        let (centre_x, centre_y) = (
            rng.random_range(0.25..0.75) * size,
            rng.random_range(0.25..0.75) * size,
        );
        let angle: f32 = rng.random_range(0.0..TAU);
        let (sin, cos) = angle.sin_cos();
        let (length, width) = match defect {
            Defect::Stain => (0.13, 0.09),
            Defect::Scratch => (0.3, 0.02),
            Defect::Hole => (0.07, 0.07),
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
                Defect::Hole => [12; 3],
            };
        }
    }
}

fn labelled(image: RgbImage, label: Label) -> LabelledImage {
    LabelledImage {
        category: String::new(),
        label,
        image,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_images_and_another_seed_others() {
        let images = |seed| SyntheticTextures::new(32, seed).normal(1).remove(0).image;
        assert_eq!(images(1), images(1));
        assert_ne!(images(1), images(2));
    }

    #[test]
    fn defects_change_a_visible_part_of_the_image() {
        let mut textures = SyntheticTextures::new(64, 3);
        for defect in [Defect::Stain, Defect::Scratch, Defect::Hole] {
            let cloth = textures.cloth();
            let mut damaged = cloth.clone();
            textures.damage(&mut damaged, defect);
            let pairs = cloth.pixels().zip(damaged.pixels());
            let changed = pairs.filter(|(before, after)| before != after).count();
            assert!((40..1000).contains(&changed), "{defect:?}: {changed}");
        }
    }
}
