//! Models to and from other runtimes: export to ONNX, import from PyTorch. No file system.

mod graph;
mod onnx;
mod protobuf;
mod pytorch;

pub use onnx::to_onnx;
pub use pytorch::{Imported, from_pytorch};
