//! The losses as plain numbers.

use serde::Serialize;

use crate::error::{Error, Result};

/// Mean losses over some steps, without their weights λ.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Losses {
    /// Lrec.
    pub reconstruction: f64,
    /// Ladv; 0 without a discriminator, as are the two below.
    pub adversarial: f64,
    /// Lali.
    pub alignment: f64,
    /// The discriminator's cross-entropy.
    pub discriminator: f64,
    /// One minus the structural similarity; 0 where it is not trained.
    #[serde(skip_serializing_if = "is_zero")]
    pub structural: f64,
}

impl Losses {
    /// How many there are.
    pub const COUNT: usize = 5;

    /// All, in the order of the fields.
    pub const fn to_array(self) -> [f64; Self::COUNT] {
        [
            self.reconstruction,
            self.adversarial,
            self.alignment,
            self.discriminator,
            self.structural,
        ]
    }

    /// From [`Self::to_array`].
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

/// A loss as it is, where it is a number.
///
/// # Errors
///
/// [`Error::Diverged`] where it is not.
pub fn finite(loss: f64, epoch: usize) -> Result<f64> {
    if loss.is_finite() {
        return Ok(loss);
    }
    Err(Error::Diverged(format!(
        "a loss became {loss} in epoch {epoch}; try a lower learning rate"
    )))
}
