//! Metrics of anomaly detection, on plain slices.
//!
//! A higher score means more anomalous; at a threshold, scores at or above it count as anomalous.
//! Equal scores are never told apart: a threshold takes in all of them or none. In all this the
//! metrics agree with scikit-learn, which the tests compare with. What scikit-learn would answer
//! with a number by convention (one kind of image is missing) is None here, and so is everything
//! where a score is not a number.

mod pixel;
mod precision_recall;
mod ranking;
mod regions;
mod roc;

pub use pixel::{AUPRO_LIMIT, PixelMetrics, PixelScores};
pub use precision_recall::{BestF1, average_precision, best_f1};
pub use regions::{Regions, label_regions};
pub use roc::{RocCurve, auroc};

use serde::{Deserialize, Serialize};

/// What an image is known to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Label {
    /// As it should be.
    Normal,
    /// Defective.
    Anomalous,
}
