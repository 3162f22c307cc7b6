//! The training loop. It emits events and never prints.

use std::mem;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use burn::module::Module;
use burn::tensor::Device;
use image::RgbImage;
use pollster::block_on;

use super::checkpoint::{self, Checkpoint, Weights};
use super::event::Event;
use super::progress::Progress;
use super::read_losses::{Unread, read_losses};
use crate::dataset::TrainingImages;
use crate::detector::Inference;
use crate::error::{Error, Result};
use crate::learn::{EpochRecord, Losses, Run, StepLosses, TrainConfig, finite, held_out_error};
use crate::model::{Model, parameters};
use crate::weights::Provenance;

/// The time between two reads of the losses from the device, for the progress bar.
const LOSS_INTERVAL: Duration = Duration::from_millis(500);

/// A training run with its checkpoints.
///
/// ```
/// use std::sync::atomic::AtomicBool;
///
/// use burn::tensor::Device;
/// use daad::train::{End, Event, Trainer};
/// use daad::weights::Provenance;
/// # use daad::settings::Settings;
/// # let config = Settings::from_toml("size = 16\nscales = 2\nwidth = 2\nitems = 6\ndivision = 2\nparts = \"none\"\nepochs = 2")?.resolve()?;
/// # let images = vec![image::RgbImage::new(16, 16); 2];
///
/// let mut trainer = Trainer::new(config, Provenance::default(), &images, &Device::flex())?;
/// let mut epochs = 0;
/// let end = trainer.run(&images, &AtomicBool::new(false), |event| {
///     epochs += usize::from(matches!(event, Event::Epoch(_)));
/// })?;
/// assert_eq!((end, epochs), (End::Finished, 2));
/// let networks = trainer.model();
/// assert!(networks.discriminator.is_none());
/// # Ok::<(), daad::Error>(())
/// ```
#[derive(Debug)]
pub struct Trainer {
    device: Device,
    run: Run,
    /// Losses that are still on the device and not yet added to the sums.
    unread: Vec<Unread>,
    progress: Progress,
    checkpoint: Option<Checkpointing>,
    /// The validation split of the held-out images, used if the settings ask for validation.
    held_out: Vec<RgbImage>,
    /// The weights of the epoch with the lowest held-out error, if the settings keep the best
    /// epoch.
    best: Option<Weights>,
    /// When the last checkpoint was written.
    saved: Instant,
}

/// Where and how often to write checkpoints. A checkpoint is also written when the run ends or is
/// stopped.
///
/// ```
/// use std::sync::atomic::AtomicBool;
/// use std::time::Duration;
///
/// use burn::tensor::Device;
/// use daad::train::{Checkpointing, Event, Trainer};
/// # use daad::settings::Settings;
/// # use daad::weights::Provenance;
/// # let config = Settings::from_toml("size = 16\nscales = 2\nwidth = 2\nitems = 6\ndivision = 2\nparts = \"none\"\nepochs = 2")?.resolve()?;
/// # let provenance = Provenance::default();
/// # let images = vec![image::RgbImage::new(16, 16); 2];
///
/// let folder = tempfile::tempdir()?;
/// let checkpointing = Checkpointing {
///     path: folder.path().join("model.checkpoint"),
///     interval: Duration::ZERO, // before each step
/// };
/// let trainer = Trainer::new(config, provenance, &images, &Device::flex())?;
/// let mut trainer = trainer.with_checkpoints(checkpointing);
/// let mut checkpoints = 0;
/// trainer.run(&images, &AtomicBool::new(false), |event| {
///     checkpoints += usize::from(matches!(event, Event::Checkpoint(_)));
/// })?;
/// assert_eq!(checkpoints, 3); // two steps, and the end of the run
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Checkpointing {
    /// The file.
    pub path: PathBuf,
    /// The minimum time between two checkpoints.
    pub interval: Duration,
}

/// The networks that are the result of a finished run.
///
/// ```
/// use std::sync::atomic::AtomicBool;
///
/// use burn::tensor::Device;
/// use daad::train::{Chosen, Trainer};
/// # use daad::settings::Settings;
/// # use daad::weights::Provenance;
/// # let config = Settings::from_toml("size = 16\nscales = 2\nwidth = 2\nitems = 6\ndivision = 2\nparts = \"none\"\nepochs = 2")?.resolve()?;
/// # let provenance = Provenance::default();
/// # let images = vec![image::RgbImage::new(16, 16); 2];
///
/// let mut trainer = Trainer::new(config, provenance, &images, &Device::flex())?;
/// trainer.run(&images, &AtomicBool::new(false), |_| {})?;
/// let Chosen { model, epoch } = trainer.chosen()?;
/// assert_eq!(epoch, 2);
/// assert!(model.discriminator.is_none());
/// # Ok::<(), daad::Error>(())
/// ```
#[derive(Debug)]
pub struct Chosen {
    /// The networks of the best epoch if the settings keep it, otherwise of the last epoch.
    pub model: Model,
    /// The epoch after which the networks had these weights.
    pub epoch: usize,
}

