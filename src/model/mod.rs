//! The networks: the autoencoder with block-wise memory (Table 7) and the discriminator (Table 8).
//!
//! ```
//! use burn::tensor::{Device, Tensor};
//! use daad::model::{Division, ModelConfig};
//! use daad::nn::DivisionRate;
//!
//! # fn main() -> daad::Result<()> {
//! let mut config = ModelConfig {
//!     height_px: 64,
//!     width_px: 64,
//!     scales: 3,
//!     base_width: 4,
//!     adversarial: None,
//!     ..ModelConfig::default()
//! };
//! config.memory.items = 50;
//! config.memory.division = Division::Blocks(DivisionRate::square(4));
//! config.validate()?; // says what is not possible
//! assert_eq!(config.system_name(), "DAAD");
//!
//! let model = config.init(&Device::flex())?;
//! let images = Tensor::<4>::zeros([1, 3, 64, 64], &Device::flex());
//! assert_eq!(model.generator.forward(images).dims(), [1, 3, 64, 64]);
//! # Ok(())
//! # }
//! ```

mod autoencoder;
mod config;
pub(crate) mod decoder;
pub(crate) mod discriminator;
mod encoder;
pub mod parameters;

pub use autoencoder::Autoencoder;
pub use config::{
    AdversarialConfig, Division, LONGEST_SHAPE, MemoryConfig, MemoryPlacement, ModelConfig, System,
};
pub use decoder::Decoder;
pub use discriminator::{Discrimination, Discriminator};
pub use encoder::Encoder;

use burn::module::Module;
use burn::tensor::Device;

use crate::error::Result;

/// The networks of a model file: a generator and, if the system has one, a discriminator.
#[derive(Module, Debug)]
pub struct Model {
    /// The generator, which reconstructs images.
    pub generator: Autoencoder,
    /// The discriminator, which separates images from reconstructions. The alignment score is
    /// computed from its features.
    pub discriminator: Option<Discriminator>,
}

impl Model {
    /// The networks for inference only: every batch normalization is merged into the convolution
    /// before it.
    pub fn folded(self) -> Self {
        Self {
            generator: self.generator.folded(),
            discriminator: self.discriminator.map(Discriminator::folded),
        }
    }
}

impl ModelConfig {
    /// The networks on `device`. All weights and memory items are zero; their values have to be
    /// loaded, or drawn by `train::initialize`.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Config`] for a configuration that [`ModelConfig::validate`] refuses.
    pub fn init(&self, device: &Device) -> Result<Model> {
        self.validate()?;
        Ok(Model {
            generator: Autoencoder::new(self, device)?,
            discriminator: self
                .adversarial
                .map(|config| Discriminator::new(self, config, device)),
        })
    }
}
