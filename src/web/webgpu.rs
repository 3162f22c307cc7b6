//! The engine for WebGPU.

use std::cell::RefCell;

use burn::tensor::Device;

use crate::{Detector, Error, Result};

/// The device's name in the file of a model that was trained on it.
#[cfg(feature = "learn")]
pub(super) const NAME: &str = "a browser's GPU";

/// The device to train on. It must train a tiny network with the same results as the CPU.
#[cfg(feature = "learn")]
pub(super) async fn for_training() -> Result<Device> {
    let device = device().await?;
    crate::learn::check_training(&device, false).await?;
    Ok(device)
}

/// Reads a model file and compares the device with the reference in it. This also compiles every
/// pipeline.
pub(super) async fn detector(model: &[u8]) -> Result<Detector> {
    let detector = Detector::from_bytes(model, &device().await?)?;
    detector.check_device().await?;
    Ok(detector)
}

/// Registers the operations of the compiler for GPU kernels. Native programs do this before `main`,
/// but a WebAssembly module has no such phase.
///
/// NOTE: without this call, the linker adds the registration to every exported function, and
/// wasm-bindgen's glue code calls some of these functions for each object that it passes. The
/// registration then took nearly three quarters of the time for an image.
#[expect(unsafe_code, reason = "the linker makes the function")]
pub(super) fn register() {
    unsafe extern "C" {
        fn __wasm_call_ctors();
    }
    // SAFETY: this function is called only once, when the module starts.
    unsafe {
        __wasm_call_ctors();
    }
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
