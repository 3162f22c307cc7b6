//! Training in small pieces, for whoever has something else to do in between: a page.

use burn::tensor::{Device, Tensor};
use image::RgbImage;

use super::calibrate::{Finished, finish};
use super::config::TrainConfig;
use super::initialize::initialize;
use super::losses::{Losses, finite};
use super::order::{Draw, draws, held_out};
use super::step::{StepLosses, TrainState};
use crate::error::{Error, Result};
use crate::detector::{Inference, read};
use crate::weights::{Precision, Provenance};

/// The fewest images that can be trained on and held out.
const FEWEST_IMAGES: usize = 2;

/// A run in memory, one step at a time. The same seed gives what [`super::Trainer`] gives.
#[derive(Debug)]
pub struct Teacher {
    config: TrainConfig,
    device: Device,
    training: Vec<RgbImage>,
    held_out: Vec<RgbImage>,
    /// None only while a step is under way.
    state: Option<TrainState>,
    epoch: usize,
    draws: Vec<Draw>,
    /// Images of this epoch that are done.
    drawn: usize,
}

/// What one step came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lesson {
    /// Of this step alone.
    pub losses: Losses,
    /// Epochs done, with the part of the one under way.
    pub epochs: f64,
    /// Whether there is nothing left to do.
    pub is_finished: bool,
}

impl Teacher {
    /// A new run on normal images of the model's size; some of them are held out for calibration.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for settings that do not fit, [`Error::Data`] where there are fewer than two
    /// images or one is of another size.
    pub fn new(config: TrainConfig, images: Vec<RgbImage>, device: &Device) -> Result<Self> {
        config.validate()?;
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
        let device = device.clone().autodiff();
        let model = initialize(config.model.init(&device)?, config.seed);
        let (training, held_out) = (bare(training), bare(held_out));
        Ok(Self {
            draws: draws(&config, 0, training.len()),
            config,
            device,
            training,
            held_out,
            state: Some(TrainState::new(model)),
            epoch: 0,
            drawn: 0,
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

    /// Trains on one batch.
    ///
    /// # Errors
    ///
    /// [`Error::Diverged`] where a loss is no longer a number, [`Error::Device`] where the device
    /// fails.
    ///
    /// # Panics
    ///
    /// Where the run is finished, or an earlier step was given up in the middle.
    pub async fn step(&mut self) -> Result<Lesson> {
        assert!(self.epoch < self.config.epochs, "there are epochs left");
        let end = self.draws.len().min(self.drawn + self.config.batch_size);
        let batch = self.draws[self.drawn..end].iter();
        let batch = batch.map(|draw| draw.apply(&self.training[draw.index]));
        let batch: Vec<RgbImage> = batch.collect();
        let state = self.state.take().expect("the last step came to its end");
        let size = self.config.batch_size;
        let (step, steps) = (self.drawn / size, self.draws.len().div_ceil(size));
        let rate = self.config.learning_rate_after(self.epoch, step, steps);
        let (state, losses) = state.step_on(&self.config, &batch, rate, &self.device);
        self.state = Some(state);
        let losses = values(losses, self.epoch + 1).await?;
        self.drawn = end;
        if self.drawn == self.draws.len() {
            self.epoch += 1;
            self.drawn = 0;
            self.draws = draws(&self.config, self.epoch, self.training.len());
        }
        Ok(Lesson {
            losses,
            epochs: self.epochs(),
            is_finished: self.epoch == self.config.epochs,
        })
    }

    /// What the network, as it is now, makes of an image of the model's size.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] where the device fails.
    pub async fn rebuild(&self, image: &RgbImage) -> Result<RgbImage> {
        let inference = Inference::new(&self.state().model, &self.device, false);
        Ok(inference.examine(image).await?.reconstruction)
    }

    /// Calibrates the network, as it is now, on the images held out, and makes its file.
    ///
    /// # Errors
    ///
    /// As [`finish`].
    pub async fn finish(&self, provenance: Provenance, precision: Precision) -> Result<Finished> {
        let provenance = Provenance {
            seed: self.config.seed,
            epochs: self.epoch,
            trained_on: self.training.len(),
            ..provenance
        };
        let held_out: Vec<&RgbImage> = self.held_out.iter().collect();
        let model = &self.state().model;
        let device = self.device.clone().without_autodiff();
        finish(
            model,
            &self.config,
            provenance,
            precision,
            &held_out,
            &device,
        )
        .await
    }

    fn epochs(&self) -> f64 {
        self.epoch as f64 + self.drawn as f64 / self.draws.len() as f64
    }

    fn state(&self) -> &TrainState {
        self.state.as_ref().expect("the last step came to its end")
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
