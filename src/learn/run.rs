//! A training run, one batch at a time: which images come next, the learning rate, and when the
//! optimizers update the networks.
//!
//! The caller supplies the images and reads the losses. There are two callers: the native trainer,
//! with files and checkpoints, and the web page, which trains between two frames.

use burn::tensor::Device;
use image::RgbImage;

use super::config::TrainConfig;
use super::initialize::initialize;
use super::order::{Draw, draws};
use super::step::{StepGradients, StepLosses, TrainState};
use crate::error::{Error, Result};
use crate::image::to_tensor;
use crate::model::Model;

/// A training run.
///
/// ```
/// use burn::tensor::Device;
/// use daad::learn::Run;
/// # use daad::dataset::{SyntheticImages, Texture};
/// # use daad::settings::Settings;
/// # let config = Settings::from_toml("size = 16\nscales = 2\nwidth = 2\nitems = 6\ndivision = 2\nparts = \"none\"\nepochs = 2\nbatch-size = 2")?.resolve()?;
/// # let images = SyntheticImages::new(Texture::Cloth, 16, 0).normal(3);
/// # let images: Vec<_> = images.into_iter().map(|labelled| labelled.image).collect();
///
/// let mut run = Run::new(config, images.len(), &Device::flex())?;
/// while run.epoch() < run.config().epochs {
///     let draws = run.batch().iter();
///     let batch: Vec<_> = draws.map(|draw| draw.apply(&images[draw.index])).collect();
///     let rate = run.learning_rate();
///     run.train(&batch, rate);
/// }
/// assert_eq!((run.epoch(), run.step()), (2, 0));
/// # Ok::<(), daad::Error>(())
/// ```
#[derive(Debug)]
pub struct Run {
    config: TrainConfig,
    /// The device to train on, with autodiff.
    device: Device,
    /// The number of training images, each of which an epoch uses once.
    images: usize,
    /// The networks and optimizers; None only during an update.
    state: Option<TrainState>,
    /// The sum of the gradients of all batches since the last update; None directly after an
    /// update.
    gradients: Option<StepGradients>,
    epoch: usize,
    step: usize,
    draws: Vec<Draw>,
}

impl Run {
    /// A new run over `images` images.
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use daad::learn::{Run, TrainConfig};
    ///
    /// let config = TrainConfig {
    ///     batch_size: 0,
    ///     ..TrainConfig::default()
    /// };
    /// let error = Run::new(config, 10, &Device::flex()).unwrap_err().to_string();
    /// assert!(error.contains("the batch size must be between 1 and a million"), "{error}");
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for settings that are not allowed, [`Error::Data`] if there is no image.
    pub fn new(config: TrainConfig, images: usize, device: &Device) -> Result<Self> {
        config.validate()?;
        if images == 0 {
            return Err(Error::Data("there is no image to train on".into()));
        }
        let device = device.clone().autodiff();
        let model = initialize(config.model.init(&device)?, config.seed);
        let state = TrainState::new(model);
        Ok(Self::at(config, images, state, (0, 0), &device))
    }

    /// A run that continues after `epoch` finished epochs and `step` batches of the next epoch.
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use daad::learn::Run;
    /// # use daad::settings::Settings;
    /// # let config = Settings::from_toml("size = 16\nscales = 2\nwidth = 2\nitems = 6\ndivision = 2\nparts = \"none\"\nbatch-size = 2")?.resolve()?;
    ///
    /// let device = Device::flex();
    /// let mut run = Run::new(config, 5, &device)?;
    /// run.train(&[], None); // none of the images can be read
    /// let (state, place) = (run.state().clone(), (run.epoch(), run.step()));
    /// let resumed = Run::at(run.config().clone(), 5, state, place, &device);
    /// assert_eq!(resumed.step(), 1);
    /// assert_eq!(resumed.rest_of_epoch(), run.rest_of_epoch());
    /// # Ok::<(), daad::Error>(())
    /// ```
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

    /// The configuration of this run.
    pub fn config(&self) -> &TrainConfig {
        &self.config
    }

