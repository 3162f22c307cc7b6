//! Metrics on plain slices.

use std::cmp::Ordering;

/// What an image is known to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    /// As it should be.
    Normal,
    /// Defective.
    Anomalous,
}

/// Area under the ROC curve: the chance that an anomalous image scores above a normal one, ties
/// counting half. None where one of the two kinds is missing or a score is not a number.
///
/// # Panics
///
/// Where the slices differ in length.
pub fn auroc(scores: &[f64], labels: &[Label]) -> Option<f64> {
    assert_eq!(scores.len(), labels.len(), "one label a score");
    if scores.iter().any(|score| score.is_nan()) {
        return None;
    }
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    // Mann–Whitney: walk up the scores, a tie at a time.
    let (mut normal_below, mut normal, mut anomalous, mut wins) = (0.0, 0.0, 0.0, 0.0);
    for tie in order.chunk_by(|&a, &b| scores[a].partial_cmp(&scores[b]) == Some(Ordering::Equal)) {
        let anomalous_here = tie
            .iter()
            .filter(|&&i| labels[i] == Label::Anomalous)
            .count() as f64;
        let normal_here = tie.len() as f64 - anomalous_here;
        wins += anomalous_here * (normal_below + 0.5 * normal_here);
        normal_below += normal_here;
        normal += normal_here;
        anomalous += anomalous_here;
    }
    (normal > 0.0 && anomalous > 0.0).then(|| wins / (normal * anomalous))
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
        // Zeros of both signs are equal.
        assert_eq!(auroc(&[0.0, -0.0], &[Normal, Anomalous]), Some(0.5));
    }

    #[test]
    fn one_kind_alone_or_a_nan_has_no_auroc() {
        assert_eq!(auroc(&[1.0, 2.0], &[Normal, Normal]), None);
        assert_eq!(auroc(&[1.0, f64::NAN], &[Normal, Anomalous]), None);
        assert_eq!(auroc(&[], &[]), None);
    }
}
