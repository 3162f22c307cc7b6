//! Whole training steps, Adam included.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, anyhow};
use burn::tensor::Device;
use daad::device::DeviceChoice;
use daad::image::to_tensor;
use daad::learn::{Objective, StepLosses, TrainConfig, TrainState};
use daad::model::parameters;
use daad::weights::decode;
use image::RgbImage;
use serde::Serialize;

use crate::{System, images, protocol};

#[derive(Serialize)]
struct Step {
    seconds: f64,
    losses: Losses,
}

#[derive(Serialize)]
struct Losses {
    reconstruction: f32,
    #[serde(flatten)]
    game: Option<Game>,
}

#[derive(Serialize)]
struct Game {
    adversarial: f32,
    alignment: f32,
    discriminator: f32,
}

/// Trains the weights of a model file, as they are, on one batch.
pub(crate) fn run(
    model: &Path,
    batch: &Path,
    system: System,
    device: &DeviceChoice,
) -> anyhow::Result<()> {
    let decoded = decode(&std::fs::read(model)?, &Device::flex())?;
    let mut config = decoded.card.config;
    let rate = match system {
        System::Daad => TrainConfig::DAAD_LEARNING_RATE,
        System::DaadPlus => TrainConfig::DAAD_PLUS_LEARNING_RATE,
    };
    if system == System::Daad {
        config.adversarial = None;
    }
    let device = device.resolve()?.device.autodiff();
    let values = parameters::values(&decoded.model).into_iter().collect();
    let model = parameters::load(config.init(&device)?, values);
    let batch = images::read(batch, config.height_px)?;
    let batch = to_tensor(&batch.iter().collect::<Vec<&RgbImage>>(), &device);
    let mut state = Some(TrainState::new(model));
    protocol::answer(|| {
        let start = Instant::now();
        let before = state.take().context("a state")?;
        let gradients = before.gradients(batch.clone(), &Objective::default());
        let losses = gradients.losses.clone();
        state = Some(before.apply(gradients, rate));
        let losses = read(losses);
        // The losses are ready before the weights are updated.
        device.sync().map_err(|error| anyhow!("{error:?}"))?;
        Ok(Step {
            seconds: start.elapsed().as_secs_f64(),
            losses,
        })
    })
}

fn read(losses: StepLosses) -> Losses {
    Losses {
        reconstruction: losses.reconstruction.into_scalar(),
        game: losses.adversarial.map(|game| Game {
            adversarial: game.adversarial.into_scalar(),
            alignment: game.alignment.into_scalar(),
            discriminator: game.discriminator.into_scalar(),
        }),
    }
}
