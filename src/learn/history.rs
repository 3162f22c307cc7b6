//! The training curve.

use serde::Serialize;

use super::losses::Losses;

/// One epoch of the training curve.
///
/// ```
/// use daad::learn::{EpochRecord, Losses};
///
/// let record = EpochRecord {
///     epoch: 1,
///     losses: Losses::from_array([0.02, 0.7, 1.5, 1.4, 0.0]),
///     validation: Some(0.03),
/// };
/// let json = serde_json::to_value(record)?;
/// assert_eq!(json["losses"]["reconstruction"], 0.02);
/// assert_eq!(json["validation"], 0.03);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct EpochRecord {
    /// The epoch's number, counted from 1.
    pub epoch: usize,
    /// The mean losses over the steps of this epoch.
    pub losses: Losses,
    /// Mean R of the held-out images after this epoch; None if the epoch had no validation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation: Option<f64>,
}
