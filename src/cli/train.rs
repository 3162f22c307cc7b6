//! `daad train`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use daad::dataset::{
    DEFAULT_CACHE_BYTES, NormalImages, Sample, Source, Split, TestImages, Unreadable,
};
use daad::error::shown;
use daad::file;
use daad::image::decode_upright;
use daad::learn::TrainConfig;
use daad::settings::{Counts, Settings, named};
use daad::train::{Data, Outcome, RunLock, Training, checkpoint_path, read_progress};
use daad::weights::Precision;

use super::common::arguments::{CommonArgs, ProvenanceArgs};
use super::common::files::{check_new, data_set, settings_over};
use super::common::interrupt::INTERRUPTED;
use super::common::output::{self, note, settings_of};
use super::common::terminal::{self, Options};

/// How long a job waits for the lock. If a sweep was killed, its job still runs until the end of
/// the current step, and the same job of the next sweep has to wait for it.
const ORPHAN_PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub(crate) struct TrainArgs {
    /// Good images, or a data set: MVTec AD, VisA, PIPED, MNIST, CIFAR-10, class folders, videos
    /// with labels (docs/experiments.md has the layouts)
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Train on these categories only (may be repeated); of MNIST, CIFAR-10 and class folders the
    /// one class that is normal
    #[arg(long, value_name = "NAME")]
    category: Vec<String>,
    /// What to do about an image that cannot be read: fail, or skip it; either way it is named
    #[arg(long, value_name = "NAME", default_value = "fail", value_parser = named::<Unreadable>)]
    unreadable: Unreadable,
    /// How many MiB of decoded images to keep from epoch to epoch
    #[arg(long, value_name = "MIB", default_value_t = DEFAULT_CACHE_BYTES >> 20)]
    cache_mib: usize,
    /// Where to write the model; the checkpoint lies beside it
    #[arg(long, value_name = "FILE", default_value = "model.safetensors")]
    out: PathBuf,
    /// Go on from the checkpoint beside --out; its settings are kept, --epochs may be raised
    #[arg(long)]
    resume: bool,
    /// Start anew although there is a finished model, or a checkpoint of an unfinished run
    #[arg(long, conflicts_with = "resume")]
    overwrite: bool,
    /// Run as a job of a sweep: stop as after Ctrl-C when standard input ends, and go on from the
    /// checkpoint where there is one
    #[arg(long, hide = true)]
    job: bool,
    /// Store weights as f32; the default f16 takes half the room
    #[arg(long)]
    full_precision: bool,
    /// TOML file of settings, under the names of the flags below; flags go over it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    provenance: ProvenanceArgs,
    #[command(flatten)]
    common: CommonArgs,
}

