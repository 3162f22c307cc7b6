//! The model file: one safetensors file with the weights, and everything else in its metadata.
//!
//! This module works on bytes and does not use the file system. It checks the content of a file
//! against the configuration in the file before it allocates memory for it.

use std::collections::HashMap;

use burn::tensor::{Device, TensorData};
use half::f16;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::model::{Model, ModelConfig, parameters};
use crate::score::Calibration;
use crate::score::Scoring;

/// The format version that this program writes, and the only one that it can read.
///
/// ```
/// let card = daad::weights::read_card(&std::fs::read("models/piped.safetensors")?)?;
/// assert_eq!(card.version, daad::weights::FORMAT_VERSION);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub const FORMAT_VERSION: u32 = 4;

/// The metadata key that holds the [`ModelCard`] as JSON.
const METADATA_KEY: &str = "daad";

/// Everything about a model except its weights.
///
/// ```
/// let card = daad::weights::read_card(&std::fs::read("models/piped.safetensors")?)?;
/// assert_eq!((card.config.width_px, card.config.memory.items), (128, 300));
/// assert_eq!(card.provenance.licence, "CC BY 4.0");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelCard {
    /// The format version: [`FORMAT_VERSION`].
    pub version: u32,
    /// The networks.
    pub config: ModelConfig,
    /// The normalization of pixel values at the input of the network.
    pub normalization: Normalization,
    /// Extensions of how images are scored.
    pub scoring: Scoring,
    /// Scaling, threshold and the distribution of normal scores.
    pub calibration: Calibration,
    /// The origin of the weights.
    pub provenance: Provenance,
}

/// The normalization (value / 255 − mean) / deviation, per channel.
///
/// ```
/// use daad::weights::Normalization;
///
/// let Normalization { mean, deviation } = Normalization::default();
/// let normalized = |value: u8| (f32::from(value) / 255.0 - mean[0]) / deviation[0];
/// assert_eq!((normalized(0), normalized(255)), (-1.0, 1.0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Normalization {
    /// The mean of each channel, which is subtracted.
    pub mean: [f32; 3],
    /// The deviation of each channel, by which the difference is divided.
    pub deviation: [f32; 3],
}

impl Default for Normalization {
    /// The normalization to [−1, 1], as in the paper; this version supports no other.
    fn default() -> Self {
        Self {
            mean: [0.5; 3],
            deviation: [0.5; 3],
        }
    }
}

/// The origin of the weights.
///
/// ```
/// use daad::weights::Provenance;
///
/// let provenance = Provenance {
///     data: "screws of line 2".into(),
///     licence: "all rights reserved".into(),
///     ..Provenance::default()
/// };
/// assert!(provenance.config.is_null());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// The data's name.
    pub data: String,
    /// The data's licence.
    pub licence: String,
    /// Whom to credit for the data.
    pub attribution: String,
    /// The seed of weights, order, flips and shifts.
    pub seed: u64,
    /// The commit of the program that trained the model.
    pub commit: String,
    /// The command line that trained the model.
    pub command: String,
    /// The number of epochs trained.
    pub epochs: usize,
    /// The number of training images.
    pub trained_on: usize,
    /// The device on which the model was trained.
    pub device: String,
    /// All settings of the run, a [`crate::learn::TrainConfig`]; null until the run is
    /// finished.
    pub config: serde_json::Value,
}

/// How weights are stored.
///
/// ```
/// use burn::tensor::Device;
/// use daad::weights::{Decoded, Precision, decode, encode};
///
/// let file = std::fs::read("models/piped.safetensors")?;
/// let Decoded { model, card } = decode(&file, &Device::flex())?;
/// let size = |precision| encode(&model, &card, precision).map(|bytes| bytes.len() as f64);
/// let ratio = size(Precision::F32)? / size(Precision::F16)?;
/// assert!((1.9..2.0).contains(&ratio));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// Half precision, half the size; the format for the web page.
    #[default]
    F16,
    /// Full precision, as in training.
    F32,
}

