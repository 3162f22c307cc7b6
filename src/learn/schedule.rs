//! How the learning rate changes during a training run.

use serde::{Deserialize, Serialize};

use super::config::MAX_EPOCHS;
use crate::error::{Error, Result};

/// How the learning rate changes from its initial value.
///
/// ```
/// use daad::learn::{Schedule, Steps, TrainConfig};
///
/// // After every 300 epochs, a tenth of the learning rate is left.
/// let config = TrainConfig {
///     schedule: Schedule::Step(Steps {
///         epochs: 300,
///         factor: Steps::DEFAULT_FACTOR,
///     }),
///     ..TrainConfig::default()
/// };
/// config.validate()?;
/// # Ok::<(), daad::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// The learning rate is constant, as in the paper.
    #[default]
    Constant,
    /// The learning rate falls along half a cosine to zero. If there is time for few epochs only,
    /// the small steps at the end let the weights converge.
    Cosine,
    /// The learning rate falls in steps, at regular intervals.
    Step(Steps),
}

/// The parameters of [`Schedule::Step`].
///
/// ```
/// use daad::learn::{Schedule, Steps, TrainConfig};
///
/// let steps = Steps {
///     epochs: 300,
///     factor: 1.5,
/// };
/// let config = TrainConfig {
///     schedule: Schedule::Step(steps),
///     ..TrainConfig::default()
/// };
/// let error = config.validate().unwrap_err().to_string();
/// assert!(error.contains("step-factor must lie between 0 and 1"), "{error}");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Steps {
    /// The number of epochs between two falls.
    pub epochs: usize,
    /// The factor by which each fall multiplies the learning rate.
    pub factor: f64,
}

impl Steps {
    /// The default of `factor`.
    pub const DEFAULT_FACTOR: f64 = 0.1;
}

impl Schedule {
    /// The factor of the initial learning rate when `done` of `epochs` epochs are done.
    pub(super) fn factor(self, done: f64, epochs: usize) -> f64 {
        match self {
            Self::Constant => 1.0,
            Self::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * (done / epochs as f64)).cos()),
            Self::Step(steps) => {
                let falls = done as usize / steps.epochs;
                steps.factor.powi(i32::try_from(falls).unwrap_or(i32::MAX))
            }
        }
    }

    /// Checks the values.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] naming the value that is not allowed.
    pub(super) fn validate(self) -> Result<()> {
        match self {
            Self::Step(Steps { epochs, .. }) if !(1..=MAX_EPOCHS).contains(&epochs) => Err(
                Error::Config("step-epochs must be between 1 and a million".into()),
            ),
            Self::Step(Steps { factor, .. }) if !(factor > 0.0 && factor < 1.0) => Err(
                Error::Config("step-factor must lie between 0 and 1, both excluded".into()),
            ),
            _ => Ok(()),
        }
    }
}

/// The position of a run, counted in updates by the optimizers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Position {
    /// The number of finished epochs.
    pub(super) epoch: usize,
    /// The number of finished updates in the current epoch.
    pub(super) step: usize,
    /// The number of updates in an epoch.
    pub(super) steps: usize,
}

impl Position {
    /// The number of finished epochs, including the finished part of the current epoch.
    pub(super) fn epochs(self) -> f64 {
        self.epoch as f64 + self.step as f64 / self.steps as f64
    }

    /// The factor with which the learning rate rises linearly during the first `warm_up` epochs. At
    /// the first update the factor is already above 0, at the last update of the warm-up it is 1.
    pub(super) fn rise(self, warm_up: usize) -> f64 {
        let next = self.epoch * self.steps + self.step + 1;
        let last = warm_up * self.steps;
        if next >= last {
            return 1.0;
        }
        next as f64 / last as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cosine_schedule_falls_from_one_to_zero() {
        let factors = [0.0, 2.0, 4.0, 8.0].map(|done| Schedule::Cosine.factor(done, 8));
        assert!(factors[0] == 1.0 && factors[3].abs() < 1e-12, "{factors:?}");
        assert!(
            (factors[2] - 0.5).abs() < 1e-12 && factors[1] > 0.85,
            "{factors:?}"
        );
        assert_eq!(Schedule::Constant.factor(0.9, 1), 1.0);
    }

    #[test]
    fn a_stair_falls_at_the_end_of_its_epochs() {
        let schedule = Schedule::Step(Steps {
            epochs: 2,
            factor: 0.5,
        });
        let factors = [0.0, 1.9, 2.0, 3.5, 4.0].map(|done| schedule.factor(done, 9));
        assert_eq!(factors, [1.0, 1.0, 0.5, 0.5, 0.25]);
        schedule.validate().unwrap();
        for (epochs, factor, word) in [(0, 0.5, "step-epochs"), (1, 1.0, "step-factor")] {
            let error = Schedule::Step(Steps { epochs, factor }).validate();
            let error = error.unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn warming_up_ends_with_the_last_step_of_its_epochs() {
        let rise = |epoch, step| {
            let steps = 2;
            Position { epoch, step, steps }.rise(2)
        };
        let rises = [rise(0, 0), rise(0, 1), rise(1, 0), rise(1, 1), rise(2, 0)];
        assert_eq!(rises, [0.25, 0.5, 0.75, 1.0, 1.0]);
        let cold = Position {
            epoch: 0,
            step: 0,
            steps: 3,
        };
        assert_eq!(cold.rise(0), 1.0);
    }
}
