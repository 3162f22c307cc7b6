//! `daad` without a command: the whole path on images that it makes itself.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use daad::model::{AdversarialConfig, Division, ModelConfig};
use daad::nn::DivisionRate;
use daad::train::dataset::{SyntheticImages, Texture};
use daad::train::{DeviceChoice, Objective, Records, RunLock, Schedule, TrainConfig};
use daad::weights::{Precision, Provenance};

use super::images::Images;
use super::output::{self, note};
use super::session::{End, INTERRUPTED, Session};
use super::train::{command, commit, evaluate_with_progress};

const MODEL: &str = "daad-demo.safetensors";
const SIZE_PX: usize = 64;
const TRAINING_IMAGES: usize = 96;
const TEST_IMAGES_A_KIND: usize = 48;

pub(crate) fn run() -> anyhow::Result<ExitCode> {
    note("Training a small DAAD+ on woven textures made by this program (daad --help for more).");
    let mut textures = SyntheticImages::new(Texture::Cloth, SIZE_PX, 1);
    let training = textures.normal(TRAINING_IMAGES);
    let session = Session {
        config: config(),
        images: Images::Made(
            training
                .into_iter()
                .map(|labelled| labelled.image)
                .collect(),
        ),
        device: DeviceChoice::Auto.resolve()?,
        out: MODEL.into(),
        resume: false,
        provenance: Provenance {
            data: "woven textures made by the program".into(),
            licence: "CC0".into(),
            commit: commit(),
            command: command(),
            ..Provenance::default()
        },
        precision: Precision::F16,
        json: false,
        stop_at_eof: false,
    };
    let lock = RunLock::acquire(Path::new(MODEL), Duration::ZERO)?;
    let finished = match session.run()? {
        End::Finished(finished) => finished,
        End::Interrupted { .. } => {
            note("Stopped.");
            return Ok(ExitCode::from(INTERRUPTED));
        }
    };
    drop(lock);
    let mut test = textures.normal(TEST_IMAGES_A_KIND);
    test.extend(textures.defective(TEST_IMAGES_A_KIND));
    note("AUROC on unseen textures, half of them with a stain, a scratch or a hole:");
    let evaluated =
        evaluate_with_progress(&finished.detector, test.len(), test.into_iter().map(Ok))?;
    Records::beside(Path::new(MODEL)).write_evaluation(&evaluated)?;
    output::evaluation(&evaluated.evaluation, false)?;
    Ok(ExitCode::SUCCESS)
}

fn config() -> TrainConfig {
    let mut model = ModelConfig {
        height_px: SIZE_PX,
        width_px: SIZE_PX,
        scales: 3,
        base_width: 8,
        adversarial: Some(AdversarialConfig {
            base_width: 8,
            ..AdversarialConfig::default()
        }),
        ..ModelConfig::default()
    };
    model.memory.items = 100;
    model.memory.division = Division::Blocks(DivisionRate::square(4));
    TrainConfig {
        model,
        // The paper's settings are for many more steps: fewer, larger ones, and less of the game,
        // which takes its time to settle.
        objective: Objective {
            adversarial: 0.05,
            alignment: 0.02,
            ..Objective::default()
        },
        epochs: 60,
        batch_size: 4,
        learning_rate: 2e-3,
        schedule: Schedule::Cosine,
        seed: 1,
        ..TrainConfig::default()
    }
}
