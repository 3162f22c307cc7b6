//! The scaling of raw scores, their fusion into the anomaly score (Eq. 7), and the threshold.

use serde::{Deserialize, Serialize};

use super::appearance::Appearance;
use super::conformal::{Threshold, least_rate};
use super::raw::RawScore;

/// γ of Eq. 7: the weight of the reconstruction score against the alignment score.
///
/// ```
/// use daad::score::{DEFAULT_GAMMA, Fusion, RawScore};
///
/// let scores = [0.01, 0.02].map(|r| RawScore { reconstruction: r, alignment: None });
/// assert_eq!(Fusion::fit(&scores, DEFAULT_GAMMA).gamma, 0.9);
/// ```
pub const DEFAULT_GAMMA: f64 = 0.9;

/// The interval that is scaled linearly to [0, 1].
///
/// ```
/// use daad::score::Range;
///
/// let range = Range { min: 2.0, max: 6.0 };
/// assert_eq!(range.scale(3.0), 0.25);
/// ```
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
    /// ```
    /// use daad::score::Range;
    ///
    /// assert_eq!(Range::of([3.0, 2.0, 6.0]), Range { min: 2.0, max: 6.0 });
    /// ```
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
    ///
    /// ```
    /// use daad::score::Range;
    ///
    /// let range = Range { min: 2.0, max: 6.0 };
    /// assert_eq!((range.scale(6.0), range.scale(14.0)), (1.0, 3.0));
    /// let single = Range { min: 2.0, max: 2.0 };
    /// assert_eq!(single.scale(5.0), 3.0);
    /// ```
    pub fn scale(&self, value: f64) -> f64 {
        (value - self.min) / self.unit()
    }

    /// The difference of values that is scaled to 1: the width, or 1 for an interval of width zero.
    pub(crate) fn unit(&self) -> f64 {
        let width = self.max - self.min;
        if width > 0.0 { width } else { 1.0 }
    }
}

/// How R and L are scaled and fused.
///
/// ```
/// use daad::score::{Fusion, RawScore, Range};
///
/// // Of a system without a discriminator: the score is the scaled R.
/// let range = Range { min: 0.01, max: 0.03 };
/// let fusion = Fusion { gamma: 0.9, reconstruction: range, alignment: None };
/// let score = fusion.anomaly_score(RawScore { reconstruction: 0.05, alignment: None });
/// assert!((score - 2.0).abs() < 1e-9);
/// ```
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
    /// ```
    /// use daad::score::{Fusion, RawScore};
    ///
    /// let raw = |r, l| RawScore { reconstruction: r, alignment: Some(l) };
    /// let fusion = Fusion::fit(&[raw(0.03, 2.0), raw(0.01, 6.0)], 0.9);
    /// assert_eq!((fusion.reconstruction.min, fusion.reconstruction.max), (0.01, 0.03));
    /// assert_eq!(fusion.alignment.map(|range| range.max), Some(6.0));
    /// ```
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
    ///
    /// ```
    /// use daad::score::{Fusion, RawScore, Range};
    ///
    /// let fusion = Fusion {
    ///     gamma: 0.75,
    ///     reconstruction: Range { min: 0.0, max: 2.0 },
    ///     alignment: Some(Range { min: 0.0, max: 100.0 }),
    /// };
    /// let raw = RawScore { reconstruction: 4.0, alignment: Some(50.0) };
    /// assert_eq!(fusion.anomaly_score(raw), 0.75 * 2.0 + 0.25 * 0.5);
    /// ```
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
///
/// NOTE: the scaling of R and L is fitted to the same n images, but the theorem for the threshold
/// does not cover this. In simulations with γ = 0.9 the rate exceeded its bound by a tenth of the
/// bound for n = 22, and by no measurable amount for n = 99.
///
/// ```
/// use daad::weights::read_card;
///
/// let card = read_card(&std::fs::read("models/piped.safetensors")?)?;
/// let calibration = card.calibration.with_false_alarm_rate(0.2);
/// let above = calibration.normal_scores.iter().filter(|&&score| score > calibration.threshold);
/// assert!(above.count() as f64 <= 0.2 * calibration.normal_scores.len() as f64);
/// println!("{}", calibration.rate_in_words());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Scaling and γ.
    pub fusion: Fusion,
    /// The threshold; images with scores above it are anomalous.
    pub threshold: f64,
    /// The share of normal images that the threshold was asked to refuse at most.
    pub target_false_alarm_rate: f64,
    /// The maximum share of normal images that the threshold refuses, as far as n images support
    /// it: see [`Threshold`].
    pub false_alarm_rate: f64,
    /// The anomaly scores of the n normal images, ascending. An image that was mirrored has the
    /// largest of its own score and those of its mirror images.
    pub normal_scores: Vec<f64>,
    /// R and L of each of these images and of its mirror images, for computing the scores with
    /// another γ.
    pub normal_raw_scores: Vec<Vec<RawScore>>,
    /// The full scale of a heat map: the 99.9 % quantile of the squared errors of the pixels of
    /// these images.
    pub error_full_scale: f64,
    /// The appearance of these images, with which images of other kinds are recognized.
    pub appearance: Appearance,
    /// R and L of [`crate::image::test_pattern`] on the CPU, with which other devices are
    /// compared.
    pub reference: RawScore,
}

