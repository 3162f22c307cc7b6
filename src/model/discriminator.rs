//! The discriminator of DAAD+ (Table 8): stride-2 convolutions down to features f_D, then a
//! classifier that separates images from reconstructions.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::config::{AdversarialConfig, IMAGE_CHANNELS, ModelConfig};
use crate::kernel::Window;
use crate::nn::{ConvBlock, ConvBlockConfig, Convolution};

/// The slope of its leaky ReLUs below zero.
pub(crate) const LEAKY_SLOPE: f32 = 0.2;

/// The window of a convolution that halves the size of a map.
pub(crate) const DOWN: Window = Window {
    kernel: 4,
    stride: 2,
    padding: 1,
};

/// The window of a convolution from 4×4 to 1×1.
pub(crate) const WHOLE: Window = Window {
    kernel: 4,
    stride: 1,
    padding: 0,
};

const CLASSIFIER: Window = Window {
    kernel: 3,
    stride: 1,
    padding: 1,
};

/// Separates images from reconstructions.
#[derive(Module, Debug)]
pub struct Discriminator {
    stages: Vec<ConvBlock>,
    features: Convolution,
    classifier: Convolution,
}

/// The output of the discriminator for a batch of images.
#[derive(Debug, Clone)]
pub struct Discrimination {
    /// f_D, `[B, F]`.
    pub features: Tensor<2>,
    /// The logits, before the sigmoid, `[B]`: positive means "an image", negative "a
    /// reconstruction".
    pub logits: Tensor<1>,
}

impl Discriminator {
    pub(super) fn new(model: &ModelConfig, config: AdversarialConfig, device: &Device) -> Self {
        let mut input = IMAGE_CHANNELS;
        let stages = (0..model.discriminator_stages())
            .map(|stage| {
                let output = config.base_width << stage;
                let block = ConvBlockConfig {
                    input,
                    output,
                    window: DOWN,
                    norm: stage > 0,
                    slope: LEAKY_SLOPE,
                };
                input = output;
                block.init(device)
            })
            .collect();
        Self {
            stages,
            features: Convolution::new([input, config.features], WHOLE, device),
            classifier: Convolution::new([config.features, 1], CLASSIFIER, device),
        }
    }

    /// Computes features and logits of images `[B, 3, H, W]`.
    pub fn forward(&self, images: Tensor<4>) -> Discrimination {
        let mut x = images;
        for stage in &self.stages {
            x = stage.forward(x);
        }
        let features = self.features.forward(x, 1.0);
        let [batch, count, _, _] = features.dims();
        let logits = self.classifier.forward(features.clone(), 1.0);
        Discrimination {
            features: features.reshape([batch, count]),
            logits: logits.reshape([batch]),
        }
    }

    /// See [`ConvBlock::folded`].
    pub(super) fn folded(self) -> Self {
        let stages = self.stages.into_iter();
        Self {
            stages: stages.map(ConvBlock::folded).collect(),
            features: self.features.arranged(),
            classifier: self.classifier.arranged(),
        }
    }
}
