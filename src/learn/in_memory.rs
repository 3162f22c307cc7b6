//! Training on images in memory, step by step, for whoever has something else to do in between: a
//! page.

use burn::tensor::{Device, Tensor};
use image::RgbImage;

use super::calibrate::{Finished, finish};
use super::config::TrainConfig;
use super::losses::{Losses, finite};
use super::order::held_out;
use super::run::Run;
use super::step::StepLosses;
use crate::detector::{Inference, read};
use crate::error::{Error, Result};
use crate::weights::{Precision, Provenance};

/// The fewest images that can be trained on and held out.
const FEWEST_IMAGES: usize = 2;

/// A run in memory. The same seed gives what the native trainer gives.
#[derive(Debug)]
pub struct InMemoryTraining {
    run: Run,
    device: Device,
    training: Vec<RgbImage>,
    held_out: Vec<RgbImage>,
}

/// What one step came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepReport {
    /// Of this step alone.
    pub losses: Losses,
    /// Epochs done, with the part of the one under way.
    pub epochs: f64,
}

impl InMemoryTraining {
    /// A new run on normal images of the model's size; some of them are held out for calibration.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for settings that do not fit, [`Error::Data`] where there are fewer than two
    /// images or one is of another size.
    pub fn new(config: TrainConfig, images: Vec<RgbImage>, device: &Device) -> Result<Self> {
        if config.validation.is_some() {
            return Err(Error::Config(
                "validation on the way is not done here; leave validate-every away".into(),
            ));
        }
        if images.len() < FEWEST_IMAGES {
            return Err(Error::Data(format!(
                "{FEWEST_IMAGES} images at least are needed"
            )));
        }
        let size = (config.model.width_px as u32, config.model.height_px as u32);
        if images.iter().any(|image| image.dimensions() != size) {
            return Err(Error::Data("an image is not of the model's size".into()));
        }
        let out = held_out(&config, images.len());
        let images = images.into_iter().enumerate();
        let (held_out, training): (Vec<_>, Vec<_>) =
            images.partition(|(index, _)| out.binary_search(index).is_ok());
        let bare = |images: Vec<(usize, RgbImage)>| -> Vec<RgbImage> {
            images.into_iter().map(|(_, image)| image).collect()
        };
        let (training, held_out) = (bare(training), bare(held_out));
        Ok(Self {
            run: Run::new(config, training.len(), device)?,
            device: device.clone(),
            training,
            held_out,
        })
    }

    /// How many images it trains on; the others are held out.
    pub fn trained_on(&self) -> usize {
        self.training.len()
    }

    /// Images that it does not train on.
    pub fn held_out(&self) -> &[RgbImage] {
        &self.held_out
    }

    /// Whether all epochs of the settings are done.
    pub fn is_finished(&self) -> bool {
        self.run.epoch() >= self.run.config().epochs
    }

    /// Trains on one batch, at the learning rate that the settings give after so many epochs.
    ///
    /// # Errors
    ///
    /// [`Error::Diverged`] where a loss is no longer a number, [`Error::Device`] where the device
    /// fails.
    pub async fn step(&mut self) -> Result<StepReport> {
        self.step_at(self.run.learning_rate()).await
    }

    /// Trains on one batch of a run that ends by the clock: at the learning rate that the schedule
    /// gives when `share_done` of the time, from 0 to 1, is over. The epochs of the settings do not
    /// count, nor does a warm-up.
    ///
    /// # Errors
    ///
    /// As [`Self::step`].
    pub async fn step_by_time(&mut self, share_done: f64) -> Result<StepReport> {
        let rate = self.run.config().learning_rate_by_time(share_done);
        self.step_at(Some(rate)).await
    }

    async fn step_at(&mut self, learning_rate: Option<f64>) -> Result<StepReport> {
        let epoch = self.run.epoch() + 1;
        let batch = self.run.batch().iter();
        let batch = batch.map(|draw| draw.apply(&self.training[draw.index]));
        let batch: Vec<RgbImage> = batch.collect();
        let losses = self.run.train(&batch, learning_rate);
        let losses = losses.expect("a batch has an image");
        Ok(StepReport {
            losses: values(losses, epoch).await?,
            epochs: self.run.epochs(),
        })
    }

    /// What the network, as it is now, makes of an image of the model's size.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] where the device fails.
    pub async fn rebuild(&self, image: &RgbImage) -> Result<RgbImage> {
        let inference = Inference::new(self.run.model(), &self.device, false);
        Ok(inference.examine(image).await?.reconstruction)
    }

    /// Calibrates the network, as it is now, on the images held out, and makes its file.
    ///
    /// # Errors
    ///
    /// As [`finish`].
    pub async fn finish(&self, provenance: Provenance, precision: Precision) -> Result<Finished> {
        // A run that ended by the clock says how many epochs it had time for.
        let config = TrainConfig {
            epochs: self.run.epoch().max(1),
            ..self.run.config().clone()
        };
        let provenance = Provenance {
            seed: config.seed,
            epochs: self.run.epoch(),
            trained_on: self.training.len(),
            ..provenance
        };
        let held_out: Vec<&RgbImage> = self.held_out.iter().collect();
        let device = self.device.clone().without_autodiff();
        let model = self.run.model();
        finish(model, &config, provenance, precision, &held_out, &device).await
    }
}

/// Reads the losses from the device.
async fn values(losses: StepLosses, epoch: usize) -> Result<Losses> {
    let mut numbers = [0.0; Losses::COUNT];
    for (column, tensor) in losses.columns() {
        let [value]: [Vec<f32>; 1] = read([Tensor::without_autodiff(tensor)]).await?;
        numbers[column] = finite(value.iter().map(|&value| f64::from(value)).sum(), epoch)?;
    }
    Ok(Losses::from_array(numbers))
}
