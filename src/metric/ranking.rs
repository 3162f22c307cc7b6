//! Scores in falling order, and what each threshold makes of them: what all image metrics count.

use super::Label;

/// What counts as anomalous at one threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cut {
    /// Scores at or above it count as anomalous.
    pub(super) threshold: f64,
    /// Anomalous images that do.
    pub(super) true_positives: usize,
    /// Normal images that do.
    pub(super) false_positives: usize,
}

/// A cut at every score there is, from the highest to the lowest, which takes in everything.
#[derive(Debug)]
pub(super) struct Ranking {
    /// One for each distinct score.
    pub(super) cuts: Vec<Cut>,
    /// Anomalous images.
    pub(super) anomalous: usize,
    /// Normal images.
    pub(super) normal: usize,
}

impl Ranking {
    /// None where one of the two kinds is missing or a score is not a number.
    ///
    /// # Panics
    ///
    /// Where the slices differ in length.
    pub(super) fn of(scores: &[f64], labels: &[Label]) -> Option<Self> {
        assert_eq!(scores.len(), labels.len(), "one label a score");
        if scores.iter().any(|score| score.is_nan()) {
            return None;
        }
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
        let (mut true_positives, mut false_positives) = (0, 0);
        // By == rather than by total order: zeros of both signs are equal.
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
