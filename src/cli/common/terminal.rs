//! Shows a training run on a terminal, with progress bars, or in a log, with a line from time to
//! time, and handles Ctrl-C.

use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use daad::device::in_words;
use daad::error::shown;
use daad::learn::{EpochRecord, Losses};
use daad::train::{Begun, Data, Event, Outcome, Training, run};

use super::interrupt::{end_at_once, stop_at_eof, stop_on_ctrl_c};
use super::output::{line, network, note};
use super::progress::{Rate, progress_bar};

/// The time between two lines in a log, when there is no terminal to show the progress bar.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

const STOPPING: &str = "\nStopping after this step; Ctrl-C again stops at once.";

/// Options for a training run on a terminal.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Options {
    /// Whether to print a JSON line per epoch.
    pub(crate) json: bool,
    /// Whether the end of standard input stops the run, like Ctrl-C.
    pub(crate) stop_at_eof: bool,
}

/// Trains a model and shows the progress.
pub(crate) fn train(training: Training, data: Data, options: Options) -> anyhow::Result<Outcome> {
    let stop = stop_on_ctrl_c(STOPPING)?;
    if options.stop_at_eof {
        stop_at_eof(Arc::clone(&stop));
    }
    let mut terminal = Terminal::new(&training, options.json);
    let outcome = run(training, data, &stop, |event| {
        if let Event::Trained { .. } = event {
            // The checkpoint is written, so from here on a single Ctrl-C may end the program at
            // once.
            end_at_once();
        }
        terminal.show(event);
    });
    terminal.bar.finish_and_clear();
    let outcome = outcome?;
    // Errors of printing are returned only here, after the model is written. If nobody reads the
    // output any more, the model must not be lost.
    if let Outcome::Finished(_) = outcome {
        terminal.printed?;
    }
    Ok(outcome)
}

struct Terminal {
    device: String,
    /// A description of the network that is trained.
    network: String,
    epochs: usize,
    resume: bool,
    json: bool,
    /// The progress bar of the current phase: reading, training or scoring.
    bar: ProgressBar,
    rate: Rate,
    silent_since: Instant,
    epoch: usize,
    latest: Option<Losses>,
    /// The latest mean R of held-out images.
    validation: Option<f64>,
    /// The first error of printing a line, if there was one.
    printed: anyhow::Result<()>,
}

impl Terminal {
    fn new(training: &Training, json: bool) -> Self {
        Self {
            device: training.device.to_string(),
            network: network(&training.config.model),
            epochs: training.config.epochs,
            resume: training.resume,
            json,
            bar: ProgressBar::hidden(),
            rate: Rate::new(),
            silent_since: Instant::now(),
            epoch: 1,
            latest: None,
            validation: None,
            printed: Ok(()),
        }
    }

    fn show(&mut self, event: Event) {
        match event {
            Event::Note(sentence) => self.bar.suspend(|| note(&sentence)),
            Event::Read { done, total } => self.count(done, total, "images read"),
            Event::Begun(begun) => self.begin(&begun),
            Event::Step { images, losses, .. } => self.step(images, losses),
            Event::Epoch(record) => {
                self.epoch = record.epoch + 1;
                self.latest = Some(record.losses);
                self.validation = record.validation.or(self.validation);
                if self.json && self.printed.is_ok() {
                    self.printed = print_epoch(record, self.rate.per_sec());
                }
            }
            Event::Trained {
                epochs,
                is_out_of_patience,
                chosen,
            } => {
                self.bar.abandon();
                if is_out_of_patience {
                    note(&format!(
                        "Ended after epoch {epochs}: the held-out error fell no more."
                    ));
                }
                if chosen < epochs {
                    note(&format!("The model is that of epoch {chosen}, the best."));
                }
            }
            Event::Written { path, bytes } => {
                let size = bytes as f64 / 1e6;
                note(&format!("Wrote {} ({size:.1} MB).", shown(&path)));
            }
            Event::Scored { done, total } => self.count(done, total, "images scored"),
            _ => {}
        }
    }

    /// Shows how many images have been read or scored.
    fn count(&mut self, done: usize, total: usize, what: &str) {
        if self.bar.length() != Some(total as u64) || self.bar.is_finished() {
            self.bar = progress_bar(total, what);
        }
        self.bar.set_position(done as u64);
        if done == total {
            self.bar.finish_and_clear();
        }
    }

    fn begin(&mut self, begun: &Begun) {
        let Begun {
            training,
            calibration,
            progress,
            ..
        } = begun;
        self.bar.finish_and_clear();
        let (device, memory) = (&self.device, in_words(begun.memory_bytes));
        note(&format!("Device: {device}. Memory: about {memory}."));
        let validation = begun.validation.map_or(String::new(), |count| {
            format!(", {count} to look at on the way")
        });
        note(&format!(
            "{}; {training} images to train on, {calibration} held out for calibration{validation}.",
            self.network
        ));
        if self.resume {
            let (epoch, epochs) = (progress.epoch, self.epochs);
            note(&format!("{epoch} of {epochs} epochs are done already."));
        }
        let steps = training.div_ceil(progress.config.batch_size);
        self.bar = training_bar(steps * self.epochs, progress.epoch * steps + progress.step);
        self.rate = Rate::new();
        self.silent_since = Instant::now();
        self.epoch = progress.epoch + 1;
        let history = &progress.history;
        self.latest = history.last().map(|record| record.losses);
        self.validation = history.iter().rev().find_map(|record| record.validation);
    }

    fn step(&mut self, images: usize, losses: Option<Losses>) {
        self.latest = losses.or(self.latest);
        self.rate.add(images);
        self.bar.inc(1);
        let message = self.describe();
        if self.bar.is_hidden() && self.silent_since.elapsed() >= LOG_INTERVAL {
            note(&message);
            self.silent_since = Instant::now();
        }
        self.bar.set_message(message);
    }

    fn describe(&self) -> String {
        let losses = self.latest.map_or(String::new(), |losses| {
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
        let held_out = self
            .validation
            .map_or(String::new(), |error| format!(", held out {error:.5}"));
        let (epoch, epochs, rate) = (self.epoch, self.epochs, self.rate.per_sec());
        format!("epoch {epoch}/{epochs}{losses}{held_out}, {rate:.1} images/s")
    }
}

fn training_bar(total: usize, done: usize) -> ProgressBar {
    let style = "{bar:24} {percent:>3}% {msg}, {eta} left";
    let style = ProgressStyle::with_template(style).expect("the template is sound");
    let bar = ProgressBar::new(total as u64).with_style(style);
    bar.set_position(done as u64);
    bar.reset_eta();
    bar
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
