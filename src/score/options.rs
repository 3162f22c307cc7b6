//! Extensions of how the scores of an image are computed. Each is off unless the model file turns
//! it on.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::image::Flips;

/// The largest allowed σ. A wider Gaussian removes all structure from a map, and a malicious model
/// file could make the smoothing take hours.
const MAX_SMOOTHING_PX: f64 = 100.0;

/// The extensions of how R, L and the error map are computed.
///
/// ```
/// use daad::image::Flips;
/// use daad::score::Scoring;
///
/// let paper = Scoring::default();
/// assert!(paper.is_plain());
/// let extended = Scoring { error_smoothing_px: 1.5, flips: Flips::Both };
/// assert!(!extended.is_plain());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scoring {
    /// Extension: σ, in pixels of the model's size, of a Gaussian that smooths the error map; R is
    /// then the **maximum** of the smoothed map instead of the mean of the map. 0 turns
    /// this off.
    pub error_smoothing_px: f64,
    /// Extension: R, L and the error map are means over the image and these mirror images of it,
    /// the maps mirrored back. The time is multiplied by the number of images, which is 4 for both
    /// axes.
    pub flips: Flips,
}

impl Default for Scoring {
    /// No extensions, as in the paper.
    fn default() -> Self {
        Self {
            error_smoothing_px: 0.0,
            flips: Flips::None,
        }
    }
}

impl Scoring {
    /// Whether scores are computed as in the paper.
    ///
    /// ```
    /// use daad::score::Scoring;
    ///
    /// assert!(Scoring::default().is_plain());
    /// ```
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// Checks every value.
    ///
    /// ```
    /// use daad::score::Scoring;
    ///
    /// let scoring = Scoring { error_smoothing_px: 1.5, ..Scoring::default() };
    /// assert!(scoring.validate().is_ok());
    /// let refused = Scoring { error_smoothing_px: -1.0, ..scoring }.validate();
    /// assert!(matches!(refused, Err(daad::Error::Config(_))));
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Config`] naming the value that is not allowed.
    pub fn validate(&self) -> Result<()> {
        if (0.0..=MAX_SMOOTHING_PX).contains(&self.error_smoothing_px) {
            return Ok(());
        }
        Err(Error::Config(format!(
            "error-smoothing is {}, it must be between 0 and {MAX_SMOOTHING_PX} pixels",
            self.error_smoothing_px
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_impossible_smoothing_is_named() {
        for error_smoothing_px in [-1.0, f64::NAN, f64::INFINITY, 1e9] {
            let scoring = Scoring {
                error_smoothing_px,
                ..Scoring::default()
            };
            let error = scoring.validate().unwrap_err().to_string();
            assert!(error.contains("error-smoothing"), "{error}");
        }
        Scoring::default().validate().unwrap();
    }
}