    /// The images of the next batch.
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use daad::learn::Run;
    /// # use daad::settings::Settings;
    /// # let config = Settings::from_toml("size = 16\nscales = 2\nwidth = 2\nitems = 6\ndivision = 2\nparts = \"none\"\nbatch-size = 2")?.resolve()?;
    ///
    /// // Five images in batches of two.
    /// let run = Run::new(config, 5, &Device::flex())?;
    /// assert_eq!(run.steps(), 3);
    /// assert_eq!(run.batch(), &run.rest_of_epoch()[..2]);
    /// # Ok::<(), daad::Error>(())
    /// ```
    pub fn batch(&self) -> &[Draw] {
        let rest = self.rest_of_epoch();
        &rest[..self.config.batch_size.min(rest.len())]
    }

    /// The images of the current epoch that have not been used yet.
    pub fn rest_of_epoch(&self) -> &[Draw] {
        let done = self.step * self.config.batch_size;
        &self.draws[done.min(self.draws.len())..]
    }

    /// The number of finished epochs.
    pub fn epoch(&self) -> usize {
        self.epoch
    }

    /// The number of finished batches in the current epoch.
    pub fn step(&self) -> usize {
        self.step
    }

    /// The number of batches in an epoch.
    pub fn steps(&self) -> usize {
        self.draws.len().div_ceil(self.config.batch_size)
    }

    /// The number of finished epochs, including the finished part of the current epoch.
    pub fn epochs(&self) -> f64 {
        self.epoch as f64 + self.step as f64 / self.steps() as f64
    }

    /// Whether no batch has been used since the last update of the networks.
    pub fn is_between_steps(&self) -> bool {
        self.gradients.is_none() && self.step.is_multiple_of(self.config.accumulate)
    }

    /// The learning rate that the settings give for the next batch; None if no update follows it.
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use daad::learn::Run;
    /// # use daad::settings::Settings;
    /// # let mut config = Settings::from_toml("size = 16\nscales = 2\nwidth = 2\nitems = 6\ndivision = 2\nparts = \"none\"\nbatch-size = 1")?.resolve()?;
    ///
    /// // The optimizers update the networks after every second batch.
    /// config.accumulate = 2;
    /// let mut run = Run::new(config, 4, &Device::flex())?;
    /// assert_eq!(run.learning_rate(), None);
    /// run.train(&[], None);
    /// assert_eq!(run.learning_rate(), Some(1e-4));
    /// # Ok::<(), daad::Error>(())
    /// ```
    pub fn learning_rate(&self) -> Option<f64> {
        self.config
            .learning_rate_after(self.epoch, self.step, self.steps())
    }

    /// Trains on the next batch. The batch may be empty, if none of its images can be read. With a
    /// learning rate, the optimizers update both networks by the mean of all accumulated gradients;
    /// without one, the gradients of this batch are added to the accumulated ones. The returned
    /// losses are still on the device; an empty batch has no losses.
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use daad::learn::Run;
    /// # use daad::settings::Settings;
    /// # let config = Settings::from_toml("size = 16\nscales = 2\nwidth = 2\nitems = 6\ndivision = 2\nparts = \"none\"\nbatch-size = 1")?.resolve()?;
    /// # let image = image::RgbImage::new(16, 16);
    ///
    /// let mut run = Run::new(config, 4, &Device::flex())?;
    /// let losses = run.train(&[image.clone()], None).expect("a batch with an image");
    /// assert!(losses.reconstruction.into_scalar::<f32>() > 0.0);
    /// assert!(!run.is_between_steps());
    /// run.train(&[image], Some(1e-4));
    /// assert!(run.is_between_steps());
    /// # Ok::<(), daad::Error>(())
    /// ```
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

    /// The current networks.
    pub fn model(&self) -> &Model {
        &self.state().model
    }

    /// The current networks and optimizers.
    pub fn state(&self) -> &TrainState {
        self.state.as_ref().expect(COMPLETE)
    }
}

const COMPLETE: &str = "the last step came to its end";
