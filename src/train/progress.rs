//! The position of a training run.

use serde::{Deserialize, Serialize};

use crate::learn::EpochRecord;
use crate::learn::Losses;
use crate::learn::TrainConfig;
use crate::learn::Validation;
use crate::weights::Provenance;

/// The position of a training run, without its weights and optimizers.
///
/// ```
/// use std::sync::atomic::AtomicBool;
///
/// use burn::tensor::Device;
/// use daad::train::Trainer;
/// # use daad::settings::Settings;
/// # use daad::weights::Provenance;
/// # let config = Settings::from_toml("size = 16\nscales = 2\nwidth = 2\nitems = 6\ndivision = 2\nparts = \"none\"\nepochs = 3")?.resolve()?;
/// # let provenance = Provenance::default();
/// # let images = vec![image::RgbImage::new(16, 16); 2];
///
/// let mut trainer = Trainer::new(config, provenance, &images, &Device::flex())?;
/// trainer.run(&images, &AtomicBool::new(false), |_| {})?;
/// let progress = trainer.progress();
/// assert_eq!((progress.epoch, progress.step), (3, 0));
/// for record in &progress.history {
///     println!("{}: {}", record.epoch, record.losses.reconstruction);
/// }
/// # Ok::<(), daad::Error>(())
/// ```
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
    pub(super) fn is_over(&self) -> bool {
        self.epoch >= self.config.epochs || self.is_out_of_patience()
    }

    /// Whether the held-out error has not fallen during the last `patience` validations.
    pub(super) fn is_out_of_patience(&self) -> bool {
        let validation = self.config.validation;
        validation.is_some_and(|validation| validation.is_over(&self.held_out_errors()))
    }

    /// The epoch with the lowest held-out error so far; of several equal ones, the first.
    pub(super) fn best(&self) -> Option<EpochRecord> {
        let place = Validation::lowest(&self.held_out_errors())?;
        let mut looked = self.history.iter().filter(|it| it.validation.is_some());
        looked.nth(place).copied()
    }

    fn held_out_errors(&self) -> Vec<f64> {
        self.history.iter().filter_map(|it| it.validation).collect()
    }
}