/// The measurements of held-out normal images.
///
/// ```
/// use daad::image::test_pattern;
/// use daad::score::{Appearance, NormalStatistics, RawScore};
///
/// // Two images, of which the second was scored with its mirror image.
/// let raw = |r| RawScore { reconstruction: r, alignment: None };
/// let normal = NormalStatistics {
///     scores: vec![vec![raw(0.01)], vec![raw(0.02), raw(0.03)]],
///     error_full_scale: 0.1,
///     appearance: Appearance::of([test_pattern(64, 64)]),
/// };
/// assert_eq!(normal.scores.len(), 2);
/// ```
#[derive(Debug, Clone)]
pub struct NormalStatistics {
    /// The raw scores of each image and of its mirror images.
    pub scores: Vec<Vec<RawScore>>,
    /// The 99.9 % quantile of the squared errors of the images' pixels.
    pub error_full_scale: f64,
    /// The appearance of the images.
    pub appearance: Appearance,
}

#[cfg(test)]
impl NormalStatistics {
    /// Statistics with these scores, for tests that need no other values.
    pub(crate) fn of_scores(scores: Vec<Vec<RawScore>>) -> Self {
        Self {
            scores,
            error_full_scale: 1.0,
            appearance: Appearance::of([image::RgbImage::new(8, 8)]),
        }
    }
}

/// The verdict on an image.
///
/// ```
/// use daad::score::Verdict;
///
/// let what_to_do = |verdict| match verdict {
///     Verdict::Normal => "ship it",
///     Verdict::Anomalous => "sort it out",
///     Verdict::Unfamiliar => "check the camera",
/// };
/// assert_eq!(what_to_do(Verdict::Unfamiliar), "check the camera");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The score does not lie above the threshold.
    Normal,
    /// The score lies above the threshold.
    Anomalous,
    /// The image as a whole differs too much from the training images, so its score is meaningless:
    /// see [`Appearance`].
    Unfamiliar,
}

impl Verdict {
    /// The verdict as one word.
    ///
    /// ```
    /// use daad::score::Verdict;
    ///
    /// assert_eq!(Verdict::Anomalous.word(), "anomalous");
    /// ```
    pub fn word(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Anomalous => "anomalous",
            Self::Unfamiliar => "unfamiliar",
        }
    }
}

/// With fewer normal images than this, a single unusual one can determine the threshold.
const FEW_NORMAL_IMAGES: usize = 20;

/// The warning for users if all normal images have the same score.
///
/// ```
/// let card = daad::weights::read_card(&std::fs::read("models/piped.safetensors")?)?;
/// if card.calibration.has_no_scale() {
///     println!("{}", daad::score::NOTHING_TO_SCALE_BY);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub const NOTHING_TO_SCALE_BY: &str = "all of these images score the same, so there is nothing to \
                                       scale by: give more of them";

/// The warning about a threshold from only `images` normal images; None if they are enough.
///
/// ```
/// use daad::score::few_images_warning;
///
/// assert!(few_images_warning(3).is_some_and(|warning| warning.contains("3 normal images")));
/// assert_eq!(few_images_warning(20), None);
/// ```
pub fn few_images_warning(images: usize) -> Option<String> {
    (images < FEW_NORMAL_IMAGES).then(|| {
        format!(
            "The threshold means little: it rests on {images} normal image{}. {FEW_NORMAL_IMAGES} \
             or more would be better.",
            if images == 1 { "" } else { "s" }
        )
    })
}

