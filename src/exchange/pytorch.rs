//! Converts weights that were trained in PyTorch to a model.
//!
//! A model file has PyTorch's names and layouts: those of the `state_dict` of the two networks in
//! `tests/golden/make_golden.py`, with the prefixes `generator.` and `discriminator.`. Therefore
//! the weights are read by the same code as those of a model file.

use std::collections::HashMap;

use burn::tensor::Device;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::error::Result;
use crate::model::{Model, ModelConfig};
use crate::weights::{Precision, not_safetensors, with_weights};

/// The prefixes of the names in a file that contains both networks.
const GENERATOR: &str = "generator.";
const DISCRIMINATOR: &str = "discriminator.";

/// The number of batches, which PyTorch's batch normalization stores but does not use with its
/// default momentum.
const UNUSED: &str = ".num_batches_tracked";

/// Networks from another program, without a calibration.
///
/// ```
/// use burn::tensor::Device;
/// use daad::exchange::from_pytorch;
/// use daad::weights::{Precision, read_card};
///
/// // The weights of a model file have PyTorch's names, too.
/// let file = std::fs::read("models/series/floors-r32.safetensors")?;
/// let imported = from_pytorch(&file, &read_card(&file)?.config, &Device::flex())?;
/// assert_eq!(imported.precision, Precision::F16);
/// assert!(imported.model.discriminator.is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Imported {
    /// The networks, for inference.
    pub model: Model,
    /// The precision in which every weight keeps its exact value.
    pub precision: Precision,
}

/// Reads the weights of the networks of `config` from a safetensors file that holds the tensors of
/// PyTorch's `state_dict`, f32 or f16. A file without a discriminator may hold the names of the
/// generator without their prefix.
///
/// ```
/// use burn::tensor::Device;
/// use daad::exchange::from_pytorch;
/// use daad::weights::read_card;
///
/// let file = std::fs::read("models/series/floors-r32.safetensors")?;
/// let mut config = read_card(&file)?.config;
/// from_pytorch(&file, &config, &Device::flex())?;
/// config.base_width = 16;
/// let error = from_pytorch(&file, &config, &Device::flex()).unwrap_err();
/// assert!(matches!(error, daad::Error::Model(_)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`crate::Error::Config`] for a configuration that no network can be built from,
/// [`crate::Error::Model`] naming the tensor that is missing, has another shape or number type, or
/// does not belong to these networks.
pub fn from_pytorch(bytes: &[u8], config: &ModelConfig, device: &Device) -> Result<Imported> {
    let file = SafeTensors::deserialize(bytes).map_err(not_safetensors)?;
    let names = file.names();
    let is_prefixed = |name: &&str| name.starts_with(GENERATOR) || name.starts_with(DISCRIMINATOR);
    let prefix = match names.iter().any(is_prefixed) {
        true => "",
        false => GENERATOR,
    };
    let used = file.iter().filter(|(name, _)| !name.ends_with(UNUSED));
    let tensors: HashMap<String, TensorView> = used
        .map(|(name, tensor)| (format!("{prefix}{name}"), tensor))
        .collect();
    let is_half = tensors.values().all(|tensor| tensor.dtype() == Dtype::F16);
    Ok(Imported {
        model: with_weights(config, tensors, device)?,
        precision: match is_half {
            true => Precision::F16,
            false => Precision::F32,
        },
    })
}
