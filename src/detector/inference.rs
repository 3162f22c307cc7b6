//! Applies the networks to images. The results are raw scores, reconstruction and error map, which
//! are not calibrated yet.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData, Transaction};
use image::RgbImage;

use crate::error::{Error, Result};
use crate::image::{from_values, to_tensor};
use crate::model::{Autoencoder, Model};
use crate::score::{self, RawScore, Scoring, smooth};

/// A model on a device, ready to score images.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { pollster::block_on(async {
/// use burn::tensor::Device;
/// use daad::detector::Inference;
/// use daad::image::test_pattern;
/// use daad::weights::decode;
///
/// let device = Device::flex();
/// let model = decode(&std::fs::read("models/piped.safetensors")?, &device)?.model;
/// let inference = Inference::new(&model, &device, false);
/// let predictions = inference.predict(&[&test_pattern(128, 128)]).await?;
/// assert!(predictions[0].raw.reconstruction > 0.0);
/// assert_eq!(predictions[0].raw.alignment, None);
/// # Ok(()) }) }
/// ```
#[derive(Debug)]
pub struct Inference {
    model: Model,
    device: Device,
    scores_alignment: bool,
    scoring: Scoring,
}

/// The networks' output for one image, before calibration.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { pollster::block_on(async {
/// # use burn::tensor::Device;
/// # use daad::Detector;
/// # let file = std::fs::read("models/piped.safetensors")?;
/// # let detector = Detector::from_bytes(&file, &Device::flex())?;
/// let image = std::fs::read("www/gallery/piped/PA_GLA01_TL_S_D_02_2.png")?;
/// let image = detector.prepare(&image)?;
/// let prediction = detector.predict(&[&image]).await?.remove(0);
/// assert_eq!(prediction.reconstruction.dimensions(), image.dimensions());
/// assert_eq!(prediction.error_map.len(), 128 * 128);
/// # Ok(()) }) }
/// ```
#[derive(Debug, Clone)]
pub struct Prediction {
    /// R and L before scaling.
    pub raw: RawScore,
    /// The generator's reconstruction of the image.
    pub reconstruction: RgbImage,
    /// The squared error per pixel, mean over the channels, row by row, `H·W`. If the [`Scoring`]
    /// says so, the map is smoothed, or a mean over mirror images.
    pub error_map: Vec<f32>,
}

/// The result for a batch, still on the device.
struct Batch {
    reconstructions: Tensor<4>,
    error_maps: Tensor<3>,
    reconstruction_scores: Tensor<1>,
    alignment_scores: Option<Tensor<1>>,
}

impl Inference {
    /// Takes a snapshot of a model, which may be in training. `scores_alignment` says whether L is
    /// computed too; this needs the discriminator.
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use daad::detector::Inference;
    /// use daad::model::ModelConfig;
    ///
    /// let device = Device::flex();
    /// let square = ModelConfig { height_px: 32, width_px: 32, ..ModelConfig::default() };
    /// let mut config = ModelConfig { scales: 2, base_width: 4, ..square };
    /// config.memory.items = 10;
    /// let model = config.init(&device)?;
    /// let inference = Inference::new(&model, &device, model.discriminator.is_some());
    /// assert!(inference.scoring().is_plain());
    /// # Ok::<(), daad::Error>(())
    /// ```
    ///
    /// # Panics
    ///
    /// Where `scores_alignment` is set and the model has no discriminator.
    pub fn new(model: &Model, device: &Device, scores_alignment: bool) -> Self {
        assert!(
            !scores_alignment || model.discriminator.is_some(),
            "the alignment score needs a discriminator"
        );
        Self {
            model: model.valid().folded(),
            device: device.clone().without_autodiff(),
            scores_alignment,
            scoring: Scoring::default(),
        }
    }

