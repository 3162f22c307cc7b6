//! `daad train`.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use daad::Detector;
use daad::train::dataset::{DataSet, LabelledImage, Sample, Unreadable, load_ahead};
use daad::train::{Evaluated, Records, RunLock, Settings, TrainConfig, evaluate, read_progress};
use daad::weights::{Precision, Provenance};
use indicatif::{ProgressBar, ProgressStyle};

use super::args::TrainArgs;
use super::images::Images;
use super::output;
use super::session::{End, INTERRUPTED, Session, checkpoint_path};

/// A sweep that was killed leaves a job behind that stops after its step; the next one waits.
const ORPHAN_PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn run(args: Box<TrainArgs>) -> anyhow::Result<ExitCode> {
    let args = *args;
    check_out(&args.out)?;
    let patience = match args.stop_at_eof {
        true => ORPHAN_PATIENCE,
        false => Duration::ZERO,
    };
    // Before the checkpoint is looked for: whoever holds the lock may still write one.
    let lock = RunLock::acquire(&args.out, patience)?;
    let config = config(&args)?;
    output::note(&format!("Settings:\n{}", settings_of(&config)));
    let split = DataSet::open(&args.data)?.select(&args.category)?;
    let size = (config.model.width_px, config.model.height_px);
    let data_name = args.data.file_name().unwrap_or_default().to_string_lossy();
    let records = Records::beside(&args.out);
    let epochs = config.epochs;
    let session = Session {
        config,
        images: Images::Files {
            samples: split.train,
            unreadable: args.unreadable,
            cache_bytes: args.cache_mib.saturating_mul(1 << 20),
        },
        device: args.common.device.resolve()?,
        out: args.out,
        resume: args.resume,
        provenance: Provenance {
            data: args.provenance.data_name.unwrap_or(data_name.into_owned()),
            licence: args.provenance.licence.unwrap_or_default(),
            attribution: args.provenance.attribution.unwrap_or_default(),
            commit: commit(),
            command: command(),
            ..Provenance::default()
        },
        precision: match args.full_precision {
            true => Precision::F32,
            false => Precision::F16,
        },
        json: args.common.json,
        stop_at_eof: args.stop_at_eof,
    };
    output::note("Ctrl-C stops after a step; the same command with --resume goes on from there.");
    let finished = match session.run()? {
        End::Finished(finished) => finished,
        End::Interrupted { epoch } => {
            output::note(&format!(
                "Stopped. The same command with --resume goes on from epoch {epoch} of {epochs}."
            ));
            return Ok(ExitCode::from(INTERRUPTED));
        }
    };
    drop(lock);
    if split.test.is_empty() {
        output::note("There are no test images, so there is nothing to measure.");
        return Ok(ExitCode::SUCCESS);
    }
    let evaluated = evaluate_files(&finished.detector, split.test, size, args.unreadable)?;
    records.write_evaluation(&evaluated)?;
    output::evaluation(&evaluated.evaluation, args.common.json)?;
    Ok(ExitCode::SUCCESS)
}

/// The configuration asked for, or that of the run to go on with.
fn config(args: &TrainArgs) -> anyhow::Result<TrainConfig> {
    let checkpoint = checkpoint_path(&args.out);
    let file = match &args.config {
        Some(path) => read_settings(path)?,
        None => Settings::default(),
    };
    let settings = args.settings.over(&file);
    if args.resume {
        return resumed(read_progress(&checkpoint)?.config, &settings);
    }
    if checkpoint.exists() && !args.overwrite {
        anyhow::bail!(
            "{} holds an earlier run; --resume goes on with it, --overwrite starts anew",
            checkpoint.display()
        );
    }
    settings.check_effect()?;
    Ok(settings.resolve()?)
}

fn check_out(out: &Path) -> anyhow::Result<()> {
    let is_file = !out.is_dir() && out.file_name().is_some();
    anyhow::ensure!(
        is_file,
        "--out must name a file, {} is a folder",
        out.display()
    );
    Ok(())
}

fn read_settings(path: &Path) -> anyhow::Result<Settings> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Settings::from_toml(&text).with_context(|| path.display().to_string())
}

/// A run goes on as it began; only how long may be said anew.
fn resumed(begun: TrainConfig, settings: &Settings) -> anyhow::Result<TrainConfig> {
    let asked = match Settings::of(&begun) {
        Some(before) => settings.over(&before).resolve()?,
        None => begun.clone(),
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

/// The settings that give `config`, as a TOML file has them.
pub(crate) fn settings_of(config: &TrainConfig) -> String {
    let settings = Settings::of(config);
    settings.map_or_else(String::new, |settings| settings.to_toml())
}

/// Decodes the samples' files, showing how far it is.
pub(crate) fn load_with_progress(
    samples: Vec<Sample>,
    size: (usize, usize),
    unreadable: Unreadable,
) -> anyhow::Result<Vec<LabelledImage>> {
    let bar = progress_bar(samples.len(), "images read");
    let images = readable(load_ahead(samples, size), unreadable);
    let images = images.inspect(|_| bar.inc(1)).collect::<Result<_, _>>()?;
    bar.finish_and_clear();
    Ok(images)
}

/// Measures a model on a test set that lies in files, showing how far it is.
pub(crate) fn evaluate_files(
    detector: &Detector,
    samples: Vec<Sample>,
    size: (usize, usize),
    unreadable: Unreadable,
) -> anyhow::Result<Evaluated> {
    let count = samples.len();
    evaluate_with_progress(
        detector,
        count,
        readable(load_ahead(samples, size), unreadable),
    )
}

/// Passes over what cannot be read, naming it, where that is asked for.
fn readable(
    images: impl Iterator<Item = daad::Result<LabelledImage>>,
    unreadable: Unreadable,
) -> impl Iterator<Item = daad::Result<LabelledImage>> {
    images.filter(move |image| match image {
        Err(error) if unreadable == Unreadable::Skip => {
            output::note(&format!("{error}; passed over."));
            false
        }
        _ => true,
    })
}

/// Measures a model on a test set, showing how far it is.
pub(crate) fn evaluate_with_progress(
    detector: &Detector,
    count: usize,
    images: impl Iterator<Item = daad::Result<LabelledImage>>,
) -> anyhow::Result<Evaluated> {
    let bar = progress_bar(count, "images scored");
    let evaluated = evaluate(detector, images, |count| bar.inc(count as u64))?;
    bar.finish_and_clear();
    Ok(evaluated)
}

/// Counts up to `count` of `what`, where there is a terminal.
pub(crate) fn progress_bar(count: usize, what: &str) -> ProgressBar {
    let style = format!("{{bar:24}} {{pos}}/{{len}} {what}");
    let style = ProgressStyle::with_template(&style).expect("the template is sound");
    ProgressBar::new(count as u64).with_style(style)
}

/// The commit that this program was built from.
pub(crate) fn commit() -> String {
    option_env!("DAAD_COMMIT").unwrap_or_default().to_owned()
}

/// The command line, with the program's name instead of its path.
pub(crate) fn command() -> String {
    let arguments = std::env::args_os().skip(1);
    let arguments = arguments.map(|word| word.to_string_lossy().into_owned());
    let words: Vec<String> = ["daad".to_owned()].into_iter().chain(arguments).collect();
    words.join(" ")
}
