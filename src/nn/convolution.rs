//! Convolutions as modules: weights, bias and window.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

use super::parameter::zeros;
use crate::kernel::{self, Window};

/// Convolution of `[B, I, H, W]` to `[B, O, H', W']`.
#[derive(Module, Debug)]
pub(crate) struct Convolution {
    /// The weights, `[O, I, k, k]`.
    weight: Param<Tensor<4>>,
    /// `[O]`.
    bias: Param<Tensor<1>>,
    #[module(skip)]
    window: Window,
}

impl Convolution {
    /// All zeros, to be loaded or drawn.
    pub(crate) fn new([input, output]: [usize; 2], window: Window, device: &Device) -> Self {
        let Window { kernel, .. } = window;
        Self {
            weight: zeros([output, input, kernel, kernel], device),
            bias: zeros([output], device),
            window,
        }
    }

    /// Convolution in front of a batch normalization. The normalization subtracts the bias again,
    /// so the gradient of the bias would be rounding noise. It is not computed, and training does
    /// not change the bias.
    pub(crate) fn forward_to_norm(&self, x: Tensor<4>) -> Tensor<4> {
        // `detach` alone is not enough: autodiff would track the detached bias as a new parameter.
        let bias = self.bias.val().detach().set_require_grad(false);
        kernel::convolve(x, self.weight.val(), bias, self.window, 1.0)
    }

    /// Convolves and applies a leaky ReLU with `slope`; a slope of 1 is no activation.
    pub(crate) fn forward(&self, x: Tensor<4>, slope: f32) -> Tensor<4> {
        kernel::convolve(x, self.weight.val(), self.bias.val(), self.window, slope)
    }

    /// The convolution with `scale` and `shift` of every output channel, both `[O]`, merged into
    /// the weights.
    pub(crate) fn rescaled(self, scale: Tensor<1>, shift: Tensor<1>) -> Self {
        let Self {
            weight,
            bias,
            window,
        } = self;
        let by_channel = scale.clone().reshape([-1, 1, 1, 1]);
        Self {
            weight: weight.map(|weight| weight * by_channel),
            bias: bias.map(|bias| bias * scale + shift),
            window,
        }
    }

    /// The convolution for inference only, with its weights in the memory layout that the device
    /// reads.
    #[must_use]
    pub(crate) fn arranged(self) -> Self {
        let weight = self.weight.map(|weight| kernel::arranged(weight, false));
        Self { weight, ..self }
    }
}

/// Transposed convolution of `[B, I, h, w]` to `[B, O, H, W]`.
#[derive(Module, Debug)]
pub(crate) struct TransposedConvolution {
    /// The weights, `[I, O, k, k]`.
    weight: Param<Tensor<4>>,
    /// `[O]`.
    bias: Param<Tensor<1>>,
    #[module(skip)]
    window: Window,
}

impl TransposedConvolution {
    /// All zeros, to be loaded or drawn.
    pub(crate) fn new([input, output]: [usize; 2], window: Window, device: &Device) -> Self {
        let Window { kernel, .. } = window;
        Self {
            weight: zeros([input, output, kernel, kernel], device),
            bias: zeros([output], device),
            window,
        }
    }

    /// Applies the transposed convolution: each input value, times the kernel, is added to one
    /// window of the output.
    pub(crate) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        kernel::convolve_transposed(x, self.weight.val(), self.bias.val(), self.window)
    }

    /// See [`Convolution::arranged`].
    #[must_use]
    pub(crate) fn arranged(self) -> Self {
        let weight = self.weight.map(|weight| kernel::arranged(weight, true));
        Self { weight, ..self }
    }
}