/// Makes the bytes of a model file.
///
/// ```
/// use burn::tensor::Device;
/// use daad::weights::{Decoded, Precision, decode, encode};
///
/// let file = std::fs::read("models/piped.safetensors")?;
/// let Decoded { model, mut card } = decode(&file, &Device::flex())?;
/// card.provenance.data = "PIPED, smaller".into();
/// let bytes = encode(&model, &card, Precision::F16)?;
/// assert_eq!(daad::weights::read_card(&bytes)?.provenance.data, "PIPED, smaller");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`Error::Model`] where a weight is not finite, or too large for `precision`.
pub fn encode(model: &Model, card: &ModelCard, precision: Precision) -> Result<Vec<u8>> {
    let mut tensors = Vec::new();
    for (name, data) in parameters::values(model) {
        let values = data
            .as_slice::<f32>()
            .map_err(|error| Error::Model(format!("{name}: {error:?}")))?;
        let shape = data.shape().to_vec();
        let (dtype, bytes): (_, Vec<u8>) = match precision {
            Precision::F16 => {
                let halves = values.iter().map(|&value| f16::from_f32(value));
                let rounded: Vec<f32> = halves.clone().map(f16::to_f32).collect();
                check_finite(&name, &rounded)?;
                (Dtype::F16, halves.flat_map(f16::to_le_bytes).collect())
            }
            Precision::F32 => {
                check_finite(&name, values)?;
                let bytes = values.iter().flat_map(|value| value.to_le_bytes());
                (Dtype::F32, bytes.collect())
            }
        };
        tensors.push((name, dtype, shape, bytes));
    }
    let views = tensors.iter().map(|(name, dtype, shape, bytes)| {
        let view = TensorView::new(*dtype, shape.clone(), bytes).expect("bytes fit the shape");
        (name.as_str(), view)
    });
    write(views, card)
}

/// The same model file with another card; the bits of the weights are not changed.
///
/// ```
/// use daad::weights::{read_card, with_card};
///
/// let file = std::fs::read("models/piped.safetensors")?;
/// let mut card = read_card(&file)?;
/// card.calibration = card.calibration.with_false_alarm_rate(0.2);
/// let changed = with_card(&file, &card)?;
/// assert_eq!(read_card(&changed)?.calibration.target_false_alarm_rate, 0.2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`Error::Model`] where `bytes` are not a safetensors file.
pub fn with_card(bytes: &[u8], card: &ModelCard) -> Result<Vec<u8>> {
    let file = SafeTensors::deserialize(bytes).map_err(not_safetensors)?;
    write(file.iter(), card)
}

fn write<'a>(
    tensors: impl IntoIterator<Item = (&'a str, TensorView<'a>)>,
    card: &ModelCard,
) -> Result<Vec<u8>> {
    let card = serde_json::to_string(card).expect("a card is plain data");
    // The map has only one key, because several keys would be written in a random order.
    let metadata = HashMap::from([(METADATA_KEY.to_owned(), card)]);
    safetensors::serialize(tensors, Some(metadata)).map_err(|error| Error::Model(error.to_string()))
}

/// A model as read from a file.
///
/// ```
/// use burn::tensor::Device;
/// use daad::Detector;
/// use daad::weights::{Decoded, decode};
///
/// let device = Device::flex();
/// let file = std::fs::read("models/piped.safetensors")?;
/// let Decoded { model, card } = decode(&file, &device)?;
/// assert!(model.discriminator.is_none());
/// let detector = Detector::new(&model, card, &device);
/// # let _ = detector;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Decoded {
    /// The networks, for inference, on the chosen device.
    pub model: Model,
    /// The card of the model.
    pub card: ModelCard,
}

