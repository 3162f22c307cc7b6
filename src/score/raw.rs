//! The raw scores of a reconstruction: R and L, before any scaling.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

/// R, mean squared error per image: two batches `[B, 3, H, W]` to `[B]`.
pub(crate) fn reconstruction(images: Tensor<4>, reconstructions: Tensor<4>) -> Tensor<1> {
    let [batch, channels, height, width] = images.dims();
    (images - reconstructions)
        .powi_scalar(2)
        .reshape([batch, channels * height * width])
        .mean_dim(1)
        .reshape([batch])
}

/// L, squared distance of the features f_D per image: two batches `[B, F]` to `[B]`.
pub(crate) fn alignment(real_features: Tensor<2>, fake_features: Tensor<2>) -> Tensor<1> {
    let [batch, _] = real_features.dims();
    (real_features - fake_features)
        .powi_scalar(2)
        .sum_dim(1)
        .reshape([batch])
}

/// Squared error per pixel, mean over the channels: two batches `[B, 3, H, W]` to `[B, H, W]`.
pub(crate) fn error_map(images: Tensor<4>, reconstructions: Tensor<4>) -> Tensor<3> {
    let [batch, _, height, width] = images.dims();
    (images - reconstructions)
        .powi_scalar(2)
        .mean_dim(1)
        .reshape([batch, height, width])
}

/// R and L of one image, before any scaling.
///
/// ```
/// use daad::score::RawScore;
///
/// let daad = RawScore { reconstruction: 0.02, alignment: None };
/// let daad_plus = RawScore { alignment: Some(140.5), ..daad };
/// assert_ne!(daad, daad_plus);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RawScore {
    /// R.
    pub reconstruction: f64,
    /// L, if the system has a discriminator and uses it for scoring.
    pub alignment: Option<f64>,
}

impl RawScore {
    pub(super) fn is_finite(&self) -> bool {
        self.reconstruction.is_finite() && self.alignment.is_none_or(f64::is_finite)
    }
}
