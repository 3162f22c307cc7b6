//! The training curve.

use serde::Serialize;

use super::losses::Losses;

/// One epoch of the training curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct EpochRecord {
    /// From 1.
    pub epoch: usize,
    /// Means over its steps.
    pub losses: Losses,
    /// Mean R of held-out images after it, where they were looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation: Option<f64>,
}
