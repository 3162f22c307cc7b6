//! The three losses of DAAD+ and the discriminator's own (Eq. 3 to 6). All are means over the
//! batch. Structural similarity is an extension.
//!
//! ```
//! use burn::tensor::{Device, Tensor};
//! use daad::loss;
//!
//! let image = Tensor::<4>::zeros([1, 3, 8, 8], &Device::flex());
//! let reconstruction = image.clone() + 0.5;
//! let loss: f32 = loss::reconstruction(image, reconstruction).into_scalar();
//! assert!((loss - 0.25).abs() < 1e-6);
//!
//! let undecided = Tensor::<1>::zeros([4], &Device::flex());
//! let loss: f32 = loss::discrimination(undecided.clone(), undecided).into_scalar();
//! assert!((loss - 2.0 * 2f32.ln()).abs() < 1e-6);
//! ```

mod structural_similarity;

pub use structural_similarity::{WINDOW_PX, structural_similarity};

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::kernel::{logistic_loss, squared_error};

/// The sign of [`logistic_loss`] for the label "an image".
const REAL: f32 = -1.0;
/// The sign of [`logistic_loss`] for the label "a reconstruction".
const FAKE: f32 = 1.0;

/// Which form of the adversarial loss trains the generator.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use daad::loss::{AdversarialForm, adversarial};
///
/// // The discriminator is sure that this is a reconstruction.
/// let logit = Tensor::<1>::from_floats([-8.0], &Device::flex());
/// let loss = |form| adversarial(logit.clone(), form).into_scalar::<f32>();
/// assert!(loss(AdversarialForm::NonSaturating) > 8.0);
/// assert!(loss(AdversarialForm::Minimax).abs() < 1e-3); // nearly flat
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AdversarialForm {
    /// −log D(x̂): reconstructions are labelled as real. Its gradients are strong from the start.
    #[default]
    NonSaturating,
    /// log(1 − D(x̂)), as in Eq. 5.
    Minimax,
}

/// Lrec, mean squared error of images and reconstructions `[B, 3, H, W]` (Eq. 3).
///
/// ```
/// use burn::tensor::{Device, Tensor};
///
/// let images = Tensor::<4>::zeros([2, 3, 8, 8], &Device::flex());
/// let loss: f32 = daad::loss::reconstruction(images.clone(), images + 0.5).into_scalar();
/// assert_eq!(loss, 0.25);
/// ```
pub fn reconstruction(images: Tensor<4>, reconstructions: Tensor<4>) -> Tensor<1> {
    squared_error(images, reconstructions)
}

/// Ladv, the generator's adversarial loss (Eq. 5); logits `[B]` of reconstructions.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use daad::loss::{AdversarialForm, adversarial};
///
/// let logits = Tensor::<1>::zeros([4], &Device::flex()); // D(x̂) = 1/2
/// let loss: f32 = adversarial(logits, AdversarialForm::NonSaturating).into_scalar();
/// assert!((loss - 2f32.ln()).abs() < 1e-6);
/// ```
pub fn adversarial(fake_logits: Tensor<1>, form: AdversarialForm) -> Tensor<1> {
    match form {
        AdversarialForm::NonSaturating => logistic_loss(fake_logits, REAL),
        AdversarialForm::Minimax => -logistic_loss(fake_logits, FAKE),
    }
}

/// Lali, mean squared error of the features `[B, F]` of images and reconstructions (Eq. 4).
///
/// ```
/// use burn::tensor::{Device, Tensor};
///
/// let real = Tensor::<2>::zeros([4, 100], &Device::flex());
/// let loss: f32 = daad::loss::alignment(real.clone(), real + 2.0).into_scalar();
/// assert_eq!(loss, 4.0);
/// ```
pub fn alignment(real_features: Tensor<2>, fake_features: Tensor<2>) -> Tensor<1> {
    squared_error(real_features, fake_features)
}

/// The discriminator's cross-entropy: images are real, reconstructions fake; logits `[B]` each.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use daad::loss::discrimination;
///
/// let sure = Tensor::<1>::from_floats([20.0], &Device::flex());
/// let right: f32 = discrimination(sure.clone(), -sure.clone()).into_scalar();
/// let wrong: f32 = discrimination(-sure.clone(), sure).into_scalar();
/// assert!(right < 1e-6);
/// assert!((wrong - 40.0).abs() < 1e-3);
/// ```
pub fn discrimination(real_logits: Tensor<1>, fake_logits: Tensor<1>) -> Tensor<1> {
    logistic_loss(real_logits, REAL) + logistic_loss(fake_logits, FAKE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn scalar(tensor: Tensor<1>) -> f32 {
        tensor.into_scalar()
    }

    #[test]
    fn an_undecided_discriminator_costs_log_two_a_side() {
        let zero = Tensor::<1>::zeros([3], &Device::flex());
        let ln2 = std::f32::consts::LN_2;
        let loss = scalar(discrimination(zero.clone(), zero.clone()));
        assert!((loss - 2.0 * ln2).abs() < 1e-6);
        let fooled = scalar(adversarial(zero.clone(), AdversarialForm::NonSaturating));
        assert!((fooled - ln2).abs() < 1e-6);
        let minimax = scalar(adversarial(zero, AdversarialForm::Minimax));
        assert!((minimax + ln2).abs() < 1e-6);
    }

    #[test]
    fn large_logits_stay_finite() {
        let device = Device::flex();
        let logits = Tensor::<1>::from_floats([1e4, -1e4], &device);
        let loss = scalar(discrimination(logits.clone(), logits));
        assert!(loss.is_finite() && (loss - 1e4).abs() < 1.0, "{loss}");
    }
}
