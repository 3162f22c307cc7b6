//! The checkpoint: one file with everything that a run needs to continue exactly as if it had not
//! been interrupted.
//!
//! A safetensors file: weights and optimizer moments as f32, losses as f64 (JSON would lose some of
//! their bits), the rest as JSON in the metadata. No random state is stored: image order, flips
//! and shifts of an epoch depend only on the seed and the epoch.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use burn::tensor::{DType, Device, TensorData};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use super::progress::Progress;
use crate::error::{Error, Result};
use crate::file;
use crate::learn::Adam;
use crate::learn::EpochRecord;
use crate::learn::Losses;
use crate::learn::TrainState;
use crate::model::parameters;

const METADATA_KEY: &str = "daad-checkpoint";
const VERSION: u32 = 1;
const MODEL: &str = "model.";
const OPTIMIZERS: [&str; 2] = ["optimizer.generator.", "optimizer.discriminator."];
const BEST: &str = "best.";
const LOSSES: &str = "progress.losses";
/// Held-out errors, one for each finished epoch; NaN for an epoch without validation.
const VALIDATION: &str = "progress.validation";
const MOMENTS: [&str; 2] = [".first", ".second"];

/// The parameters and running statistics of both networks, by name.
pub(super) type Weights = BTreeMap<String, TensorData>;

/// The content of a checkpoint.
pub(super) struct Checkpoint {
    /// Networks and optimizers.
    pub(super) state: TrainState,
    /// The position of the run.
    pub(super) progress: Progress,
    /// The weights of the epoch with the lowest held-out error, if the settings keep the best
    /// epoch.
    pub(super) best: Option<Weights>,
}

/// Adam's two moments by parameter name; None for a moment that the file does not have.
type Moments = BTreeMap<String, [Option<TensorData>; 2]>;

/// The content of the file's metadata.
#[derive(Serialize, Deserialize)]
struct Header {
    version: u32,
    progress: Progress,
    optimizer_steps: [u64; 2],
}

/// Writes a checkpoint. Even if writing fails, `path` holds a complete checkpoint afterwards, the
/// new one or the previous one.
///
/// # Errors
///
/// [`Error::File`] where the checkpoint cannot be written; the previous one is kept.
pub(super) fn save(
    path: &Path,
    state: &TrainState,
    progress: &Progress,
    best: Option<&Weights>,
) -> Result<()> {
    let mut tensors: BTreeMap<String, TensorData> = parameters::values(&state.model)
        .into_iter()
        .map(|(name, data)| (format!("{MODEL}{name}"), data))
        .collect();
    let optimizers = [&state.generator_optimizer, &state.discriminator_optimizer];
    let mut optimizer_steps = [0; 2];
    for (index, optimizer) in optimizers.into_iter().enumerate() {
        let (steps, moments) = optimizer.state();
        optimizer_steps[index] = steps;
        for (name, data) in moments {
            for (suffix, data) in MOMENTS.into_iter().zip(data) {
                tensors.insert(format!("{}{name}{suffix}", OPTIMIZERS[index]), data);
            }
        }
    }
    let losses = losses_tensor(progress);
    tensors.insert(LOSSES.to_owned(), losses);
    if progress.config.validation.is_some() {
        tensors.insert(VALIDATION.to_owned(), validation_tensor(progress));
    }
    for (name, data) in best.into_iter().flatten() {
        tensors.insert(format!("{BEST}{name}"), data.clone());
    }
    let views = tensors.iter().map(|(name, data)| {
        let bytes = data.as_bytes();
        let dtype = match data.dtype() {
            DType::F64 => Dtype::F64,
            _ => Dtype::F32,
        };
        let view = TensorView::new(dtype, data.shape().to_vec(), bytes);
        (name.as_str(), view.expect("bytes fit the shape"))
    });
    let header = Header {
        version: VERSION,
        progress: progress.clone(),
        optimizer_steps,
    };
    let header = serde_json::to_string(&header).expect("progress is plain data");
    let metadata = HashMap::from([(METADATA_KEY.to_owned(), header)]);
    let bytes = safetensors::serialize(views, Some(metadata))
        .map_err(|error| Error::Checkpoint(error.to_string()))?;
    file::write(path, &bytes)
}

/// Reads a checkpoint onto `device`, which must be an autodiff device for training.
///
/// # Errors
///
/// [`Error::File`] where it cannot be read, [`Error::Checkpoint`] where it is not a sound one.
pub(super) fn load(path: &Path, device: &Device) -> Result<Checkpoint> {
    let bytes = std::fs::read(path).map_err(|error| Error::file("cannot read", path, error))?;
    read(&bytes, device)
        .map_err(|reason| Error::Checkpoint(format!("{}: {reason}", path.display())))
}

