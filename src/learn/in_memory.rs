//! Training on images in memory, step by step, for a caller that has other work between two steps,
//! such as the web page.

use burn::tensor::{Device, Tensor};
use image::RgbImage;

use super::calibrate::{Finished, finish};
use super::config::TrainConfig;
use super::finite;
use super::losses::Losses;
use super::mean_image::mean_image_error;
use super::order::{held_out, partition};
use super::run::Run;
use super::step::StepLosses;
use crate::detector::{Inference, read};
use crate::error::{Error, Result};
use crate::weights::{Precision, Provenance};

/// The smallest number of images: one to train on and one to hold out.
const FEWEST_IMAGES: usize = 2;

/// A training run in memory. With the same seed it gives the same result as the native trainer.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { pollster::block_on(async {
/// use burn::tensor::Device;
/// use daad::learn::{InMemoryTraining, TrainConfig};
/// use daad::model::{Division, ModelConfig};
/// use daad::nn::DivisionRate;
/// use daad::weights::{Precision, Provenance};
///
/// # let images: Vec<_> = (0..8).map(|_| daad::image::test_pattern(32, 32)).collect();
/// let mut config = TrainConfig {
///     model: ModelConfig {
///         height_px: 32,
///         width_px: 32,
///         scales: 2,
///         base_width: 4,
///         adversarial: None,
///         ..ModelConfig::default()
///     },
///     epochs: 2,
///     alignment_score: false,
///     ..TrainConfig::default()
/// };
/// config.model.memory.items = 8;
/// config.model.memory.division = Division::Blocks(DivisionRate::square(4));
/// let mut training = InMemoryTraining::new(config, images, &Device::flex())?;
/// while !training.is_finished() {
///     let report = training.step().await?;
///     println!("{:.2} epochs: {}", report.epochs, report.losses.reconstruction);
/// }
/// let finished = training.finish(Provenance::default(), Precision::F16).await?;
/// let detection = finished.detector.detect_image(training.held_out()[0].clone()).await?;
/// println!("{} bytes, {}", finished.bytes.len(), detection.anomaly_score);
/// # Ok(()) }) }
/// ```
#[derive(Debug)]
pub struct InMemoryTraining {
    run: Run,
    device: Device,
    training: Vec<RgbImage>,
    held_out: Vec<RgbImage>,
}

/// The result of one step.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { pollster::block_on(async {
/// use burn::tensor::Device;
/// use daad::learn::InMemoryTraining;
/// # use daad::settings::Settings;
/// # let config = Settings::from_toml("size = 16\nscales = 2\nwidth = 2\nitems = 6\ndivision = 2\nparts = \"none\"\nbatch-size = 1")?.resolve()?;
/// # let images = vec![image::RgbImage::new(16, 16); 3];
///
/// // Three images, of which one is held out; a batch is one image.
/// let mut training = InMemoryTraining::new(config, images, &Device::flex())?;
/// let report = training.step().await?;
/// assert_eq!(report.epochs, 0.5);
/// assert!(report.losses.reconstruction > 0.0);
/// # Ok(()) }) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepReport {
    /// The losses of this step alone.
    pub losses: Losses,
    /// The number of epochs done, including the finished part of the current epoch.
    pub epochs: f64,
}

