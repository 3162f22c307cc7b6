//! Woven cloth under a camera.

use std::f32::consts::TAU;

use image::{Rgb, RgbImage};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// The number of threads across an image, along each axis.
const THREADS: f32 = 4.0;

/// The largest shift of the cloth, in radians of a thread's period. It imitates a camera above a
/// conveyor belt, where each piece is nearly, but not exactly, in the same place.
const JITTER: f32 = 0.5;

/// Draws two crossing sets of threads of random position, brightness and tint, with some noise.
pub(super) fn draw(size_px: u32, rng: &mut ChaCha8Rng) -> RgbImage {
    let shift_x = rng.random_range(-JITTER..JITTER);
    let shift_y = rng.random_range(-JITTER..JITTER);
    let brightness = rng.random_range(0.45..0.55);
    let tint = [0.06, 0.0, -0.06].map(|tint: f32| tint + rng.random_range(-0.02..0.02));
    let step = TAU * THREADS / size_px as f32;
    // Positions are relative to the centre, so that a mirrored image of a normal cloth is normal
    // too.
    let centre = (size_px - 1) as f32 / 2.0;
    RgbImage::from_fn(size_px, size_px, |x, y| {
        let warp = ((x as f32 - centre) * step + shift_x).cos();
        let weft = ((y as f32 - centre) * step + shift_y).cos();
        let light = brightness + 0.12 * warp + 0.12 * weft + rng.random_range(-0.02..0.02);
        Rgb(tint.map(|tint| ((light + tint) * 255.0).clamp(0.0, 255.0) as u8))
    })
}
