//! How well error maps point at the defects: pixel AUROC and AUPRO.

use super::regions::label_regions;

/// AUPRO is measured up to this share of false positives, as is the custom.
///
/// ```
/// use daad::metric::{AUPRO_LIMIT, PixelScores};
///
/// // The defect is found with half of the normal pixels above it: too late to count.
/// let mut pixels = PixelScores::default();
/// pixels.add_masked(&[0.9, 0.5, 0.1], &[false, true, false], 3);
/// assert_eq!(AUPRO_LIMIT, 0.3);
/// assert_eq!(pixels.measure().map(|metrics| metrics.aupro), Some(0.0));
/// ```
pub const AUPRO_LIMIT: f64 = 0.3;

/// How well the pixels' scores separate.
///
/// ```
/// use daad::metric::PixelScores;
///
/// // One row: a region of three pixels that is found, and one of a single pixel that is not.
/// let mut pixels = PixelScores::default();
/// let scores = [0.9, 0.9, 0.9, 0.2, 0.1, 0.0];
/// pixels.add_masked(&scores, &[true, true, true, false, false, true], 6);
/// let metrics = pixels.measure().ok_or("pixels of both kinds")?;
/// assert!((metrics.auroc - 0.75).abs() < 1e-9); // of the pixels
/// assert!((metrics.aupro - 0.5).abs() < 1e-9); // of the regions
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PixelMetrics {
    /// AUROC over all pixels of all images.
    pub auroc: f64,
    /// Area under the per-region overlap up to [`AUPRO_LIMIT`], divided by it.
    ///
    /// At a threshold the overlap of a connected region is the share of its pixels at or above it.
    /// The curve is the mean overlap of all regions of all images, each with the same weight
    /// however large, against the share of false positives among the normal pixels of all images.
    ///
    /// Regions (8-connectivity), weights, false positives, limit and normalization are anomalib's
    /// (`anomalib.metrics.AUPRO`). Where anomalib resamples a curve for each region to a common
    /// number of points and averages these, the mean here is taken at every distinct score, which
    /// needs no resampling; between two points the curve is linear, also where the limit cuts it.
    /// anomalib squashes scores outside [0, 1] by a sigmoid in single precision, which makes equal
    /// scores of large ones; here scores are taken as they are.
    pub aupro: f64,
}

/// The pixels' scores of a test set, gathered image by image: 4 bytes a normal pixel, 8 an
/// anomalous one.
///
/// ```
/// use daad::metric::PixelScores;
///
/// let mut pixels = PixelScores::default();
/// pixels.add_normal(&[0.1, 0.2, 0.1, 0.3]);
/// // An image of 2×2 pixels, of which the last is anomalous.
/// pixels.add_masked(&[0.2, 0.1, 0.4, 0.9], &[false, false, false, true], 2);
/// let metrics = pixels.measure().expect("pixels of both kinds");
/// assert_eq!((metrics.auroc, metrics.aupro), (1.0, 1.0));
/// ```
#[derive(Debug, Clone, Default)]
pub struct PixelScores {
    normal: Vec<f32>,
    anomalous: Vec<AnomalousPixel>,
    region_sizes_px: Vec<usize>,
}

#[derive(Debug, Clone, Copy)]
struct AnomalousPixel {
    score: f32,
    region: u32,
}

impl PixelScores {
    /// Adds an image of which every pixel is normal.
    ///
    /// ```
    /// use daad::metric::PixelScores;
    ///
    /// let mut pixels = PixelScores::default();
    /// pixels.add_normal(&[0.1, 0.2, 0.3]); // an image of any shape
    /// pixels.add_masked(&[0.4], &[true], 1);
    /// assert_eq!(pixels.measure().map(|metrics| metrics.auroc), Some(1.0));
    /// ```
    pub fn add_normal(&mut self, scores: &[f32]) {
        self.normal.extend_from_slice(scores);
    }

    /// Adds an image with its mask, both row by row: true is anomalous.
    ///
    /// ```
    /// use daad::metric::PixelScores;
    ///
    /// let mut pixels = PixelScores::default();
    /// let mask = [
    ///     true, false, false,
    ///     false, false, true,
    /// ];
    /// pixels.add_masked(&[0.9, 0.1, 0.1, 0.1, 0.1, 0.9], &mask, 3);
    /// assert_eq!(pixels.measure().map(|metrics| metrics.aupro), Some(1.0));
    /// ```
    ///
    /// # Panics
    ///
    /// Where the two differ in length or are not of whole rows.
    pub fn add_masked(&mut self, scores: &[f32], mask: &[bool], width_px: usize) {
        assert_eq!(scores.len(), mask.len(), "one score a pixel of the mask");
        let regions = label_regions(mask, width_px);
        let known = self.region_sizes_px.len() as u32;
        for (&score, region) in scores.iter().zip(regions.region_of) {
            match region {
                None => self.normal.push(score),
                Some(region) => self.anomalous.push(AnomalousPixel {
                    score,
                    region: known + region,
                }),
            }
        }
        self.region_sizes_px.extend(regions.sizes_px);
    }

