//! The engines for the CPU, with or without threads.

use burn::tensor::Device;

use crate::{Detector, Result};

/// The device's name in the file of a model that was trained on it.
#[cfg(feature = "learn")]
pub(super) const NAME: &str = "a browser's CPU";

/// The device to train on.
#[cfg(feature = "learn")]
pub(super) async fn for_training() -> Result<Device> {
    Ok(Device::flex())
}

/// Reads a model file.
pub(super) async fn detector(model: &[u8]) -> Result<Detector> {
    Detector::from_bytes(model, &Device::flex())
}

/// Scores one image in advance. A browser compiles a function when it is first called, which
/// otherwise takes half of the time of the first image.
pub(super) async fn warm_up() -> Result<()> {
    Detector::warm_up(&Device::flex()).await
}