/// Reads only the progress of a run, without its losses.
///
/// ```
/// use std::sync::atomic::AtomicBool;
/// use std::time::Duration;
///
/// use burn::tensor::Device;
/// use daad::train::{Checkpointing, Trainer, read_progress};
/// # use daad::settings::Settings;
/// # use daad::weights::Provenance;
/// # let config = Settings::from_toml("size = 16\nscales = 2\nwidth = 2\nitems = 6\ndivision = 2\nparts = \"none\"\nepochs = 3")?.resolve()?;
/// # let provenance = Provenance::default();
/// # let images = vec![image::RgbImage::new(16, 16); 2];
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("model.checkpoint");
/// let trainer = Trainer::new(config, provenance, &images, &Device::flex())?;
/// let mut trainer = trainer.with_checkpoints(Checkpointing {
///     path: path.clone(),
///     interval: Duration::from_secs(30),
/// });
/// trainer.run(&images, &AtomicBool::new(false), |_| {})?;
/// let progress = read_progress(&path)?;
/// assert_eq!((progress.epoch, progress.config.epochs), (3, 3));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`Error::File`] where it cannot be read, [`Error::Checkpoint`] where it is not a sound one.
pub fn read_progress(path: &Path) -> Result<Progress> {
    let bytes = std::fs::read(path).map_err(|error| Error::file("cannot read", path, error))?;
    let header = read_header(&bytes)
        .map_err(|reason| Error::Checkpoint(format!("{}: {reason}", path.display())))?;
    Ok(header.progress)
}

fn read(bytes: &[u8], device: &Device) -> Result<Checkpoint, String> {
    let header = read_header(bytes)?;
    let file = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
    let mut progress = header.progress;
    let losses = file.tensor(LOSSES).map_err(|error| error.to_string())?;
    read_losses(&losses, &mut progress)?;
    if progress.config.validation.is_some() {
        let errors = file.tensor(VALIDATION).map_err(|error| error.to_string())?;
        read_validation(&errors, &mut progress)?;
    }

    let mut weights = Weights::new();
    let mut best = Weights::new();
    let mut moments: [Moments; 2] = Default::default();
    let curves = [LOSSES, VALIDATION];
    for (name, view) in file.iter().filter(|(name, _)| !curves.contains(name)) {
        if view.dtype() != Dtype::F32 {
            return Err(format!("tensor {name} is not f32"));
        }
        let values = view.data().as_chunks::<4>().0.iter();
        let values: Vec<f32> = values.map(|&bytes| f32::from_le_bytes(bytes)).collect();
        let data = TensorData::new(values, view.shape().to_vec());
        if let Some(name) = name.strip_prefix(MODEL) {
            weights.insert(name.to_owned(), data);
            continue;
        }
        if let Some(name) = name.strip_prefix(BEST) {
            best.insert(name.to_owned(), data);
            continue;
        }
        let place = OPTIMIZERS
            .iter()
            .enumerate()
            .find_map(|(optimizer, prefix)| {
                let name = name.strip_prefix(prefix)?;
                let split = |(moment, suffix)| Some((moment, name.strip_suffix(suffix)?));
                let (moment, name) = MOMENTS.into_iter().enumerate().find_map(split)?;
                Some((optimizer, moment, name.to_owned()))
            });
        let (optimizer, moment, name) =
            place.ok_or_else(|| format!("tensor {name} does not belong here"))?;
        moments[optimizer].entry(name).or_default()[moment] = Some(data);
    }

    let model = progress
        .config
        .model
        .init(device)
        .map_err(|error| error.to_string())?;
    let shapes = parameters::shapes(&model);
    check_weights(&weights, &shapes)?;
    let keeps_best = (progress.config.validation).is_some_and(|validation| validation.keep_best);
    let best = match keeps_best && progress.best().is_some() {
        true => Some(best),
        false if best.is_empty() => None,
        false => return Err("it has weights of a best epoch that nobody chose".into()),
    };
    if let Some(best) = &best {
        check_weights(best, &shapes).map_err(|reason| format!("of the best epoch, {reason}"))?;
    }
    let model = parameters::load(model, weights.into_iter().collect());
    let [generator, discriminator] = moments;
    let steps = header.optimizer_steps;
    let restore = |part: &str, steps: u64, moments: Moments| {
        let moments = sound_moments(part, steps, moments, &shapes)?;
        Ok::<_, String>(Adam::restore(steps, moments, device))
    };
    let state = TrainState {
        model,
        generator_optimizer: restore("generator", steps[0], generator)?,
        discriminator_optimizer: restore("discriminator", steps[1], discriminator)?,
    };
    Ok(Checkpoint {
        state,
        progress,
        best,
    })
}

/// Checks that every weight of the networks is present, has the right shape and is finite.
fn check_weights(weights: &Weights, shapes: &[(String, Vec<usize>)]) -> Result<(), String> {
    if let Some((name, _)) = weights.iter().find(|(_, data)| !is_finite(data)) {
        return Err(format!("tensor {name} is not finite"));
    }
    for (name, shape) in shapes {
        let found = weights.get(name).map(|data| data.shape().to_vec());
        if found.as_ref() != Some(shape) {
            return Err(format!("tensor {name} has {found:?}, expected {shape:?}"));
        }
    }
    Ok(())
}