    /// The same inference with `scoring`, which may differ from the paper's way of scoring.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { pollster::block_on(async {
    /// use daad::score::Scoring;
    /// use burn::tensor::Device;
    /// use daad::detector::Inference;
    /// use daad::image::test_pattern;
    /// use daad::weights::decode;
    ///
    /// let device = Device::flex();
    /// let model = decode(&std::fs::read("models/piped.safetensors")?, &device)?.model;
    /// let plain = Inference::new(&model, &device, false);
    /// let smoothing = Scoring { error_smoothing_px: 1.5, ..Scoring::default() };
    /// let smoothed = Inference::new(&model, &device, false).with_scoring(smoothing);
    /// // The maximum of a map is larger than its mean.
    /// let pattern = test_pattern(128, 128);
    /// let plain = plain.predict(&[&pattern]).await?;
    /// let smoothed = smoothed.predict(&[&pattern]).await?;
    /// assert!(smoothed[0].raw.reconstruction > plain[0].raw.reconstruction);
    /// # Ok(()) }) }
    /// ```
    #[must_use]
    pub fn with_scoring(self, scoring: Scoring) -> Self {
        Self { scoring, ..self }
    }

    /// The way in which scores are computed.
    ///
    /// ```
    /// use daad::image::Flips;
    /// use daad::score::Scoring;
    /// use burn::tensor::Device;
    /// use daad::detector::Inference;
    /// use daad::weights::decode;
    ///
    /// let device = Device::flex();
    /// let model = decode(&std::fs::read("models/piped.safetensors")?, &device)?.model;
    /// let flipping = Scoring { flips: Flips::Both, ..Scoring::default() };
    /// let inference = Inference::new(&model, &device, false).with_scoring(flipping);
    /// assert_eq!(inference.scoring().flips, Flips::Both);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn scoring(&self) -> &Scoring {
        &self.scoring
    }

    /// The generator, which reconstructs images.
    pub(crate) fn generator(&self) -> &Autoencoder {
        &self.model.generator
    }

    /// The device of the model.
    pub(crate) fn device(&self) -> &Device {
        &self.device
    }

    /// Scores and reconstructs a batch of images of the model's size.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { pollster::block_on(async {
    /// use burn::tensor::Device;
    /// use daad::detector::Inference;
    /// use daad::image::test_pattern;
    /// use daad::weights::decode;
    ///
    /// let device = Device::flex();
    /// let model = decode(&std::fs::read("models/piped.safetensors")?, &device)?.model;
    /// let inference = Inference::new(&model, &device, false);
    /// let (one, other) = (test_pattern(128, 128), image::RgbImage::new(128, 128));
    /// let predictions = inference.predict(&[&one, &other]).await?;
    /// assert_eq!(predictions.len(), 2);
    /// assert_ne!(predictions[0].raw, predictions[1].raw);
    /// # Ok(()) }) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Device`] where the device fails.
    ///
    /// # Panics
    ///
    /// Where there is no image, or their sizes differ.
    pub async fn predict(&self, images: &[&RgbImage]) -> Result<Vec<Prediction>> {
        let mut predictions = self.predict_unmirrored(images).await?;
        let mut count = 1u8;
        for mirror in self.scoring.flips.mirrors() {
            let mirrored: Vec<RgbImage> = images.iter().map(|image| mirror.image(image)).collect();
            // The mirror images are scored one after the other, because together they would need
            // several times the memory.
            let mirrored: Vec<&RgbImage> = mirrored.iter().collect();
            let others = self.predict_unmirrored(&mirrored).await?;
            for ((sum, mut other), image) in predictions.iter_mut().zip(others).zip(images) {
                mirror.map(&mut other.error_map, image.width() as usize);
                sum.add(&other);
            }
            count += 1;
        }
        if count > 1 {
            predictions.iter_mut().for_each(|sum| sum.divide(count));
        }
        Ok(predictions)
    }

    /// The predictions of the images themselves, without their mirror images.
    async fn predict_unmirrored(&self, images: &[&RgbImage]) -> Result<Vec<Prediction>> {
        let batch = self.run(images);
        let mut read = Transaction::default()
            .register(batch.reconstructions)
            .register(batch.error_maps)
            .register(batch.reconstruction_scores);
        if let Some(alignment) = batch.alignment_scores {
            read = read.register(alignment);
        }
        let read = floats(read).await?;
        let (width, height) = images[0].dimensions();
        let pixels = (width * height) as usize;
        let reconstructions = read[0].chunks_exact(3 * pixels);
        let error_maps = read[1].chunks_exact(pixels);
        let predictions = reconstructions.zip(error_maps).enumerate();
        let predictions = predictions.map(|(index, (reconstruction, error_map))| {
            self.smoothed(Prediction {
                raw: RawScore {
                    reconstruction: f64::from(read[2][index]),
                    alignment: read.get(3).map(|scores| f64::from(scores[index])),
                },
                reconstruction: from_values(reconstruction, width, height),
                error_map: error_map.to_vec(),
            })
        });
        Ok(predictions.collect())
    }

    /// If the scoring asks for it, smooths the error map and computes R from the smoothed map.
    fn smoothed(&self, prediction: Prediction) -> Prediction {
        let sigma_px = self.scoring.error_smoothing_px;
        if sigma_px == 0.0 {
            return prediction;
        }
        let width_px = prediction.reconstruction.width() as usize;
        let error_map = smooth(&prediction.error_map, width_px, sigma_px);
        // Unlike `f32::max`, this keeps NaN, so that a NaN in the map is detected.
        let larger = |a: f32, b: &f32| if a > *b || a.is_nan() { a } else { *b };
        let raw = RawScore {
            reconstruction: f64::from(error_map.iter().fold(0.0, larger)),
            ..prediction.raw
        };
        Prediction {
            raw,
            error_map,
            ..prediction
        }
    }

    fn run(&self, images: &[&RgbImage]) -> Batch {
        let x = to_tensor(images, &self.device);
        let rebuilt = self.model.generator.forward(x.clone());
        let alignment_scores = match &self.model.discriminator {
            Some(discriminator) if self.scores_alignment => {
                // The discriminator processes both in one pass: images first, then reconstructions.
                let both = Tensor::cat(vec![x.clone(), rebuilt.clone()], 0);
                let features = discriminator.forward(both).features;
                let mut halves = features.chunk(2, 0).into_iter();
                let (real, fake) = halves.next().zip(halves.next()).expect("two halves");
                Some(score::alignment(real, fake))
            }
            _ => None,
        };
        Batch {
            error_maps: score::error_map(x.clone(), rebuilt.clone()),
            reconstruction_scores: score::reconstruction(x, rebuilt.clone()),
            reconstructions: rebuilt,
            alignment_scores,
        }
    }
}

