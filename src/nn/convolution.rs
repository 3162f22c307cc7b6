//! Convolutions as modules: weights, bias and window.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

use super::parameter::zeros;
use crate::kernel::{self, Window};

/// Convolution of `[B, I, H, W]` to `[B, O, H', W']`.
#[derive(Module, Debug)]
pub struct Convolution {
    /// `[O, I, k, k]`.
    weight: Param<Tensor<4>>,
    /// `[O]`.
    bias: Param<Tensor<1>>,
    #[module(skip)]
    window: Window,
}

impl Convolution {
    /// All zeros, to be loaded or drawn.
    pub fn new([input, output]: [usize; 2], window: Window, device: &Device) -> Self {
        let Window { kernel, .. } = window;
        Self {
            weight: zeros([output, input, kernel, kernel], device),
            bias: zeros([output], device),
            window,
        }
    }

    /// Convolves, then bends what is below zero to `slope` times as much (1: not at all).
    pub fn forward(&self, x: Tensor<4>, slope: f32) -> Tensor<4> {
        kernel::convolve(x, self.weight.val(), self.bias.val(), self.window, slope)
    }

    /// With every output channel scaled and shifted, both `[O]`, as part of the weights.
    pub fn rescaled(self, scale: Tensor<1>, shift: Tensor<1>) -> Self {
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
}

/// Transposed convolution of `[B, I, h, w]` to `[B, O, H, W]`.
#[derive(Module, Debug)]
pub struct TransposedConvolution {
    /// `[I, O, k, k]`.
    weight: Param<Tensor<4>>,
    /// `[O]`.
    bias: Param<Tensor<1>>,
    #[module(skip)]
    window: Window,
}

impl TransposedConvolution {
    /// All zeros, to be loaded or drawn.
    pub fn new([input, output]: [usize; 2], window: Window, device: &Device) -> Self {
        let Window { kernel, .. } = window;
        Self {
            weight: zeros([input, output, kernel, kernel], device),
            bias: zeros([output], device),
            window,
        }
    }

    /// Spreads every value over a window.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        kernel::convolve_transposed(x, self.weight.val(), self.bias.val(), self.window)
    }
}
