//! Makes a model file from a trained network: scaling and threshold come from held-out normal
//! images, the reference scores from the test pattern.

use std::collections::HashMap;

use burn::tensor::{Device, TensorData};
use half::f16;
use image::RgbImage;

use super::config::TrainConfig;
use super::read_values::read_values;
use crate::detector::Detector;
use crate::detector::{Inference, Prediction};
use crate::error::Result;
use crate::image::{Flips, test_pattern};
use crate::model::{Model, parameters};
use crate::score::{Appearance, Calibration, ErrorQuantile, NormalStatistics, RawScore};
use crate::weights::{
    Decoded, FORMAT_VERSION, ModelCard, Normalization, Precision, Provenance, decode, encode,
    with_card,
};

/// The share of the pixels of normal images whose errors lie within the full scale of a heat map.
/// The largest error is not the full scale: a single speck of dust in one normal image would set
/// it, and all heat maps would be dark.
const FULL_SCALE_SHARE: f64 = 0.999;

/// A finished model, as the bytes of its file and as a detector.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { pollster::block_on(async {
/// use burn::tensor::Device;
/// use daad::Detector;
/// use daad::image::Flips;
/// use daad::learn::{Finished, recalibrate};
/// # use daad::dataset::{SyntheticImages, Texture};
///
/// let model = std::fs::read("models/series/floors-r4.safetensors")?;
/// # let floors = SyntheticImages::new(Texture::Floor, 64, 5).normal(2);
/// # let floors: Vec<_> = floors.iter().map(|labelled| &labelled.image).collect();
/// let Finished { bytes, detector } =
///     recalibrate(&model, &floors, Flips::None, &Device::flex()).await?;
/// let again = Detector::from_bytes(&bytes, &Device::flex())?;
/// assert_eq!(again.card().calibration.threshold, detector.card().calibration.threshold);
/// # Ok(()) }) }
/// ```
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
/// NOTE: if training mirrored images, the mirror images of each held-out image are scored too,
/// because a new image may be oriented in any of these ways. They count as one image.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { pollster::block_on(async {
/// use burn::tensor::Device;
/// use daad::learn::{finish, initialize};
/// use daad::weights::{Precision, Provenance};
/// # use daad::dataset::{SyntheticImages, Texture};
/// # use daad::settings::Settings;
/// # let config = Settings::from_toml("size = 16\nscales = 2\nwidth = 2\nitems = 6\ndivision = 2\nparts = \"none\"")?.resolve()?;
/// # let cloths = SyntheticImages::new(Texture::Cloth, 16, 0).normal(3);
/// # let held_out: Vec<_> = cloths.iter().map(|labelled| &labelled.image).collect();
///
/// let device = Device::flex();
/// let model = initialize(config.model.init(&device)?, 0); // not trained
/// let (provenance, precision) = (Provenance::default(), Precision::F16);
/// let finished = finish(&model, &config, provenance, precision, &held_out, &device).await?;
/// assert_eq!(finished.detector.card().calibration.normal_scores.len(), held_out.len());
/// # Ok(()) }) }
/// ```
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
    let values = read_values(model).await?;
    // The calibration must use the weights as they are stored, so they are rounded first.
    let values: HashMap<String, TensorData> = match precision {
        Precision::F16 => values.into_iter().map(rounded_to_f16).collect(),
        Precision::F32 => values.into_iter().collect(),
    };
    let copy = |device: &Device| -> Result<Model> {
        Ok(parameters::load(config.model.init(device)?, values.clone()))
    };
    // This copy is on the CPU because its values are read back for the file and for the reference
    // scores: a browser cannot wait for a GPU.
    let on_cpu = copy(&Device::flex())?;
    let inference = Inference::new(&copy(device)?, device, config.alignment_score);
    let inference = inference.with_scoring(config.scoring);
    let normal = measure(&inference, held_out, config.flips).await?;
    let card = ModelCard {
        version: FORMAT_VERSION,
        config: config.model.clone(),
        normalization: Normalization::default(),
        scoring: config.scoring,
        calibration: Calibration::from_normal(
            normal,
            config.gamma,
            config.false_alarm_rate,
            reference(&on_cpu, config).await?,
        ),
        provenance: Provenance {
            config: serde_json::to_value(config).expect("settings are plain data"),
            ..provenance
        },
    };
    // The detector is read from the file's bytes, so that later measurements use what is stored.
    let bytes = encode(&on_cpu, &card, precision)?;
    let detector = Detector::from_bytes(&bytes, device)?;
    Ok(Finished { bytes, detector })
}

/// Calibrates a finished model file again, with other normal images of the model's size. This
/// changes scaling, threshold, and the full scale of the heat map. γ, the false-alarm rate and the
/// weights are not changed.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { pollster::block_on(async {
/// use burn::tensor::Device;
/// use daad::Detector;
/// use daad::image::Flips;
/// use daad::learn::recalibrate;
///
/// // Photographs that another camera took.
/// let device = Device::flex();
/// let model = std::fs::read("models/piped.safetensors")?;
/// let detector = Detector::from_bytes(&model, &device)?;
/// let file = std::fs::read("www/gallery/piped/PA_GLA01_TL_S_ND_10_3.png")?;
/// let normal = detector.prepare(&file)?;
/// let finished = recalibrate(&model, &[&normal], Flips::None, &device).await?;
/// assert_eq!(finished.detector.card().calibration.normal_scores.len(), 1);
/// # Ok(()) }) }
/// ```
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
    let normal = measure(&inference, normal, flips).await?;
    let card = ModelCard {
        calibration: Calibration::from_normal(
            normal,
            before.fusion.gamma,
            before.target_false_alarm_rate,
            before.reference,
        ),
        ..card
    };
    let bytes = with_card(bytes, &card)?;
    let detector = Detector::from_bytes(&bytes, device)?;
    Ok(Finished { bytes, detector })
}

/// R and L of the test pattern. The model is on the CPU.
async fn reference(model: &Model, config: &TrainConfig) -> Result<RawScore> {
    let inference = Inference::new(model, &Device::flex(), config.alignment_score);
    let inference = inference.with_scoring(config.scoring);
    let (width, height) = (config.model.width_px as u32, config.model.height_px as u32);
    let predictions = inference.predict(&[&test_pattern(width, height)]).await?;
    Ok(predictions[0].raw)
}

fn rounded_to_f16((name, data): (String, TensorData)) -> (String, TensorData) {
    let values = data
        .iter::<f32>()
        .map(|value| f16::from_f32(value).to_f32());
    let rounded = TensorData::new(values.collect(), data.shape().clone());
    (name, rounded)
}

async fn measure(
    inference: &Inference,
    images: &[&RgbImage],
    flips: Flips,
) -> Result<NormalStatistics> {
    let oriented = images.iter().flat_map(|image| flips.mirrored(image));
    let appearance = Appearance::of(oriented);
    // If scores are means over mirror images, an image and its mirror images have the same score.
    let flips = flips.without(inference.scoring().flips);
    let mut errors = ErrorQuantile::default();
    let mut scores = Vec::with_capacity(images.len());
    for image in images {
        let mut mirrored = Vec::new();
        for image in flips.mirrored(image) {
            for Prediction { raw, error_map, .. } in inference.predict(&[&image]).await? {
                errors.add(&error_map);
                mirrored.push(raw);
            }
        }
        scores.push(mirrored);
    }
    Ok(NormalStatistics {
        scores,
        error_full_scale: errors.at(FULL_SCALE_SHARE),
        appearance,
    })
}
