//! A floor of tiles. There are few kinds of tiles, but very many arrangements of them. Only single
//! tiles decide whether a floor is normal, so the block size of the memory matters for this
//! texture.

use image::{Rgb, RgbImage, imageops};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// The number of tiles along each side of an image.
const TILES: u32 = 4;

/// The number of points per pixel and axis; a pixel's colour is the mean over these points.
const SAMPLES: u32 = 4;

/// Half of the gap between two tiles, in tiles.
const GAP: f32 = 0.04;

const MORTAR: [f32; 3] = [0.55, 0.53, 0.50];
const CREAM: [f32; 3] = [0.86, 0.82, 0.74];
const BLUE: [f32; 3] = [0.22, 0.34, 0.46];
const RED: [f32; 3] = [0.72, 0.38, 0.26];

/// The pattern on a tile. A mirrored or rotated tile is a tile of the same kind.
#[derive(Debug, Clone, Copy)]
enum Motif {
    Disc,
    Halves,
    Arcs,
    Diamond,
    Cross,
    Ring,
}

const MOTIFS: [Motif; 6] = [
    Motif::Disc,
    Motif::Halves,
    Motif::Arcs,
    Motif::Diamond,
    Motif::Cross,
    Motif::Ring,
];

impl Motif {
    /// The colour at a position on the tile, both coordinates from 0 to 1.
    fn colour(self, x: f32, y: f32) -> [f32; 3] {
        let (from_centre_x, from_centre_y) = (x - 0.5, y - 0.5);
        let radius = from_centre_x.hypot(from_centre_y);
        let (painted, colour) = match self {
            Self::Disc => (radius < 0.3, BLUE),
            Self::Halves => (x + y < 1.0, BLUE),
            Self::Arcs => {
                let on_arc = |distance: f32| (distance - 0.5).abs() < 0.13;
                (on_arc(x.hypot(y)) || on_arc((1.0 - x).hypot(1.0 - y)), RED)
            }
            Self::Diamond => (from_centre_x.abs() + from_centre_y.abs() < 0.4, RED),
            Self::Cross => (from_centre_x.abs().min(from_centre_y.abs()) < 0.14, BLUE),
            Self::Ring => ((0.2..0.38).contains(&radius), RED),
        };
        if painted { colour } else { CREAM }
    }
}

/// Draws tiles of random kinds, each rotated at random, under light of random strength.
pub(super) fn draw(size_px: u32, rng: &mut ChaCha8Rng) -> RgbImage {
    let tiles: [(usize, u32); (TILES * TILES) as usize] =
        std::array::from_fn(|_| (rng.random_range(0..MOTIFS.len()), rng.random_range(0..4)));
    let light = rng.random_range(0.95..1.05);
    let samples = (SAMPLES * SAMPLES) as f32;
    RgbImage::from_fn(size_px, size_px, |x, y| {
        let mut sum = [0.0f32; 3];
        for sample in 0..SAMPLES * SAMPLES {
            let place = |pixel: u32, part: u32| {
                (pixel as f32 + (part as f32 + 0.5) / SAMPLES as f32) * TILES as f32
                    / size_px as f32
            };
            let (x, y) = (place(x, sample % SAMPLES), place(y, sample / SAMPLES));
            let (motif, turns) = tiles[(y as u32 * TILES + x as u32) as usize];
            let colour = on_tile(MOTIFS[motif], turns, x.fract(), y.fract());
            sum = std::array::from_fn(|channel| sum[channel] + colour[channel]);
        }
        let noise = rng.random_range(-0.008..0.008);
        Rgb(sum.map(|sum| ((sum / samples * light + noise) * 255.0).clamp(0.0, 255.0) as u8))
    })
}

fn on_tile(motif: Motif, turns: u32, x: f32, y: f32) -> [f32; 3] {
    if x.min(y) < GAP || x.max(y) > 1.0 - GAP {
        return MORTAR;
    }
    let (x, y) = (0..turns).fold((x, y), |(x, y), _| (1.0 - y, x));
    motif.colour(x, y)
}

/// Replaces one tile by mortar.
pub(super) fn take_out(floor: &mut RgbImage, rng: &mut ChaCha8Rng) {
    let (tile, size) = (floor.width() / TILES, floor.width());
    let (left, top) = (
        rng.random_range(0..TILES) * size / TILES,
        rng.random_range(0..TILES) * size / TILES,
    );
    let mortar = Rgb(MORTAR.map(|value| (value * 255.0) as u8));
    let hole = RgbImage::from_pixel(tile, tile, mortar);
    imageops::replace(floor, &hole, i64::from(left), i64::from(top));
}

/// Replaces the lower half of one tile by the lower half of a visibly different tile of another
/// floor.
pub(super) fn mix(floor: &mut RgbImage, rng: &mut ChaCha8Rng) {
    let (tile, size) = (floor.width() / TILES, floor.width());
    let half = tile / 2;
    let (left, top) = (
        rng.random_range(0..TILES) * size / TILES,
        rng.random_range(0..TILES) * size / TILES + half,
    );
    loop {
        let other = draw(floor.width(), rng);
        let other = imageops::crop_imm(&other, left, top, tile, half).to_image();
        let own = imageops::crop_imm(floor, left, top, tile, half).to_image();
        if difference(&own, &other) > 0.1 {
            imageops::replace(floor, &other, i64::from(left), i64::from(top));
            return;
        }
    }
}

/// The mean absolute difference of the pixel values, 0 to 1.
fn difference(a: &RgbImage, b: &RgbImage) -> f32 {
    let sum: u32 = a
        .iter()
        .zip(b.iter())
        .map(|(a, b)| u32::from(a.abs_diff(*b)))
        .sum();
    sum as f32 / (255 * a.len()) as f32
}
