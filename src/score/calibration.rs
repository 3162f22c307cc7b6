//! The scaling of raw scores, their fusion into the anomaly score (Eq. 7), and the threshold.

use serde::{Deserialize, Serialize};

use super::raw::RawScore;

/// γ of Eq. 7: the weight of the reconstruction score against the alignment score.
pub const DEFAULT_GAMMA: f64 = 0.9;

/// The interval that is scaled linearly to [0, 1].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// The value that is scaled to 0.
    pub min: f64,
    /// The value that is scaled to 1.
    pub max: f64,
}

impl Range {
    /// The smallest interval that contains all values.
    ///
    /// # Panics
    ///
    /// Where there is no value.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        values
            .into_iter()
            .map(|value| Self {
                min: value,
                max: value,
            })
            .reduce(|a, b| Self {
                min: a.min.min(b.min),
                max: a.max.max(b.max),
            })
            .expect("at least one value")
    }

    /// Scales linearly, `min` to 0 and `max` to 1. Values outside the interval are scaled in the
    /// same way, so that a higher value always means more anomalous. An interval of width zero only
    /// shifts.
    pub fn scale(&self, value: f64) -> f64 {
        let width = self.max - self.min;
        (value - self.min) / if width > 0.0 { width } else { 1.0 }
    }
}

/// How R and L are scaled and fused.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fusion {
    /// γ, the weight of R.
    pub gamma: f64,
    /// The interval that scales R.
    pub reconstruction: Range,
    /// The interval that scales L; None if the anomaly score is R alone.
    pub alignment: Option<Range>,
}

impl Fusion {
    /// Scales both scores by their minimum and maximum over `scores`.
    ///
    /// Over a test set this is the *paper* protocol; over held-out normal images the *deployed*
    /// one.
    ///
    /// # Panics
    ///
    /// Where `scores` is empty.
    pub fn fit(scores: &[RawScore], gamma: f64) -> Self {
        let alignment: Option<Vec<f64>> = scores.iter().map(|score| score.alignment).collect();
        Self {
            gamma,
            reconstruction: Range::of(scores.iter().map(|score| score.reconstruction)),
            alignment: alignment.map(Range::of),
        }
    }

    /// The anomaly score A = γ·R + (1 − γ)·L of scaled R and L; R alone without L (Eq. 7).
    pub fn anomaly_score(&self, score: RawScore) -> f64 {
        let reconstruction = self.reconstruction.scale(score.reconstruction);
        match (self.alignment, score.alignment) {
            (Some(range), Some(alignment)) => {
                self.gamma * reconstruction + (1.0 - self.gamma) * range.scale(alignment)
            }
            _ => reconstruction,
        }
    }
}

/// The calibration, fixed in advance on held-out normal images: the *deployed* protocol.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Scaling and γ.
    pub fusion: Fusion,
    /// The threshold; images with scores above it are anomalous.
    pub threshold: f64,
    /// The share of normal images that the threshold was set to refuse.
    pub false_alarm_rate: f64,
    /// Anomaly scores of the held-out normal images, ascending.
    pub normal_scores: Vec<f64>,
    /// R and L of the same images, in no particular order, for computing the scores with another γ.
    pub normal_raw_scores: Vec<RawScore>,
    /// The largest squared error of a pixel in these images, which is the full scale of a heat map.
    pub normal_error_max: f64,
    /// R and L of [`crate::image::test_pattern`] on the CPU, with which other devices are
    /// compared.
    pub reference: RawScore,
}

impl Calibration {
    /// A calibration from the raw scores of held-out normal images.
    ///
    /// The threshold is the (1 − `false_alarm_rate`) quantile of their anomaly scores.
    ///
    /// # Panics
    ///
    /// Where `scores` is empty.
    pub fn from_normal(
        scores: &[RawScore],
        gamma: f64,
        false_alarm_rate: f64,
        normal_error_max: f64,
        reference: RawScore,
    ) -> Self {
        let fusion = Fusion::fit(scores, gamma);
        let mut normal_scores: Vec<f64> = scores
            .iter()
            .map(|&score| fusion.anomaly_score(score))
            .collect();
        normal_scores.sort_by(f64::total_cmp);
        Self {
            threshold: quantile(&normal_scores, 1.0 - false_alarm_rate),
            fusion,
            false_alarm_rate,
            normal_scores,
            normal_raw_scores: scores.to_vec(),
            normal_error_max,
            reference,
        }
    }

