//! The receiver operating characteristic: true against false positives.

use super::Label;
use super::ranking::Ranking;

/// The ROC curve, a point for each distinct score (scikit-learn's `roc_curve` with
/// `drop_intermediate=False`), from (0, 0) to (1, 1).
///
/// ```
/// use daad::metric::Label::{Anomalous, Normal};
/// use daad::metric::RocCurve;
///
/// let scores = [0.1, 0.4, 0.35, 0.8];
/// let labels = [Normal, Normal, Anomalous, Anomalous];
/// let curve = RocCurve::of(&scores, &labels).ok_or("images of both kinds")?;
/// assert_eq!(curve.false_positive_rates, [0.0, 0.0, 0.5, 0.5, 1.0]);
/// assert_eq!(curve.true_positive_rates, [0.0, 0.5, 0.5, 1.0, 1.0]);
/// assert_eq!(curve.thresholds, [f64::INFINITY, 0.8, 0.4, 0.35, 0.1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct RocCurve {
    /// Share of normal images at or above the threshold.
    pub false_positive_rates: Vec<f64>,
    /// Share of anomalous images at or above the threshold.
    pub true_positive_rates: Vec<f64>,
    /// In descending order; the first is infinite, because no score reaches it.
    pub thresholds: Vec<f64>,
}

impl RocCurve {
    /// None if there are no normal or no anomalous images, or if a score is NaN.
    ///
    /// ```
    /// use daad::metric::Label::{Anomalous, Normal};
    /// use daad::metric::RocCurve;
    ///
    /// assert!(RocCurve::of(&[0.1, 0.2], &[Normal, Anomalous]).is_some());
    /// assert!(RocCurve::of(&[0.1, 0.2], &[Normal, Normal]).is_none());
    /// assert!(RocCurve::of(&[0.1, f64::NAN], &[Normal, Anomalous]).is_none());
    /// ```
    ///
    /// # Panics
    ///
    /// Where the slices differ in length.
    pub fn of(scores: &[f64], labels: &[Label]) -> Option<Self> {
        let ranking = Ranking::of(scores, labels)?;
        let mut curve = Self {
            false_positive_rates: vec![0.0],
            true_positive_rates: vec![0.0],
            thresholds: vec![f64::INFINITY],
        };
        for cut in &ranking.cuts {
            let false_positives = cut.false_positives as f64 / ranking.normal as f64;
            let true_positives = cut.true_positives as f64 / ranking.anomalous as f64;
            curve.false_positive_rates.push(false_positives);
            curve.true_positive_rates.push(true_positives);
            curve.thresholds.push(cut.threshold);
        }
        Some(curve)
    }
}

/// Area under the ROC curve: the probability that an anomalous image has a higher score than a
/// normal one, where ties count half. None if there are no normal or no anomalous images, or if a
/// score is NaN.
///
/// ```
/// use daad::metric::Label::{Anomalous, Normal};
/// use daad::metric::{auroc, average_precision, best_f1};
///
/// let scores = [0.1, 0.2, 0.3, 0.9];
/// let labels = [Normal, Anomalous, Normal, Anomalous];
/// assert_eq!(auroc(&scores, &labels), Some(0.75));
/// assert_eq!(average_precision(&scores, &labels), Some(0.5 * 1.0 + 0.5 * 2.0 / 3.0));
/// assert_eq!(best_f1(&scores, &labels).map(|best| best.threshold), Some(0.2));
/// // Normal images alone have none of these.
/// assert_eq!(auroc(&scores[..1], &labels[..1]), None);
/// ```
///
/// # Panics
///
/// Where the slices differ in length.
pub fn auroc(scores: &[f64], labels: &[Label]) -> Option<f64> {
    let ranking = Ranking::of(scores, labels)?;
    // Mann–Whitney U: for each normal image, count the anomalous images with a higher score, plus
    // half of those with the same score.
    let (mut above, mut seen, mut wins) = (0, 0, 0.0);
    for cut in &ranking.cuts {
        let normal_here = (cut.false_positives - seen) as f64;
        wins += normal_here * (above + cut.true_positives) as f64 / 2.0;
        (above, seen) = (cut.true_positives, cut.false_positives);
    }
    Some(wins / (ranking.normal as f64 * ranking.anomalous as f64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Label::{Anomalous, Normal};

    #[test]
    fn a_perfect_order_is_one_and_its_reverse_zero() {
        let scores = [0.1, 0.2, 0.8, 0.9];
        let labels = [Normal, Normal, Anomalous, Anomalous];
        assert_eq!(auroc(&scores, &labels), Some(1.0));
        let reversed = [Anomalous, Anomalous, Normal, Normal];
        assert_eq!(auroc(&scores, &reversed), Some(0.0));
    }

    #[test]
    fn ties_count_half() {
        let labels = [Normal, Anomalous, Normal, Anomalous];
        assert_eq!(auroc(&[1.0; 4], &labels), Some(0.5));
        // By hand: pairs (n, a) = (1, 2) win, (1, 3) win, (2, 2) tie, (2, 3) win: 3.5 / 4.
        assert_eq!(auroc(&[1.0, 2.0, 2.0, 3.0], &labels), Some(0.875));
        // 0 and −0 are equal scores.
        assert_eq!(auroc(&[0.0, -0.0], &[Normal, Anomalous]), Some(0.5));
    }

    #[test]
    fn one_kind_alone_or_a_nan_has_no_auroc() {
        assert_eq!(auroc(&[1.0, 2.0], &[Normal, Normal]), None);
        assert_eq!(auroc(&[1.0, f64::NAN], &[Normal, Anomalous]), None);
        assert_eq!(auroc(&[], &[]), None);
    }

    #[test]
    fn the_curve_has_a_point_for_each_distinct_score() {
        let labels = [Normal, Anomalous, Normal, Anomalous];
        let curve = RocCurve::of(&[1.0, 2.0, 2.0, 3.0], &labels).unwrap();
        assert_eq!(curve.thresholds, [f64::INFINITY, 3.0, 2.0, 1.0]);
        assert_eq!(curve.false_positive_rates, [0.0, 0.0, 0.5, 1.0]);
        assert_eq!(curve.true_positive_rates, [0.0, 0.5, 1.0, 1.0]);
        assert_eq!(RocCurve::of(&[1.0], &[Normal]), None);
    }
}