/// How the loop ended.
///
/// ```
/// use std::sync::atomic::AtomicBool;
///
/// use burn::tensor::Device;
/// use daad::train::{End, Trainer};
/// # use daad::settings::Settings;
/// # use daad::weights::Provenance;
/// # let config = Settings::from_toml("size = 16\nscales = 2\nwidth = 2\nitems = 6\ndivision = 2\nparts = \"none\"\nepochs = 2")?.resolve()?;
/// # let provenance = Provenance::default();
/// # let images = vec![image::RgbImage::new(16, 16); 2];
///
/// let mut trainer = Trainer::new(config, provenance, &images, &Device::flex())?;
/// let stop = AtomicBool::new(true); // another thread may set it
/// assert_eq!(trainer.run(&images, &stop, |_| {})?, End::Stopped);
/// # Ok::<(), daad::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// All epochs are done, or the held-out error did not fall for too long.
    Finished,
    /// The caller stopped the run.
    Stopped,
}

impl Trainer {
    /// Begins a new run. `images` are the images to train on; they have the model's size.
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use daad::learn::TrainConfig;
    /// use daad::train::Trainer;
    /// use daad::weights::Provenance;
    /// use image::RgbImage;
    ///
    /// let (config, provenance) = (TrainConfig::default(), Provenance::default());
    /// let no_images: Vec<RgbImage> = Vec::new();
    /// let error = Trainer::new(config, provenance, &no_images, &Device::flex());
    /// assert!(error.unwrap_err().to_string().contains("there is no image to train on"));
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for settings that are not allowed, [`Error::Data`] where there is no
    /// image.
    pub fn new(
        config: TrainConfig,
        provenance: Provenance,
        images: &dyn TrainingImages,
        device: &Device,
    ) -> Result<Self> {
        if images.count() == 0 {
            return Err(Error::Data("there is no image to train on".into()));
        }
        let run = Run::new(config.clone(), images.count(), device)?;
        let progress = Progress {
            config,
            provenance,
            data_fingerprint: images.fingerprint(),
            epoch: 0,
            step: 0,
            passed_over: 0,
            loss_sums: [0.0; Losses::COUNT],
            history: Vec::new(),
        };
        Ok(Self {
            device: device.clone(),
            run,
            unread: Vec::new(),
            progress,
            checkpoint: None,
            held_out: Vec::new(),
            best: None,
            saved: Instant::now(),
        })
    }

    /// Resumes a run from its checkpoint, to train until `epochs` epochs are done.
    ///
    /// ```
    /// use std::sync::atomic::AtomicBool;
    /// use std::time::Duration;
    ///
    /// use burn::tensor::Device;
    /// use daad::train::{Checkpointing, End, Trainer};
    /// # use daad::settings::Settings;
    /// # use daad::weights::Provenance;
    /// # let config = Settings::from_toml("size = 16\nscales = 2\nwidth = 2\nitems = 6\ndivision = 2\nparts = \"none\"\nepochs = 2")?.resolve()?;
    /// # let provenance = Provenance::default();
    /// # let images = vec![image::RgbImage::new(16, 16); 2];
    ///
    /// let (device, stop) = (Device::flex(), AtomicBool::new(false));
    /// let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("model.checkpoint");
    /// let trainer = Trainer::new(config, provenance, &images, &device)?;
    /// let mut trainer = trainer.with_checkpoints(Checkpointing {
    ///     path: path.clone(),
    ///     interval: Duration::from_secs(30),
    /// });
    /// trainer.run(&images, &stop, |_| {})?;
    /// // One more epoch than before.
    /// let mut resumed = Trainer::resume(&path, 3, &images, &device)?;
    /// assert_eq!(resumed.run(&images, &stop, |_| {})?, End::Finished);
    /// assert_eq!(resumed.progress().history.len(), 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Checkpoint`] where the checkpoint is damaged or belongs to other images.
    pub fn resume(
        path: &std::path::Path,
        epochs: usize,
        images: &dyn TrainingImages,
        device: &Device,
    ) -> Result<Self> {
        let Checkpoint {
            state,
            mut progress,
            best,
        } = checkpoint::load(path, &device.clone().autodiff())?;
        // A run that has not begun may be resumed with other images, because it has used none yet.
        let has_begun = (progress.epoch, progress.step) != (0, 0);
        if has_begun && progress.data_fingerprint != images.fingerprint() {
            return Err(Error::Checkpoint(format!(
                "{} was written by a run on other images",
                path.display()
            )));
        }
        if epochs < progress.epoch {
            let done = progress.epoch;
            return Err(Error::Config(format!(
                "{epochs} epochs were asked for, {done} are done already"
            )));
        }
        progress.config.epochs = epochs;
        progress.config.validate()?;
        progress.data_fingerprint = images.fingerprint();
        Ok(Self {
            device: device.clone(),
            run: Run::at(
                progress.config.clone(),
                images.count(),
                state,
                (progress.epoch, progress.step),
                device,
            ),
            unread: Vec::new(),
            progress,
            checkpoint: None,
            held_out: Vec::new(),
            best,
            saved: Instant::now(),
        })
    }

