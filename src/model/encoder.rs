//! The encoder (Table 7, enc1 to enc4): two convolution blocks and a max pooling per scale.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::config::{IMAGE_CHANNELS, ModelConfig};
use crate::kernel::max_pool;
use crate::nn::{ConvBlock, ConvBlockConfig};

/// Encodes images into one feature map per scale.
#[derive(Module, Debug)]
pub(crate) struct Encoder {
    stages: Vec<EncoderStage>,
}

#[derive(Module, Debug)]
struct EncoderStage {
    conv1: ConvBlock,
    conv2: ConvBlock,
}

impl Encoder {
    pub(super) fn new(config: &ModelConfig, device: &Device) -> Self {
        let mut input = IMAGE_CHANNELS;
        let stages = (0..config.scales)
            .map(|scale| {
                let [output, _, _] = config.map_shape(scale);
                let stage = EncoderStage {
                    conv1: ConvBlockConfig::same(input, output).init(device),
                    conv2: ConvBlockConfig::same(output, output).init(device),
                };
                input = output;
                stage
            })
            .collect();
        Self { stages }
    }

    /// Encodes images `[B, 3, H, W]` to f_1 … f_L, where f_l is `[B, 2^(l-1)·w, H/2^l, W/2^l]`.
    pub(crate) fn forward(&self, images: Tensor<4>) -> Vec<Tensor<4>> {
        let mut map = images;
        self.stages
            .iter()
            .map(|stage| {
                let x = stage.conv2.forward(stage.conv1.forward(map.clone()));
                map = max_pool(x);
                map.clone()
            })
            .collect()
    }

    /// See [`ConvBlock::folded`].
    pub(super) fn folded(self) -> Self {
        let fold = |stage: EncoderStage| EncoderStage {
            conv1: stage.conv1.folded(),
            conv2: stage.conv2.folded(),
        };
        Self {
            stages: self.stages.into_iter().map(fold).collect(),
        }
    }
}