/// Reads only the metadata of a model file.
///
/// ```
/// use daad::weights::read_card;
///
/// let card = read_card(&std::fs::read("models/piped.safetensors")?)?;
/// assert_eq!(card.config.system_name(), "DAAD");
/// assert!(matches!(read_card(b"something else"), Err(daad::Error::Model(_))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`Error::Model`] saying what is wrong.
pub fn read_card(bytes: &[u8]) -> Result<ModelCard> {
    if bytes.starts_with(b"version https://git-lfs") {
        let pointer = "it is a Git LFS pointer, not the model itself; run `git lfs pull`";
        return Err(Error::Model(pointer.into()));
    }
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(not_safetensors)?;
    let json = metadata
        .metadata()
        .as_ref()
        .and_then(|metadata| metadata.get(METADATA_KEY))
        .ok_or_else(|| {
            Error::Model("it is a safetensors file, but not one that daad wrote".into())
        })?;
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    let invalid = |error| Error::Model(format!("its metadata cannot be read ({error})"));
    let Version { version } = serde_json::from_str(json).map_err(invalid)?;
    if version != FORMAT_VERSION {
        return Err(Error::Model(format!(
            "it has format version {version}, this program reads version {FORMAT_VERSION}"
        )));
    }
    let card: ModelCard = serde_json::from_str(json).map_err(invalid)?;
    let scoring = card.scoring.validate();
    (card.config.validate().and(scoring)).map_err(|error| Error::Model(error.to_string()))?;
    if card.normalization != Normalization::default() {
        let normalization = card.normalization;
        return Err(Error::Model(format!(
            "it asks for {normalization:?}, this program knows mean and deviation 0.5 only"
        )));
    }
    if !card.calibration.is_sound() {
        return Err(Error::Model("its calibration is not sound".into()));
    }
    let scores_alignment = card.calibration.fusion.alignment.is_some();
    if scores_alignment && card.config.adversarial.is_none() {
        return Err(Error::Model(
            "it scores with a discriminator that it does not have".into(),
        ));
    }
    Ok(card)
}

/// Reads a model file onto `device`.
///
/// ```
/// use burn::tensor::Device;
/// use daad::weights::decode;
///
/// let file = std::fs::read("models/piped.safetensors")?;
/// let decoded = decode(&file, &Device::flex())?;
/// assert_eq!(decoded.card.config.system_name(), "DAAD");
/// let cut_off = decode(&file[..file.len() / 2], &Device::flex());
/// assert!(matches!(cut_off, Err(daad::Error::Model(_))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`Error::Model`] naming the tensor or setting that is wrong.
pub fn decode(bytes: &[u8], device: &Device) -> Result<Decoded> {
    let card = read_card(bytes)?;
    let file = SafeTensors::deserialize(bytes).map_err(not_safetensors)?;
    let tensors = file.iter().map(|(name, tensor)| (name.to_owned(), tensor));
    let model = with_weights(&card.config, tensors.collect(), device)?;
    Ok(Decoded { model, card })
}

/// The networks of `config` on `device`, for inference, with weights that were read from a file.
///
/// # Errors
///
/// [`Error::Model`] naming the tensor that is missing, wrong, or not of these networks.
pub(crate) fn with_weights(
    config: &ModelConfig,
    mut tensors: HashMap<String, TensorView>,
    device: &Device,
) -> Result<Model> {
    // Parameters are allocated when they are first used, which does not happen here. So this needs
    // almost no memory, even if the configuration describes a huge network.
    let model = config.init(&device.clone().without_autodiff())?;
    let expected = parameters::shapes(&model);
    for (name, shape) in &expected {
        let tensor = tensors.get(name).ok_or_else(|| {
            Error::Model(format!(
                "tensor {name} is missing, its configuration asks for one of shape {shape:?}"
            ))
        })?;
        if tensor.shape() != shape {
            let got = tensor.shape();
            return Err(Error::Model(format!(
                "tensor {name} has shape {got:?}, its configuration asks for {shape:?}"
            )));
        }
        if !matches!(tensor.dtype(), Dtype::F16 | Dtype::F32) {
            let dtype = tensor.dtype();
            return Err(Error::Model(format!(
                "tensor {name} is {dtype:?}, only F16 and F32 are read"
            )));
        }
    }
    let mut values = HashMap::new();
    for (name, shape) in expected {
        let tensor = tensors.remove(&name).expect("it was found above");
        let data = floats(tensor.dtype(), tensor.data());
        check_finite(&name, &data)?;
        if name.ends_with("running_var") && data.iter().any(|&variance| variance < 0.0) {
            return Err(Error::Model(format!(
                "tensor {name} holds a negative variance"
            )));
        }
        values.insert(name, TensorData::new(data, shape));
    }
    // The first tensor in alphabetical order, so that the same file always gives the same error.
    if let Some((name, stray)) = tensors.iter().min_by_key(|(name, _)| *name) {
        let shape = stray.shape();
        return Err(Error::Model(format!(
            "tensor {name} of shape {shape:?} does not belong to its configuration"
        )));
    }
    Ok(parameters::load(model, values))
}

