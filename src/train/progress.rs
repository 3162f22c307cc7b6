//! Where a run stands.

use serde::{Deserialize, Serialize};

use crate::learn::EpochRecord;
use crate::learn::Losses;
use crate::learn::TrainConfig;
use crate::learn::lowest;
use crate::weights::Provenance;

/// Where a run stands, besides weights and optimizers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// What was asked for.
    pub config: TrainConfig,
    /// Where the images and the program come from.
    pub provenance: Provenance,
    /// Which images: a run goes on with the same ones only.
    pub data_fingerprint: String,
    /// Epochs done.
    pub epoch: usize,
    /// Steps done in the epoch after those.
    pub step: usize,
    /// How many of these had no image that can be read, and so did nothing.
    pub passed_over: usize,
    /// Sums of the losses over the others.
    #[serde(skip)]
    pub loss_sums: [f64; Losses::COUNT],
    /// The curve so far.
    #[serde(skip)]
    pub history: Vec<EpochRecord>,
}

impl Progress {
    /// Whether there is nothing left to do: all epochs are done, or patience is at its end.
    pub fn is_over(&self) -> bool {
        self.epoch >= self.config.epochs || self.is_out_of_patience()
    }

    /// Whether the held-out error has not fallen for as long as the settings wait.
    pub fn is_out_of_patience(&self) -> bool {
        let validation = self.config.validation;
        validation.is_some_and(|validation| validation.is_over(&self.held_out_errors()))
    }

    /// The epoch of the lowest held-out error so far, the first of equals.
    pub fn best(&self) -> Option<EpochRecord> {
        let place = lowest(&self.held_out_errors())?;
        let mut looked = self.history.iter().filter(|it| it.validation.is_some());
        looked.nth(place).copied()
    }

    fn held_out_errors(&self) -> Vec<f64> {
        self.history.iter().filter_map(|it| it.validation).collect()
    }
}
