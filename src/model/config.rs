//! The configuration of the networks. Every system of the paper is a configuration of the same
//! code.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::nn::DivisionRate;

/// The number of image channels: red, green, blue. The channel of a grey image is repeated.
pub(super) const IMAGE_CHANNELS: usize = 3;

/// Limits, so that a malicious model file cannot allocate more memory than a machine has.
const MAX_SIDE_PX: usize = 4096;
const MAX_BASE_WIDTH: usize = 1024;
const MAX_MEMORY_ITEMS: usize = 1 << 20;
const MAX_FEATURES: usize = 1 << 16;
const MAX_PARAMETERS: u128 = 1 << 32;

/// The allowed temperatures. With lower ones, a single item has nearly all the weight; with higher
/// ones, the weights differ by hardly more than rounding errors.
const TEMPERATURES: RangeInclusive<f64> = 0.01..=100.0;

/// The shape of generator and discriminator.
///
/// ```
/// use daad::model::ModelConfig;
///
/// // DAAD+ of the paper, and a smaller DAAD.
/// let paper = ModelConfig::default();
/// assert_eq!((paper.height_px, paper.scales, paper.base_width), (256, 4, 64));
/// let small = ModelConfig {
///     height_px: 128,
///     width_px: 128,
///     base_width: 16,
///     adversarial: None,
///     ..paper
/// };
/// small.validate()?;
/// # Ok::<(), daad::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// Image height H, in pixels.
    pub height_px: usize,
    /// Image width W, in pixels.
    pub width_px: usize,
    /// L, the number of times that the encoder halves the map.
    pub scales: usize,
    /// w, the channels of the first scale; each scale doubles them.
    pub base_width: usize,
    /// Whether the input of the decoder is every scale or only the bottleneck.
    pub skip_connections: bool,
    /// The block-wise memories.
    pub memory: MemoryConfig,
    /// The discriminator of DAAD+, if any.
    pub adversarial: Option<AdversarialConfig>,
}

/// The position and size of the memories.
///
/// ```
/// use daad::model::{MemoryConfig, ModelConfig};
///
/// let mut config = ModelConfig::default();
/// config.memory = MemoryConfig { items: 100, temperature: 0.1, ..config.memory };
/// assert!(config.validate().is_ok());
/// config.memory.items = 0;
/// assert!(config.validate().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemoryConfig {
    /// The connections that have a memory.
    pub placement: MemoryPlacement,
    /// N, the number of items per bank.
    pub items: usize,
    /// How maps are divided.
    pub division: Division,
    /// Extension, 1 in the paper: the temperature by which similarities are divided before the
    /// softmax.
    pub temperature: f64,
    /// Extension, off in the paper: whether the weights are normalized to sum to one after the
    /// shrinkage.
    pub renormalize: bool,
}

/// How the feature maps of all scales are divided into blocks.
///
/// ```
/// use daad::model::{Division, ModelConfig};
/// use daad::nn::DivisionRate;
///
/// let mut config = ModelConfig::default();
/// config.memory.division = Division::Blocks(DivisionRate::square(4));
/// assert_eq!(config.division_rate(0).blocks(), 16);
/// config.memory.division = Division::PixelWise; // the finest map has 128×128 pixels
/// assert_eq!(config.division_rate(0).blocks(), 128 * 128);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Division {
    /// Blocks at the same rate at every scale: DAAD.
    Blocks(DivisionRate),
    /// One block for every pixel of the map, with all channels: MemAE.
    PixelWise,
}

/// The connections from encoder to decoder that have a memory.
///
/// ```
/// use daad::model::{MemoryPlacement, ModelConfig};
///
/// let mut config = ModelConfig::default();
/// config.memory.placement = MemoryPlacement::Bottleneck;
/// let with_memory: Vec<_> = (0..config.scales).filter(|&scale| config.has_memory(scale)).collect();
/// assert_eq!(with_memory, [3]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemoryPlacement {
    /// No connection: AE, AE+Skip.
    None,
    /// Only the bottleneck: MemAE.
    Bottleneck,
    /// Every connection: MemAE+Skip, DAAD.
    Everywhere,
}

