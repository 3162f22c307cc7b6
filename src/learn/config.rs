//! The configuration of a training run; its defaults are those of the paper.

use serde::{Deserialize, Serialize};

use super::schedule::{Position, Schedule};
use super::validation::Validation;
use crate::error::{Error, Result};
use crate::image::Flips;
use crate::loss::{AdversarialForm, WINDOW_PX};
use crate::model::ModelConfig;
use crate::score::DEFAULT_GAMMA;
use crate::score::Scoring;

pub(super) const MAX_EPOCHS: usize = 1_000_000;
const MAX_BATCH: usize = 1_000_000;

/// The largest integer up to which JavaScript's numbers are exact.
const MAX_SEED: u64 = (1 << 53) - 1;

/// Everything except the images that determines the result of a training run.
///
/// ```
/// use daad::learn::TrainConfig;
/// use daad::model::ModelConfig;
///
/// // As in the paper, but a narrow network without the discriminator.
/// let config = TrainConfig {
///     model: ModelConfig {
///         base_width: 16,
///         adversarial: None,
///         ..ModelConfig::default()
///     },
///     alignment_score: false,
///     learning_rate: TrainConfig::DAAD_LEARNING_RATE,
///     ..TrainConfig::default()
/// };
/// config.validate()?;
/// assert_eq!((config.epochs, config.batch_size), (1000, 8));
/// # Ok::<(), daad::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// The networks.
    pub model: ModelConfig,
    /// The losses.
    pub objective: Objective,
    /// Passes over the training images; 1000 in the paper.
    pub epochs: usize,
    /// The number of images in a batch; 8 in the paper.
    pub batch_size: usize,
    /// The learning rate of Adam; in the paper 1e-4 for DAAD and 2e-4 for DAAD+.
    pub learning_rate: f64,
    /// How the learning rate changes during the run; constant in the paper.
    pub schedule: Schedule,
    /// The number of epochs at the beginning during which the learning rate rises from zero; 0 in
    /// the paper.
    pub warm_up: usize,
    /// The number of batches whose gradients are averaged for one update by the optimizers; 1 in
    /// the paper.
    ///
    /// NOTE: batch normalization computes its statistics for each batch separately. An update has
    /// the gradient of `accumulate × batch_size` images, but the statistics of `batch_size` images.
    /// The batches that are left at the end of an epoch also make an update, with the mean of fewer
    /// batches.
    pub accumulate: usize,
    /// Validation on held-out normal images during the run; none in the paper.
    pub validation: Option<Validation>,
    /// The axes along which training images are mirrored at random, each with probability ½.
    pub flips: Flips,
    /// Extension, 0 in the paper: the largest number of pixels by which training images are shifted
    /// at random along each axis, so that a thing need not lie exactly where it lay in another
    /// image. Model files written before this setting existed do not have it.
    #[serde(default)]
    pub shift_px: usize,
    /// The seed of initial weights, image order, flips and shifts. On the CPU the same seed gives
    /// the same bits.
    pub seed: u64,
    /// The share of the normal training images that is held out for calibration.
    pub held_out: f64,
    /// Whether the score uses L (the paper's "L(x)") in addition to R; this needs the
    /// discriminator.
    pub alignment_score: bool,
    /// γ of Eq. 7.
    pub gamma: f64,
    /// The share of normal images that the threshold refuses.
    pub false_alarm_rate: f64,
    /// Extensions of how images are scored; the paper has none of them.
    pub scoring: Scoring,
}

