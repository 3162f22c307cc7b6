//! The threshold for a false-alarm rate, from the scores of normal images.
//!
//! A new normal image, drawn as n others were, exceeds the k-th of their scores in ascending order
//! with a probability of at most (n + 1 − k)/(n + 1), because each of the n + 1 ranks is equally
//! likely for it (Vovk, Gammerman, Shafer: Algorithmic Learning in a Random World, 2005).

/// A threshold, and the false-alarm rate that it keeps.
///
/// ```
/// use daad::score::Threshold;
///
/// let threshold = Threshold::conformal(&[0.1, 0.2, 0.4, 0.9], 0.2);
/// assert_eq!((threshold.value, threshold.false_alarm_rate), (0.9, 0.2));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    /// Images with scores above this value are anomalous.
    pub value: f64,
    /// The share of normal images that the caller wants to refuse at most.
    pub target_false_alarm_rate: f64,
    /// The maximum share of normal images that the threshold refuses: the requested share, or the
    /// rate 1/(n + 1) if that is larger, because n images cannot support a lower rate.
    pub false_alarm_rate: f64,
}

impl Threshold {
    /// The ⌈(n + 1)(1 − `target`)⌉-th of the n scores, or the largest score if that rank exceeds n.
    ///
    /// ```
    /// use daad::score::Threshold;
    ///
    /// let scores: Vec<f64> = (1..=99).map(f64::from).collect();
    /// assert_eq!(Threshold::conformal(&scores, 0.05).value, 95.0);
    /// // Nine images support no rate below a tenth.
    /// let few = Threshold::conformal(&scores[..9], 0.05);
    /// assert_eq!((few.value, few.false_alarm_rate), (9.0, 0.1));
    /// ```
    ///
    /// # Panics
    ///
    /// Where there is no score.
    pub fn conformal(ascending: &[f64], target: f64) -> Self {
        let count = ascending.len();
        let ranks = count as f64 + 1.0;
        // Without the small term, rounding could raise a product that is a whole number to the next
        // whole number.
        let rank = (ranks * (1.0 - target) - 1e-9).ceil() as usize;
        Self {
            value: ascending[rank.clamp(1, count) - 1],
            target_false_alarm_rate: target,
            false_alarm_rate: target.max(least_rate(count)),
        }
    }

    /// The rate in words, for a threshold from `images` normal images.
    ///
    /// ```
    /// use daad::score::Threshold;
    ///
    /// let scores = [0.1, 0.2, 0.4, 0.9];
    /// let enough = Threshold::conformal(&scores, 0.25).rate_in_words(4);
    /// assert_eq!(enough, "refuses at most 25 % of normal images, from 4 of them");
    /// let few = Threshold::conformal(&scores, 0.01).rate_in_words(4);
    /// assert_eq!(
    ///     few,
    ///     "refuses at most 20 % of normal images: 4 images cannot support less, 1 % was asked for"
    /// );
    /// ```
    pub fn rate_in_words(&self, images: usize) -> String {
        let rate = percent(self.false_alarm_rate);
        let target = percent(self.target_false_alarm_rate);
        match self.false_alarm_rate > self.target_false_alarm_rate && rate != target {
            false => format!("refuses at most {rate} of normal images, from {images} of them"),
            true => format!(
                "refuses at most {rate} of normal images: {images} image{} cannot support less, \
                 {target} was asked for",
                if images == 1 { "" } else { "s" }
            ),
        }
    }
}

/// The lowest false-alarm rate that a threshold from this number of images can keep.
pub(super) fn least_rate(images: usize) -> f64 {
    1.0 / (images as f64 + 1.0)
}

