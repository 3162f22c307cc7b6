//! A complete training, from images to an evaluated model file: hold out images, train, choose the
//! epoch, calibrate, write the file, evaluate it, write the records.

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use pollster::block_on;

use super::checkpoint::read_progress;
use super::event::{Begun, Event};
use super::run_lock::RunLock;
use super::trainer::{Checkpointing, End, Trainer};
use crate::dataset::{NormalImages, SplitImages, TestImages, Unreadable, readable};
use crate::device::{MemoryEstimate, NamedDevice, available_bytes, device_error};
use crate::error::{Error, Result, message};
use crate::evaluate::{Evaluated, Records, evaluate};
use crate::file;
use crate::learn::order::held_out;
use crate::learn::{Finished, HeldOut, TrainConfig, check_training, finish, rebuilding_warning};
use crate::score::{Calibration, NOTHING_TO_SCALE_BY, few_images_warning};
use crate::weights::{Precision, Provenance};

const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(30);

/// What to train, and where to write it.
///
/// ```
/// use daad::device::DeviceChoice;
/// use daad::settings::Settings;
/// use daad::train::{Training, checkpoint_path};
/// use daad::weights::{Precision, Provenance};
///
/// let out = std::path::PathBuf::from("runs/cable.safetensors");
/// let training = Training {
///     config: Settings::from_toml("size = 128\nwidth = 16\nparts = \"none\"")?.resolve()?,
///     device: DeviceChoice::Cpu.resolve()?,
///     resume: checkpoint_path(&out).exists(),
///     out,
///     provenance: Provenance {
///         data: "cables of line 3".into(),
///         ..Provenance::default()
///     },
///     precision: Precision::F16,
///     lock: None,
/// };
/// assert!(!training.resume);
/// # Ok::<(), daad::Error>(())
/// ```
#[derive(Debug)]
pub struct Training {
    /// The configuration of the training run.
    pub config: TrainConfig,
    /// The device to train on; [`DeviceChoice::resolve`](crate::device::DeviceChoice::resolve)
    /// finds one.
    pub device: NamedDevice,
    /// The path of the model file. Checkpoint, lock and records are in the same folder.
    pub out: PathBuf,
    /// Whether to resume the run from its checkpoint; `config` must then be as at its beginning,
    /// except for the number of epochs.
    pub resume: bool,
    /// The origin of the images and the program, for a new run; a resumed run keeps its own.
    pub provenance: Provenance,
    /// How weights are stored.
    pub precision: Precision,
    /// The lock on `out`, if the caller holds it already.
    pub lock: Option<RunLock>,
}

/// The images of a training: those to train on and those to evaluate the model with.
///
/// ```
/// use daad::dataset::{DEFAULT_CACHE_BYTES, DataSet, NormalImages, TestImages, Unreadable};
/// use daad::train::Data;
///
/// let split = DataSet::open("www/gallery/piped".as_ref())?.select(&[])?;
/// let data = Data {
///     normal: NormalImages::Files {
///         samples: split.train,
///         unreadable: Unreadable::Skip,
///         cache_bytes: DEFAULT_CACHE_BYTES,
///     },
///     test: TestImages::files(split.test, (128, 128)),
///     unreadable: Unreadable::Fail,
/// };
/// assert_eq!((data.normal.count(), data.test.total()), (14, 0));
/// # Ok::<(), daad::Error>(())
/// ```
#[derive(Debug)]
pub struct Data {
    /// Normal images; some of them are held out for calibration.
    pub normal: NormalImages,
    /// Labelled images to evaluate the finished model with; there may be none.
    pub test: TestImages,
    /// What to do about a test image that cannot be read.
    pub unreadable: Unreadable,
}