/// The discriminator's shape (Table 8).
///
/// ```
/// use daad::model::{AdversarialConfig, ModelConfig};
///
/// let narrow = AdversarialConfig { base_width: 16, ..AdversarialConfig::default() };
/// assert_eq!(narrow.features, 100);
/// let config = ModelConfig { adversarial: Some(narrow), ..ModelConfig::default() };
/// assert_eq!(config.system_name(), "DAAD+");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdversarialConfig {
    /// w, the channels of the first stage; each stage doubles them.
    pub base_width: usize,
    /// The dimension of f_D, 100 in the paper.
    pub features: usize,
}

/// The generators that the paper compares.
///
/// ```
/// use daad::model::{ModelConfig, System};
/// use daad::nn::DivisionRate;
///
/// // MemAE, at the size of the paper's DAAD.
/// let system = System::MemAe;
/// let mut config = ModelConfig { adversarial: None, ..ModelConfig::default() };
/// (config.skip_connections, config.memory.placement) = system.connections();
/// config.memory.division = system.division(DivisionRate::square(8));
/// assert_eq!(System::of(&config), Some(system));
/// assert_eq!(config.system_name(), "MemAE");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum System {
    /// No skip connections, no memory.
    Ae,
    /// Skip connections carry the feature maps unchanged.
    AeSkip,
    /// One pixel-wise memory at the bottleneck, no skip connections.
    MemAe,
    /// Pixel-wise memory on every connection.
    MemAeSkip,
    /// Block-wise memory on every connection.
    Daad,
}

impl System {
    /// The division of this system's maps into blocks.
    ///
    /// ```
    /// use daad::model::{Division, System};
    /// use daad::nn::DivisionRate;
    ///
    /// let rate = DivisionRate::square(8);
    /// assert_eq!(System::Daad.division(rate), Division::Blocks(rate));
    /// assert_eq!(System::MemAe.division(rate), Division::PixelWise);
    /// ```
    pub const fn division(self, rate: DivisionRate) -> Division {
        match self {
            Self::MemAe | Self::MemAeSkip => Division::PixelWise,
            Self::Ae | Self::AeSkip | Self::Daad => Division::Blocks(rate),
        }
    }

    /// (skip connections, memory placement) of this system.
    ///
    /// ```
    /// use daad::model::{MemoryPlacement, System};
    ///
    /// assert_eq!(System::AeSkip.connections(), (true, MemoryPlacement::None));
    /// assert_eq!(System::Daad.connections(), (true, MemoryPlacement::Everywhere));
    /// ```
    pub const fn connections(self) -> (bool, MemoryPlacement) {
        match self {
            Self::Ae => (false, MemoryPlacement::None),
            Self::AeSkip => (true, MemoryPlacement::None),
            Self::MemAe => (false, MemoryPlacement::Bottleneck),
            Self::MemAeSkip | Self::Daad => (true, MemoryPlacement::Everywhere),
        }
    }

    /// The system of `config`; None for a combination that the paper does not have.
    ///
    /// ```
    /// use daad::model::{MemoryPlacement, ModelConfig, System};
    ///
    /// let mut config = ModelConfig::default();
    /// assert_eq!(System::of(&config), Some(System::Daad));
    /// config.memory.placement = MemoryPlacement::Bottleneck; // with skip connections
    /// assert_eq!(System::of(&config), None);
    /// ```
    pub const fn of(config: &ModelConfig) -> Option<Self> {
        let MemoryConfig {
            placement,
            division,
            ..
        } = config.memory;
        match (config.skip_connections, placement, division) {
            (false, MemoryPlacement::None, _) => Some(Self::Ae),
            (true, MemoryPlacement::None, _) => Some(Self::AeSkip),
            (false, MemoryPlacement::Bottleneck, Division::PixelWise) => Some(Self::MemAe),
            (true, MemoryPlacement::Everywhere, Division::PixelWise) => Some(Self::MemAeSkip),
            (true, MemoryPlacement::Everywhere, Division::Blocks(_)) => Some(Self::Daad),
            _ => None,
        }
    }
}

