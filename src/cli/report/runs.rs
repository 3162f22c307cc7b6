//! Finds the runs to report and reads their records.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use daad::evaluate::{CategoryFigures, Evaluation, Records, ScoredImage};
use daad::learn::EpochRecord;
use daad::metric::Label;
use daad::weights::ModelCard;

use crate::cli::common::files::read_model;
use crate::cli::sweep::result;

/// One model and its records.
pub(super) struct Run {
    /// A name that no other run in the report has.
    pub(super) name: String,
    pub(super) model: PathBuf,
    pub(super) card: ModelCard,
    /// The training curve. This and the following fields are empty if there is no record.
    pub(super) losses: Vec<EpochRecord>,
    pub(super) scores: Vec<ScoredImage>,
    pub(super) evaluation: Option<Evaluation>,
    /// A sentence for each missing record.
    pub(super) gaps: Vec<String>,
}

/// A sweep whose jobs are reported as runs.
pub(super) struct Sweep {
    pub(super) folder: PathBuf,
    /// The table that `daad sweep` wrote, as Markdown.
    pub(super) table: Option<String>,
    /// The number of jobs that were begun and are not finished.
    pub(super) unfinished: usize,
}

/// All runs and sweeps that were found in the given paths.
pub(super) struct Found {
    pub(super) runs: Vec<Run>,
    pub(super) sweeps: Vec<Sweep>,
}

/// Reads the cards and records of model files and of the finished jobs of sweeps.
pub(super) fn find(paths: &[PathBuf]) -> anyhow::Result<Found> {
    let mut found = Found {
        runs: Vec::new(),
        sweeps: Vec::new(),
    };
    for path in paths {
        if path.is_dir() {
            found.add_sweep(path)?;
        } else {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            found.runs.push(Run::read(stem.into_owned(), path)?);
        }
    }
    found.tell_apart();
    Ok(found)
}

impl Found {
    fn add_sweep(&mut self, folder: &Path) -> anyhow::Result<()> {
        let jobs = folder.join("jobs");
        let entries = std::fs::read_dir(&jobs).with_context(|| {
            format!(
                "{} is neither a model file nor a folder that daad sweep wrote: cannot read {}",
                folder.display(),
                jobs.display()
            )
        })?;
        let (mut finished, mut unfinished) = (Vec::new(), 0);
        for entry in entries {
            let job = entry?.path();
            if !job.is_dir() {
                continue;
            }
            match result::at(&job)? {
                None => unfinished += 1,
                Some(result) => finished.push((result, job.join("model.safetensors"))),
            }
        }
        if finished.is_empty() {
            bail!("no job of the sweep in {} is finished", folder.display());
        }
        // The order in which the file system lists folders is arbitrary, so the jobs are sorted.
        finished.sort_by(|(a, _), (b, _)| (a.job, &a.name).cmp(&(b.job, &b.name)));
        for (result, model) in finished {
            self.runs.push(Run::read(result.name, &model)?);
        }
        self.sweeps.push(Sweep {
            folder: folder.to_owned(),
            table: std::fs::read_to_string(folder.join("table.md")).ok(),
            unfinished,
        });
        Ok(())
    }

    /// Makes names unique: runs with the same name get the names of their files, and a run that is
    /// given twice gets a number.
    fn tell_apart(&mut self) {
        for of_path in [true, false] {
            let mut times: HashMap<String, usize> = HashMap::new();
            for run in &self.runs {
                *times.entry(run.name.clone()).or_default() += 1;
            }
            let mut seen: HashMap<String, usize> = HashMap::new();
            for run in self.runs.iter_mut().filter(|run| times[&run.name] > 1) {
                let seen = seen.entry(run.name.clone()).or_default();
                *seen += 1;
                run.name = match of_path {
                    true => run.model.display().to_string(),
                    false => format!("{} ({seen})", run.name),
                };
            }
        }
    }
}

/// Whether the model's threshold gives other numbers of detections and false alarms than were
/// recorded for a category.
fn has_another_threshold(
    recorded: &CategoryFigures,
    scores: &[ScoredImage],
    card: &ModelCard,
) -> bool {
    let threshold = card.calibration.threshold;
    let figures = [
        (Label::Normal, recorded.figures.false_alarms),
        (Label::Anomalous, recorded.figures.detected),
    ];
    figures.into_iter().any(|(label, figure)| {
        let images = scores.iter().filter(|image| image.label == label);
        let images = images.filter(|image| image.category == recorded.category);
        let (all, above) = images.fold((0u32, 0u32), |(all, above), image| {
            (all + 1, above + u32::from(image.deployed > threshold))
        });
        let now = f64::from(above) / f64::from(all);
        all > 0 && figure.is_some_and(|figure| (now - figure).abs() > 1e-9)
    })
}

impl Run {
    fn read(name: String, model: &Path) -> anyhow::Result<Self> {
        let path = model.display();
        if model.extension() != Some(OsStr::new("safetensors")) {
            bail!("{path} is neither a model file (NAME.safetensors) nor a sweep's folder");
        }
        let (_, card) = read_model(model)?;
        let records = Records::beside(model);
        let mut gaps = Vec::new();
        if !records.losses.exists() {
            gaps.push(
                "There is no training curve beside the model; `daad train` writes it.".into(),
            );
        }
        if !records.scores.exists() || !records.evaluation.exists() {
            gaps.push(format!(
                "There are no scores beside the model: run `daad eval --record --model {path} \
                 --data …` first."
            ));
        }
        let scores = kept(&records.scores, &mut gaps, || records.read_scores());
        let evaluation: Option<Evaluation> = kept(&records.evaluation, &mut gaps, || {
            records.read_evaluation().map(Some)
        });
        let figures = evaluation.iter().flat_map(|all| &all.categories);
        if figures
            .into_iter()
            .any(|one| has_another_threshold(one, &scores, &card))
        {
            gaps.push(
                "The model's threshold was changed after the figures were recorded: run `daad eval \
                 --record` again."
                    .into(),
            );
        }
        Ok(Self {
            name,
            model: model.to_owned(),
            card,
            losses: kept(&records.losses, &mut gaps, || records.read_losses()),
            scores,
            evaluation,
            gaps,
        })
    }

    /// The system and how its memory divides maps, as the paper's figures label them.
    pub(super) fn label(&self) -> String {
        let config = &self.card.config;
        match self.division() {
            Some(rate) => format!("{}, r = {rate}", config.system_name()),
            None => config.system_name(),
        }
    }

    /// rh×rw×rc where there is a block-wise memory.
    pub(super) fn division(&self) -> Option<String> {
        use daad::model::{Division, MemoryPlacement};
        let memory = self.card.config.memory;
        match (memory.placement, memory.division) {
            (MemoryPlacement::None, _) | (_, Division::PixelWise) => None,
            (_, Division::Blocks(rate)) => {
                Some(format!("{}×{}×{}", rate.height, rate.width, rate.channel))
            }
        }
    }
}

/// The content of a record. If there is none, or if it cannot be read, the content is empty; in the
/// second case the reason is added to `gaps`.
fn kept<T: Default>(
    record: &Path,
    gaps: &mut Vec<String>,
    read: impl FnOnce() -> daad::Result<T>,
) -> T {
    match record.exists().then(read) {
        None => T::default(),
        Some(read) => read.unwrap_or_else(|error| {
            gaps.push(format!("{error}."));
            T::default()
        }),
    }
}
