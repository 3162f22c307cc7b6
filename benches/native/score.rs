//! Scoring: reconstruction, both passes of the discriminator, R, L and error map.

use std::path::Path;
use std::time::Instant;

use anyhow::Context;
use daad::detector::Inference;
use daad::device::DeviceChoice;
use daad::weights::decode;
use pollster::block_on;
use serde::Serialize;

use image::RgbImage;

use crate::{images, protocol};

#[derive(Serialize)]
struct Score {
    seconds: f64,
    reconstruction_score: f64,
    alignment_score: Option<f64>,
    error_map: Vec<f32>,
}

/// Scores the images again and again, and reports the scores of the first image.
pub(crate) fn run(model: &Path, batch: &Path, device: &DeviceChoice) -> anyhow::Result<()> {
    let device = device.resolve()?.device;
    let decoded = decode(&std::fs::read(model)?, &device)?;
    let size_px = decoded.card.config.height_px;
    let images = images::read(batch, size_px)?;
    let images: Vec<&RgbImage> = images.iter().collect();
    let inference = Inference::new(&decoded.model, &device, true);
    protocol::answer(|| {
        let start = Instant::now();
        let scored = block_on(inference.predict(&images))?;
        let seconds = start.elapsed().as_secs_f64();
        let first = scored.into_iter().next().context("an image")?;
        Ok(Score {
            seconds,
            reconstruction_score: first.raw.reconstruction,
            alignment_score: first.raw.alignment,
            error_map: first.error_map,
        })
    })
}
