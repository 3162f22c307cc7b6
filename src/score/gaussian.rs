//! Smoothing of a map by a Gaussian.
//!
//! NOTE: this works on plain values that were read from the device, not with tensor operations. So
//! the result has the same bits on every device, and a browser need not download Burn's matrix
//! products.

/// The distance, in units of σ, beyond which the Gaussian is cut off.
const TRUNCATE: f64 = 4.0;

/// Smooths a map, given row by row with `width` values in a row, along both axes. Beyond its edges
/// the map is continued by mirroring (`d c b a | a b c d | d c b a`), as SciPy's `gaussian_filter`
/// does by default. With σ = 0 the map stays as it is.
///
/// ```
/// use daad::score::smooth;
///
/// // A single error in the middle of 9×9 pixels.
/// let mut map = vec![0.0; 81];
/// map[40] = 1.0;
/// let smoothed = smooth(&map, 9, 1.0);
/// assert!(smoothed[40] < 0.2 && smoothed[41] > 0.05);
/// assert!((smoothed.iter().sum::<f32>() - 1.0).abs() < 1e-3);
/// assert_eq!(smooth(&map, 9, 0.0), map);
/// ```
///
/// # Panics
///
/// Where `map` does not consist of whole rows.
pub fn smooth(map: &[f32], width: usize, sigma_px: f64) -> Vec<f32> {
    let height = map.len() / width;
    assert_eq!(map.len(), height * width, "expected whole rows");
    if sigma_px == 0.0 {
        return map.to_vec();
    }
    let weights = weights(sigma_px);
    let radius = weights.len() / 2;

    let mut smoothed = vec![0.0; map.len()];
    for (y, row) in smoothed.chunks_exact_mut(width).enumerate() {
        for (tap, &weight) in weights.iter().enumerate() {
            let source = mirrored(y + tap, radius, height);
            add(row, weight, &map[source * width..][..width]);
        }
    }
    for row in smoothed.chunks_exact_mut(width) {
        let widened = 0..width + 2 * radius;
        let widened: Vec<f32> = widened.map(|x| row[mirrored(x, radius, width)]).collect();
        row.fill(0.0);
        for (tap, &weight) in weights.iter().enumerate() {
            add(row, weight, &widened[tap..][..width]);
        }
    }
    smoothed
}

/// The values of the Gaussian at whole pixels from its middle; their sum is one.
pub(crate) fn weights(sigma_px: f64) -> Vec<f32> {
    let radius = (TRUNCATE * sigma_px + 0.5) as i32;
    let at = |x: i32| (-0.5 * (f64::from(x) / sigma_px).powi(2)).exp();
    let sum: f64 = (-radius..=radius).map(at).sum();
    (-radius..=radius).map(|x| (at(x) / sum) as f32).collect()
}

/// The index on an axis of `length` values for position `index` − `radius`, which is mirrored if it
/// is outside.
pub(crate) fn mirrored(index: usize, radius: usize, length: usize) -> usize {
    let period = 2 * length;
    let place = (index + (period - radius % period)) % period;
    place.min(period - 1 - place)
}

fn add(sum: &mut [f32], weight: f32, values: &[f32]) {
    for (sum, value) in sum.iter_mut().zip(values) {
        *sum += weight * value;
    }
}