/// How a training ended.
///
/// ```
/// use std::sync::atomic::AtomicBool;
///
/// use daad::train::{Outcome, run};
/// # use daad::dataset::{NormalImages, TestImages, Unreadable};
/// # use daad::device::DeviceChoice;
/// # use daad::settings::Settings;
/// # use daad::train::{Data, Training};
/// # use daad::weights::{Precision, Provenance};
/// # let folder = tempfile::tempdir()?;
/// # let config = Settings::from_toml("size = 16\nscales = 2\nwidth = 2\nitems = 6\ndivision = 2\nparts = \"none\"\nepochs = 1")?.resolve()?;
/// # let training = Training {
/// #     config,
/// #     device: DeviceChoice::Cpu.resolve()?,
/// #     out: folder.path().join("model.safetensors"),
/// #     resume: false,
/// #     provenance: Provenance::default(),
/// #     precision: Precision::F16,
/// #     lock: None,
/// # };
/// # let data = Data {
/// #     normal: NormalImages::InMemory(vec![image::RgbImage::new(16, 16); 3]),
/// #     test: TestImages::in_memory(Vec::new()),
/// #     unreadable: Unreadable::Fail,
/// # };
///
/// let stop = AtomicBool::new(true);
/// match run(training, data, &stop, |_| {})? {
///     Outcome::Finished(trained) => println!("{} bytes", trained.finished.bytes.len()),
///     Outcome::Stopped { epoch } => assert_eq!(epoch, 1), // `resume` continues this run
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub enum Outcome {
    /// The model file is written.
    Finished(Box<Trained>),
    /// The caller stopped the run; the checkpoint is written.
    Stopped {
        /// The current epoch, counted from 1.
        epoch: usize,
    },
}

/// The result of a finished training.
///
/// ```
/// # use std::sync::atomic::AtomicBool;
/// # use daad::dataset::{NormalImages, SyntheticImages, TestImages, Texture, Unreadable};
/// # use daad::device::DeviceChoice;
/// # use daad::settings::Settings;
/// # use daad::train::{Data, Training};
/// # use daad::weights::{Precision, Provenance};
/// use daad::train::{Outcome, run};
/// # let folder = tempfile::tempdir()?;
/// # let config = Settings::from_toml("size = 16\nscales = 2\nwidth = 2\nitems = 6\ndivision = 2\nparts = \"none\"\nepochs = 1")?.resolve()?;
/// # let training = Training {
/// #     config,
/// #     device: DeviceChoice::Cpu.resolve()?,
/// #     out: folder.path().join("model.safetensors"),
/// #     resume: false,
/// #     provenance: Provenance::default(),
/// #     precision: Precision::F16,
/// #     lock: None,
/// # };
/// # let mut cloths = SyntheticImages::new(Texture::Cloth, 16, 0);
/// # let normal = cloths.normal(5).into_iter().map(|labelled| labelled.image);
/// # let data = Data {
/// #     normal: NormalImages::InMemory(normal.collect()),
/// #     test: TestImages::in_memory([cloths.normal(2), cloths.defective(2)].concat()),
/// #     unreadable: Unreadable::Fail,
/// # };
/// # let stop = AtomicBool::new(false);
///
/// // Two normal and two anomalous test images.
/// if let Outcome::Finished(trained) = run(training, data, &stop, |_| {})? {
///     let evaluated = trained.evaluated.expect("there are test images");
///     assert_eq!(evaluated.images.len(), 4);
///     println!("AUROC {:?}", evaluated.evaluation.mean.deployed.auroc);
///     println!("threshold {}", trained.finished.detector.card().calibration.threshold);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Trained {
    /// The model.
    pub finished: Finished,
    /// The evaluation of the model; None without test images.
    pub evaluated: Option<Evaluated>,
}