/// A share in percent, with at least two significant digits.
fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    let decimals = match percent {
        0.0 => 0,
        _ => (1.0 - percent.log10().floor()).clamp(0.0, 6.0) as usize,
    };
    let text = format!("{percent:.decimals$}");
    let text = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => &text,
    };
    format!("{text} %")
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::distr::{Distribution, Uniform};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::score::{Calibration, NormalStatistics, RawScore};

    fn ranks(count: usize) -> Vec<f64> {
        (1..=count).map(|rank| rank as f64).collect()
    }

    #[test]
    fn the_threshold_has_the_conformal_rank() {
        for (count, target, rank) in [
            (99, 0.05, 95),
            (99, 0.01, 99),
            (22, 0.05, 22),
            (22, 0.1, 21),
            (9, 0.1, 9),
            (9, 0.3, 7),
            (1, 0.9, 1),
        ] {
            let threshold = Threshold::conformal(&ranks(count), target);
            assert_eq!(threshold.value, rank as f64, "{count} scores, {target}");
            assert_eq!(
                threshold.false_alarm_rate,
                target.max(1.0 / (count as f64 + 1.0))
            );
        }
    }

    #[test]
    fn a_rate_that_the_images_do_not_support_is_not_promised() {
        let threshold = Threshold::conformal(&ranks(22), 0.01);
        assert_eq!(
            (threshold.value, threshold.false_alarm_rate),
            (22.0, 1.0 / 23.0)
        );
        let words = threshold.rate_in_words(22);
        assert!(words.contains("22 images cannot support less"), "{words}");
        assert!(words.contains("at most 4.3 % of"), "{words}");
        let words = Threshold::conformal(&ranks(22), 0.05).rate_in_words(22);
        assert_eq!(
            words,
            "refuses at most 5 % of normal images, from 22 of them"
        );
    }

    #[test]
    fn percentages_keep_what_matters() {
        let cases = [
            (0.05, "5 %"),
            (1.0 / 23.0, "4.3 %"),
            (0.001, "0.1 %"),
            (0.0, "0 %"),
            (0.5, "50 %"),
            (1.0, "100 %"),
        ];
        for (share, text) in cases {
            assert_eq!(percent(share), text);
        }
    }

    /// Many times, draws a calibration from `images` normal images and then one more normal image.
    /// Returns the share of new images that exceed the threshold, and the promised rate.
    fn simulated(images: usize, mirrors: usize, target: f64, with_alignment: bool) -> (f64, f64) {
        const DRAWS: usize = 20_000;
        let mut random = ChaCha8Rng::seed_from_u64(images as u64);
        let uniform = Uniform::new(0.0f64, 1.0).unwrap();
        let mut skewed = move || (uniform.sample(&mut random) + uniform.sample(&mut random)).exp();
        // The mirror images of a picture score nearly the same as the picture.
        let mut picture = |mirrors: usize| -> Vec<RawScore> {
            let (r, l) = (skewed(), skewed());
            let mut mirror = || RawScore {
                reconstruction: r + 0.01 * skewed(),
                alignment: with_alignment.then(|| l + 0.01 * skewed()),
            };
            (0..mirrors).map(|_| mirror()).collect()
        };
        let statistics = NormalStatistics::of_scores(Vec::new());
        let (mut alarms, mut promised) = (0, 0.0);
        for _ in 0..DRAWS {
            let normal: Vec<_> = (0..images).map(|_| picture(mirrors)).collect();
            let reference = normal[0][0];
            let calibration = Calibration::from_normal(
                NormalStatistics {
                    scores: normal,
                    ..statistics.clone()
                },
                0.9,
                target,
                reference,
            );
            let score = calibration.fusion.anomaly_score(picture(1)[0]);
            alarms += usize::from(score > calibration.threshold);
            promised = calibration.false_alarm_rate;
        }
        (alarms as f64 / DRAWS as f64, promised)
    }

    #[test]
    fn new_normal_images_exceed_the_threshold_at_most_at_the_stated_rate() {
        for (images, mirrors, target) in [
            (1, 1, 0.01),
            (5, 4, 0.05),
            (22, 4, 0.01),
            (22, 4, 0.05),
            (22, 1, 0.1),
            (60, 4, 0.1),
        ] {
            for with_alignment in [false, true] {
                let (alarms, promised) = simulated(images, mirrors, target, with_alignment);
                let noise = 3.0 * (promised / 20_000.0).sqrt();
                assert!(
                    alarms <= promised + noise,
                    "{images} images, {target}: {alarms} of {promised}"
                );
                // A threshold that refuses no image would keep every rate.
                assert!(
                    alarms >= 0.4 * promised,
                    "{images} images, {target}: {alarms} of {promised}"
                );
            }
        }
    }
}
