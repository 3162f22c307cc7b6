//! The training curve.

use serde::Serialize;

use super::losses::Losses;

/// One epoch of the training curve.
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
