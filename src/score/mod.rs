//! Scores: from a reconstruction to the anomaly score.
//!
//! ```
//! use daad::score::{Fusion, RawScore};
//!
//! // R and L of held-out normal images scale those of others.
//! let raw = |r, l| RawScore { reconstruction: r, alignment: Some(l) };
//! let fusion = Fusion::fit(&[raw(0.01, 2.0), raw(0.03, 6.0)], 0.9);
//! let score = fusion.anomaly_score(raw(0.05, 4.0)); // 0.9·2 + 0.1·0.5
//! assert!((score - 1.85).abs() < 1e-9);
//! ```

mod appearance;
mod calibration;
mod conformal;
mod error_quantile;
pub(crate) mod gaussian;
mod options;
mod raw;

pub use appearance::Appearance;
pub use calibration::{
    Calibration, DEFAULT_GAMMA, Fusion, NOTHING_TO_SCALE_BY, NormalStatistics, Range, Verdict,
    few_images_warning,
};
pub use conformal::Threshold;
pub use error_quantile::ErrorQuantile;
pub use gaussian::smooth;
pub use options::Scoring;
pub use raw::RawScore;
pub(crate) use raw::{alignment, error_map, reconstruction};
