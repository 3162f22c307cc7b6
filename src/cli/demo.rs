//! `daad` without a command: trains and evaluates a model on images that the program draws itself.

use std::process::ExitCode;

use daad::dataset::{NormalImages, SyntheticImages, TestImages, Texture, Unreadable};
use daad::device::DeviceChoice;
use daad::learn::{Objective, Schedule, TrainConfig};
use daad::model::{AdversarialConfig, Division, ModelConfig};
use daad::nn::DivisionRate;
use daad::train::{Data, Outcome, Training};
use daad::weights::{Precision, Provenance};

use super::common::interrupt::INTERRUPTED;
use super::common::output::{self, note};
use super::common::provenance::{command, commit};
use super::common::terminal::{self, Options};

const MODEL: &str = "daad-demo.safetensors";
const SIZE_PX: usize = 64;
const TRAINING_IMAGES: usize = 96;
const TEST_IMAGES_A_KIND: usize = 48;

pub(crate) fn run() -> anyhow::Result<ExitCode> {
    note("Training a small DAAD+ on woven textures made by this program (daad --help for more).");
    let mut textures = SyntheticImages::new(Texture::Cloth, SIZE_PX, 1);
    let normal = textures.normal(TRAINING_IMAGES).into_iter();
    let normal = normal.map(|labelled| labelled.image).collect();
    let mut test = textures.normal(TEST_IMAGES_A_KIND);
    test.extend(textures.defective(TEST_IMAGES_A_KIND));
    let training = Training {
        config: config(),
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
        lock: None,
    };
    let data = Data {
        normal: NormalImages::InMemory(normal),
        test: TestImages::in_memory(test),
        unreadable: Unreadable::Fail,
    };
    let trained = match terminal::train(training, data, Options::default())? {
        Outcome::Finished(trained) => trained,
        Outcome::Stopped { .. } => {
            note("Stopped.");
            return Ok(ExitCode::from(INTERRUPTED));
        }
    };
    note("AUROC on unseen textures, half of them with a stain, a scratch or a hole:");
    if let Some(evaluated) = trained.evaluated {
        output::evaluation(&evaluated.evaluation, false)?;
    }
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
        // The paper's settings are for many more steps. This run is short, so it takes fewer and
        // larger steps and gives less weight to the adversarial losses, which need many steps to
        // converge.
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
