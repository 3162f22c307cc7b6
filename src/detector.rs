//! The detector: bytes of a model and of images in; scores, verdict, reconstruction and error map
//! out. The same on every target.

use burn::module::Module;
use burn::tensor::{Device, Tensor, Transaction};
use image::RgbImage;

use crate::error::{Error, Result};
use crate::image::{from_values, test_pattern, to_tensor};
use crate::model::Model;
use crate::score::{self, RawScore};
use crate::weights::{self, Decoded, ModelCard};

/// How far a device may be from the reference stored in the model file: absolute up to 1,
/// relative above.
const REFERENCE_TOLERANCE: f64 = 1e-3;

/// A trained model on a device.
#[derive(Debug)]
pub struct Detector {
    model: Model,
    card: ModelCard,
    device: Device,
}

/// What the detector makes of one image.
#[derive(Debug, Clone)]
pub struct Detection {
    /// A of Eq. 7, deployed protocol: about 0 to 1 for normal images, higher for anomalous ones.
    pub anomaly_score: f64,
    /// R and L before scaling.
    pub raw: RawScore,
    /// Whether the anomaly score lies above the threshold.
    pub is_anomalous: bool,
    /// What the network saw: the image at the model's size.
    pub input: RgbImage,
    /// What the network made of it.
    pub reconstruction: RgbImage,
    /// Squared error per pixel, mean over the channels, row by row, `H·W`.
    pub error_map: Vec<f32>,
}

/// What the network gives for a batch, still on the device.
struct Inference {
    reconstructions: Tensor<4>,
    error_maps: Tensor<3>,
    reconstruction_scores: Tensor<1>,
    alignment_scores: Option<Tensor<1>>,
}

impl Detector {
    /// Reads a model file onto `device`.
    ///
    /// # Errors
    ///
    /// [`Error::Model`] saying what is wrong with the file.
    pub fn from_bytes(bytes: &[u8], device: &Device) -> Result<Self> {
        let Decoded { model, card } = weights::decode(bytes, device)?;
        let device = device.clone();
        Ok(Self {
            model,
            card,
            device,
        })
    }

    /// From a model in memory, `valid()` or not.
    pub fn new(model: &Model, card: ModelCard, device: &Device) -> Self {
        Self {
            model: model.valid(),
            card,
            device: device.clone().without_autodiff(),
        }
    }

    /// Configuration, calibration, provenance.
    pub fn card(&self) -> &ModelCard {
        &self.card
    }

    /// Decodes an image file and resizes it to what the model takes.
    ///
    /// # Errors
    ///
    /// [`Error::Image`] as [`crate::image::decode`].
    pub fn decode(&self, bytes: &[u8]) -> Result<RgbImage> {
        let config = &self.card.config;
        crate::image::decode(bytes, config.width_px as u32, config.height_px as u32)
    }

    /// Judges one image file.
    ///
    /// # Errors
    ///
    /// [`Error::Image`] for bytes that are no usable image, [`Error::Device`] where the device fails.
    pub async fn detect(&self, bytes: &[u8]) -> Result<Detection> {
        self.detect_image(self.decode(bytes)?).await
    }

    /// Judges one image of the model's size.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] where the device fails.
    pub async fn detect_image(&self, input: RgbImage) -> Result<Detection> {
        let inference = self.infer(&[&input]);
        let mut read = Transaction::default()
            .register(inference.reconstructions)
            .register(inference.error_maps)
            .register(inference.reconstruction_scores);
        if let Some(alignment) = inference.alignment_scores {
            read = read.register(alignment);
        }
        let read = floats(read).await?;
        let raw = RawScore {
            reconstruction: f64::from(read[2][0]),
            alignment: read.get(3).map(|scores| f64::from(scores[0])),
        };
        let (anomaly_score, is_anomalous) = self.judge(raw)?;
        let (width, height) = input.dimensions();
        Ok(Detection {
            anomaly_score,
            raw,
            is_anomalous,
            reconstruction: from_values(&read[0], width, height),
            error_map: read[1].clone(),
            input,
        })
    }

