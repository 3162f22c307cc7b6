//! The generator: encoder, memories on the connections, decoder (Figure 3, Table 7).

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::config::ModelConfig;
use super::{Decoder, Encoder};
use crate::error::Result;
use crate::nn::{MemoryBank, MemoryBankConfig};

/// Reconstructs images from the items of its memories.
///
/// ```
/// use burn::tensor::Device;
///
/// let file = std::fs::read("models/piped.safetensors")?;
/// let model = daad::weights::decode(&file, &Device::flex())?.model;
/// let image = daad::image::test_pattern(128, 128);
/// let images = daad::image::to_tensor(&[&image], &Device::flex());
/// assert_eq!(model.generator.forward(images).dims(), [1, 3, 128, 128]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Module, Debug)]
pub struct Autoencoder {
    encoder: Encoder,
    /// The memory of each scale, the finest first; None if the connection passes the map on
    /// unchanged.
    memories: Vec<Option<MemoryBank>>,
    decoder: Decoder,
    skip_connections: bool,
}

impl Autoencoder {
    pub(super) fn new(config: &ModelConfig, device: &Device) -> Result<Self> {
        let memory = |scale| {
            if !config.has_memory(scale) {
                return Ok(None);
            }
            let rate = config.division_rate(scale);
            let bank = MemoryBankConfig {
                items: config.memory.items,
                dim: rate.block_dim(config.map_shape(scale))?,
                rate,
                temperature: config.memory.temperature,
                renormalize: config.memory.renormalize,
            };
            Ok(Some(bank.init(device)))
        };
        Ok(Self {
            encoder: Encoder::new(config, device),
            memories: (0..config.scales).map(memory).collect::<Result<_>>()?,
            decoder: Decoder::new(config, device),
            skip_connections: config.skip_connections,
        })
    }

    /// Images `[B, 3, H, W]` in [−1, 1] to reconstructions of the same shape (x̂, unbounded).
    ///
    /// ```
    /// use burn::tensor::{Device, Tensor};
    /// use daad::model::ModelConfig;
    ///
    /// let square = ModelConfig { height_px: 32, width_px: 32, ..ModelConfig::default() };
    /// let mut config = ModelConfig { scales: 2, base_width: 4, ..square };
    /// config.memory.items = 10;
    /// let generator = config.init(&Device::flex())?.generator;
    /// let images = Tensor::<4>::zeros([5, 3, 32, 32], &Device::flex());
    /// assert_eq!(generator.forward(images).dims(), [5, 3, 32, 32]);
    /// # Ok::<(), daad::Error>(())
    /// ```
    pub fn forward(&self, images: Tensor<4>) -> Tensor<4> {
        // The encoder continues with the unchanged maps; a memory changes only the input of the
        // decoder.
        let maps = self.encoder.forward(images).into_iter().enumerate();
        self.decode(maps.map(|(scale, map)| self.recall(scale, map)).collect())
    }

    /// The encoder's feature maps of images, one per scale: see [`Encoder::forward`].
    pub(crate) fn encode(&self, images: Tensor<4>) -> Vec<Tensor<4>> {
        self.encoder.forward(images)
    }

    /// The map that the memory assembles from its answers, or the unchanged map if this connection
    /// has no memory.
    pub(crate) fn recall(&self, scale: usize, map: Tensor<4>) -> Tensor<4> {
        match &self.memories[scale] {
            Some(memory) => memory.forward(map),
            None => map,
        }
    }

    /// Decodes the assembled maps of all scales to images.
    pub(crate) fn decode(&self, mut maps: Vec<Tensor<4>>) -> Tensor<4> {
        let bottleneck = maps.pop().expect("at least one scale");
        self.decoder
            .forward(bottleneck, self.skip_connections.then_some(maps))
    }

    /// The memory on the connection at `scale`.
    pub(crate) fn memory(&self, scale: usize) -> Option<&MemoryBank> {
        self.memories[scale].as_ref()
    }

    /// See [`crate::nn::ConvBlock::folded`].
    pub(super) fn folded(self) -> Self {
        Self {
            encoder: self.encoder.folded(),
            decoder: self.decoder.folded(),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::System;
    use crate::nn::DivisionRate;
    use burn::tensor::Distribution;

    fn config(system: System) -> ModelConfig {
        let (skip_connections, placement) = system.connections();
        let mut config = ModelConfig {
            height_px: 32,
            width_px: 16,
            scales: 3,
            base_width: 2,
            skip_connections,
            adversarial: None,
            ..ModelConfig::default()
        };
        config.memory.placement = placement;
        config.memory.items = 5;
        config.memory.division = system.division(DivisionRate {
            height: 4,
            width: 2,
            channel: 1,
        });
        config
    }

    #[test]
    fn every_system_rebuilds_an_image_of_the_same_size_and_has_the_counted_parameters() {
        let device = Device::flex();
        for system in [
            System::Ae,
            System::AeSkip,
            System::MemAe,
            System::MemAeSkip,
            System::Daad,
        ] {
            let config = config(system);
            let model = config.init(&device).unwrap();
            let images = Tensor::random([2, 3, 32, 16], Distribution::Default, &device);
            assert_eq!(model.generator.forward(images).dims(), [2, 3, 32, 16]);
            let learned = crate::model::parameters::learned_count(&model) as u128;
            assert_eq!(learned, config.parameter_count(), "{system:?}");
        }
    }
}
