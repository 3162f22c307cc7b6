//! Makes a model file from a trained network: scaling and threshold come from held-out normal
//! images, the reference scores from the test pattern.

use std::collections::HashMap;

use burn::module::Module;
use burn::tensor::{Device, TensorData};
use half::f16;
use image::RgbImage;

use super::config::TrainConfig;
use crate::detector::Detector;
use crate::detector::{Examination, Inference};
use crate::error::Result;
use crate::image::{Flips, test_pattern};
use crate::model::{Model, parameters};
use crate::score::{Calibration, RawScore};
use crate::weights::{
    Decoded, FORMAT_VERSION, ModelCard, Normalization, Precision, Provenance, decode, encode,
    with_card,
};

/// A finished model, as the bytes of its file and as a detector.
#[derive(Debug)]
pub struct Finished {
    /// The bytes of the model file.
    pub bytes: Vec<u8>,
    /// The detector that was read from these bytes.
    pub detector: Detector,
}

/// Calibrates `model` on `held_out`, normal images of the model's size that the model was not
/// trained on, and makes its model file.
///
/// NOTE: if training mirrored images, the mirror images of each held-out image are scored too. They
/// are also normal, and with more scores the threshold depends less on single images.
///
/// # Errors
///
/// [`crate::Error::Model`] if a weight is too large for the precision, [`crate::Error::Device`] if
/// the device fails.
///
/// # Panics
///
/// If `held_out` is empty.
pub async fn finish(
    model: &Model,
    config: &TrainConfig,
    provenance: Provenance,
    precision: Precision,
    held_out: &[&RgbImage],
    device: &Device,
) -> Result<Finished> {
    // The calibration must use the weights as they are stored, so they are rounded first.
    let model = match precision {
        Precision::F16 => round_to_f16(model),
        Precision::F32 => model.valid(),
    };
    let inference = Inference::new(&model, device, config.alignment_score);
    let inference = inference.with_scoring(config.scoring);
    let (scores, error_max) = examine(&inference, held_out, config.flips).await?;
    let card = ModelCard {
        version: FORMAT_VERSION,
        config: config.model.clone(),
        normalization: Normalization::default(),
        scoring: config.scoring,
        calibration: Calibration::from_normal(
            &scores,
            config.gamma,
            config.false_alarm_rate,
            error_max,
            reference(&model, config).await?,
        ),
        provenance: Provenance {
            config: serde_json::to_value(config).expect("settings are plain data"),
            ..provenance
        },
    };
    // The detector is read from the file's bytes, so that later measurements use what is stored.
    let bytes = encode(&model, &card, precision)?;
    let detector = Detector::from_bytes(&bytes, device)?;
    Ok(Finished { bytes, detector })
}

/// Calibrates a finished model file again, with other normal images of the model's size. This
/// changes scaling, threshold, and the full scale of the heat map. γ, the false-alarm rate and the
/// weights are not changed.
///
/// # Errors
///
/// [`crate::Error::Model`] saying what is wrong with the file, [`crate::Error::Device`] where the
/// device fails.
///
/// # Panics
///
/// If `normal` is empty.
pub async fn recalibrate(
    bytes: &[u8],
    normal: &[&RgbImage],
    flips: Flips,
    device: &Device,
) -> Result<Finished> {
    let Decoded { model, card } = decode(bytes, device)?;
    let before = card.calibration;
    let scores_alignment = before.fusion.alignment.is_some();
    let inference = Inference::new(&model, device, scores_alignment).with_scoring(card.scoring);
    let (scores, error_max) = examine(&inference, normal, flips).await?;
    let card = ModelCard {
        calibration: Calibration::from_normal(
            &scores,
            before.fusion.gamma,
            before.false_alarm_rate,
            error_max,
            before.reference,
        ),
        ..card
    };
    let bytes = with_card(bytes, &card)?;
    let detector = Detector::from_bytes(&bytes, device)?;
    Ok(Finished { bytes, detector })
}

/// R and L of the test pattern, computed on the CPU.
async fn reference(model: &Model, config: &TrainConfig) -> Result<RawScore> {
    let values: HashMap<String, TensorData> = parameters::values(model).into_iter().collect();
    let cpu = Device::flex();
    let model = parameters::load(config.model.init(&cpu)?, values);
    let inference = Inference::new(&model, &cpu, config.alignment_score);
    let inference = inference.with_scoring(config.scoring);
    let (width, height) = (config.model.width_px as u32, config.model.height_px as u32);
    let examination = inference.examine(&test_pattern(width, height)).await?;
    Ok(examination.raw)
}

fn round_to_f16(model: &Model) -> Model {
    let model = model.valid();
    let round = |(name, data): (String, TensorData)| {
        let values = data
            .iter::<f32>()
            .map(|value| f16::from_f32(value).to_f32());
        let rounded = TensorData::new(values.collect(), data.shape().clone());
        (name, rounded)
    };
    let values = parameters::values(&model).into_iter().map(round).collect();
    parameters::load(model, values)
}

/// The raw scores of normal images and of their mirror images, and the largest error of a pixel.
async fn examine(
    inference: &Inference,
    images: &[&RgbImage],
    flips: Flips,
) -> Result<(Vec<RawScore>, f64)> {
    // If scores are means over mirror images, an image and its mirror images have the same score.
    let flips = flips.without(inference.scoring().flips);
    let mut scores = Vec::new();
    let mut error_max = 0.0f32;
    for image in images.iter().flat_map(|image| flips.mirrored(image)) {
        let Examination { raw, error_map, .. } = inference.examine(&image).await?;
        scores.push(raw);
        error_max = error_map.into_iter().fold(error_max, f32::max);
    }
    Ok((scores, f64::from(error_max)))
}
