//! The losses as plain numbers.

use serde::Serialize;

use crate::error::{Error, Result};

/// Mean losses over some steps, without their weights λ.
///
/// ```
/// use daad::learn::Losses;
///
/// let losses = Losses {
///     reconstruction: 0.02,
///     adversarial: 0.7,
///     alignment: 1.5,
///     discriminator: 1.4,
///     structural: 0.0,
/// };
/// assert_eq!(losses.to_array(), [0.02, 0.7, 1.5, 1.4, 0.0]);
/// assert_eq!(Losses::from_array(losses.to_array()), losses);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Losses {
    /// Lrec.
    pub reconstruction: f64,
    /// Ladv; without a discriminator this and the next two losses are 0.
    pub adversarial: f64,
    /// Lali.
    pub alignment: f64,
    /// The discriminator's cross-entropy.
    pub discriminator: f64,
    /// One minus the structural similarity; 0 if this loss is not used in training.
    #[serde(skip_serializing_if = "is_zero")]
    pub structural: f64,
}

impl Losses {
    /// The number of losses.
    pub const COUNT: usize = 5;

    /// All losses, in the order of the fields.
    pub const fn to_array(self) -> [f64; Self::COUNT] {
        [
            self.reconstruction,
            self.adversarial,
            self.alignment,
            self.discriminator,
            self.structural,
        ]
    }

    /// Makes losses from what [`Self::to_array`] returned.
    pub const fn from_array(values: [f64; Self::COUNT]) -> Self {
        let [
            reconstruction,
            adversarial,
            alignment,
            discriminator,
            structural,
        ] = values;
        Self {
            reconstruction,
            adversarial,
            alignment,
            discriminator,
            structural,
        }
    }
}

fn is_zero(loss: &f64) -> bool {
    *loss == 0.0
}

/// Returns `loss` unchanged if it is finite.
///
/// # Errors
///
/// [`Error::Diverged`] if the loss is infinite or not a number.
pub(crate) fn finite(loss: f64, epoch: usize) -> Result<f64> {
    if loss.is_finite() {
        return Ok(loss);
    }
    Err(Error::Diverged(format!(
        "a loss became {loss} in epoch {epoch}; try a lower learning rate"
    )))
}