/// The values of a tensor in f16 or f32.
///
/// Not inlined: a browser optimizes the function with this loop while the model is loaded, and a
/// small function takes it less time.
#[inline(never)]
fn floats(dtype: Dtype, bytes: &[u8]) -> Vec<f32> {
    match dtype {
        Dtype::F16 => (bytes.as_chunks::<2>().0.iter())
            .map(|&bytes| widen(bytes))
            .collect(),
        _ => (bytes.as_chunks::<4>().0.iter())
            .map(|&bytes| f32::from_le_bytes(bytes))
            .collect(),
    }
}

pub(crate) fn not_safetensors(error: safetensors::SafeTensorError) -> Error {
    Error::Model(format!(
        "it is not a whole, sound safetensors file ({error})"
    ))
}

#[inline(never)] // as `floats`
fn check_finite(name: &str, values: &[f32]) -> Result<()> {
    const INFINITY: u32 = f32::INFINITY.to_bits();
    // The compiler vectorizes this maximum, but not a search for a value that is not finite.
    let magnitudes = values.iter().map(|value| value.to_bits() & !SIGN);
    if magnitudes.fold(0, u32::max) < INFINITY {
        return Ok(());
    }
    let value = values.iter().find(|value| !value.is_finite());
    let value = value.expect("one is not finite");
    Err(Error::Model(format!("tensor {name} holds {value}")))
}

/// The sign bit of an f32.
const SIGN: u32 = 1 << 31;

