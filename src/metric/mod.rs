//! Metrics of anomaly detection, on plain slices.
//!
//! A higher score means more anomalous; at a threshold, scores at or above it count as anomalous.
//! Equal scores are always on the same side of a threshold. The metrics agree with scikit-learn,
//! which the tests compare with, except in undefined cases: if one kind of image is missing,
//! scikit-learn returns a number by convention, and these metrics return None. They also return
//! None if a score is NaN.
//!
//! ```
//! use daad::metric::Label::{Anomalous, Normal};
//! use daad::metric::{auroc, best_f1};
//!
//! let scores = [0.1, 0.3, 0.2, 0.9];
//! let labels = [Normal, Normal, Anomalous, Anomalous];
//! assert_eq!(auroc(&scores, &labels), Some(0.75));
//! assert_eq!(best_f1(&scores, &labels).map(|best| best.f1), Some(0.8));
//! ```

mod pixel;
mod precision_recall;
mod ranking;
mod regions;
mod roc;

pub use pixel::{AUPRO_LIMIT, PixelMetrics, PixelScores};
pub use precision_recall::{BestF1, average_precision, best_f1};
pub use roc::{RocCurve, auroc};

use serde::{Deserialize, Serialize};

/// The known label of an image.
///
/// ```
/// use daad::metric::Label;
///
/// let is_defective = [false, true];
/// let labels = is_defective.map(|it| if it { Label::Anomalous } else { Label::Normal });
/// assert_eq!(labels, [Label::Normal, Label::Anomalous]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Label {
    /// Without a defect.
    Normal,
    /// With a defect.
    Anomalous,
}
