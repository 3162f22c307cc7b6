//! A finished run, as its files tell of it.

use std::path::{Path, PathBuf};

use anyhow::Context;
use burn::tensor::Device;

use daad::Detector;
use daad::train::{EpochRecord, Evaluation, Records, ScoredImage, Settings, TrainConfig};
use daad::weights::{ModelCard, read_card};

/// A model and what was measured of it.
pub(super) struct Run {
    /// Tells it from the others.
    pub(super) name: String,
    /// What differs between the runs, for the heads of columns.
    pub(super) label: String,
    pub(super) card: ModelCard,
    /// None in model files that are older than settings in model files.
    pub(super) settings: Option<Settings>,
    pub(super) losses: Vec<EpochRecord>,
    pub(super) scores: Vec<ScoredImage>,
    pub(super) evaluation: Evaluation,
    bytes: Vec<u8>,
}

/// Reads model files, and those of sweeps' folders.
pub(super) fn open(paths: &[PathBuf]) -> anyhow::Result<Vec<Run>> {
    let mut models = Vec::new();
    for path in paths {
        if path.is_dir() {
            models.extend(of_sweep(path)?);
        } else {
            models.push(path.clone());
        }
    }
    models.iter().map(|model| Run::read(model)).collect()
}

/// The models of a sweep's finished jobs, in the jobs' order.
fn of_sweep(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let results = crate::cli::sweep::models(folder)?;
    anyhow::ensure!(
        !results.is_empty(),
        "{} holds no finished job of a sweep",
        folder.display()
    );
    Ok(results)
}

impl Run {
    fn read(model: &Path) -> anyhow::Result<Self> {
        let name = model.display().to_string();
        let bytes = std::fs::read(model).with_context(|| format!("cannot read {name}"))?;
        let card = read_card(&bytes).with_context(|| name.clone())?;
        let records = Records::beside(model);
        let missing = || {
            format!(
                "{name} has no records beside it; `daad train` writes them, and `daad eval --record`"
            )
        };
        let config = card.provenance.config.clone();
        let config = config.and_then(|config| serde_json::from_value::<TrainConfig>(config).ok());
        let settings = config.and_then(|config| Settings::of(&config));
        Ok(Self {
            label: label(&card),
            settings,
            // A model that was not trained here has no curve.
            losses: match records.losses.exists() {
                true => records.read_losses()?,
                false => Vec::new(),
            },
            scores: records.read_scores().with_context(missing)?,
            evaluation: records.read_evaluation().with_context(missing)?,
            card,
            name,
            bytes,
        })
    }

    pub(super) fn detector(&self, device: &Device) -> anyhow::Result<Detector> {
        Detector::from_bytes(&self.bytes, device).with_context(|| self.name.clone())
    }
}

/// System, block size and memory: what the paper's figures vary.
fn label(card: &ModelCard) -> String {
    use daad::model::{Division, MemoryPlacement};
    let memory = &card.config.memory;
    let mut label = card.config.system_name();
    if memory.placement != MemoryPlacement::None {
        if let Division::Blocks(rate) = memory.division {
            label += &format!(", r = {}×{}", rate.height, rate.width);
        }
        label += &format!(", N = {}", memory.items);
    }
    label
}