/// L = λrec·Lrec + λadv·Ladv + λali·Lali (Eq. 6), and extensions.
///
/// ```
/// use daad::learn::Objective;
///
/// // The weights of the paper, but without the alignment loss.
/// let objective = Objective {
///     alignment: 0.0,
///     ..Objective::default()
/// };
/// assert_eq!((objective.reconstruction, objective.adversarial), (50.0, 0.5));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objective {
    /// λrec.
    pub reconstruction: f64,
    /// λadv; has no effect without a discriminator.
    pub adversarial: f64,
    /// λali; has no effect without a discriminator.
    pub alignment: f64,
    /// The form of the adversarial loss.
    pub adversarial_form: AdversarialForm,
    /// Whether Lali trains the discriminator too. The paper does not say; off.
    pub alignment_trains_discriminator: bool,
    /// Extension, 0 in the paper: the weight of one minus the structural similarity of images and
    /// reconstructions.
    pub structural_similarity: f64,
}

impl Default for Objective {
    fn default() -> Self {
        Self {
            reconstruction: 50.0,
            adversarial: 0.5,
            alignment: 0.5,
            adversarial_form: AdversarialForm::default(),
            alignment_trains_discriminator: false,
            structural_similarity: 0.0,
        }
    }
}

impl Default for TrainConfig {
    /// DAAD+ as in the paper.
    fn default() -> Self {
        Self {
            model: ModelConfig::default(),
            objective: Objective::default(),
            epochs: 1000,
            batch_size: 8,
            learning_rate: Self::DAAD_PLUS_LEARNING_RATE,
            schedule: Schedule::default(),
            warm_up: 0,
            accumulate: 1,
            validation: None,
            flips: Flips::default(),
            shift_px: 0,
            seed: 0,
            held_out: 0.15,
            alignment_score: true,
            gamma: DEFAULT_GAMMA,
            false_alarm_rate: 0.01,
            scoring: Scoring::default(),
        }
    }
}

impl TrainConfig {
    /// The learning rate of the paper with the discriminator.
    pub const DAAD_PLUS_LEARNING_RATE: f64 = 2e-4;
    /// The learning rate of the paper without the discriminator.
    pub const DAAD_LEARNING_RATE: f64 = 1e-4;

    /// The learning rate of the update after batch `step`, counted from 0, of the `steps` batches
    /// of `epoch`, counted from 0. None if no update follows this batch, because its gradients are
    /// added to those of the next batch.
    pub(super) fn learning_rate_after(
        &self,
        epoch: usize,
        step: usize,
        steps: usize,
    ) -> Option<f64> {
        let moves = step + 1 == steps || (step + 1).is_multiple_of(self.accumulate);
        moves.then(|| {
            let position = Position {
                epoch,
                step: step / self.accumulate,
                steps: steps.div_ceil(self.accumulate),
            };
            let factor = self.schedule.factor(position.epochs(), self.epochs);
            self.learning_rate * factor * position.rise(self.warm_up)
        })
    }

    /// The learning rate of a run with a time limit, when `share_done` of its time, from 0 to 1, is
    /// over.
    pub(super) fn learning_rate_by_time(&self, share_done: f64) -> f64 {
        let done = share_done * self.epochs as f64;
        self.learning_rate * self.schedule.factor(done, self.epochs)
    }