impl Calibration {
    /// A calibration from the measurements of held-out normal images.
    ///
    /// ```
    /// use daad::image::test_pattern;
    /// use daad::score::{Appearance, Calibration, NormalStatistics, RawScore};
    ///
    /// let raw = |r| RawScore { reconstruction: r, alignment: None };
    /// let normal = NormalStatistics {
    ///     scores: (1..=20).map(|index| vec![raw(f64::from(index) / 100.0)]).collect(),
    ///     error_full_scale: 0.1,
    ///     appearance: Appearance::of([test_pattern(64, 64)]),
    /// };
    /// let calibration = Calibration::from_normal(normal, 0.9, 0.1, raw(0.5));
    /// // One of the 20 scores, which are scaled to [0, 1], lies above the threshold.
    /// let above = calibration.normal_scores.iter().filter(|&&score| score > calibration.threshold);
    /// assert_eq!(above.count(), 1);
    /// assert_eq!(calibration.false_alarm_rate, 0.1);
    /// ```
    ///
    /// # Panics
    ///
    /// Where there is no image, or an image without a score.
    pub fn from_normal(
        normal: NormalStatistics,
        gamma: f64,
        target_false_alarm_rate: f64,
        reference: RawScore,
    ) -> Self {
        let images = normal.scores;
        let fusion = Fusion::fit(&images.concat(), gamma);
        let largest = |mirrored: &Vec<RawScore>| {
            let scores = mirrored.iter().map(|&score| fusion.anomaly_score(score));
            scores.max_by(f64::total_cmp).expect("at least one score")
        };
        let mut normal_scores: Vec<f64> = images.iter().map(largest).collect();
        normal_scores.sort_by(f64::total_cmp);
        Self {
            fusion,
            threshold: 0.0,
            target_false_alarm_rate,
            false_alarm_rate: 0.0,
            normal_scores,
            normal_raw_scores: images,
            error_full_scale: normal.error_full_scale,
            appearance: normal.appearance,
            reference,
        }
        .with_false_alarm_rate(target_false_alarm_rate)
    }

