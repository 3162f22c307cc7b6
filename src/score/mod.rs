//! Scores: from a reconstruction to the anomaly score.

mod calibration;
mod gaussian;
mod options;
mod raw;

pub use calibration::{Calibration, DEFAULT_GAMMA, Fusion, Range};
pub use gaussian::smooth;
pub use options::Scoring;
pub use raw::{RawScore, alignment, error_map, reconstruction};
