//! Validation on held-out normal images during a training run, to stop the run early or to keep its
//! best epoch.
//!
//! Validation measures R, the reconstruction error, of normal images only: anomalous images and
//! test images never influence which epoch is kept. R is what the generator minimizes. The fused
//! score is not suitable with a discriminator: the discriminator's features change from epoch to
//! epoch, so that the values of L of two epochs are distances in two different spaces and cannot be
//! compared.
//!
//! NOTE: the chosen epoch is partly good by chance on the images that chose it, so their errors are
//! too low. A threshold from the same images would refuse more new normal images than it promises.
//! Therefore, if there are enough held-out images, one half is the validation split, which chooses
//! the epoch, and the other half is the calibration split.

use image::RgbImage;
use serde::{Deserialize, Serialize};

use super::config::MAX_EPOCHS;
use crate::detector::Inference;
use crate::error::{Error, Result};

/// With fewer held-out images than this, every image is in both the validation and the calibration
/// split.
const FEWEST_TO_HALVE: usize = 4;

/// How often to measure the held-out images, and what to do with the result.
///
/// ```
/// use daad::learn::Validation;
///
/// // Every fifth epoch; the run ends after two validations without a lower error.
/// let validation = Validation {
///     every: 5,
///     patience: Some(2),
///     keep_best: true,
/// };
/// assert!(validation.is_due(10) && !validation.is_due(12));
/// assert!(validation.chooses());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Validation {
    /// The number of epochs from one validation to the next.
    pub every: usize,
    /// The run ends after this number of validations in a row without a lower error.
    pub patience: Option<usize>,
    /// The finished model is that of the epoch with the lowest error, not of the last epoch.
    pub keep_best: bool,
}

/// The held-out images, divided into a validation and a calibration split.
///
/// ```
/// use daad::learn::{HeldOut, Validation};
///
/// let validation = Validation {
///     every: 1,
///     patience: None,
///     keep_best: true,
/// };
/// let held_out = HeldOut::split(Some(validation), vec!["a", "b", "c", "d"]);
/// assert_eq!(held_out.validation, ["b", "d"]);
/// assert_eq!(held_out.calibration, ["a", "c"]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldOut<T> {
    /// The validation split, measured during the run.
    pub validation: Vec<T>,
    /// The calibration split, for scaling and threshold.
    pub calibration: Vec<T>,
}

impl Validation {
    /// Checks every value.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] naming the value that is not allowed.
    pub(super) fn validate(&self) -> Result<()> {
        if self.every == 0 {
            return Err(Error::Config("validate-every must be at least 1".into()));
        }
        if self
            .patience
            .is_some_and(|patience| !(1..=MAX_EPOCHS).contains(&patience))
        {
            return Err(Error::Config(
                "patience must be between 1 and a million".into(),
            ));
        }
        Ok(())
    }

    /// Whether the held-out images decide which epoch is the last or the one to keep.
    pub const fn chooses(&self) -> bool {
        self.patience.is_some() || self.keep_best
    }

    /// Whether there is a validation at the end of `epoch`, counted from 1.
    pub const fn is_due(&self, epoch: usize) -> bool {
        epoch.is_multiple_of(self.every)
    }

    /// Whether the run has to end because of these errors, according to `patience`.
    ///
    /// ```
    /// use daad::learn::Validation;
    ///
    /// let validation = Validation {
    ///     every: 1,
    ///     patience: Some(2),
    ///     keep_best: false,
    /// };
    /// assert!(!validation.is_over(&[0.12, 0.10, 0.11]));
    /// assert!(validation.is_over(&[0.12, 0.10, 0.11, 0.10]));
    /// ```
    pub fn is_over(&self, errors: &[f64]) -> bool {
        match (self.patience, Self::lowest(errors)) {
            (Some(patience), Some(best)) => errors.len() - 1 - best >= patience,
            _ => false,
        }
    }

    /// The index of the lowest error; of several equal ones, the first.
    pub(crate) fn lowest(errors: &[f64]) -> Option<usize> {
        let places = errors.iter().enumerate();
        let lowest = places.min_by(|(_, a), (_, b)| a.total_cmp(b));
        lowest.map(|(place, _)| place)
    }
}