/// Trains, calibrates, writes the model file with its records, and measures it.
///
/// Setting `stop` ends the run after the current step; `on_event` receives the events of the run.
///
/// ```
/// use std::sync::atomic::AtomicBool;
///
/// use daad::dataset::{NormalImages, SyntheticImages, TestImages, Texture, Unreadable};
/// use daad::device::DeviceChoice;
/// use daad::learn::TrainConfig;
/// use daad::model::{Division, ModelConfig};
/// use daad::nn::DivisionRate;
/// use daad::train::{Data, Event, Outcome, Training, run};
/// use daad::weights::{Precision, Provenance};
///
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path();
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
/// let training = Training {
///     config,
///     device: DeviceChoice::Cpu.resolve()?,
///     out: folder.join("model.safetensors"),
///     resume: false,
///     provenance: Provenance::default(),
///     precision: Precision::F16,
///     lock: None,
/// };
/// // `NormalImages::Files` and `TestImages::files` take what `DataSet::open` finds.
/// let mut cloth = SyntheticImages::new(Texture::Cloth, 32, 0);
/// let normal = cloth.normal(12).into_iter().map(|labelled| labelled.image);
/// let data = Data {
///     normal: NormalImages::InMemory(normal.collect()),
///     test: TestImages::files(Vec::new(), (32, 32)),
///     unreadable: Unreadable::Fail,
/// };
/// let stop = AtomicBool::new(false);
/// let outcome = run(training, data, &stop, |event| {
///     if let Event::Epoch(record) = event {
///         println!("epoch {}: {}", record.epoch, record.losses.reconstruction);
///     }
/// })?;
/// assert!(matches!(outcome, Outcome::Finished(_)));
/// assert!(folder.join("model.safetensors").exists());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`Error::Busy`] where another run writes the same file, [`Error::Config`] for settings that are
/// not allowed, [`Error::Data`] for unusable images, [`Error::Checkpoint`] for a checkpoint from
/// which the run cannot be resumed, [`Error::Diverged`], and [`Error::Device`] or [`Error::Memory`]
/// naming the device.
pub fn run(
    training: Training,
    data: Data,
    stop: &AtomicBool,
    mut on_event: impl FnMut(Event),
) -> Result<Outcome> {
    let device = training.device.clone();
    let run = || run_on_device(training, data, stop, &mut on_event);
    // A GPU's libraries panic where an allocation fails or the GPU is lost, deep inside a step.
    let panic = match panic::catch_unwind(AssertUnwindSafe(run)) {
        Ok(result) => return result,
        Err(panic) => panic,
    };
    match device_error(message(&*panic)) {
        Error::Memory(said) => Err(Error::Memory(format!("{device}: {said}"))),
        Error::Device(said) if device.is_to_be_checked => {
            Err(Error::Device(format!("{device} failed: {said}")))
        }
        _ => panic::resume_unwind(panic),
    }
}

/// Checks that a run was begun with this configuration; only the number of epochs may differ.
fn check_same(config: &TrainConfig, checkpoint: &Path) -> Result<()> {
    let begun = TrainConfig {
        epochs: config.epochs,
        ..read_progress(checkpoint)?.config
    };
    if begun != *config {
        let path = checkpoint.display();
        return Err(Error::Checkpoint(format!(
            "{path} was written by a run with other settings; only the number of epochs may differ"
        )));
    }
    Ok(())
}