impl Default for ModelConfig {
    /// DAAD+ as in the paper: 256×256, L = 4, w = 64, N = 500, r = 8×8×1.
    fn default() -> Self {
        Self {
            height_px: 256,
            width_px: 256,
            scales: 4,
            base_width: 64,
            skip_connections: true,
            memory: MemoryConfig {
                placement: MemoryPlacement::Everywhere,
                items: 500,
                division: Division::Blocks(DivisionRate::default()),
                temperature: 1.0,
                renormalize: false,
            },
            adversarial: Some(AdversarialConfig::default()),
        }
    }
}

impl Default for AdversarialConfig {
    fn default() -> Self {
        Self {
            base_width: 64,
            features: 100,
        }
    }
}

/// How many times longer than the shorter side the longer one may be, see
/// [`ModelConfig::shaped_like`].
///
/// ```
/// use daad::model::{LONGEST_SHAPE, ModelConfig};
///
/// let shaped = ModelConfig::default().shaped_like(4000, 400);
/// assert_eq!(shaped.width_px as f64 / shaped.height_px as f64, LONGEST_SHAPE);
/// ```
pub const LONGEST_SHAPE: f64 = 3.0;

impl ModelConfig {
    /// `[C, H, W]` of the feature map that scale `scale` (0 is the finest) passes to the
    /// decoder.
    pub(crate) const fn map_shape(&self, scale: usize) -> [usize; 3] {
        let shrink = scale + 1;
        [
            self.base_width << scale,
            self.height_px >> shrink,
            self.width_px >> shrink,
        ]
    }

    /// The same network for images of another shape: the shorter side stays, the longer one follows
    /// the shape of an image of `width_px`×`height_px`, up to [`LONGEST_SHAPE`] times the shorter
    /// one. It is rounded so that the maps of all scales are divided into whole blocks.
    ///
    /// ```
    /// use daad::model::{Division, ModelConfig};
    /// use daad::nn::DivisionRate;
    ///
    /// let mut config = ModelConfig { height_px: 96, width_px: 96, scales: 3, ..ModelConfig::default() };
    /// config.memory.division = Division::Blocks(DivisionRate::square(2));
    /// let shaped = config.shaped_like(371, 256);
    /// assert_eq!((shaped.height_px, shaped.width_px), (96, 144));
    /// ```
    #[must_use]
    pub fn shaped_like(mut self, width_px: u32, height_px: u32) -> Self {
        let side = self.height_px.min(self.width_px);
        let (rate_height, rate_width) = match self.memory.division {
            Division::Blocks(rate) => (rate.height, rate.width),
            Division::PixelWise => (1, 1),
        };
        let shorter = f64::from(width_px.min(height_px).max(1));
        let longer = |of_image: u32, rate: usize| {
            let unit = (rate << self.scales).max(1);
            let share = (f64::from(of_image) / shorter).min(LONGEST_SHAPE);
            let units = (side as f64 * share / unit as f64).round() as usize;
            side.max(unit * units)
        };
        if width_px > height_px {
            (self.height_px, self.width_px) = (side, longer(width_px, rate_width));
        } else {
            (self.height_px, self.width_px) = (longer(height_px, rate_height), side);
        }
        self
    }

    /// (rh, rw, rc) at `scale`.
    ///
    /// ```
    /// use daad::model::{Division, ModelConfig};
    /// use daad::nn::DivisionRate;
    ///
    /// let mut config = ModelConfig::default();
    /// assert_eq!(config.division_rate(0), DivisionRate::square(8));
    /// config.memory.division = Division::PixelWise;
    /// assert_eq!(config.division_rate(3), DivisionRate::square(16)); // 256 pixels, halved four times
    /// ```
    pub const fn division_rate(&self, scale: usize) -> DivisionRate {
        match self.memory.division {
            Division::Blocks(rate) => rate,
            Division::PixelWise => {
                let [_, height, width] = self.map_shape(scale);
                DivisionRate {
                    height,
                    width,
                    channel: 1,
                }
            }
        }
    }

    /// Whether the connection at `scale` has a memory.
    ///
    /// ```
    /// use daad::model::{MemoryPlacement, ModelConfig};
    ///
    /// let mut config = ModelConfig::default();
    /// assert!(config.has_memory(0));
    /// config.memory.placement = MemoryPlacement::Bottleneck;
    /// assert!(!config.has_memory(0) && config.has_memory(config.scales - 1));
    /// ```
    pub const fn has_memory(&self, scale: usize) -> bool {
        match self.memory.placement {
            MemoryPlacement::None => false,
            MemoryPlacement::Bottleneck => scale + 1 == self.scales,
            MemoryPlacement::Everywhere => true,
        }
    }

