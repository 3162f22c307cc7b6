//! The engines for the CPU, with threads or without.

use burn::tensor::Device;

use crate::{Detector, Result};

/// Reads a model file.
pub(super) async fn detector(model: &[u8]) -> Result<Detector> {
    Detector::from_bytes(model, &Device::flex())
}

/// A browser compiles a function when it is first called, and half of the first image's time is
/// that.
pub(super) async fn warm_up() -> Result<()> {
    Detector::warm_up(&Device::flex()).await
}