impl Prediction {
    fn add(&mut self, other: &Self) {
        self.raw.reconstruction += other.raw.reconstruction;
        if let (Some(sum), Some(other)) = (&mut self.raw.alignment, other.raw.alignment) {
            *sum += other;
        }
        for (sum, other) in self.error_map.iter_mut().zip(&other.error_map) {
            *sum += other;
        }
    }

    fn divide(&mut self, count: u8) {
        self.raw.reconstruction /= f64::from(count);
        if let Some(sum) = &mut self.raw.alignment {
            *sum /= f64::from(count);
        }
        for sum in &mut self.error_map {
            *sum /= f32::from(count);
        }
    }
}

/// Reads all registered tensors in one transfer from the device.
async fn floats(transaction: Transaction) -> Result<Vec<Vec<f32>>> {
    let data = execute(transaction).await?.into_iter();
    data.map(|data| data.try_to_vec::<f32>().map_err(|error| failed(&error)))
        .collect()
}

/// Reads all registered tensors without blocking, which a browser does not allow.
pub(crate) async fn execute(transaction: Transaction) -> Result<Vec<TensorData>> {
    let data = transaction.execute_async().await;
    data.map_err(|error| failed(&error))
}

fn failed(error: &dyn std::fmt::Debug) -> Error {
    Error::Device(format!("{error:?}"))
}

/// The values of several tensors, in one transfer from the device.
pub(crate) async fn read<const D: usize, const COUNT: usize>(
    tensors: [Tensor<D>; COUNT],
) -> Result<[Vec<f32>; COUNT]> {
    let start = Transaction::default();
    let transaction = tensors.into_iter().fold(start, Transaction::register);
    let values = floats(transaction).await?;
    Ok(values.try_into().expect("as many as were asked for"))
}
