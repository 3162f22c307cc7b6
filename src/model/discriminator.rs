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
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use daad::model::ModelConfig;
///
/// let square = ModelConfig { height_px: 32, width_px: 32, ..ModelConfig::default() };
/// let mut config = ModelConfig { scales: 2, base_width: 4, ..square };
/// config.memory.items = 10;
/// let discriminator = config.init(&Device::flex())?.discriminator.ok_or("a DAAD+ has one")?;
/// let images = Tensor::<4>::zeros([2, 3, 32, 32], &Device::flex());
/// assert_eq!(discriminator.forward(images).logits.dims(), [2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Module, Debug)]
pub struct Discriminator {
    stages: Vec<ConvBlock>,
    features: Convolution,
    classifier: Convolution,
}

/// The output of the discriminator for a batch of images.
///
/// ```
/// use burn::tensor::{Device, Tensor, activation::sigmoid};
/// use daad::model::Discrimination;
///
/// // Sure about the first image, undecided about the second one.
/// let device = Device::flex();
/// let judged = Discrimination {
///     features: Tensor::zeros([2, 100], &device),
///     logits: Tensor::from_floats([8.0, 0.0], &device),
/// };
/// let chances = sigmoid(judged.logits).into_data().try_to_vec::<f32>().unwrap();
/// assert!(chances[0] > 0.99 && (chances[1] - 0.5).abs() < 1e-6);
/// ```
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
    ///
    /// ```
    /// use burn::tensor::{Device, Tensor};
    /// use daad::model::{AdversarialConfig, ModelConfig};
    ///
    /// let square = ModelConfig { height_px: 32, width_px: 32, ..ModelConfig::default() };
    /// let mut config = ModelConfig { scales: 2, base_width: 4, ..square };
    /// config.memory.items = 10;
    /// config.adversarial = Some(AdversarialConfig { base_width: 4, features: 100 });
    /// let discriminator = config.init(&Device::flex())?.discriminator.ok_or("a DAAD+ has one")?;
    /// let images = Tensor::<4>::zeros([5, 3, 32, 32], &Device::flex());
    /// let judged = discriminator.forward(images);
    /// assert_eq!((judged.features.dims(), judged.logits.dims()), ([5, 100], [5]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