    /// Measures. None where no pixel is anomalous, none is normal, or a score is not a number.
    ///
    /// ```
    /// use daad::metric::PixelScores;
    ///
    /// let mut pixels = PixelScores::default();
    /// pixels.add_normal(&[0.1, 0.2, 0.3]);
    /// assert!(pixels.clone().measure().is_none()); // no pixel is anomalous
    /// pixels.add_masked(&[0.2], &[true], 1);
    /// assert_eq!(pixels.measure().map(|metrics| metrics.auroc), Some(0.5));
    /// ```
    pub fn measure(mut self) -> Option<PixelMetrics> {
        let mut scores = self.normal.iter();
        let mut anomalous_scores = self.anomalous.iter().map(|pixel| pixel.score);
        if self.normal.is_empty()
            || self.anomalous.is_empty()
            || scores.any(|score| score.is_nan())
            || anomalous_scores.any(f32::is_nan)
        {
            return None;
        }
        self.normal.sort_unstable_by(|a, b| b.total_cmp(a));
        self.anomalous
            .sort_unstable_by(|a, b| b.score.total_cmp(&a.score));
        let pixels = self.anomalous.len() as f64;
        let regions = self.region_sizes_px.len() as f64;
        let size_px = |region: u32| self.region_sizes_px[region as usize] as f64;
        Some(PixelMetrics {
            auroc: self.area(1.0, |_| 1.0 / pixels),
            aupro: self.area(AUPRO_LIMIT, |region| 1.0 / (size_px(region) * regions)),
        })
    }

    /// Mean height, up to false positive rate `limit`, of the curve that each anomalous pixel lifts
    /// by the `weight` of its region. Both kinds of pixels lie sorted, highest score first.
    fn area(&self, limit: f64, weight: impl Fn(u32) -> f64) -> f64 {
        let rate = |count: usize| count as f64 / self.normal.len() as f64;
        let mut area = 0.0;
        let mut corner = Point { x: 0.0, y: 0.0 };
        let mut go_to = |point: Point| {
            area += area_between(corner, point, limit);
            corner = point;
        };
        let (mut passed, mut height) = (0, 0.0);
        for tie in self.anomalous.chunk_by(|a, b| a.score == b.score) {
            let score = tie[0].score;
            let rest = self.normal[passed..].iter();
            passed += rest.take_while(|&&normal| normal > score).count();
            go_to(Point {
                x: rate(passed),
                y: height,
            });
            let rest = self.normal[passed..].iter();
            passed += rest.take_while(|&&normal| normal == score).count();
            height += tie.iter().map(|pixel| weight(pixel.region)).sum::<f64>();
            go_to(Point {
                x: rate(passed),
                y: height,
            });
        }
        go_to(Point { x: 1.0, y: height });
        area / limit
    }
}

/// Of a curve: share of false positives, height.
#[derive(Debug, Clone, Copy)]
struct Point {
    x: f64,
    y: f64,
}

/// Area under the line between two points, as far as it lies left of `limit`.
fn area_between(from: Point, to: Point, limit: f64) -> f64 {
    let end = to.x.min(limit);
    if end <= from.x {
        return 0.0;
    }
    let slope = (to.y - from.y) / (to.x - from.x);
    let end_height = from.y + slope * (end - from.x);
    (end - from.x) * (from.y + end_height) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_close(got: f64, expected: f64) {
        assert!((got - expected).abs() < 1e-12, "{got}, not {expected}");
    }

    #[test]
    fn a_small_region_weighs_as_much_as_a_large_one() {
        let mut pixels = PixelScores::default();
        // A region of three pixels found at once, one of a single pixel below all normal ones.
        let mask = [true, true, true, false, true, false, false, false];
        pixels.add_masked(&[9.0, 9.0, 9.0, 5.0, 1.0, 4.0, 3.0, 2.0], &mask, 8);
        let metrics = pixels.measure().unwrap();
        assert_close(metrics.auroc, 0.75);
        assert_close(metrics.aupro, 0.5);
    }

    #[test]
    fn a_tie_is_a_straight_line_and_the_limit_cuts_it() {
        let mut pixels = PixelScores::default();
        pixels.add_masked(&[1.0, 1.0], &[true, false], 2);
        pixels.add_normal(&[1.0, 0.0]);
        let metrics = pixels.measure().unwrap();
        // Height rises to 1 at ⅔: ⅓ + ⅓ in all, and 0.45 at the limit, half of it on average.
        assert_close(metrics.auroc, 2.0 / 3.0);
        assert_close(metrics.aupro, 0.225);
    }

    #[test]
    fn without_both_kinds_of_pixels_there_is_nothing_to_measure() {
        let mut pixels = PixelScores::default();
        assert_eq!(pixels.clone().measure(), None);
        pixels.add_normal(&[1.0; 4]);
        assert_eq!(pixels.clone().measure(), None);
        pixels.add_masked(&[f32::NAN, 1.0], &[true, false], 1);
        assert_eq!(pixels.measure(), None);
        let mut all = PixelScores::default();
        all.add_masked(&[1.0; 4], &[true; 4], 2);
        assert_eq!(all.measure(), None);
    }

    #[test]
    fn the_order_of_images_does_not_matter() {
        let image = |seed: u32| -> (Vec<f32>, Vec<bool>) {
            let value = |i: u32| (i * 7919 + seed * 104_729) % 13;
            let scores = (0..64).map(|i| value(i) as f32).collect();
            (scores, (0..64).map(|i| value(i + 3) < 5).collect())
        };
        let measure = |seeds: [u32; 3]| {
            let mut pixels = PixelScores::default();
            for (scores, mask) in seeds.map(image) {
                pixels.add_masked(&scores, &mask, 8);
            }
            pixels.measure().unwrap()
        };
        let (one, other) = (measure([1, 2, 3]), measure([3, 1, 2]));
        assert_close(one.auroc, other.auroc);
        assert_close(one.aupro, other.aupro);
    }
}