impl<T: Clone> HeldOut<T> {
    /// Divides the held-out images into the two splits. If validation decides something and there
    /// are enough images, they go to the two splits alternately; otherwise both splits have all
    /// images.
    ///
    /// ```
    /// use daad::learn::HeldOut;
    ///
    /// let held_out = HeldOut::split(None, vec!["a", "b", "c"]);
    /// assert!(held_out.validation.is_empty());
    /// assert_eq!(held_out.calibration, ["a", "b", "c"]);
    /// ```
    pub fn split(validation: Option<Validation>, images: Vec<T>) -> Self {
        match validation {
            None => Self {
                validation: Vec::new(),
                calibration: images,
            },
            Some(validation) if validation.chooses() && images.len() >= FEWEST_TO_HALVE => {
                let half = |first: usize| images.iter().skip(first).step_by(2).cloned().collect();
                Self {
                    validation: half(1),
                    calibration: half(0),
                }
            }
            Some(_) => Self {
                validation: images.clone(),
                calibration: images,
            },
        }
    }
}

/// Mean R of `images`, computed in batches of `batch_size`.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { pollster::block_on(async {
/// use burn::tensor::Device;
/// use daad::dataset::{SyntheticImages, Texture};
/// use daad::detector::Inference;
/// use daad::learn::held_out_error;
/// use daad::weights::decode;
///
/// let device = Device::flex();
/// let model = decode(&std::fs::read("models/series/floors-r4.safetensors")?, &device)?.model;
/// let inference = Inference::new(&model, &device, false);
/// let floors = SyntheticImages::new(Texture::Floor, 64, 5).normal(4);
/// let floors: Vec<_> = floors.into_iter().map(|labelled| labelled.image).collect();
/// let error = held_out_error(&inference, &floors, 2).await?;
/// assert!((0.0..0.01).contains(&error), "{error}");
/// # Ok(()) }) }
/// ```
///
/// # Errors
///
/// [`Error::Device`] where the device fails.
///
/// # Panics
///
/// If `images` is empty.
pub async fn held_out_error(
    inference: &Inference,
    images: &[RgbImage],
    batch_size: usize,
) -> Result<f64> {
    assert!(!images.is_empty(), "images to look at");
    let mut sum = 0.0;
    for batch in images.chunks(batch_size) {
        let batch: Vec<&RgbImage> = batch.iter().collect();
        let predictions = inference.predict(&batch).await?;
        let errors = predictions
            .iter()
            .map(|prediction| prediction.raw.reconstruction);
        sum += errors.sum::<f64>();
    }
    Ok(sum / images.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: Validation = Validation {
        every: 2,
        patience: Some(2),
        keep_best: true,
    };

    #[test]
    fn patience_ends_after_so_many_looks_without_a_lower_error() {
        assert!(!BOTH.is_over(&[]));
        assert!(!BOTH.is_over(&[3.0, 2.0, 2.5]));
        assert!(BOTH.is_over(&[3.0, 2.0, 2.5, 2.0]));
        assert!(!BOTH.is_over(&[3.0, 2.0, 2.5, 1.9]));
        assert_eq!(Validation::lowest(&[3.0, 2.0, 2.5, 2.0]), Some(1));
    }

    #[test]
    fn no_image_both_chooses_and_calibrates_where_there_are_enough() {
        let shared = HeldOut::split(Some(BOTH), vec![1, 2, 3, 4, 5]);
        assert_eq!(shared.validation, [2, 4]);
        assert_eq!(shared.calibration, [1, 3, 5]);
        let few = HeldOut::split(Some(BOTH), vec![1, 2, 3]);
        assert_eq!((few.validation.len(), few.calibration.len()), (3, 3));
        let only_looks = Validation {
            patience: None,
            keep_best: false,
            ..BOTH
        };
        let all = HeldOut::split(Some(only_looks), vec![1, 2, 3, 4]);
        assert_eq!((all.validation.len(), all.calibration.len()), (4, 4));
        assert!(HeldOut::split(None, vec![1]).validation.is_empty());
    }
}
