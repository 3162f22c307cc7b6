//! 3×3 convolution, batch normalization, ReLU (Table 7's `Conv + BN + ReLU`).

use burn::module::Module;
use burn::nn::PaddingConfig2d;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::tensor::{Device, Tensor, activation::relu};

use super::BatchNorm;

/// Configuration of a [`ConvBlock`].
#[derive(Debug, Clone, Copy)]
pub struct ConvBlockConfig {
    /// Channels in.
    pub input: usize,
    /// Channels out.
    pub output: usize,
}

/// Stride 1, padding 1: the map keeps its size.
#[derive(Module, Debug)]
pub struct ConvBlock {
    conv: Conv2d,
    norm: BatchNorm,
}

impl ConvBlockConfig {
    /// Initializes the block on `device`, weights as in PyTorch's defaults.
    pub fn init(self, device: &Device) -> ConvBlock {
        let conv = Conv2dConfig::new([self.input, self.output], [3, 3])
            .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
            .init(device);
        let norm = BatchNorm::new(self.output, device);
        ConvBlock { conv, norm }
    }
}

impl ConvBlock {
    /// `[B, input, H, W]` to `[B, output, H, W]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        relu(self.norm.forward(self.conv.forward(x)))
    }
}
