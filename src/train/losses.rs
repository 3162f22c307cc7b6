//! The losses as plain numbers.

use serde::Serialize;

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
}

impl Losses {
    /// The four, in the order of the fields.
    pub const fn to_array(self) -> [f64; 4] {
        [
            self.reconstruction,
            self.adversarial,
            self.alignment,
            self.discriminator,
        ]
    }

    /// From [`Self::to_array`].
    pub const fn from_array(values: [f64; 4]) -> Self {
        let [reconstruction, adversarial, alignment, discriminator] = values;
        Self {
            reconstruction,
            adversarial,
            alignment,
            discriminator,
        }
    }
}
