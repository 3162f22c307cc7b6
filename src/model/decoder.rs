//! The decoder (Table 7, dec4 to dec1 and the head): from the bottleneck up to the image.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::config::{IMAGE_CHANNELS, ModelConfig};
use crate::kernel::{Window, concatenate};
use crate::nn::{ConvBlock, ConvBlockConfig, Convolution, TransposedConvolution};

/// The window of a transposed convolution that doubles the size of a map.
pub(crate) const UP: Window = Window {
    kernel: 2,
    stride: 2,
    padding: 0,
};

/// Reconstructs images from the maps of the scales.
#[derive(Module, Debug)]
pub(crate) struct Decoder {
    /// The stage of each scale, the finest first; they are applied from the last to the first.
    stages: Vec<DecoderStage>,
    head: Head,
}

#[derive(Module, Debug)]
struct DecoderStage {
    conv1: ConvBlock,
    conv2: ConvBlock,
    up: TransposedConvolution,
}

#[derive(Module, Debug)]
struct Head {
    conv1: ConvBlock,
    conv2: ConvBlock,
    out: Convolution,
}

impl Decoder {
    pub(super) fn new(config: &ModelConfig, device: &Device) -> Self {
        let stages = (0..config.scales)
            .map(|scale| {
                let [channels, _, _] = config.map_shape(scale);
                let inner = 2 * channels;
                DecoderStage {
                    conv1: ConvBlockConfig::same(config.decoder_input(scale), inner).init(device),
                    conv2: ConvBlockConfig::same(inner, inner).init(device),
                    up: TransposedConvolution::new([inner, channels], UP, device),
                }
            })
            .collect();
        let width = config.base_width;
        let block = ConvBlockConfig::same(width, width);
        let head = Head {
            conv1: block.init(device),
            conv2: block.init(device),
            out: Convolution::new([width, IMAGE_CHANNELS], Window::POINT, device),
        };
        Self { stages, head }
    }

    /// Decodes the bottleneck `[B, 2^(L-1)·w, H/2^L, W/2^L]` and the skip connections, if any, of
    /// the scales 1 … L-1 (finest first) to images `[B, 3, H, W]`, without an activation.
    pub(crate) fn forward(
        &self,
        bottleneck: Tensor<4>,
        mut skips: Option<Vec<Tensor<4>>>,
    ) -> Tensor<4> {
        let mut x = bottleneck;
        for (scale, stage) in self.stages.iter().enumerate().rev() {
            if scale + 1 < self.stages.len()
                && let Some(skip) = skips.as_mut().and_then(Vec::pop)
            {
                x = concatenate(x, skip);
            }
            x = stage.conv2.forward(stage.conv1.forward(x));
            x = stage.up.forward(x);
        }
        let x = self.head.conv2.forward(self.head.conv1.forward(x));
        self.head.out.forward(x, 1.0)
    }

    /// See [`ConvBlock::folded`].
    pub(super) fn folded(self) -> Self {
        let fold = |stage: DecoderStage| DecoderStage {
            conv1: stage.conv1.folded(),
            conv2: stage.conv2.folded(),
            up: stage.up.arranged(),
        };
        let Self { stages, head } = self;
        Self {
            stages: stages.into_iter().map(fold).collect(),
            head: Head {
                conv1: head.conv1.folded(),
                conv2: head.conv2.folded(),
                out: head.out.arranged(),
            },
        }
    }
}
