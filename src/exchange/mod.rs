//! Models to and from other runtimes: export to ONNX, import from PyTorch. No file system.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let model = std::fs::read("models/piped.safetensors")?;
//! let onnx = daad::exchange::to_onnx(&model)?; // for onnxruntime and others
//! assert!(onnx.len() > 1_000_000);
//! # Ok(())
//! # }
//! ```

mod graph;
mod onnx;
mod protobuf;
mod pytorch;

pub use onnx::to_onnx;
pub use pytorch::{Imported, from_pytorch};
