//! Metrics of precision and recall.

use super::Label;
use super::ranking::Ranking;

/// Average precision: the mean of the precisions at all thresholds, weighted by the increase of
/// recall, without interpolation (scikit-learn's `average_precision_score`). None as for
/// [`super::auroc`].
///
/// ```
/// use daad::metric::Label::{Anomalous, Normal};
/// use daad::metric::average_precision;
///
/// // Half of the anomalous images at a precision of 1, the other half at 2/3.
/// let precision = average_precision(&[0.9, 0.8, 0.7], &[Anomalous, Normal, Anomalous]);
/// assert_eq!(precision, Some(0.5 * 1.0 + 0.5 * (2.0 / 3.0)));
/// ```
///
/// # Panics
///
/// Where the slices differ in length.
pub fn average_precision(scores: &[f64], labels: &[Label]) -> Option<f64> {
    let ranking = Ranking::of(scores, labels)?;
    let mut found = 0;
    let mut sum = 0.0;
    for cut in &ranking.cuts {
        let called = cut.true_positives + cut.false_positives;
        let precision = cut.true_positives as f64 / called as f64;
        sum += (cut.true_positives - found) as f64 * precision;
        found = cut.true_positives;
    }
    Some(sum / ranking.anomalous as f64)
}

/// The best F1 over all thresholds.
///
/// ```
/// use daad::metric::Label::{Anomalous, Normal};
/// use daad::metric::{BestF1, best_f1};
///
/// let best = best_f1(&[0.2, 0.9], &[Normal, Anomalous]);
/// assert_eq!(best, Some(BestF1 { f1: 1.0, threshold: 0.9 }));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BestF1 {
    /// Harmonic mean of precision and recall, in (0, 1].
    pub f1: f64,
    /// The lowest threshold that reaches it; scores at or above it count as anomalous.
    pub threshold: f64,
}

/// The best F1 over all thresholds of scikit-learn's `precision_recall_curve`. The threshold is
/// chosen with the labels of the test images, so this is an upper limit for F1, not the F1 of the
/// model's own threshold. None as for [`super::auroc`].
///
/// ```
/// use daad::metric::Label::{Anomalous, Normal};
/// use daad::metric::best_f1;
///
/// let scores = [0.1, 0.3, 0.6, 0.9];
/// let labels = [Normal, Anomalous, Normal, Anomalous];
/// // A precision of 2/3 and a recall of 1.
/// let best = best_f1(&scores, &labels).ok_or("images of both kinds")?;
/// assert_eq!((best.f1, best.threshold), (0.8, 0.3));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
///
/// Where the slices differ in length.
pub fn best_f1(scores: &[f64], labels: &[Label]) -> Option<BestF1> {
    let ranking = Ranking::of(scores, labels)?;
    let candidates = ranking.cuts.iter().map(|cut| {
        // 2·TP / (2·TP + FP + FN) is a single division, so equal values of F1 are equal after
        // rounding too.
        let total = cut.true_positives + cut.false_positives + ranking.anomalous;
        BestF1 {
            f1: 2.0 * cut.true_positives as f64 / total as f64,
            threshold: cut.threshold,
        }
    });
    candidates.reduce(|best, lower| if lower.f1 >= best.f1 { lower } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;
    use Label::{Anomalous, Normal};

    #[test]
    fn average_precision_weighs_precision_by_the_recall_gained() {
        // By hand: cuts at 4 (1 of 1), 3 (1 of 2), 2 (2 of 3): ½·1 + ½·⅔.
        let labels = [Anomalous, Normal, Anomalous, Normal];
        let ap = average_precision(&[4.0, 3.0, 2.0, 1.0], &labels).unwrap();
        assert!((ap - 5.0 / 6.0).abs() < 1e-15, "{ap}");
        // Equal scores give a single cut, whose precision is the share of anomalous images.
        assert_eq!(average_precision(&[1.0; 4], &labels), Some(0.5));
        assert_eq!(average_precision(&[1.0], &[Anomalous]), None);
    }

    #[test]
    fn of_equally_good_thresholds_the_lowest_is_taken() {
        // By hand: F1 is ⅔ at 4, ½ at 3, ⅘ at 2, ⅔ at 1.
        let labels = [Anomalous, Normal, Anomalous, Normal];
        let best = best_f1(&[4.0, 3.0, 2.0, 1.0], &labels).unwrap();
        assert_eq!((best.f1, best.threshold), (0.8, 2.0));
        // ⅔ at 5, ½ at 4, ⅖ at 3, ⅔ at 2: twice the best.
        let labels = [Anomalous, Normal, Normal, Anomalous];
        let best = best_f1(&[5.0, 4.0, 3.0, 2.0], &labels).unwrap();
        assert_eq!((best.f1, best.threshold), (2.0 / 3.0, 2.0));
        assert_eq!(best_f1(&[f64::NAN, 1.0], &[Normal, Anomalous]), None);
    }
}