pub(crate) fn run(mut args: TrainArgs) -> anyhow::Result<ExitCode> {
    file::check_writable(&args.out)?;
    let patience = match args.job {
        true => ORPHAN_PATIENCE,
        false => Duration::ZERO,
    };
    // The lock must be acquired before looking for a checkpoint, because another run that holds the
    // lock may still write one.
    let lock = RunLock::acquire(&args.out, patience)?;
    args.resume |= args.job && checkpoint_path(&args.out).exists();
    let settings = settings_over(args.config.as_deref(), &args.settings)?;
    let config = config(&args, &settings)?;
    let split = data_set(&args.data, &args.category)?;
    let config = match args.resume {
        true => config,
        false => shaped(config, &settings, &split),
    };
    note(&format!("Settings:\n{}", settings_of(&config)));
    check_training_images(&split, &args.data)?;
    let size = (config.model.width_px, config.model.height_px);
    let has_test = !split.test.is_empty();
    anyhow::ensure!(
        has_test || !args.job,
        "there are no test images to measure with"
    );
    let epochs = config.epochs;
    let training = Training {
        config,
        device: args.common.device.resolve()?,
        out: args.out,
        resume: args.resume,
        provenance: args.provenance.of(&args.data),
        precision: match args.full_precision {
            true => Precision::F32,
            false => Precision::F16,
        },
        lock: Some(lock),
    };
    let data = Data {
        normal: NormalImages::Files {
            samples: split.train,
            unreadable: args.unreadable,
            cache_bytes: args.cache_mib.saturating_mul(1 << 20),
        },
        test: TestImages::files(split.test, size),
        unreadable: args.unreadable,
    };
    let again = match args.overwrite {
        true => "with --resume instead of --overwrite",
        false => "with --resume",
    };
    note(&format!(
        "Ctrl-C stops after a step; the same command {again} goes on from there."
    ));
    let options = Options {
        json: args.common.json,
        stop_at_eof: args.job,
    };
    let trained = match terminal::train(training, data, options)? {
        Outcome::Finished(trained) => trained,
        Outcome::Stopped { epoch } => {
            note(&format!(
                "Stopped. The same command {again} goes on from epoch {epoch} of {epochs}."
            ));
            return Ok(ExitCode::from(INTERRUPTED));
        }
    };
    if !has_test {
        note("There are no test images, so there is nothing to measure.");
    }
    if let Some(evaluated) = trained.evaluated {
        output::evaluation(&evaluated.evaluation, args.common.json)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The settings with a model in the shape of the first training image that can be read, unless the
/// user set both sides of the model or the model has a discriminator.
fn shaped(config: TrainConfig, settings: &Settings, split: &Split) -> TrainConfig {
    if config.model.adversarial.is_some() {
        return config; // the discriminator needs square images
    }
    if let Some(Counts::Each(_)) = settings.size {
        return config;
    }
    // An image that cannot be read is reported later, when it is needed.
    let first = split.train.iter().find_map(|sample| match &sample.source {
        Source::File(path) => decode_upright(&std::fs::read(path).ok()?).ok(),
        _ => None,
    });
    let Some(image) = first else {
        return config;
    };
    let (width, height) = (image.image.width(), image.image.height());
    let square = config.model.height_px;
    let model = config.model.clone().shaped_like(width, height);
    if model != config.model {
        note(&format!(
            "The images are {width}×{height} pixels, so the model is {}×{}; --size {square},{square} makes it square.",
            model.width_px, model.height_px
        ));
    }
    TrainConfig { model, ..config }
}

/// Fails if there is no training image, and names the categories that are only tested.
fn check_training_images(split: &Split, data: &Path) -> anyhow::Result<()> {
    let data = shown(data);
    anyhow::ensure!(
        !split.train.is_empty(),
        "{data} holds no good images to train on: they belong in train/good, or directly in a folder"
    );
    let trained: BTreeSet<&str> = categories(&split.train);
    let untrained: Vec<&str> = categories(&split.test)
        .difference(&trained)
        .copied()
        .collect();
    if !untrained.is_empty() {
        note(&format!(
            "Without good images to train on, and so only tested: {}.",
            untrained.join(", ")
        ));
    }
    Ok(())
}

fn categories(samples: &[Sample]) -> BTreeSet<&str> {
    let names = samples.iter().map(|sample| sample.category.as_str());
    names.collect()
}

/// The configuration of the arguments, or that of the run to be resumed.
fn config(args: &TrainArgs, settings: &Settings) -> anyhow::Result<TrainConfig> {
    let checkpoint = checkpoint_path(&args.out);
    if args.resume {
        return resumed(read_progress(&checkpoint)?.config, settings);
    }
    if checkpoint.exists() && !args.overwrite {
        anyhow::bail!(
            "{} holds an earlier run; --resume goes on with it, --overwrite starts anew",
            shown(&checkpoint)
        );
    }
    check_new(&args.out, args.overwrite || args.job)?;
    settings.check_effect()?;
    Ok(settings.resolve()?)
}

/// The configuration of a resumed run: the configuration from the checkpoint, except the number of
/// epochs, which `settings` may change.
fn resumed(begun: TrainConfig, settings: &Settings) -> anyhow::Result<TrainConfig> {
    let mut settings = settings.clone();
    let shorter = begun.model.height_px.min(begun.model.width_px);
    if settings.size == Some(Counts::One(shorter)) {
        settings.size = None; // the other side follows the images, as at the beginning
    }
    let asked = match Settings::of(&begun) {
        Some(before) => settings.over(&before).resolve()?,
        None => {
            let others: Vec<String> = settings.keys();
            anyhow::ensure!(
                others.iter().all(|key| key == "epochs"),
                "no settings describe this run, so it takes none but --epochs"
            );
            TrainConfig {
                epochs: settings.epochs.unwrap_or(begun.epochs),
                ..begun.clone()
            }
        }
    };
    let config = TrainConfig {
        epochs: asked.epochs,
        ..begun
    };
    anyhow::ensure!(
        config == asked,
        "--resume goes on as the run began, only --epochs may differ; its settings are:\n{}",
        settings_of(&config)
    );
    Ok(config)
}
