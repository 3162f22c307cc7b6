//! What a training run tells whoever watches it. The trainer itself never prints.

use std::path::PathBuf;

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

/// Something that happened.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// A step is done.
    Step {
        /// Steps done in this epoch.
        step: usize,
        /// Images trained on in this step.
        images: usize,
        /// Means over this epoch so far; read from the device now and then only.
        losses: Option<Losses>,
    },
    /// An epoch is done.
    Epoch(EpochRecord),
    /// A checkpoint is on disk.
    Checkpoint(PathBuf),
}
