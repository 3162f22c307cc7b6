//! Scores: from a reconstruction to the anomaly score.

mod appearance;
mod calibration;
mod conformal;
mod error_quantile;
pub(crate) mod gaussian;
mod options;
mod raw;

pub use appearance::Appearance;
pub use calibration::{
    Calibration, DEFAULT_GAMMA, FEW_NORMAL_IMAGES, Fusion, NOTHING_TO_SCALE_BY, NormalStatistics,
    Range, Verdict, few_images_warning,
};
pub use conformal::Threshold;
pub use error_quantile::ErrorQuantile;
pub use gaussian::smooth;
pub use options::Scoring;
pub use raw::{RawScore, alignment, error_map, reconstruction};