    /// Lets the run write checkpoints.
    #[must_use]
    pub fn with_checkpoints(mut self, checkpoint: Checkpointing) -> Self {
        self.checkpoint = Some(checkpoint);
        self
    }

    /// Gives the run the images for validation: `held_out` are normal images of the model's size
    /// that the run does not train on. The settings say how often there is a validation.
    ///
    /// ```
    /// use std::sync::atomic::AtomicBool;
    ///
    /// use burn::tensor::Device;
    /// use daad::learn::Validation;
    /// use daad::train::Trainer;
    /// # use daad::settings::Settings;
    /// # use daad::weights::Provenance;
    /// # let mut config = Settings::from_toml("size = 16\nscales = 2\nwidth = 2\nitems = 6\ndivision = 2\nparts = \"none\"\nepochs = 3")?.resolve()?;
    /// # let provenance = Provenance::default();
    /// # let (images, held_out) = (vec![image::RgbImage::new(16, 16); 2], image::RgbImage::new(16, 16));
    ///
    /// config.validation = Some(Validation {
    ///     every: 1,
    ///     patience: None,
    ///     keep_best: true,
    /// });
    /// let trainer = Trainer::new(config, provenance, &images, &Device::flex())?;
    /// let mut trainer = trainer.with_validation(&[&held_out]);
    /// trainer.run(&images, &AtomicBool::new(false), |_| {})?;
    /// let history = &trainer.progress().history;
    /// assert!(history.iter().all(|record| record.validation.is_some()));
    /// let best = history[trainer.chosen()?.epoch - 1].validation;
    /// assert!(history.iter().all(|record| record.validation >= best));
    /// # Ok::<(), daad::Error>(())
    /// ```
    #[must_use]
    pub fn with_validation(mut self, held_out: &[&RgbImage]) -> Self {
        self.held_out = held_out.iter().map(|&image| image.clone()).collect();
        self
    }

    /// The networks that are the result of this run: those of the best epoch if the settings keep
    /// it, otherwise those of the last epoch.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for settings that are not allowed; this cannot happen after training.
    pub fn chosen(&self) -> Result<Chosen> {
        let (Some(weights), Some(best)) = (&self.best, self.progress.best()) else {
            return Ok(Chosen {
                model: self.model().valid(), // a clone would share the running statistics
                epoch: self.progress.epoch,
            });
        };
        let device = self.device.clone().without_autodiff();
        let model = self.progress.config.model.init(&device)?;
        Ok(Chosen {
            model: parameters::load(model, weights.clone().into_iter().collect()),
            epoch: best.epoch,
        })
    }

    /// The current networks.
    pub fn model(&self) -> &Model {
        self.run.model()
    }

    /// The position of the run.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Trains on `images`, which must be the same images as before, until all epochs are done, the
    /// held-out error has not fallen for too long, or `stop` is set.
    ///
    /// ```
    /// use std::sync::atomic::AtomicBool;
    ///
    /// use burn::tensor::Device;
    /// use daad::train::{Event, Trainer};
    /// # use daad::settings::Settings;
    /// # use daad::weights::Provenance;
    /// # let config = Settings::from_toml("size = 16\nscales = 2\nwidth = 2\nitems = 6\ndivision = 2\nparts = \"none\"\nepochs = 2")?.resolve()?;
    /// # let provenance = Provenance::default();
    /// # let images = vec![image::RgbImage::new(16, 16); 10];
    ///
    /// // Ten images in batches of eight.
    /// let mut trainer = Trainer::new(config, provenance, &images, &Device::flex())?;
    /// let mut sizes = Vec::new();
    /// trainer.run(&images, &AtomicBool::new(false), |event| {
    ///     if let Event::Step { images, .. } = event {
    ///         sizes.push(images);
    ///     }
    /// })?;
    /// assert_eq!(sizes, [8, 2, 8, 2]);
    /// # Ok::<(), daad::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::File`] where a checkpoint cannot be written, [`Error::Diverged`] where a loss is no
    /// longer a number, [`Error::Data`] where no image can be read, [`Error::Device`] and
    /// [`Error::Memory`] where the device fails. After an error, the last checkpoint
    /// is still there.
    ///
    /// # Panics
    ///
    /// Where the settings ask for validation and [`Self::with_validation`] gave no image.
    pub fn run(
        &mut self,
        images: &dyn TrainingImages,
        stop: &AtomicBool,
        mut on_event: impl FnMut(Event),
    ) -> Result<End> {
        self.saved = Instant::now();
        while !self.progress.is_over() {
            if self.epoch(images, stop, &mut on_event)? == End::Stopped {
                self.save(&mut on_event)?;
                return Ok(End::Stopped);
            }
        }
        self.save(&mut on_event)?;
        Ok(End::Finished)
    }

