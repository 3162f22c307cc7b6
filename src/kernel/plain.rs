//! Default bodies of [`super::Kernels`], made of Burn's operations, for back ends without own
//! kernels.

use burn::backend::Backend;
use burn::backend::ops::{ConvOptions, ConvTransposeOptions};
use burn::backend::tensor::FloatTensor;

use super::Window;

/// [`super::Kernels::convolve`] with Burn's operations.
pub(super) fn convolve<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
    window: Window,
    slope: f32,
) -> FloatTensor<B> {
    let Window {
        stride, padding, ..
    } = window;
    let options = ConvOptions::new([stride; 2], [padding; 2], [1; 2], 1);
    leaky_relu::<B>(B::conv2d(x, weight, Some(bias), options), slope)
}

/// [`super::Kernels::convolve_transposed`] with Burn's operations.
pub(super) fn convolve_transposed<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
    window: Window,
) -> FloatTensor<B> {
    let Window {
        stride, padding, ..
    } = window;
    let options = ConvTransposeOptions::new([stride; 2], [padding; 2], [0; 2], [1; 2], 1);
    B::conv_transpose2d(x, weight, Some(bias), options)
}

pub(super) fn leaky_relu<B: Backend>(x: FloatTensor<B>, slope: f32) -> FloatTensor<B> {
    match slope {
        1.0 => x,
        0.0 => B::relu(x),
        slope => B::leaky_relu(x, slope.into()),
    }
}