fn run_on_device(
    training: Training,
    data: Data,
    stop: &AtomicBool,
    on_event: &mut dyn FnMut(Event),
) -> Result<Outcome> {
    let Training {
        config,
        device,
        out,
        resume,
        provenance,
        precision,
        lock,
    } = training;
    let lock = match lock {
        Some(lock) => lock,
        None => RunLock::acquire(&out, Duration::ZERO)?,
    };
    config.validate()?;
    let checkpoint = checkpoint_path(&out);
    if resume {
        check_same(&config, &checkpoint)?;
    }
    let count = data.normal.count();
    if count < 2 {
        return Err(Error::Data(format!(
            "normal images to train on: {count}; at least 2 are needed, one of them to hold out for \
             calibration"
        )));
    }
    if data.unreadable == Unreadable::Fail {
        data.test.check()?;
    }
    let held_out = held_out(&config, count);
    let cached_bytes = data.normal.cached_bytes(&config);
    let memory = MemoryEstimate::of(&config, count - held_out.len(), cached_bytes);
    check_memory(&memory, &device, on_event)?;
    if device.is_to_be_checked {
        let check = check_training(&device.device, config.model.adversarial.is_some());
        block_on(check).map_err(|error| match error {
            Error::Device(said) => Error::Device(format!("{device}: {said}; use --device cpu")),
            other => other,
        })?;
    }
    let size = (config.model.width_px, config.model.height_px);
    let (mut done, total) = (0, held_out.len());
    let split = data.normal.split(&held_out, size, |read| match read {
        Ok(()) => {
            done += 1;
            on_event(Event::Read { done, total });
        }
        Err(error) => on_event(passed_over(&error)),
    });
    let SplitImages {
        training: images,
        held_out,
    } = split?;
    let held_out_count = held_out.len();
    let held_out = HeldOut::split(config.validation, held_out.iter().collect());

    let trainer = if resume {
        Trainer::resume(&checkpoint, config.epochs, &*images, &device.device)?
    } else {
        Trainer::new(config.clone(), provenance, &*images, &device.device)?
    };
    let trainer = trainer.with_checkpoints(Checkpointing {
        path: checkpoint,
        interval: CHECKPOINT_INTERVAL,
    });
    let mut trainer = trainer.with_validation(&held_out.validation);
    if let Some(warning) = few_images_warning(held_out.calibration.len()) {
        on_event(Event::Note(warning));
    }
    if config
        .validation
        .is_some_and(|validation| validation.chooses())
        && held_out.validation.len() + held_out.calibration.len() > held_out_count
    {
        on_event(Event::Note(
            "The images that choose the epoch also set the threshold, because there are so few: its \
             false-alarm rate is higher than what it states."
                .into(),
        ));
    }
    on_event(Event::Begun(Box::new(Begun {
        training: images.count(),
        calibration: held_out.calibration.len(),
        validation: config.validation.map(|_| held_out.validation.len()),
        memory_bytes: memory.peak_bytes,
        progress: trainer.progress().clone(),
    })));
    if trainer.run(&*images, stop, &mut *on_event)? == End::Stopped {
        let epoch = trainer.progress().epoch + 1;
        return Ok(Outcome::Stopped { epoch });
    }
    let chosen = trainer.chosen()?;
    let progress = trainer.progress();
    on_event(Event::Trained {
        epochs: progress.epoch,
        is_out_of_patience: progress.is_out_of_patience(),
        chosen: chosen.epoch,
    });
    let provenance = Provenance {
        seed: config.seed,
        epochs: chosen.epoch,
        trained_on: images.count(),
        device: device.name.clone(),
        ..progress.provenance.clone()
    };
    let finished = block_on(finish(
        &chosen.model,
        &config,
        provenance,
        precision,
        &held_out.calibration,
        &device.device,
    ));
    let finished = finished.map_err(|error| match error {
        Error::Model(reason) => Error::Diverged(format!(
            "the weights cannot be stored ({reason}); lower the learning rate"
        )),
        other => other,
    })?;
    file::write(&out, &finished.bytes)?;
    let records = Records::beside(&out);
    records.write_losses(&progress.history)?;
    on_event(Event::Written {
        path: out,
        bytes: finished.bytes.len(),
    });
    for sentence in about(&finished.detector.card().calibration) {
        on_event(Event::Note(sentence));
    }
    let warning = rebuilding_warning(&finished.detector, &held_out.calibration);
    if let Some(sentence) = block_on(warning)? {
        on_event(Event::Note(sentence));
    }
    drop(lock);
    let evaluated = match data.test.total() {
        0 => None,
        total => {
            let on_event = RefCell::new(on_event);
            let mut done = 0;
            let images = readable(data.test, data.unreadable, |error| {
                on_event.borrow_mut()(passed_over(error));
            });
            let evaluated = evaluate(&finished.detector, images, |more| {
                done += more;
                on_event.borrow_mut()(Event::Scored { done, total });
            })?;
            let on_event = on_event.into_inner();
            for sentence in &evaluated.notes {
                on_event(Event::Note(sentence.clone()));
            }
            records.write_evaluation(&evaluated)?;
            Some(evaluated)
        }
    };
    Ok(Outcome::Finished(Box::new(Trained {
        finished,
        evaluated,
    })))
}

/// The notes for the user about the calibration.
fn about(calibration: &Calibration) -> Vec<String> {
    let (threshold, rate) = (calibration.threshold, calibration.rate_in_words());
    let mut sentences = vec![format!("The threshold {threshold:.4} {rate}.")];
    if calibration.has_no_scale() && calibration.normal_scores.len() > 1 {
        sentences.push(format!("Held out for calibration: {NOTHING_TO_SCALE_BY}."));
    }
    sentences
}

fn passed_over(error: &Error) -> Event {
    Event::Note(format!("{error}; passed over."))
}

/// Checks the estimated memory, before anything large is allocated.
fn check_memory(
    memory: &MemoryEstimate,
    device: &NamedDevice,
    on_event: &mut dyn FnMut(Event),
) -> Result<()> {
    if let Some(limit) = device.max_tensor_bytes {
        memory.check_buffer(limit)?;
    }
    // The amount of memory of a GPU is not known.
    if !device.is_to_be_checked
        && let Some(available) = available_bytes()
        && let Some(warning) = memory.warning(available)
    {
        on_event(Event::Note(warning));
    }
    Ok(())
}

/// The path of the checkpoint of the run that writes `out`.
///
/// ```
/// use std::path::Path;
///
/// use daad::train::checkpoint_path;
///
/// let path = checkpoint_path(Path::new("runs/cable.safetensors"));
/// assert_eq!(path, Path::new("runs/cable.safetensors.checkpoint"));
/// ```
pub fn checkpoint_path(out: &Path) -> PathBuf {
    file::with_ending(out, ".checkpoint")
}