/// Whether `name` is the bias of a convolution in front of a batch normalization.
fn is_normalized(name: &str, shapes: &[(String, Vec<usize>)]) -> bool {
    let Some(block) = name.strip_suffix("conv.bias") else {
        return false;
    };
    let norm = format!("{block}norm.weight");
    shapes.iter().any(|(other, _)| *other == norm)
}

/// Checks that `moments` has both moments of every parameter of `part` that has gradients, if there
/// was a step, and no other moments.
fn sound_moments(
    part: &str,
    steps: u64,
    mut moments: Moments,
    shapes: &[(String, Vec<usize>)],
) -> Result<Vec<(String, [TensorData; 2])>, String> {
    let mut sound = Vec::new();
    for (full_name, shape) in shapes {
        let name = full_name
            .strip_prefix(part)
            .and_then(|name| name.strip_prefix('.'));
        let Some(name) = name.filter(|name| steps > 0 && parameters::is_learned(name)) else {
            continue;
        };
        let length = shape.iter().product::<usize>();
        let is_sound = |data: &TensorData| data.shape().to_vec() == [length] && is_finite(data);
        match moments.remove(name) {
            Some([Some(first), Some(second)]) if is_sound(&first) && is_sound(&second) => {
                sound.push((name.to_owned(), [first, second]));
            }
            // The bias of a convolution in front of a batch normalization has no gradient, so Adam
            // has no moments for it.
            None if is_normalized(full_name, shapes) => {}
            _ => return Err(format!("the moments of {full_name} are missing or unsound")),
        }
    }
    match moments.keys().next() {
        Some(name) => Err(format!("the moments of {part}.{name} do not belong here")),
        None => Ok(sound),
    }
}

fn is_finite(data: &TensorData) -> bool {
    data.iter::<f32>().all(f32::is_finite)
}

fn read_header(bytes: &[u8]) -> Result<Header, String> {
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|error| error.to_string())?;
    let header = metadata
        .metadata()
        .as_ref()
        .and_then(|metadata| metadata.get(METADATA_KEY))
        .ok_or("it is not a checkpoint of daad")?;
    let header: Header = serde_json::from_str(header).map_err(|error| error.to_string())?;
    if header.version != VERSION {
        return Err(format!("it has format version {}", header.version));
    }
    let Progress {
        config,
        epoch,
        step,
        passed_over,
        ..
    } = &header.progress;
    config.validate().map_err(|error| error.to_string())?;
    if *epoch > config.epochs {
        return Err(format!("it claims {epoch} of {} epochs", config.epochs));
    }
    if !step.is_multiple_of(config.accumulate) {
        return Err("it was written between batches that make one step".into());
    }
    if passed_over > step {
        return Err(format!("it claims {passed_over} empty batches of {step}"));
    }
    Ok(header)
}

/// One row for each finished epoch, and one row for the sums of the current epoch.
fn losses_tensor(progress: &Progress) -> TensorData {
    let rows = progress
        .history
        .iter()
        .map(|record| record.losses.to_array());
    let rows: Vec<_> = rows.chain([progress.loss_sums]).collect();
    let shape = [rows.len(), Losses::COUNT];
    TensorData::new(rows.concat(), shape)
}

fn read_losses(view: &TensorView, progress: &mut Progress) -> Result<(), String> {
    let epochs = progress.epoch;
    let shape = view.shape();
    if view.dtype() != Dtype::F64 || shape != [epochs + 1, Losses::COUNT] {
        return Err(format!("{LOSSES} is {shape:?} after {epochs} epochs"));
    }
    let values = view.data().as_chunks::<8>().0.iter();
    let values: Vec<f64> = values.map(|&bytes| f64::from_le_bytes(bytes)).collect();
    let (rows, _) = values.as_chunks::<{ Losses::COUNT }>();
    let (history, sums) = rows.split_at(epochs);
    progress.loss_sums = sums[0];
    let record = |(index, &losses): (usize, &[f64; Losses::COUNT])| EpochRecord {
        epoch: index + 1,
        losses: Losses::from_array(losses),
        validation: None,
    };
    progress.history = history.iter().enumerate().map(record).collect();
    Ok(())
}

fn validation_tensor(progress: &Progress) -> TensorData {
    let errors = progress.history.iter().map(|record| record.validation);
    let errors: Vec<f64> = errors.map(|error| error.unwrap_or(f64::NAN)).collect();
    let shape = [errors.len()];
    TensorData::new(errors, shape)
}

fn read_validation(view: &TensorView, progress: &mut Progress) -> Result<(), String> {
    let epochs = progress.epoch;
    let shape = view.shape();
    if view.dtype() != Dtype::F64 || shape != [epochs] {
        return Err(format!("{VALIDATION} is {shape:?} after {epochs} epochs"));
    }
    let errors = view.data().as_chunks::<8>().0.iter();
    let errors = errors.map(|&bytes| f64::from_le_bytes(bytes));
    for (record, error) in progress.history.iter_mut().zip(errors) {
        record.validation = Some(error).filter(|error| !error.is_nan());
    }
    Ok(())
}