    /// Trains for one epoch, or for the rest of the current one.
    fn epoch(
        &mut self,
        images: &dyn TrainingImages,
        stop: &AtomicBool,
        on_event: &mut impl FnMut(Event),
    ) -> Result<End> {
        let steps = self.run.steps();
        images.expect(self.run.rest_of_epoch());
        let mut read = Instant::now();
        while self.run.epoch() == self.progress.epoch {
            // A checkpoint does not store accumulated gradients, so it is written only after an
            // update.
            if self.run.is_between_steps() && stop.load(Ordering::Relaxed) {
                self.collect()?;
                return Ok(End::Stopped);
            }
            if self.run.is_between_steps() && self.checkpoint_is_due() {
                self.collect()?;
                self.save(on_event)?;
            }
            let rate = self.run.learning_rate();
            let drawn = self.run.batch().iter().map(|draw| images.draw(draw));
            let drawn: Vec<Option<RgbImage>> = drawn.collect::<Result<_>>()?;
            let drawn: Vec<RgbImage> = drawn.into_iter().flatten().collect();
            for reason in images.take_unreadable() {
                on_event(Event::Note(format!("{reason}; passed over.")));
            }
            let losses = self.run.train(&drawn, rate);
            self.unread.extend(losses.map(StepLosses::columns));
            self.progress.step += 1;
            self.progress.passed_over += usize::from(drawn.is_empty());
            let losses = if read.elapsed() >= LOSS_INTERVAL {
                read = Instant::now();
                Some(self.collect()?)
            } else {
                None
            };
            on_event(Event::Step {
                step: self.progress.step,
                images: drawn.len(),
                losses,
            });
        }
        let losses = self.collect()?;
        if self.progress.passed_over == steps {
            let count = images.count();
            return Err(Error::Data(format!("none of {count} images can be read")));
        }
        let epoch = self.progress.epoch + 1;
        let validation = self.progress.config.validation;
        let validation = validation.filter(|validation| validation.is_due(epoch));
        let record = EpochRecord {
            epoch,
            losses,
            validation: validation.map(|_| self.held_out_error()).transpose()?,
        };
        self.progress.history.push(record);
        let is_best = record.validation.is_some() && self.progress.best() == Some(record);
        if is_best && validation.is_some_and(|validation| validation.keep_best) {
            self.best = Some(parameters::values(self.model()).into_iter().collect());
        }
        self.progress.epoch = epoch;
        self.progress.step = 0;
        self.progress.passed_over = 0;
        self.progress.loss_sums = [0.0; Losses::COUNT];
        on_event(Event::Epoch(record));
        Ok(End::Finished)
    }

    /// Mean R of the validation split.
    fn held_out_error(&self) -> Result<f64> {
        let inference = Inference::new(self.model(), &self.device, false);
        let batch_size = self.progress.config.batch_size;
        let error = block_on(held_out_error(&inference, &self.held_out, batch_size))?;
        finite(error, self.progress.epoch + 1)
    }

    /// Reads the losses from the device, in one transfer, and returns the epoch's means so far.
    fn collect(&mut self) -> Result<Losses> {
        let Progress {
            epoch,
            step,
            passed_over,
            ..
        } = self.progress;
        // The losses are added one by one. The clock decides how many losses are read at once, and
        // the rounding of the sums must not depend on that.
        for losses in read_losses(mem::take(&mut self.unread))? {
            for (sum, loss) in self.progress.loss_sums.iter_mut().zip(losses) {
                *sum += finite(loss, epoch + 1)?;
            }
        }
        let steps = (step - passed_over).max(1) as f64;
        let means = self.progress.loss_sums.map(|sum| sum / steps);
        Ok(Losses::from_array(means))
    }

    fn checkpoint_is_due(&self) -> bool {
        let due = |checkpoint: &Checkpointing| self.saved.elapsed() >= checkpoint.interval;
        self.checkpoint.as_ref().is_some_and(due)
    }

    fn save(&mut self, on_event: &mut impl FnMut(Event)) -> Result<()> {
        self.saved = Instant::now();
        if let Some(Checkpointing { path, .. }) = &self.checkpoint {
            checkpoint::save(path, self.run.state(), &self.progress, self.best.as_ref())?;
            on_event(Event::Checkpoint(path.clone()));
        }
        Ok(())
    }
}
