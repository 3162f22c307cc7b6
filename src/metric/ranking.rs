//! The numbers of true and false positives at each threshold, from which all image metrics are
//! computed.

use super::Label;

/// The true and false positives at one threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cut {
    /// Scores at or above it count as anomalous.
    pub(super) threshold: f64,
    /// Number of anomalous images with such a score.
    pub(super) true_positives: usize,
    /// Number of normal images with such a score.
    pub(super) false_positives: usize,
}

/// A cut at every distinct score, from the highest to the lowest. At the last cut all images count
/// as anomalous.
#[derive(Debug)]
pub(super) struct Ranking {
    /// One cut for each distinct score, the highest first.
    pub(super) cuts: Vec<Cut>,
    /// Number of anomalous images.
    pub(super) anomalous: usize,
    /// Number of normal images.
    pub(super) normal: usize,
}

impl Ranking {
    /// None if there are no normal or no anomalous images, or if a score is NaN.
    ///
    /// # Panics
    ///
    /// If the slices differ in length.
    pub(super) fn of(scores: &[f64], labels: &[Label]) -> Option<Self> {
        assert_eq!(scores.len(), labels.len(), "one label a score");
        if scores.iter().any(|score| score.is_nan()) {
            return None;
        }
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
        let (mut true_positives, mut false_positives) = (0, 0);
        // Compared by `==` and not by the total order, because 0 and −0 are equal scores.
        let ties = order.chunk_by(|&a, &b| scores[a] == scores[b]);
        let cuts = ties.map(|tie| {
            let is_anomalous = |&&index: &&usize| labels[index] == Label::Anomalous;
            let anomalous = tie.iter().filter(is_anomalous).count();
            true_positives += anomalous;
            false_positives += tie.len() - anomalous;
            Cut {
                threshold: scores[tie[0]],
                true_positives,
                false_positives,
            }
        });
        let cuts: Vec<Cut> = cuts.collect();
        let all = cuts.last()?;
        let (anomalous, normal) = (all.true_positives, all.false_positives);
        (anomalous > 0 && normal > 0).then_some(Self {
            cuts,
            anomalous,
            normal,
        })
    }
}
