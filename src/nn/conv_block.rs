//! Convolution, batch normalization, (leaky) ReLU (Table 7's `Conv + BN + ReLU`, Table 8's stages).

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::{BatchNorm, Convolution};
use crate::kernel::Window;

/// Configuration of a [`ConvBlock`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConvBlockConfig {
    /// The number of input channels.
    pub(crate) input: usize,
    /// The number of output channels.
    pub(crate) output: usize,
    /// The kernel size, stride and padding of the convolution.
    pub(crate) window: Window,
    /// Whether there is a batch normalization.
    pub(crate) norm: bool,
    /// The slope of the leaky ReLU below zero; 0 for a ReLU.
    pub(crate) slope: f32,
}

impl ConvBlockConfig {
    /// 3×3, stride 1, padding 1, batch normalization, ReLU: the map keeps its size.
    pub(crate) const fn same(input: usize, output: usize) -> Self {
        Self {
            input,
            output,
            window: Window {
                kernel: 3,
                stride: 1,
                padding: 1,
            },
            norm: true,
            slope: 0.0,
        }
    }

    /// The block on `device`, with all weights zero.
    pub(crate) fn init(self, device: &Device) -> ConvBlock {
        let channels = [self.input, self.output];
        ConvBlock {
            conv: Convolution::new(channels, self.window, device),
            norm: self.norm.then(|| BatchNorm::new(self.output, device)),
            slope: self.slope,
        }
    }
}

/// Convolution, optional batch normalization, and (leaky) ReLU.
#[derive(Module, Debug)]
pub(crate) struct ConvBlock {
    conv: Convolution,
    norm: Option<BatchNorm>,
    slope: f32,
}

impl ConvBlock {
    /// `[B, input, H, W]` to `[B, output, H', W']`.
    pub(crate) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        match &self.norm {
            Some(norm) => norm.forward(self.conv.forward_to_norm(x), self.slope),
            None => self.conv.forward(x, self.slope),
        }
    }

    /// The block for inference only: scale and shift of the batch normalization are merged into the
    /// convolution's weights, and the batch normalization is removed.
    pub(crate) fn folded(self) -> Self {
        let Self { conv, norm, slope } = self;
        let conv = match norm {
            Some(norm) => {
                let (scale, shift) = norm.line();
                conv.rescaled(scale, shift)
            }
            None => conv,
        };
        Self {
            conv: conv.arranged(),
            norm: None,
            slope,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::drawn;
    use burn::tensor::Distribution;

    #[test]
    fn folding_changes_nothing_but_the_last_digits() {
        let device = Device::flex();
        let block = drawn(ConvBlockConfig::same(3, 5).init(&device.clone().autodiff()));
        // One step of training moves the running statistics.
        let images = Tensor::random([2, 3, 6, 7], Distribution::Default, &device);
        block.forward(images.clone().autodiff().mul_scalar(3.0));
        let block = block.valid();
        let expected = block.forward(images.clone()).into_data();
        let got = block.folded().forward(images).into_data();
        let tolerance = burn::tensor::Tolerance::<f32>::absolute(1e-5);
        got.assert_approx_eq(&expected, tolerance);
    }
}
