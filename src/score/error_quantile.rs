//! A quantile of the errors of many pixels, in constant memory.

/// The number of low bits of an `f32` in which the errors of one class may differ. Of positive
/// numbers the larger one has the larger bits, so the upper 16 bits divide the errors into classes
/// that are at most 0.8 % wide.
const IGNORED_BITS: u32 = 16;

/// Counts errors, which are not negative, by their size.
///
/// ```
/// use daad::score::ErrorQuantile;
///
/// let mut errors = ErrorQuantile::default();
/// errors.add(&[0.1, 0.2, 0.3]); // of one image
/// errors.add(&[0.4]); // of another
/// let median = errors.at(0.5);
/// assert!((0.2..0.2 * 1.008).contains(&median));
/// ```
#[derive(Debug, Clone)]
pub struct ErrorQuantile {
    counts: Vec<u64>,
}

impl Default for ErrorQuantile {
    fn default() -> Self {
        Self {
            counts: vec![0; 1 << (u32::BITS - IGNORED_BITS)],
        }
    }
}

impl ErrorQuantile {
    /// Counts these errors too.
    ///
    /// ```
    /// use daad::score::ErrorQuantile;
    ///
    /// let mut errors = ErrorQuantile::default();
    /// assert_eq!(errors.at(0.999), 0.0);
    /// errors.add(&vec![1.0; 128 * 128]);
    /// assert!(errors.at(0.999) >= 1.0);
    /// ```
    pub fn add(&mut self, errors: &[f32]) {
        for error in errors {
            self.counts[(error.abs().to_bits() >> IGNORED_BITS) as usize] += 1;
        }
    }

    /// The error that the given share of all errors does not exceed, rounded up to the end of its
    /// class; 0 where there is no error.
    ///
    /// ```
    /// use daad::score::ErrorQuantile;
    ///
    /// let mut errors = ErrorQuantile::default();
    /// errors.add(&[0.01; 999]);
    /// errors.add(&[2.0]);
    /// assert!(errors.at(0.999) < 0.011);
    /// assert!(errors.at(1.0) >= 2.0);
    /// ```
    pub fn at(&self, share: f64) -> f64 {
        let total: u64 = self.counts.iter().sum();
        let rank = (share * total as f64).ceil() as u64;
        let mut below = 0;
        let class = self.counts.iter().position(|count| {
            below += count;
            below >= rank.max(1)
        });
        class.map_or(0.0, |class| {
            let end = ((class as u32 + 1) << IGNORED_BITS) - 1;
            f64::from(f32::from_bits(end))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_hot_pixel_does_not_set_the_scale() {
        let mut errors = ErrorQuantile::default();
        let many: Vec<f32> = (0..100_000).map(|i| i as f32 / 100_000.0).collect();
        errors.add(&many);
        errors.add(&[1000.0]);
        assert!((errors.at(0.999) - 0.999).abs() < 0.008);
        assert!((errors.at(0.5) - 0.5).abs() < 0.004);
        assert!(errors.at(1.0) >= 1000.0);
        assert!(ErrorQuantile::default().at(0.999) < 1e-9);
    }
}
