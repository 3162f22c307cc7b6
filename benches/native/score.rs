//! Scoring on the CPU: reconstruction, both passes of the discriminator, R, L and error map.

use std::path::Path;
use std::time::Instant;

use anyhow::Context;
use burn::tensor::Device;
use daad::inference::Inference;
use daad::train::wait;
use daad::weights::decode;
use serde::Serialize;

use crate::{images, protocol};

#[derive(Serialize)]
struct Score {
    seconds: f64,
    reconstruction_score: f64,
    alignment_score: Option<f64>,
    error_map: Vec<f32>,
}

/// Judges the first image again and again.
pub(crate) fn run(model: &Path, batch: &Path) -> anyhow::Result<()> {
    let device = Device::flex();
    let decoded = decode(&std::fs::read(model)?, &device)?;
    let size_px = decoded.card.config.height_px;
    let image = images::read(batch, size_px)?;
    let image = image.first().context("one image")?;
    let inference = Inference::new(&decoded.model, &device, true);
    protocol::answer(|| {
        let start = Instant::now();
        let examination = wait(inference.examine(image))?;
        Ok(Score {
            seconds: start.elapsed().as_secs_f64(),
            reconstruction_score: examination.raw.reconstruction,
            alignment_score: examination.raw.alignment,
            error_map: examination.error_map,
        })
    })
}