    /// The same calibration with a threshold that refuses another share of the held-out normal
    /// images.
    #[must_use]
    pub fn with_false_alarm_rate(self, false_alarm_rate: f64) -> Self {
        Self {
            threshold: quantile(&self.normal_scores, 1.0 - false_alarm_rate),
            false_alarm_rate,
            ..self
        }
    }

    /// Whether all numbers are finite and consistent with each other.
    pub(crate) fn is_sound(&self) -> bool {
        let range = |range: &Range| {
            range.min.is_finite() && range.max.is_finite() && range.min <= range.max
        };
        self.threshold.is_finite()
            && (0.0..=1.0).contains(&self.fusion.gamma)
            && (0.0..=1.0).contains(&self.false_alarm_rate)
            && range(&self.fusion.reconstruction)
            && self.fusion.alignment.as_ref().is_none_or(range)
            && !self.normal_scores.is_empty()
            && self.normal_scores.iter().all(|score| score.is_finite())
            && self.normal_raw_scores.iter().all(RawScore::is_finite)
            && self.normal_error_max.is_finite()
            && self.reference.is_finite()
    }
}

/// The `share` quantile of ascending values, with linear interpolation (as NumPy's default).
fn quantile(ascending: &[f64], share: f64) -> f64 {
    let position = share.clamp(0.0, 1.0) * (ascending.len() - 1) as f64;
    let low = ascending[position.floor() as usize];
    let high = ascending[position.ceil() as usize];
    low + (high - low) * position.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(reconstruction: f64, alignment: f64) -> RawScore {
        RawScore {
            reconstruction,
            alignment: Some(alignment),
        }
    }

    #[test]
    fn scores_are_scaled_before_they_are_fused() {
        let fusion = Fusion::fit(&[raw(1.0, 10.0), raw(3.0, 30.0)], 0.9);
        assert_eq!(fusion.anomaly_score(raw(1.0, 10.0)), 0.0);
        assert!((fusion.anomaly_score(raw(3.0, 10.0)) - 0.9).abs() < 1e-12);
        assert!((fusion.anomaly_score(raw(1.0, 30.0)) - 0.1).abs() < 1e-12);
    }

    #[test]
    fn beyond_the_calibrated_interval_a_higher_error_still_scores_higher() {
        let fusion = Fusion::fit(&[raw(1.0, 1.0), raw(2.0, 2.0)], 0.9);
        let scores = [0.5, 1.5, 4.0, 40.0].map(|r| fusion.anomaly_score(raw(r, 1.0)));
        assert!(scores.is_sorted() && scores[3] > scores[2], "{scores:?}");
    }

    #[test]
    fn without_a_discriminator_the_score_is_the_reconstruction_score() {
        let score = |reconstruction| RawScore {
            reconstruction,
            alignment: None,
        };
        let fusion = Fusion::fit(&[score(0.0), score(2.0)], 0.9);
        assert_eq!(fusion.anomaly_score(score(1.0)), 0.5);
    }

    #[test]
    fn a_higher_false_alarm_rate_lowers_the_threshold() {
        let scores: Vec<RawScore> = (0..=10).map(|r| raw(f64::from(r), 0.0)).collect();
        let calibration = Calibration::from_normal(&scores, 1.0, 0.0, 1.0, scores[0]);
        assert_eq!(calibration.threshold, 1.0);
        let looser = calibration.with_false_alarm_rate(0.3);
        assert!((looser.threshold - 0.7).abs() < 1e-12 && looser.is_sound());
    }

    #[test]
    fn one_held_out_image_is_enough_to_calibrate() {
        let calibration = Calibration::from_normal(&[raw(1.0, 1.0)], 0.9, 0.01, 1.0, raw(1.0, 1.0));
        assert!(calibration.is_sound());
        assert_eq!(calibration.threshold, 0.0);
    }

    #[test]
    fn quantiles_are_linear_between_neighbours() {
        assert_eq!(quantile(&[0.0, 1.0, 2.0, 4.0], 0.5), 1.5);
        assert_eq!(quantile(&[0.0, 1.0, 2.0, 4.0], 1.0), 4.0);
    }
}
