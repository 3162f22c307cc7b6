//! How to train: the paper's defaults.

use serde::{Deserialize, Serialize};

use super::flips::Flips;
use crate::error::{Error, Result};
use crate::loss::AdversarialForm;
use crate::model::ModelConfig;
use crate::score::DEFAULT_GAMMA;

const MAX_EPOCHS: usize = 1_000_000;

/// JavaScript's numbers are exact up to here.
const MAX_SEED: u64 = (1 << 53) - 1;

/// Everything that decides what comes out of a training run, besides the images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// The networks.
    pub model: ModelConfig,
    /// The losses.
    pub objective: Objective,
    /// Passes over the training images; 1000 in the paper.
    pub epochs: usize,
    /// Images a step; 8 in the paper.
    pub batch_size: usize,
    /// Of Adam; 1e-4 for DAAD, 2e-4 for DAAD+ in the paper.
    pub learning_rate: f64,
    /// How the learning rate goes on from there; constant in the paper.
    pub schedule: Schedule,
    /// Mirror images at random, along each axis with probability ½.
    pub flips: Flips,
    /// Of weights, order and flips. On the CPU the same seed gives the same bits.
    pub seed: u64,
    /// The share of normal training images held out for calibration.
    pub held_out: f64,
    /// Score with L as well as R (the paper's "L(x)"); needs the discriminator.
    pub alignment_score: bool,
    /// γ of Eq. 7.
    pub gamma: f64,
    /// The share of normal images that the threshold refuses.
    pub false_alarm_rate: f64,
}

/// The learning rate over a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// The same from first to last, as in the paper.
    #[default]
    Constant,
    /// Falls along half a cosine to zero: where there is time for few epochs only, the last ones
    /// settle.
    Cosine,
}

impl Schedule {
    /// What the learning rate is multiplied with after the share `done` of all steps, in [0, 1].
    pub fn factor(self, done: f64) -> f64 {
        match self {
            Self::Constant => 1.0,
            Self::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * done).cos()),
        }
    }
}

/// L = λrec·Lrec + λadv·Ladv + λali·Lali (Eq. 6).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objective {
    /// λrec.
    pub reconstruction: f64,
    /// λadv; has no effect without a discriminator.
    pub adversarial: f64,
    /// λali; has no effect without a discriminator.
    pub alignment: f64,
    /// Which form of the adversarial loss.
    pub adversarial_form: AdversarialForm,
    /// Whether Lali trains the discriminator too. The paper does not say; off.
    pub alignment_trains_discriminator: bool,
}

impl Default for Objective {
    fn default() -> Self {
        Self {
            reconstruction: 50.0,
            adversarial: 0.5,
            alignment: 0.5,
            adversarial_form: AdversarialForm::default(),
            alignment_trains_discriminator: false,
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
            flips: Flips::default(),
            seed: 0,
            held_out: 0.15,
            alignment_score: true,
            gamma: DEFAULT_GAMMA,
            false_alarm_rate: 0.01,
        }
    }
}

impl TrainConfig {
    /// The paper's, with the discriminator.
    pub const DAAD_PLUS_LEARNING_RATE: f64 = 2e-4;
    /// The paper's, without it.
    pub const DAAD_LEARNING_RATE: f64 = 1e-4;

    /// Checks every value.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] naming the one that does not fit.
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
        check(self.batch_size > 0, "the batch size must be at least 1")?;
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
        ] {
            check(
                weight.is_finite() && weight >= 0.0,
                "loss weights must be 0 or more",
            )?;
        }
        check(
            !self.alignment_score || self.model.adversarial.is_some(),
            "the alignment score needs the discriminator",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_papers_defaults_are_valid() {
        TrainConfig::default().validate().unwrap();
    }

    #[test]
    fn a_cosine_schedule_falls_from_one_to_zero() {
        let factors = [0.0, 0.25, 0.5, 1.0].map(|done| Schedule::Cosine.factor(done));
        assert!(factors[0] == 1.0 && factors[3].abs() < 1e-12, "{factors:?}");
        assert!(
            (factors[2] - 0.5).abs() < 1e-12 && factors[1] > 0.85,
            "{factors:?}"
        );
        assert_eq!(Schedule::Constant.factor(0.9), 1.0);
    }

    #[test]
    fn impossible_settings_are_named() {
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
        ];
        let words = ["learning rate", "alignment score"];
        for (config, word) in wrong.iter().zip(words) {
            let error = config.validate().unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}
