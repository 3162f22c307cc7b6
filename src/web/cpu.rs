//! The engines for the CPU, with or without threads.

use burn::tensor::Device;

use crate::{Detector, Result};

/// Reads a model file.
pub(super) async fn detector(model: &[u8]) -> Result<Detector> {
    Detector::from_bytes(model, &Device::flex())
}

/// Scores one image in advance. A browser compiles a function when it is first called, which
/// otherwise takes half of the time of the first image.
pub(super) async fn warm_up() -> Result<()> {
    Detector::warm_up(&Device::flex()).await
}