/// Converts a half-precision number to f32. The result is that of [`f16::to_f32`], but the compiler
/// can vectorize this function. When the page opens, it has to wait for a million conversions, in
/// code that the browser has not optimized yet.
#[inline(always)]
fn widen(bytes: [u8; 2]) -> f32 {
    /// The power of two that corrects the difference of the exponents' biases.
    const BIAS: f32 = f32::from_bits((127 + 127 - 15) << 23);
    /// The half-precision infinity, shifted to the position of an f32's exponent.
    const INFINITE: u32 = 0x7C00 << 13;
    let half = u32::from(u16::from_le_bytes(bytes));
    let magnitude = (half & 0x7FFF) << 13;
    let finite = (f32::from_bits(magnitude) * BIAS).to_bits();
    let infinite = if magnitude < INFINITE {
        0
    } else {
        f32::INFINITY.to_bits()
    };
    f32::from_bits(finite | infinite | (half << 16) & SIGN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Division;
    use crate::nn::{DivisionRate, drawn};
    use crate::score::{NormalStatistics, RawScore};

    fn card() -> ModelCard {
        let mut config = ModelConfig {
            height_px: 16,
            width_px: 16,
            scales: 2,
            base_width: 2,
            ..ModelConfig::default()
        };
        config.memory.items = 5;
        config.memory.division = Division::Blocks(DivisionRate::square(2));
        config.adversarial = Some(crate::model::AdversarialConfig {
            base_width: 2,
            features: 3,
        });
        let score = RawScore {
            reconstruction: 0.5,
            alignment: Some(1.0),
        };
        ModelCard {
            version: FORMAT_VERSION,
            config,
            normalization: Normalization::default(),
            scoring: Scoring::default(),
            calibration: Calibration::from_normal(
                NormalStatistics::of_scores(vec![vec![score]]),
                0.9,
                0.01,
                score,
            ),
            provenance: Provenance::default(),
        }
    }

    fn file(card: &ModelCard) -> Vec<u8> {
        let device = Device::flex();
        let model = drawn(card.config.init(&device).unwrap());
        encode(&model, card, Precision::F16).unwrap()
    }

    #[test]
    fn every_half_is_widened_as_the_library_does_it() {
        for bits in 0..=u16::MAX {
            let bytes = bits.to_le_bytes();
            let (got, expected) = (widen(bytes), f16::from_le_bytes(bytes).to_f32());
            let same = got.to_bits() == expected.to_bits() || got.is_nan() && expected.is_nan();
            assert!(same, "{bits:04x}: got {got}, expected {expected}");
        }
    }

    fn message(bytes: &[u8]) -> String {
        decode(bytes, &Device::flex()).unwrap_err().to_string()
    }

    /// Replaces the JSON of the header and keeps the bytes of the tensors.
    fn with_header(bytes: &[u8], edit: impl FnOnce(String) -> String) -> Vec<u8> {
        let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let header = String::from_utf8(bytes[8..8 + length].to_vec()).unwrap();
        let header = edit(header);
        let mut edited = (header.len() as u64).to_le_bytes().to_vec();
        edited.extend(header.as_bytes());
        edited.extend(&bytes[8 + length..]);
        edited
    }

    #[test]
    fn a_file_round_trips_and_is_written_the_same_every_time() {
        let card = card();
        let bytes = file(&card);
        let decoded = decode(&bytes, &Device::flex()).unwrap();
        assert_eq!(decoded.card, card);
        let again = encode(&decoded.model, &card, Precision::F16).unwrap();
        assert_eq!(again, bytes);
        assert_eq!(with_card(&bytes, &card).unwrap(), bytes);
    }

    #[test]
    fn a_card_says_how_images_are_scored() {
        let mut card = card();
        card.scoring.error_smoothing_px = 1.5;
        card.scoring.flips = crate::image::Flips::Vertical;
        assert_eq!(read_card(&file(&card)).unwrap(), card);
        card.scoring.error_smoothing_px = -1.5;
        assert!(message(&file(&card)).contains("error-smoothing"));
    }

    #[test]
    fn what_is_no_model_file_is_refused() {
        assert!(message(b"").contains("safetensors"));
        assert!(message(&[0xff; 64]).contains("safetensors"));
        let bytes = file(&card());
        assert!(message(&bytes[..bytes.len() - 10]).contains("whole"));
        let foreign = with_header(&bytes, |header| header.replace("\"daad\"", "\"other\""));
        assert!(message(&foreign).contains("not one that daad wrote"));
    }

    #[test]
    fn a_lying_header_is_named() {
        let bytes = file(&card());
        let renamed = with_header(&bytes, |header| header.replace("memories.1", "memories.7"));
        assert!(message(&renamed).contains("generator.memories.1.items is missing"));
        let shape = with_header(&bytes, |header| {
            header.replacen("\"shape\":[2,3,3,3]", "\"shape\":[3,2,3,3]", 1)
        });
        let shape = message(&shape);
        assert!(shape.contains("[3, 2, 3, 3]") && shape.contains("[2, 3, 3, 3]"));
        let huge = with_header(&bytes, |header| {
            header.replace("\\\"items\\\":5", "\\\"items\\\":5000000")
        });
        assert!(message(&huge).contains("memory.items"));
        let silent = with_header(&bytes, |header| header.replace("\\\"seed\\\":0,", ""));
        assert!(message(&silent).contains("missing field `seed`"));
        let version = with_header(&bytes, |header| {
            let version = format!("\\\"version\\\":{FORMAT_VERSION}");
            header.replace(&version, "\\\"version\\\":9")
        });
        assert!(message(&version).contains("version 9"));
    }

    #[test]
    fn a_weight_that_is_not_finite_is_named() {
        let card = card();
        let mut bytes = file(&card);
        let end = bytes.len();
        bytes[end - 2..].copy_from_slice(&f16::NAN.to_le_bytes());
        assert!(message(&bytes).contains("holds NaN"));
    }

    #[test]
    fn a_negative_variance_is_named() {
        let card = card();
        let mut bytes = file(&card);
        let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let name = "generator.encoder.stages.0.conv1.norm.running_var";
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        let start = tensors.tensor(name).unwrap().data().as_ptr() as usize;
        let at = start - bytes[8 + length..].as_ptr() as usize + 8 + length;
        bytes[at..at + 2].copy_from_slice(&f16::from_f32(-0.5).to_le_bytes());
        let said = message(&bytes);
        assert!(
            said.contains(name) && said.contains("negative variance"),
            "{said}"
        );
    }
}
