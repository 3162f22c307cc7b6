//! Where a run stands.

use serde::{Deserialize, Serialize};

use crate::learn::EpochRecord;
use crate::learn::Losses;
use crate::learn::TrainConfig;
use crate::learn::lowest;
use crate::weights::Provenance;

/// Where a run stands, except its weights and optimizers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// The configuration of the run.
    pub config: TrainConfig,
    /// Where the images and the program come from.
    pub provenance: Provenance,
    /// Identifies the training images: a run can only be resumed with the same images.
    pub data_fingerprint: String,
    /// The number of finished epochs.
    pub epoch: usize,
    /// The number of finished steps in the current epoch.
    pub step: usize,
    /// How many of these steps did nothing, because no image of their batch can be read.
    pub passed_over: usize,
    /// The sums of the losses over the other steps of the current epoch.
    #[serde(skip)]
    pub loss_sums: [f64; Losses::COUNT],
    /// The training curve so far.
    #[serde(skip)]
    pub history: Vec<EpochRecord>,
}

impl Progress {
    /// Whether the run is over: all epochs are done, or [`Self::is_out_of_patience`] holds.
    pub fn is_over(&self) -> bool {
        self.epoch >= self.config.epochs || self.is_out_of_patience()
    }

    /// Whether the held-out error has not fallen during the last `patience` validations.
    pub fn is_out_of_patience(&self) -> bool {
        let validation = self.config.validation;
        validation.is_some_and(|validation| validation.is_over(&self.held_out_errors()))
    }

    /// The epoch with the lowest held-out error so far; of several equal ones, the first.
    pub fn best(&self) -> Option<EpochRecord> {
        let place = lowest(&self.held_out_errors())?;
        let mut looked = self.history.iter().filter(|it| it.validation.is_some());
        looked.nth(place).copied()
    }

    fn held_out_errors(&self) -> Vec<f64> {
        self.history.iter().filter_map(|it| it.validation).collect()
    }
}
