//! A training run seen from a terminal: progress bars, Ctrl-C, the model file at the end.

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use image::RgbImage;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use anyhow::Context;
use daad::Error;
use daad::train::caught;
use daad::train::memory::{self, MemoryEstimate};
use daad::train::order::held_out;
use daad::train::{
    Checkpointing, EpochRecord, Event, Finished, HeldOut, Losses, NamedDevice, Outcome, Records,
    TrainConfig, Trainer, TrainingImages, atomic_file, check_training, finish, wait,
};
use daad::weights::{Precision, Provenance};

use super::images::{Images, SharedOut};
use super::output::{line, note};

const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(30);

/// Where no terminal shows the bar, a log gets a line this often.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// The exit code of a program that Ctrl-C ended.
pub(crate) const INTERRUPTED: u8 = 130;

const STOPPING: &str = "\nStopping after this step; Ctrl-C again stops at once.";

/// What a session is to do.
pub(crate) struct Session {
    pub(crate) config: TrainConfig,
    pub(crate) images: Images,
    pub(crate) device: NamedDevice,
    pub(crate) out: PathBuf,
    pub(crate) resume: bool,
    /// Of a new run; a resumed one keeps its own.
    pub(crate) provenance: Provenance,
    pub(crate) precision: Precision,
    pub(crate) json: bool,
    /// Whether the end of standard input is the same as Ctrl-C.
    pub(crate) stop_at_eof: bool,
}

/// How a session ended.
pub(crate) enum End {
    /// The model file is written.
    Finished(Box<Finished>),
    /// Ctrl-C; the checkpoint is written.
    Interrupted {
        /// The one it is in, from 1.
        epoch: usize,
    },
}

impl Session {
    /// Trains, calibrates, writes the model file.
    pub(crate) fn run(self) -> anyhow::Result<End> {
        let device = self.device.clone();
        or_failed(&device, || self.run_here())
    }

    fn run_here(mut self) -> anyhow::Result<End> {
        let count = self.images.count();
        if count < 2 {
            anyhow::bail!(
                "there are {count} normal images to train on; at least 2 are needed, one of them \
                 to hold out for calibration"
            );
        }
        let cached_bytes = self.images.cached_bytes(&self.config);
        let held_out = held_out(&self.config, count);
        let estimate = MemoryEstimate::of(&self.config, count - held_out.len(), cached_bytes);
        self.check_memory(&estimate)?;
        if self.device.is_to_be_checked {
            let checked = check_training(&self.device.device);
            checked.with_context(|| self.device.name.clone())?;
        }
        let checkpoint = checkpoint_path(&self.out);
        let mut unprinted = Ok(());
        let images = std::mem::replace(&mut self.images, Images::Made(Vec::new()));
        let model = &self.config.model;
        let size = (model.width_px, model.height_px);
        let SharedOut { training, held_out } = images.share_out(&held_out, size)?;
        let held_out = HeldOut::share(self.config.validation, held_out.iter().collect());

        let trainer = if self.resume {
            let epochs = self.config.epochs;
            Trainer::resume(&checkpoint, epochs, &*training, &self.device.device)?
        } else {
            let (config, provenance) = (self.config.clone(), self.provenance.clone());
            Trainer::new(config, provenance, &*training, &self.device.device)?
        };
        let trainer = trainer.with_checkpoints(Checkpointing {
            path: checkpoint,
            interval: CHECKPOINT_INTERVAL,
        });
        let mut trainer = trainer.with_validation(&held_out.choosing);
        self.announce(training.count(), &held_out, &estimate);
        if self.resume {
            let (epoch, epochs) = (trainer.progress().epoch, self.config.epochs);
            note(&format!("{epoch} of {epochs} epochs are done already."));
        }
        let outcome = self.train(&mut trainer, &*training, &mut unprinted)?;
        if outcome == Outcome::Stopped {
            let epoch = trainer.progress().epoch + 1;
            return Ok(End::Interrupted { epoch });
        }
        if trainer.progress().is_out_of_patience() {
            let epoch = trainer.progress().epoch;
            note(&format!(
                "Ended after epoch {epoch}: the held-out error fell no more."
            ));
        }
        let chosen = trainer.chosen()?;
        if chosen.epoch < trainer.progress().epoch {
            note(&format!(
                "The model is that of epoch {}, the best.",
                chosen.epoch
            ));
        }
        let provenance = Provenance {
            seed: self.config.seed,
            epochs: chosen.epoch,
            trained_on: training.count(),
            device: self.device.name.clone(),
            ..trainer.progress().provenance.clone()
        };
        let (config, device) = (&self.config, &self.device.device);
        let finished = wait(finish(
            &chosen.model,
            config,
            provenance,
            self.precision,
            &held_out.calibrating,
            device,
        ))?;
        atomic_file::write(&self.out, &finished.bytes)?;
        let size = finished.bytes.len() as f64 / 1e6;
        note(&format!("Wrote {} ({size:.1} MB).", self.out.display()));
        Records::beside(&self.out).write_losses(&trainer.progress().history)?;
        // Nobody reading the lines any more is no reason to lose the model.
        unprinted?;
        Ok(End::Finished(Box::new(finished)))
    }