    /// The same calibration with a threshold that refuses at most another share of normal images.
    ///
    /// ```
    /// let card = daad::weights::read_card(&std::fs::read("models/piped.safetensors")?)?;
    /// let strict = card.calibration.clone().with_false_alarm_rate(0.3);
    /// assert!(strict.threshold < card.calibration.threshold);
    /// assert_eq!(strict.false_alarm_rate, 0.3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_false_alarm_rate(self, target: f64) -> Self {
        let threshold = Threshold::conformal(&self.normal_scores, target);
        Self {
            threshold: threshold.value,
            target_false_alarm_rate: target,
            false_alarm_rate: threshold.false_alarm_rate,
            ..self
        }
    }

    /// The verdict on an image with this anomaly score and this [`Appearance::unfamiliarity`].
    ///
    /// ```
    /// use daad::score::Verdict;
    ///
    /// let card = daad::weights::read_card(&std::fs::read("models/piped.safetensors")?)?;
    /// let calibration = card.calibration;
    /// let above = calibration.threshold + 0.1;
    /// assert_eq!(calibration.verdict(calibration.threshold, 0.2), Verdict::Normal);
    /// assert_eq!(calibration.verdict(above, 0.2), Verdict::Anomalous);
    /// assert_eq!(calibration.verdict(above, 1.5), Verdict::Unfamiliar);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn verdict(&self, anomaly_score: f64, unfamiliarity: f64) -> Verdict {
        if unfamiliarity > 1.0 {
            Verdict::Unfamiliar
        } else if anomaly_score > self.threshold {
            Verdict::Anomalous
        } else {
            Verdict::Normal
        }
    }

    /// Whether all of several normal images have the same score, or there is only one score. Then R
    /// and L have no scale.
    ///
    /// ```
    /// use daad::image::test_pattern;
    /// use daad::score::{Appearance, Calibration, NormalStatistics, RawScore};
    ///
    /// let raw = |r| RawScore { reconstruction: r, alignment: None };
    /// let calibrated = |scores: [f64; 3]| {
    ///     let normal = NormalStatistics {
    ///         scores: scores.map(|r| vec![raw(r)]).to_vec(),
    ///         error_full_scale: 0.1,
    ///         appearance: Appearance::of([test_pattern(64, 64)]),
    ///     };
    ///     Calibration::from_normal(normal, 0.9, 0.1, raw(0.5))
    /// };
    /// assert!(calibrated([0.02, 0.02, 0.02]).has_no_scale());
    /// assert!(!calibrated([0.02, 0.02, 0.03]).has_no_scale());
    /// ```
    pub fn has_no_scale(&self) -> bool {
        let ends = self.normal_scores.first().zip(self.normal_scores.last());
        let are_equal = self.normal_scores.len() > 1 && ends.is_some_and(|(a, b)| a == b);
        let range = self.fusion.reconstruction;
        are_equal || range.max <= range.min
    }

    /// The false-alarm rate that the threshold keeps, in words.
    ///
    /// ```
    /// let card = daad::weights::read_card(&std::fs::read("models/piped.safetensors")?)?;
    /// let words = card.calibration.rate_in_words();
    /// assert_eq!(words, "refuses at most 10 % of normal images, from 22 of them");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn rate_in_words(&self) -> String {
        let threshold = Threshold::conformal(&self.normal_scores, self.target_false_alarm_rate);
        threshold.rate_in_words(self.normal_scores.len())
    }

    /// Whether all numbers are finite and consistent with each other.
    pub(crate) fn is_sound(&self) -> bool {
        let range = |range: &Range| {
            range.min.is_finite() && range.max.is_finite() && range.min <= range.max
        };
        self.threshold.is_finite()
            && (0.0..=1.0).contains(&self.target_false_alarm_rate)
            && (self.target_false_alarm_rate..=1.0).contains(&self.false_alarm_rate)
            && (0.0..=1.0).contains(&self.fusion.gamma)
            && range(&self.fusion.reconstruction)
            && self.fusion.alignment.as_ref().is_none_or(range)
            && !self.normal_scores.is_empty()
            && self.normal_raw_scores.len() == self.normal_scores.len()
            && self
                .normal_raw_scores
                .iter()
                .all(|scores| !scores.is_empty())
            && self.false_alarm_rate >= least_rate(self.normal_scores.len())
            && self.normal_scores.iter().all(|score| score.is_finite())
            && self
                .normal_raw_scores
                .iter()
                .flatten()
                .all(RawScore::is_finite)
            && self.error_full_scale.is_finite()
            && self.appearance.is_sound()
            && self.reference.is_finite()
    }
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
        let scores: Vec<_> = (0..=10).map(|r| vec![raw(f64::from(r), 0.0)]).collect();
        let reference = scores[0][0];
        let calibration =
            Calibration::from_normal(NormalStatistics::of_scores(scores), 1.0, 0.0, reference);
        assert_eq!(calibration.threshold, 1.0);
        let looser = calibration.with_false_alarm_rate(0.3);
        assert!((looser.threshold - 0.8).abs() < 1e-12 && looser.is_sound());
    }

    #[test]
    fn one_held_out_image_is_enough_to_calibrate() {
        let score = raw(1.0, 1.0);
        let calibration = Calibration::from_normal(
            NormalStatistics::of_scores(vec![vec![score]]),
            0.9,
            0.01,
            score,
        );
        assert!(calibration.is_sound());
        assert_eq!(calibration.threshold, 0.0);
        assert_eq!(calibration.false_alarm_rate, 0.5);
    }

    #[test]
    fn the_mirror_images_of_a_picture_count_as_one_image() {
        let picture = |r: f64| vec![raw(r, 0.0), raw(r + 0.5, 0.0), raw(r + 0.2, 0.0)];
        let normal = vec![picture(1.0), picture(0.0), picture(2.0)];
        let calibration = Calibration::from_normal(
            NormalStatistics::of_scores(normal),
            1.0,
            0.01,
            raw(0.0, 0.0),
        );
        assert_eq!(calibration.normal_scores, [0.2, 0.6, 1.0]);
        assert_eq!(calibration.false_alarm_rate, 0.25);
    }

    #[test]
    fn copies_of_one_image_have_no_scale() {
        let calibrated = |scores: Vec<Vec<RawScore>>| {
            Calibration::from_normal(
                NormalStatistics::of_scores(scores),
                0.9,
                0.01,
                raw(0.0, 0.0),
            )
        };
        let mirrored = vec![raw(1.0, 1.0), raw(2.0, 1.0)];
        assert!(calibrated(vec![mirrored.clone(); 10]).has_no_scale());
        assert!(!calibrated(vec![mirrored]).has_no_scale());
        assert!(calibrated(vec![vec![raw(1.0, 1.0)]]).has_no_scale());
    }

    #[test]
    fn an_unfamiliar_image_is_neither_normal_nor_anomalous() {
        let scores = (0..=10).map(|r| vec![raw(f64::from(r), 0.0)]).collect();
        let calibration =
            Calibration::from_normal(NormalStatistics::of_scores(scores), 1.0, 0.0, raw(0.0, 0.0));
        assert_eq!(calibration.verdict(1.0, 1.0), Verdict::Normal);
        assert_eq!(calibration.verdict(1.1, 0.0), Verdict::Anomalous);
        for score in [0.5, 85.0] {
            assert_eq!(calibration.verdict(score, 1.1), Verdict::Unfamiliar);
        }
        assert_eq!(
            serde_json::to_string(&Verdict::Unfamiliar).unwrap(),
            "\"unfamiliar\""
        );
        assert_eq!(Verdict::Unfamiliar.word(), "unfamiliar");
    }
}