impl InMemoryTraining {
    /// Begins a run on normal images of the model's size; some of them are held out for
    /// calibration.
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use daad::learn::{InMemoryTraining, TrainConfig};
    /// use image::RgbImage;
    ///
    /// let images = vec![RgbImage::new(100, 100); 8];
    /// let error = InMemoryTraining::new(TrainConfig::default(), images, &Device::flex());
    /// let error = error.unwrap_err().to_string();
    /// assert!(error.contains("an image is not of the model's size"), "{error}");
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for settings that are not allowed, [`Error::Data`] if there are fewer than
    /// two images or an image has another size.
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
        let places = held_out(&config, images.len());
        let (held_out, training) = partition(images, &places);
        Ok(Self {
            run: Run::new(config, training.len(), device)?,
            device: device.clone(),
            training,
            held_out,
        })
    }

    /// The error of the mean of the training images, a reference for the loss: see
    /// [`mean_image_error`]. 0 for a single image.
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use daad::learn::InMemoryTraining;
    /// use image::{Rgb, RgbImage};
    /// # use daad::settings::Settings;
    /// # let config = Settings::from_toml("size = 16\nscales = 2\nwidth = 2\nitems = 6\ndivision = 2\nparts = \"none\"")?.resolve()?;
    ///
    /// // Images that are all the same are like their mean.
    /// let images = vec![RgbImage::from_pixel(16, 16, Rgb([90; 3])); 8];
    /// let training = InMemoryTraining::new(config, images, &Device::flex())?;
    /// assert_eq!(training.mean_image_error(), 0.0);
    /// assert_eq!((training.trained_on(), training.held_out().len()), (7, 1));
    /// # Ok::<(), daad::Error>(())
    /// ```
    pub fn mean_image_error(&self) -> f64 {
        mean_image_error(&self.training.iter().collect::<Vec<_>>()).unwrap_or(0.0)
    }

    /// The number of images that the run trains on; the others are held out.
    pub fn trained_on(&self) -> usize {
        self.training.len()
    }

    /// The held-out images, which the run does not train on.
    pub fn held_out(&self) -> &[RgbImage] {
        &self.held_out
    }

    /// Whether all epochs of the settings are done.
    pub fn is_finished(&self) -> bool {
        self.run.epoch() >= self.run.config().epochs
    }

    /// Trains on one batch, at the learning rate that the settings give for the current epoch.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { pollster::block_on(async {
    /// use burn::tensor::Device;
    /// use daad::learn::InMemoryTraining;
    /// # use daad::settings::Settings;
    /// # let config = Settings::from_toml("size = 16\nscales = 2\nwidth = 2\nitems = 6\ndivision = 2\nparts = \"none\"\nepochs = 3")?.resolve()?;
    /// # let images = vec![image::RgbImage::new(16, 16); 3];
    ///
    /// let mut training = InMemoryTraining::new(config, images, &Device::flex())?;
    /// while !training.is_finished() {
    ///     let report = training.step().await?;
    ///     println!("{}", report.losses.reconstruction);
    /// }
    /// # Ok(()) }) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Diverged`] where a loss is no longer a number, [`Error::Device`] where the device
    /// fails.
    pub async fn step(&mut self) -> Result<StepReport> {
        self.step_at(self.run.learning_rate()).await
    }

    /// Trains on one batch of a run that has a time limit instead of a number of epochs. The
    /// schedule gives the learning rate for `share_done`, the share of the time that is over, from
    /// 0 to 1. The number of epochs and the warm-up in the settings are ignored.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { pollster::block_on(async {
    /// use std::time::{Duration, Instant};
    ///
    /// use burn::tensor::Device;
    /// use daad::learn::InMemoryTraining;
    /// # use daad::settings::Settings;
    /// # let config = Settings::from_toml("size = 16\nscales = 2\nwidth = 2\nitems = 6\ndivision = 2\nparts = \"none\"\nschedule = \"cosine\"")?.resolve()?;
    /// # let images = vec![image::RgbImage::new(16, 16); 3];
    ///
    /// let mut training = InMemoryTraining::new(config, images, &Device::flex())?;
    /// let (begun, limit) = (Instant::now(), Duration::from_millis(50));
    /// while begun.elapsed() < limit {
    ///     let share_done = begun.elapsed().as_secs_f64() / limit.as_secs_f64();
    ///     training.step_by_time(share_done.min(1.0)).await?;
    /// }
    /// # Ok(()) }) }
    /// ```
    ///
    /// # Errors
    ///
    /// The same as for [`Self::step`].
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

    /// The current network's reconstruction of an image of the model's size.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { pollster::block_on(async {
    /// use burn::tensor::Device;
    /// use daad::learn::InMemoryTraining;
    /// # use daad::settings::Settings;
    /// # let config = Settings::from_toml("size = 16\nscales = 2\nwidth = 2\nitems = 6\ndivision = 2\nparts = \"none\"")?.resolve()?;
    /// # let images = vec![image::RgbImage::new(16, 16); 3];
    ///
    /// let training = InMemoryTraining::new(config, images, &Device::flex())?;
    /// let rebuilt = training.rebuild(&training.held_out()[0]).await?;
    /// assert_eq!(rebuilt.dimensions(), (16, 16));
    /// # Ok(()) }) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Device`] where the device fails.
    pub async fn rebuild(&self, image: &RgbImage) -> Result<RgbImage> {
        let inference = Inference::new(self.run.model(), &self.device, false);
        Ok(inference
            .predict(&[image])
            .await?
            .swap_remove(0)
            .reconstruction)
    }

    /// Calibrates the current network on the held-out images and makes its model file.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { pollster::block_on(async {
    /// use burn::tensor::Device;
    /// use daad::learn::InMemoryTraining;
    /// use daad::weights::{Precision, Provenance};
    /// # use daad::settings::Settings;
    /// # let config = Settings::from_toml("size = 16\nscales = 2\nwidth = 2\nitems = 6\ndivision = 2\nparts = \"none\"")?.resolve()?;
    /// # let images = vec![image::RgbImage::new(16, 16); 3];
    ///
    /// let training = InMemoryTraining::new(config, images, &Device::flex())?;
    /// let provenance = Provenance {
    ///     data: "cloth".into(),
    ///     ..Provenance::default()
    /// };
    /// let finished = training.finish(provenance, Precision::F16).await?;
    /// let card = finished.detector.card();
    /// assert_eq!((&*card.provenance.data, card.provenance.trained_on), ("cloth", 2));
    /// # Ok(()) }) }
    /// ```
    ///
    /// # Errors
    ///
    /// The same as for [`finish`].
    pub async fn finish(&self, provenance: Provenance, precision: Precision) -> Result<Finished> {
        // After a run with a time limit, the model file states how many epochs were done.
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