    /// The number of stride-2 stages of the discriminator: log2(size / 4).
    pub(crate) const fn discriminator_stages(&self) -> usize {
        (self.height_px / 4).ilog2() as usize
    }

    /// The name under which the paper lists this configuration; with `+` if it has a discriminator.
    ///
    /// ```
    /// use daad::model::ModelConfig;
    ///
    /// let mut config = ModelConfig::default();
    /// assert_eq!(config.system_name(), "DAAD+");
    /// config.adversarial = None;
    /// assert_eq!(config.system_name(), "DAAD");
    /// ```
    pub fn system_name(&self) -> String {
        let name = match (self.memory.placement, self.memory.division) {
            (MemoryPlacement::None, _) if self.skip_connections => "AE+Skip",
            (MemoryPlacement::None, _) => "AE",
            (MemoryPlacement::Bottleneck, _) => "MemAE",
            (MemoryPlacement::Everywhere, Division::PixelWise) => "MemAE+Skip",
            (MemoryPlacement::Everywhere, Division::Blocks(_)) => "DAAD",
        };
        let plus = if self.adversarial.is_some() { "+" } else { "" };
        format!("{name}{plus}")
    }

    /// Checks that a network can be built from this configuration, without allocating memory.
    ///
    /// ```
    /// use daad::model::ModelConfig;
    ///
    /// let config = ModelConfig { height_px: 250, ..ModelConfig::default() };
    /// let refused = config.validate().unwrap_err().to_string();
    /// assert!(refused.contains("250×256 pixels cannot be halved 4 times"));
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Config`] naming the setting that is not allowed.
    pub fn validate(&self) -> Result<()> {
        let between = |name: &str, value: usize, low: usize, high: usize| {
            if (low..=high).contains(&value) {
                return Ok(());
            }
            Err(Error::Config(format!(
                "{name} is {value}, it must be between {low} and {high}"
            )))
        };
        between("height_px", self.height_px, 4, MAX_SIDE_PX)?;
        between("width_px", self.width_px, 4, MAX_SIDE_PX)?;
        between("scales", self.scales, 1, 8)?;
        between("base_width", self.base_width, 1, MAX_BASE_WIDTH)?;
        between("memory.items", self.memory.items, 1, MAX_MEMORY_ITEMS)?;
        let temperature = self.memory.temperature;
        if !TEMPERATURES.contains(&temperature) {
            return Err(Error::Config(format!(
                "memory.temperature is {temperature}, it must be between {} and {}",
                TEMPERATURES.start(),
                TEMPERATURES.end()
            )));
        }
        let step = 1 << self.scales;
        if !self.height_px.is_multiple_of(step) || !self.width_px.is_multiple_of(step) {
            return Err(Error::Config(format!(
                "{}×{} pixels cannot be halved {} times; use a multiple of {step} or fewer scales",
                self.height_px, self.width_px, self.scales
            )));
        }
        for scale in 0..self.scales {
            if self.has_memory(scale) {
                self.division_rate(scale).block_dim(self.map_shape(scale))?;
            }
        }
        if let Some(adversarial) = self.adversarial {
            between(
                "adversarial.base_width",
                adversarial.base_width,
                1,
                MAX_BASE_WIDTH,
            )?;
            between(
                "adversarial.features",
                adversarial.features,
                1,
                MAX_FEATURES,
            )?;
            let size = self.height_px;
            if size != self.width_px || !size.is_power_of_two() || size < 8 {
                return Err(Error::Config(format!(
                    "the discriminator needs square images of 8, 16, 32, … pixels a side, not \
                     {}×{}; choose such a size or a system without it",
                    self.height_px, self.width_px
                )));
            }
        }
        let parameters = self.parameter_count();
        if parameters > MAX_PARAMETERS {
            return Err(Error::Config(format!(
                "the networks would have {parameters} parameters; lower the width or the memory"
            )));
        }
        Ok(())
    }

    /// The number of learned parameters of generator and discriminator together, computed without
    /// building the networks. Running statistics of batch normalization are not learned and not
    /// counted.
    ///
    /// ```
    /// use daad::model::ModelConfig;
    ///
    /// let paper = ModelConfig::default();
    /// let mut smaller = paper.clone();
    /// smaller.memory.items -= 1;
    /// // One item less in each bank, of one block of 8×8 each.
    /// let values = (64 * 128 * 128 + 128 * 64 * 64 + 256 * 32 * 32 + 512 * 16 * 16) / 64;
    /// assert_eq!(paper.parameter_count() - smaller.parameter_count(), values);
    /// ```
    pub fn parameter_count(&self) -> u128 {
        self.generator_parameters() + self.discriminator_parameters()
    }

