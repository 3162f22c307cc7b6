//! Metrics of error maps as detectors of defective pixels: pixel AUROC and AUPRO.

use super::regions::label_regions;

/// The limit of the false positive rate up to which AUPRO is integrated; 0.3 is the usual value.
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

/// How well the pixels' scores separate normal from anomalous pixels.
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
    /// At a threshold, the overlap of a connected region is the share of its pixels with a score at
    /// or above the threshold. The curve plots the mean overlap of the regions of all images, in
    /// which small and large regions have the same weight, against the false positive rate over the
    /// normal pixels of all images.
    ///
    /// Regions (8-connectivity), weights, false positives, limit and normalization are those of
    /// anomalib (`anomalib.metrics.AUPRO`), with two differences. anomalib resamples the curve of
    /// each region to a common number of points and averages these curves; here the mean is
    /// computed at every distinct score, which needs no resampling, and the curve is linear between
    /// two points, also at the limit. anomalib maps scores outside [0, 1] through a sigmoid in
    /// single precision, which makes large scores equal; here scores are used unchanged.
    pub aupro: f64,
}

/// The pixels' scores of a test set, added image by image. A normal pixel takes 4 bytes, an
/// anomalous pixel 8.
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
    /// If the two differ in length or do not consist of whole rows.
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

    /// Computes the metrics. None if no pixel is anomalous, no pixel is normal, or a score is NaN.
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

    /// Mean height of the curve up to the false positive rate `limit`, where each anomalous pixel
    /// raises the curve by the `weight` of its region. Both kinds of pixels must be sorted, the
    /// highest score first.
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

/// A point of the curve: false positive rate and height.
#[derive(Debug, Clone, Copy)]
struct Point {
    x: f64,
    y: f64,
}

/// Area under the line between two points, only for the part to the left of `limit`.
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
        // The curve of three pixels reaches the top at once; the region of one pixel is below all
        // normal pixels.
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