    /// Checks every value.
    ///
    /// ```
    /// use daad::learn::TrainConfig;
    ///
    /// let config = TrainConfig {
    ///     held_out: 1.0,
    ///     ..TrainConfig::default()
    /// };
    /// let error = config.validate().unwrap_err().to_string();
    /// assert!(error.contains("the held-out share must lie between 0 and 1"), "{error}");
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Config`] naming the value that is not allowed.
    pub fn validate(&self) -> Result<()> {
        self.model.validate()?;
        let check = |holds: bool, message: &str| {
            if holds {
                Ok(())
            } else {
                Err(Error::Config(message.to_owned()))
            }
        };
        check(
            (1..=MAX_EPOCHS).contains(&self.epochs),
            "epochs must be between 1 and a million",
        )?;
        check(
            self.seed <= MAX_SEED,
            "the seed must be at most 9007199254740991, the largest that a page can read",
        )?;
        check(
            (1..=MAX_BATCH).contains(&self.batch_size),
            "the batch size must be between 1 and a million",
        )?;
        check(
            (1..=MAX_BATCH).contains(&self.accumulate),
            "accumulate must be between 1 and a million",
        )?;
        check(
            self.warm_up <= self.epochs,
            "warm-up must be at most as long as the run",
        )?;
        self.schedule.validate()?;
        if let Some(validation) = &self.validation {
            validation.validate()?;
            check(
                validation.every <= self.epochs,
                "validate-every must be at most as many epochs as the run has",
            )?;
        }
        let rate = self.learning_rate;
        check(
            rate.is_finite() && rate > 0.0,
            "the learning rate must be above 0",
        )?;
        check(
            self.held_out > 0.0 && self.held_out < 1.0,
            "the held-out share must lie between 0 and 1, both excluded",
        )?;
        check(
            (0.0..=1.0).contains(&self.gamma),
            "gamma must lie in [0, 1]",
        )?;
        check(
            (0.0..1.0).contains(&self.false_alarm_rate),
            "the false alarm rate must be at least 0 and below 1",
        )?;
        let objective = &self.objective;
        for weight in [
            objective.reconstruction,
            objective.adversarial,
            objective.alignment,
            objective.structural_similarity,
        ] {
            check(
                weight.is_finite() && weight >= 0.0,
                "loss weights must be 0 or more",
            )?;
        }
        check(
            !self.alignment_score || self.model.adversarial.is_some(),
            "the alignment score needs the discriminator",
        )?;
        let side = self.model.height_px.min(self.model.width_px);
        check(
            objective.structural_similarity == 0.0 || side >= WINDOW_PX,
            &format!(
                "structural-similarity compares windows of {WINDOW_PX}×{WINDOW_PX} pixels; take \
                 larger images or leave it out"
            ),
        )?;
        check(
            self.shift_px < side,
            "shift must be less than the shorter side of the images",
        )?;
        self.scoring.validate()?;
        check(
            self.scoring.flips.without(self.flips) == Flips::None,
            "images are scored in mirror images that were not trained on",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MemoryPlacement;

    #[test]
    fn the_papers_defaults_are_valid() {
        TrainConfig::default().validate().unwrap();
    }

    #[test]
    fn optimizers_move_after_every_group_of_batches_and_at_the_end_of_an_epoch() {
        let config = TrainConfig {
            accumulate: 2,
            warm_up: 1,
            learning_rate: 3.0,
            ..TrainConfig::default()
        };
        let rates: Vec<_> = (0..5)
            .map(|step| config.learning_rate_after(0, step, 5))
            .collect();
        assert_eq!(rates, [None, Some(1.0), None, Some(2.0), Some(3.0)]);
    }

    #[test]
    fn impossible_settings_are_named() {
        let mut tiny = ModelConfig {
            height_px: 8,
            width_px: 8,
            scales: 2,
            ..ModelConfig::default()
        };
        tiny.memory.placement = MemoryPlacement::None;
        let wrong = [
            TrainConfig {
                learning_rate: f64::NAN,
                ..TrainConfig::default()
            },
            TrainConfig {
                model: ModelConfig {
                    adversarial: None,
                    ..ModelConfig::default()
                },
                ..TrainConfig::default()
            },
            TrainConfig {
                model: tiny,
                objective: Objective {
                    structural_similarity: 1.0,
                    ..Objective::default()
                },
                ..TrainConfig::default()
            },
            TrainConfig {
                shift_px: TrainConfig::default().model.height_px,
                ..TrainConfig::default()
            },
            TrainConfig {
                flips: Flips::Vertical,
                scoring: Scoring {
                    flips: Flips::Both,
                    ..Scoring::default()
                },
                ..TrainConfig::default()
            },
        ];
        let words = [
            "learning rate",
            "alignment score",
            "structural-similarity",
            "shift must be",
            "mirror images",
        ];
        for (config, word) in wrong.iter().zip(words) {
            let error = config.validate().unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}