    /// Before anything large is allocated.
    fn check_memory(&self, estimate: &MemoryEstimate) -> anyhow::Result<()> {
        if let Some(limit) = self.device.max_tensor_bytes {
            estimate.check_buffer(limit)?;
        }
        // A GPU does not say how much it has.
        if !self.device.is_to_be_checked
            && let Some(available) = memory::available_bytes()
            && let Some(warning) = estimate.warning(available)
        {
            note(&warning);
        }
        Ok(())
    }

    fn announce(&self, training: usize, held_out: &HeldOut<&RgbImage>, estimate: &MemoryEstimate) {
        let model = &self.config.model;
        let (name, parameters) = (model.system_name(), model.parameter_count() as f64 / 1e6);
        let choosing = match (self.config.validation, held_out.choosing.len()) {
            (None, _) => String::new(),
            (Some(_), count) => format!(", {count} to look at on the way"),
        };
        let memory = memory::in_words(estimate.peak_bytes);
        let device = &self.device;
        note(&format!("Device: {device}. Memory: about {memory}."));
        note(&format!(
            "{name} at {}×{} pixels, {parameters:.2} million parameters; {training} images to \
             train on, {} held out for calibration{choosing}.",
            model.height_px,
            model.width_px,
            held_out.calibrating.len()
        ));
    }

    fn train(
        &self,
        trainer: &mut Trainer,
        images: &dyn TrainingImages,
        unprinted: &mut anyhow::Result<()>,
    ) -> anyhow::Result<Outcome> {
        let stop = stop_on_ctrl_c(STOPPING)?;
        if self.stop_at_eof {
            stop_at_eof(Arc::clone(&stop));
        }
        let steps_an_epoch = images.count().div_ceil(self.config.batch_size);
        let total = steps_an_epoch * self.config.epochs;
        let done = trainer.progress().epoch * steps_an_epoch + trainer.progress().step;
        let bar = progress_bar(total, done);
        let mut rate = Rate::new();
        let mut silent_since = Instant::now();
        let mut epoch = trainer.progress().epoch + 1;
        let history = &trainer.progress().history;
        let mut latest = history.last().map(|record| record.losses);
        let mut looked = history.iter().rev().find_map(|record| record.validation);
        let outcome = trainer.run(images, &stop, |event| match event {
            Event::Step {
                images: count,
                losses,
                ..
            } => {
                for reason in images.take_unreadable() {
                    bar.suspend(|| note(&format!("{reason}; passed over.")));
                }
                latest = losses.or(latest);
                rate.add(count);
                bar.inc(1);
                let message = describe(epoch, self.config.epochs, latest, looked, rate.per_sec());
                if bar.is_hidden() && silent_since.elapsed() >= LOG_INTERVAL {
                    note(&message);
                    silent_since = Instant::now();
                }
                bar.set_message(message);
            }
            Event::Epoch(record) => {
                epoch = record.epoch + 1;
                latest = Some(record.losses);
                looked = record.validation.or(looked);
                if self.json && unprinted.is_ok() {
                    *unprinted = print_epoch(record, rate.per_sec());
                }
            }
            _ => {}
        })?;
        bar.abandon();
        // From here on Ctrl-C has nothing to wait for: the checkpoint is written.
        stop.store(true, Ordering::Relaxed);
        Ok(outcome)
    }
}

