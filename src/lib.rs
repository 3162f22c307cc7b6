//! Divide-and-Assemble anomaly detection (DAAD, Hou et al., ICCV 2021).
//!
//! An autoencoder with skip connections is trained on normal images only. Every connection has a
//! *block-wise memory*: it **divides** a feature map into blocks, replaces every block by a mixture
//! of learned normal blocks, and **assembles** the blocks again. The autoencoder therefore
//! reconstructs normal regions well and anomalous regions badly, and the anomaly score measures the
//! difference.
//!
//! ```text
//! bytes ─image→ [B, 3, H, W] ─encoder→ f_1 … f_L ─memories→ m_1 … m_L ─decoder→ x̂ ─score→ R, map
//!                                                   x, x̂ ─discriminator→ f_D ─score→ L
//! ```
//!
//! Shapes: B batch, C channels, H×W image or map size in pixels, L scales, N memory items per
//! bank, D values of an item, Q blocks (queries) per map, F discriminator features.
//! Images are `[B, 3, H, W]` in [−1, 1].
//!
//! The imports go one way, and docs/architecture.md says what each module is for: `web`, `abi` →
//! `train` → `evaluate`, `device`, `settings` → `dataset` → `learn`, `file`, `exchange` →
//! `detector` → `weights` → `model`, `score` → `nn`, `image`, `loss`, `metric` → `kernel` →
//! `error`.
//!
//! Where to start: [`Detector`] scores images with a model file, [`train::run`] and
//! [`learn::InMemoryTraining`] train one, [`dataset::DataSet`] finds images, and [`metric`] has
//! [`metric::auroc`] and the other figures.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> { pollster::block_on(async {
//! let file = std::fs::read("models/piped.safetensors")?;
//! let detector = daad::Detector::from_bytes(&file, &burn::tensor::Device::flex())?;
//! let image = std::fs::read("www/gallery/piped/PA_GLA01_TL_S_D_02_2.png")?;
//! let detection = detector.detect(&image).await?;
//! println!("{} {}", detection.anomaly_score, detection.verdict.word());
//! # Ok(()) }) }
//! ```

pub mod detector;
pub mod error;
pub mod image;
pub mod kernel;
pub mod loss;
pub mod metric;
pub mod model;
pub mod nn;
pub mod score;
pub mod weights;

#[cfg(feature = "learn")]
pub mod learn;

#[cfg(feature = "train")]
pub mod dataset;
#[cfg(feature = "train")]
pub mod device;
#[cfg(feature = "train")]
pub mod evaluate;
#[cfg(feature = "train")]
pub mod exchange;
#[cfg(feature = "train")]
pub mod file;
#[cfg(feature = "train")]
pub mod settings;
#[cfg(feature = "train")]
pub mod train;

#[cfg(feature = "abi")]
pub mod abi;
#[cfg(all(target_family = "wasm", not(feature = "abi")))]
pub mod web;

pub use detector::{Detection, Detector, TileOptions, TiledDetection};
pub use error::{Error, Result};

/// Runs the example of the README as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
