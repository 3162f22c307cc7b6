//! The engine for WebGPU.

use std::cell::RefCell;

use burn::tensor::Device;

use crate::{Detector, Error, Result};

/// Reads a model file and compares the device with the reference in it. This also compiles every
/// pipeline.
pub(super) async fn detector(model: &[u8]) -> Result<Detector> {
    let detector = Detector::from_bytes(model, &device().await?)?;
    detector.check_device().await?;
    Ok(detector)
}

async fn device() -> Result<Device> {
    thread_local! {
        /// The runtime can be initialized only once, so a second model uses the same device.
        static DEVICE: RefCell<Option<Device>> = const { RefCell::new(None) };
    }
    if let Some(device) = DEVICE.with_borrow(Clone::clone) {
        return Ok(device);
    }
    let device = Device::wgpu_options().init_async().await;
    let device = device.map_err(|error| Error::Device(error.to_string()))?;
    DEVICE.set(Some(device.clone()));
    Ok(device)
}