/// Where the checkpoint of the run that writes `out` lies.
pub(crate) fn checkpoint_path(out: &Path) -> PathBuf {
    let mut name = out.as_os_str().to_owned();
    name.push(".checkpoint");
    name.into()
}

pub(crate) fn stop_on_ctrl_c(told: &'static str) -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        if seen.swap(true, Ordering::Relaxed) {
            // Asked twice: the last checkpoint on disk must do.
            std::process::exit(i32::from(INTERRUPTED));
        }
        note(told);
    })?;
    Ok(stop)
}

/// A GPU's libraries panic where an allocation fails or the GPU is lost, deep inside a step.
fn or_failed<T>(
    device: &NamedDevice,
    run: impl FnOnce() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let panic = match panic::catch_unwind(AssertUnwindSafe(run)) {
        Ok(result) => return result,
        Err(panic) => panic,
    };
    let error = match memory::device_error(caught::message(&*panic)) {
        Error::Memory(said) => Error::Memory(format!("{device}: {said}")),
        Error::Device(said) if device.is_to_be_checked => {
            Error::Device(format!("{device} failed: {said}"))
        }
        _ => panic::resume_unwind(panic),
    };
    Err(error.into())
}

/// For a parent that holds the other end: when it ends, even by a kill, so does this run.
fn stop_at_eof(stop: Arc<AtomicBool>) {
    std::thread::spawn(move || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        stop.store(true, Ordering::Relaxed);
    });
}

fn progress_bar(total: usize, done: usize) -> ProgressBar {
    let style = "{bar:24} {percent:>3}% {msg}, {eta} left";
    let style = ProgressStyle::with_template(style).expect("the template is sound");
    let bar = ProgressBar::new(total as u64).with_style(style);
    bar.set_position(done as u64);
    bar.reset_eta();
    bar
}

fn describe(
    epoch: usize,
    epochs: usize,
    losses: Option<Losses>,
    held_out: Option<f64>,
    rate: f64,
) -> String {
    let losses = losses.map_or(String::new(), |losses| {
        let rec = losses.reconstruction;
        let game = match losses.discriminator {
            0.0 => String::new(),
            d => format!(
                " adv {:.3} ali {:.3} D {d:.3}",
                losses.adversarial, losses.alignment
            ),
        };
        let structural = match losses.structural {
            0.0 => String::new(),
            structural => format!(" 1−ssim {structural:.4}"),
        };
        format!(", rec {rec:.5}{structural}{game}")
    });
    let held_out = held_out.map_or(String::new(), |error| format!(", held out {error:.5}"));
    format!("epoch {epoch}/{epochs}{losses}{held_out}, {rate:.1} images/s")
}

fn print_epoch(record: EpochRecord, images_per_sec: f64) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Line {
        #[serde(flatten)]
        record: EpochRecord,
        images_per_sec: f64,
    }
    line(&serde_json::to_string(&Line {
        record,
        images_per_sec,
    })?)
}

/// Images per second, over the last seconds rather than the whole run.
struct Rate {
    since: Instant,
    images: usize,
    per_sec: f64,
}

impl Rate {
    fn new() -> Self {
        Self {
            since: Instant::now(),
            images: 0,
            per_sec: 0.0,
        }
    }

    fn add(&mut self, images: usize) {
        self.images += images;
        let elapsed = self.since.elapsed().as_secs_f64();
        if elapsed >= 2.0 || self.per_sec == 0.0 {
            self.per_sec = self.images as f64 / elapsed.max(1e-9);
            self.images = 0;
            self.since = Instant::now();
        }
    }

    fn per_sec(&self) -> f64 {
        self.per_sec
    }
}
