//! A training run, one batch at a time: which images come next, at which learning rate, and when the
//! optimizers move.
//!
//! Who drives it brings the images and reads the losses: the native trainer with its files and
//! checkpoints, a page between two frames.

use burn::tensor::Device;
use image::RgbImage;

use super::config::TrainConfig;
use super::initialize::initialize;
use super::order::{Draw, draws};
use super::step::{StepGradients, StepLosses, TrainState};
use crate::error::Result;
use crate::image::to_tensor;
use crate::model::Model;

/// A run under way.
#[derive(Debug)]
pub struct Run {
    config: TrainConfig,
    /// With autodiff.
    device: Device,
    /// How many images an epoch shows.
    images: usize,
    /// None only while the optimizers move.
    state: Option<TrainState>,
    /// Of the batches since the optimizers moved last.
    gradients: Option<StepGradients>,
    epoch: usize,
    step: usize,
    draws: Vec<Draw>,
}

impl Run {
    /// A new run over `images` images.
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config) for settings that do not fit.
    pub fn new(config: TrainConfig, images: usize, device: &Device) -> Result<Self> {
        config.validate()?;
        let device = device.clone().autodiff();
        let model = initialize(config.model.init(&device)?, config.seed);
        let state = TrainState::new(model);
        Ok(Self::at(config, images, state, (0, 0), &device))
    }

    /// A run that goes on after `epoch` epochs and `step` batches of the next.
    pub fn at(
        config: TrainConfig,
        images: usize,
        state: TrainState,
        (epoch, step): (usize, usize),
        device: &Device,
    ) -> Self {
        Self {
            draws: draws(&config, epoch, images),
            config,
            device: device.clone().autodiff(),
            images,
            state: Some(state),
            gradients: None,
            epoch,
            step,
        }
    }

    /// How it is trained.
    pub fn config(&self) -> &TrainConfig {
        &self.config
    }

    /// The images of the next batch.
    pub fn batch(&self) -> &[Draw] {
        let rest = self.rest_of_epoch();
        &rest[..self.config.batch_size.min(rest.len())]
    }

    /// The images of this epoch that are still to come.
    pub fn rest_of_epoch(&self) -> &[Draw] {
        let done = self.step * self.config.batch_size;
        &self.draws[done.min(self.draws.len())..]
    }

    /// Epochs done.
    pub fn epoch(&self) -> usize {
        self.epoch
    }

    /// Batches done in the epoch under way.
    pub fn step(&self) -> usize {
        self.step
    }

    /// Batches of an epoch.
    pub fn steps(&self) -> usize {
        self.draws.len().div_ceil(self.config.batch_size)
    }

    /// Epochs done, with the part of the one under way.
    pub fn epochs(&self) -> f64 {
        self.epoch as f64 + self.step as f64 / self.steps() as f64
    }

    /// Whether no gradients wait for those of the next batch.
    pub fn is_between_steps(&self) -> bool {
        self.gradients.is_none()
    }

    /// The learning rate that the settings give for the next batch; none where its gradients wait.
    pub fn learning_rate(&self) -> Option<f64> {
        self.config
            .learning_rate_after(self.epoch, self.step, self.steps())
    }

    /// Trains on the next batch, which may be empty where no image of it can be read, and moves both
    /// networks, at this learning rate, by the mean of all gradients that waited. Without a learning
    /// rate those of this batch wait too. The losses are still on the device; none of an empty batch.
    pub fn train(&mut self, images: &[RgbImage], learning_rate: Option<f64>) -> Option<StepLosses> {
        let losses = (!images.is_empty()).then(|| {
            let batch = to_tensor(&images.iter().collect::<Vec<_>>(), &self.device);
            let gradients = self.state().gradients(batch, &self.config.objective);
            let losses = gradients.losses.clone();
            self.gradients = Some(match self.gradients.take() {
                Some(waiting) => waiting + gradients,
                None => gradients,
            });
            losses
        });
        if let Some(rate) = learning_rate
            && let Some(gradients) = self.gradients.take()
        {
            let state = self.state.take().expect(COMPLETE);
            self.state = Some(state.apply(gradients, rate));
        }
        self.step += 1;
        if self.step == self.steps() {
            self.epoch += 1;
            self.step = 0;
            self.draws = draws(&self.config, self.epoch, self.images);
        }
        losses
    }

    /// The networks as they are now.
    pub fn model(&self) -> &Model {
        &self.state().model
    }

    /// Networks and optimizers as they are now.
    pub fn state(&self) -> &TrainState {
        self.state.as_ref().expect(COMPLETE)
    }
}

const COMPLETE: &str = "the last step came to its end";
