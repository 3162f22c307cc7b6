//! The engines for the CPU, with threads or without.

use burn::tensor::Device;

use crate::{Detector, Result};

/// Reads a model file.
pub(super) async fn detector(model: &[u8]) -> Result<Detector> {
    Detector::from_bytes(model, &Device::flex())
}