    /// R and L of a batch of images of the model's size.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] where the device fails.
    pub async fn raw_scores(&self, images: &[&RgbImage]) -> Result<Vec<RawScore>> {
        let inference = self.infer(images);
        let mut read = Transaction::default().register(inference.reconstruction_scores);
        if let Some(alignment) = inference.alignment_scores {
            read = read.register(alignment);
        }
        let read = floats(read).await?;
        Ok((0..images.len())
            .map(|index| RawScore {
                reconstruction: f64::from(read[0][index]),
                alignment: read.get(1).map(|scores| f64::from(scores[index])),
            })
            .collect())
    }

    /// The largest squared error per pixel over a batch of images.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] where the device fails.
    pub async fn error_max(&self, images: &[&RgbImage]) -> Result<f64> {
        let max = self.infer(images).error_maps.max();
        let read = floats(Transaction::default().register(max)).await?;
        Ok(f64::from(read[0][0]))
    }

    /// Scores the test pattern and compares with what the CPU made of it when the model was
    /// written. Some GPU drivers accept a shader and compute something else; this finds out.
    /// It also compiles every shader that judging an image needs.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] where the device computes something else.
    pub async fn check_device(&self) -> Result<()> {
        let config = &self.card.config;
        let pattern = test_pattern(config.width_px as u32, config.height_px as u32);
        let got = self.detect_image(pattern).await?.raw;
        let expected = self.card.calibration.reference;
        let close = |got: f64, expected: f64| {
            (got - expected).abs() <= REFERENCE_TOLERANCE * expected.abs().max(1.0)
        };
        let alignment_is_close = match (got.alignment, expected.alignment) {
            (Some(got), Some(expected)) => close(got, expected),
            (None, None) => true,
            _ => false,
        };
        if close(got.reconstruction, expected.reconstruction) && alignment_is_close {
            return Ok(());
        }
        Err(Error::Device(format!(
            "it computes something else than the CPU (test pattern {got:?}, expected {expected:?})"
        )))
    }

    /// The anomaly score of raw scores, and whether it lies above the threshold.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] where a score is not a number.
    pub fn judge(&self, raw: RawScore) -> Result<(f64, bool)> {
        let score = self.card.calibration.fusion.anomaly_score(raw);
        if !score.is_finite() {
            return Err(Error::Device(format!("the score came out as {score}")));
        }
        Ok((score, score > self.card.calibration.threshold))
    }

    fn infer(&self, images: &[&RgbImage]) -> Inference {
        let x = to_tensor(images, &self.device);
        let rebuilt = self.model.generator.forward(x.clone());
        let uses_alignment = self.card.calibration.fusion.alignment.is_some();
        let alignment_scores = match &self.model.discriminator {
            Some(discriminator) if uses_alignment => {
                let batch = images.len();
                // Both in one pass: the features of images first, then of reconstructions.
                let both = Tensor::cat(vec![x.clone(), rebuilt.clone()], 0);
                let features = discriminator.forward(both).features;
                let [_, count] = features.dims();
                let real = features.clone().slice([0..batch, 0..count]);
                let fake = features.slice([batch..2 * batch, 0..count]);
                Some(score::alignment(real, fake))
            }
            _ => None,
        };
        Inference {
            error_maps: score::error_map(x.clone(), rebuilt.clone()),
            reconstruction_scores: score::reconstruction(x, rebuilt.clone()),
            reconstructions: rebuilt,
            alignment_scores,
        }
    }
}

/// One readback for all that was registered.
async fn floats(transaction: Transaction) -> Result<Vec<Vec<f32>>> {
    let failed = |error: &dyn std::fmt::Debug| Error::Device(format!("{error:?}"));
    let data = transaction.execute_async().await;
    data.map_err(|error| failed(&error))?
        .into_iter()
        .map(|data| data.try_to_vec::<f32>().map_err(|error| failed(&error)))
        .collect()
}
