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
pub(crate) use decoder::Decoder;
pub use discriminator::{Discrimination, Discriminator};
pub(crate) use encoder::Encoder;

use burn::module::Module;
use burn::tensor::Device;

use crate::error::Result;

/// The networks of a model file: a generator and, if the system has one, a discriminator.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use daad::model::ModelConfig;
///
/// let square = ModelConfig { height_px: 32, width_px: 32, ..ModelConfig::default() };
/// let mut config = ModelConfig { scales: 2, base_width: 4, ..square };
/// config.memory.items = 10;
/// let model = config.init(&Device::flex())?;
/// let images = Tensor::<4>::zeros([2, 3, 32, 32], &Device::flex());
/// let reconstructions = model.generator.forward(images);
/// let discriminator = model.discriminator.as_ref().ok_or("a DAAD+ has one")?;
/// assert_eq!(discriminator.forward(reconstructions).logits.dims(), [2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use daad::model::parameters::shapes;
    /// use daad::model::{Model, ModelConfig};
    ///
    /// let square = ModelConfig { height_px: 32, width_px: 32, ..ModelConfig::default() };
    /// let mut config = ModelConfig { scales: 2, base_width: 4, ..square };
    /// config.memory.items = 10;
    /// let model = config.init(&Device::flex())?;
    /// let has_norms = |model: &Model| {
    ///     shapes(model).iter().any(|(name, _)| name.ends_with("running_mean"))
    /// };
    /// assert!(has_norms(&model));
    /// assert!(!has_norms(&model.folded()));
    /// # Ok::<(), daad::Error>(())
    /// ```
    pub fn folded(self) -> Self {
        Self {
            generator: self.generator.folded(),
            discriminator: self.discriminator.map(Discriminator::folded),
        }
    }
}

impl ModelConfig {
    /// The networks on `device`. All weights and memory items are zero; their values have to be
    /// loaded, or drawn by `learn::initialize`.
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use daad::model::ModelConfig;
    ///
    /// let square = ModelConfig { height_px: 32, width_px: 32, ..ModelConfig::default() };
    /// let mut config = ModelConfig { scales: 2, base_width: 4, ..square };
    /// config.memory.items = 10;
    /// let model = config.init(&Device::flex())?;
    /// assert!(model.discriminator.is_some());
    /// config.scales = 6; // 32 pixels cannot be halved that often
    /// assert!(matches!(config.init(&Device::flex()), Err(daad::Error::Config(_))));
    /// # Ok::<(), daad::Error>(())
    /// ```
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