    fn generator_parameters(&self) -> u128 {
        let block = |input: usize, output: usize| conv(input, output, 3) + 2 * output as u128;
        let mut count = 0;
        let mut input = IMAGE_CHANNELS;
        for scale in 0..self.scales {
            let [channels, height, width] = self.map_shape(scale);
            count += block(input, channels) + block(channels, channels);
            input = channels;
            if self.has_memory(scale) {
                let values = channels as u128 * height as u128 * width as u128;
                count +=
                    self.memory.items as u128 * values / self.division_rate(scale).blocks() as u128;
            }
            let up = 2 * channels;
            count += block(self.decoder_input(scale), up) + block(up, up);
            count += conv(up, channels, 2);
        }
        let width = self.base_width;
        count + 2 * block(width, width) + conv(width, IMAGE_CHANNELS, 1)
    }

    fn discriminator_parameters(&self) -> u128 {
        let Some(config) = self.adversarial else {
            return 0;
        };
        let mut count = 0;
        let mut input = IMAGE_CHANNELS;
        for stage in 0..self.discriminator_stages() {
            let output = config.base_width << stage;
            let norm = if stage == 0 { 0 } else { 2 * output };
            count += conv(input, output, 4) + norm as u128;
            input = output;
        }
        count + conv(input, config.features, 4) + conv(config.features, 1, 3)
    }

    /// The number of input channels of the decoder stage at `scale`.
    pub(crate) const fn decoder_input(&self, scale: usize) -> usize {
        let own = self.base_width << scale;
        let bottleneck = scale + 1 == self.scales;
        match (bottleneck, self.skip_connections) {
            (true, _) => own,
            // The next coarser stage passes on twice as many channels as this scale has.
            (false, true) => own + 2 * own,
            (false, false) => 2 * own,
        }
    }
}

/// The number of weights and biases of a `kernel`×`kernel` convolution.
const fn conv(input: usize, output: usize, kernel: usize) -> u128 {
    let (input, output, kernel) = (input as u128, output as u128, kernel as u128);
    input * output * kernel * kernel + output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameter_counts_are_those_of_the_paper() {
        let mut config = ModelConfig::default();
        assert_eq!(config.generator_parameters(), 44_818_499);
        assert_eq!(config.discriminator_parameters(), 47_988_393);
        config.base_width = 16;
        assert_eq!(config.generator_parameters(), 5_685_011);
    }

    #[test]
    fn sizes_that_do_not_divide_are_named() {
        let small = ModelConfig {
            height_px: 64,
            width_px: 64,
            ..ModelConfig::default()
        };
        let error = small.validate().unwrap_err().to_string();
        assert!(error.contains("division rate 8"), "{error}");
        let odd = ModelConfig {
            height_px: 100,
            ..ModelConfig::default()
        };
        let error = odd.validate().unwrap_err().to_string();
        assert!(error.contains("halved 4 times"), "{error}");
        let oblong = ModelConfig {
            width_px: 512,
            ..ModelConfig::default()
        };
        let error = oblong.validate().unwrap_err().to_string();
        assert!(error.contains("square"), "{error}");
    }

    #[test]
    fn an_impossible_temperature_is_named() {
        for temperature in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let mut config = ModelConfig::default();
            config.memory.temperature = temperature;
            let error = config.validate().unwrap_err().to_string();
            assert!(error.contains("memory.temperature"), "{error}");
        }
    }

    #[test]
    fn a_lying_size_is_refused_before_anything_is_allocated() {
        let mut config = ModelConfig::default();
        config.memory.items = 1 << 20;
        config.base_width = 1024;
        assert!(config.validate().is_err());
    }
}
