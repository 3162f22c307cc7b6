//! The discriminator of DAAD+ (Table 8): stride-2 convolutions down to features f_D, then real or
//! rebuilt.

use burn::module::Module;
use burn::nn::PaddingConfig2d;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::tensor::{Device, Tensor, activation::leaky_relu};

use super::config::{AdversarialConfig, IMAGE_CHANNELS, ModelConfig};
use crate::nn::BatchNorm;

const LEAKY_SLOPE: f64 = 0.2;

/// Tells images from reconstructions.
#[derive(Module, Debug)]
pub struct Discriminator {
    stages: Vec<Stage>,
    features: Conv2d,
    classifier: Conv2d,
}

#[derive(Module, Debug)]
struct Stage {
    conv: Conv2d,
    /// None at the first stage.
    norm: Option<BatchNorm>,
}

/// What the discriminator makes of a batch of images.
#[derive(Debug, Clone)]
pub struct Discrimination {
    /// f_D, `[B, F]`.
    pub features: Tensor<2>,
    /// Before the sigmoid, `[B]`: positive means "an image", negative "a reconstruction".
    pub logits: Tensor<1>,
}

impl Discriminator {
    pub(super) fn new(model: &ModelConfig, config: AdversarialConfig, device: &Device) -> Self {
        let mut input = IMAGE_CHANNELS;
        let stages = (0..model.discriminator_stages())
            .map(|stage| {
                let output = config.base_width << stage;
                let conv = Conv2dConfig::new([input, output], [4, 4])
                    .with_stride([2, 2])
                    .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
                    .init(device);
                input = output;
                let norm = (stage > 0).then(|| BatchNorm::new(output, device));
                Stage { conv, norm }
            })
            .collect();
        Self {
            stages,
            // 4×4 to 1×1.
            features: Conv2dConfig::new([input, config.features], [4, 4]).init(device),
            classifier: Conv2dConfig::new([config.features, 1], [3, 3])
                .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
                .init(device),
        }
    }

    /// Images `[B, 3, H, W]` to features and logits.
    pub fn forward(&self, images: Tensor<4>) -> Discrimination {
        let mut x = images;
        for stage in &self.stages {
            x = stage.conv.forward(x);
            if let Some(norm) = &stage.norm {
                x = norm.forward(x);
            }
            x = leaky_relu(x, LEAKY_SLOPE);
        }
        let features = self.features.forward(x);
        let [batch, count, _, _] = features.dims();
        let logits = self.classifier.forward(features.clone());
        Discrimination {
            features: features.reshape([batch, count]),
            logits: logits.reshape([batch]),
        }
    }
}
