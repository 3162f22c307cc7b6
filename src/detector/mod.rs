//! The detector. From the bytes of a model and of images it computes scores, verdict,
//! reconstruction and error map, in the same way on every target. [`Detector`] has an example.

mod inference;
mod inspect;
mod tiles;
mod tiling;

use burn::tensor::Device;
use image::RgbImage;

use crate::error::{Error, Result};
use crate::image::{decode, heat_map, resize, test_pattern};
use crate::model::{AdversarialConfig, Division, Model, ModelConfig};
use crate::nn::DivisionRate;
use crate::score::{RawScore, Verdict};
use crate::weights::{self, Decoded, ModelCard};

pub use inference::{Inference, Prediction};
#[cfg(feature = "learn")]
pub(crate) use inference::{execute, read};
pub use inspect::{BlockPlace, InspectedBlock, InspectedItem, Inspector};
pub use tiles::{ScoredTile, TileOptions, TiledDetection};
pub use tiling::{Tile, TileGrid, TileSize};

/// The largest allowed relative difference of a device's scores from the reference in the model
/// file.
///
/// NOTE: scores are not continuous in the activations, because hard shrinkage sets every addressing
/// weight below 1/N to zero (below Eq. 2). Rounding differences of 1e-5, as between any two
/// devices, were seen to change L by up to 2e-3 of its value. A device that computes something
/// wrong is off by far more.
const REFERENCE_TOLERANCE: f64 = 1e-2;

/// A trained and calibrated model on a device.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { pollster::block_on(async {
/// use burn::tensor::Device;
/// use daad::Detector;
/// use daad::score::Verdict;
///
/// let file = std::fs::read("models/piped.safetensors")?;
/// let detector = Detector::from_bytes(&file, &Device::flex())?;
/// let image = std::fs::read("www/gallery/piped/PA_GLA01_TL_S_D_02_2.png")?;
/// let detection = detector.detect(&image).await?;
/// assert_eq!(detection.verdict, Verdict::Anomalous);
/// // The errors of the reconstruction in colours, at the size of the network.
/// let heat_map = detector.heat_map(&detection);
/// assert_eq!(heat_map.dimensions(), detection.input.dimensions());
/// // Another threshold than that of the model file.
/// let tolerant = detector.with_threshold(detection.anomaly_score);
/// assert!(!tolerant.is_anomalous(detection.anomaly_score));
/// # Ok(()) }) }
/// ```
#[derive(Debug)]
pub struct Detector {
    inference: Inference,
    card: ModelCard,
}

/// The results of the detector for one image.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { pollster::block_on(async {
/// # use burn::tensor::Device;
/// # use daad::Detector;
/// # let file = std::fs::read("models/piped.safetensors")?;
/// # let detector = Detector::from_bytes(&file, &Device::flex())?;
/// let image = std::fs::read("www/gallery/piped/PA_GLA01_TL_S_D_02_2.png")?;
/// let detection = detector.detect(&image).await?;
/// let threshold = detector.card().calibration.threshold;
/// assert_eq!(detection.is_anomalous, detection.anomaly_score > threshold);
/// assert!(detection.unfamiliarity < 1.0);
/// assert_eq!(detection.input.dimensions(), (128, 128));
/// assert_eq!(detection.prediction.error_map.len(), 128 * 128);
/// # Ok(()) }) }
/// ```
#[derive(Debug, Clone)]
pub struct Detection {
    /// A of Eq. 7, deployed protocol: about 0 to 1 for normal images, higher for anomalous ones.
    pub anomaly_score: f64,
    /// Whether the anomaly score lies above the threshold.
    pub is_anomalous: bool,
    /// How unlike the good images the image as a whole is: above 1 it is unfamiliar. See
    /// [`crate::score::Appearance`].
    pub unfamiliarity: f64,
    /// The verdict on the image.
    pub verdict: Verdict,
    /// The input of the network: the image at the model's size.
    pub input: RgbImage,
    /// Raw scores, reconstruction, error map.
    pub prediction: Prediction,
}

impl Detector {
    /// Reads a model file onto `device`.
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use daad::{Detector, Error};
    ///
    /// let device = Device::flex();
    /// let detector = Detector::from_bytes(&std::fs::read("models/piped.safetensors")?, &device)?;
    /// assert_eq!(detector.card().config.system_name(), "DAAD");
    /// assert!(matches!(Detector::from_bytes(b"something else", &device), Err(Error::Model(_))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Model`] saying what is wrong with the file.
    pub fn from_bytes(bytes: &[u8], device: &Device) -> Result<Self> {
        let Decoded { model, card } = weights::decode(bytes, device)?;
        Ok(Self::new(&model, card, device))
    }

    /// Scores the test pattern with the smallest possible DAAD+, whose weights are all zero. The
    /// first image causes work that later images do not repeat, such as compiling functions or
    /// shaders. With this function a caller does that work in advance.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { pollster::block_on(async {
    /// use burn::tensor::Device;
    /// use daad::Detector;
    ///
    /// let device = Device::flex();
    /// Detector::warm_up(&device).await?; // while the model file is read, for instance
    /// # Ok(()) }) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Device`] where the device fails.
    pub async fn warm_up(device: &Device) -> Result<()> {
        const SIDE_PX: usize = 64;
        let mut config = ModelConfig {
            height_px: SIDE_PX,
            width_px: SIDE_PX,
            base_width: 4,
            adversarial: Some(AdversarialConfig {
                base_width: 4,
                ..AdversarialConfig::default()
            }),
            ..ModelConfig::default()
        };
        config.memory.items = 8;
        config.memory.division = Division::Blocks(DivisionRate::square(4));
        let model = config.init(device)?;
        let pattern = test_pattern(SIDE_PX as u32, SIDE_PX as u32);
        Inference::new(&model, device, true)
            .predict(&[&pattern])
            .await?;
        Ok(())
    }

    /// A detector from a model in memory.
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use daad::Detector;
    /// use daad::weights::{Decoded, decode};
    ///
    /// let device = Device::flex();
    /// let file = std::fs::read("models/piped.safetensors")?;
    /// let Decoded { model, mut card } = decode(&file, &device)?;
    /// card.calibration = card.calibration.with_false_alarm_rate(0.2);
    /// let detector = Detector::new(&model, card, &device);
    /// assert_eq!(detector.card().calibration.false_alarm_rate, 0.2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(model: &Model, card: ModelCard, device: &Device) -> Self {
        let scores_alignment = card.calibration.fusion.alignment.is_some();
        let inference = Inference::new(model, device, scores_alignment).with_scoring(card.scoring);
        Self { inference, card }
    }

    /// The same detector with `threshold` instead of the threshold of the model file.
    ///
    /// ```
    /// # use burn::tensor::Device;
    /// # use daad::Detector;
    /// # let file = std::fs::read("models/piped.safetensors")?;
    /// # let detector = Detector::from_bytes(&file, &Device::flex())?;
    /// let detector = detector.with_threshold(1.5);
    /// assert!(detector.is_anomalous(1.6) && !detector.is_anomalous(1.4));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    ///
    /// Where `threshold` is not finite.
    #[must_use]
    pub fn with_threshold(mut self, threshold: f64) -> Self {
        assert!(threshold.is_finite(), "a finite threshold, got {threshold}");
        self.card.calibration.threshold = threshold;
        self
    }

    /// The model's card, with configuration, calibration and provenance.
    ///
    /// ```
    /// # use burn::tensor::Device;
    /// # use daad::Detector;
    /// # let file = std::fs::read("models/piped.safetensors")?;
    /// # let detector = Detector::from_bytes(&file, &Device::flex())?;
    /// let config = &detector.card().config;
    /// assert_eq!((config.width_px, config.height_px), (128, 128));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn card(&self) -> &ModelCard {
        &self.card
    }

    /// Decodes an image file and resizes it to the model's size.
    ///
    /// ```
    /// # use burn::tensor::Device;
    /// # use daad::Detector;
    /// # let file = std::fs::read("models/piped.safetensors")?;
    /// # let detector = Detector::from_bytes(&file, &Device::flex())?;
    /// let file = std::fs::read("www/gallery/piped/PA_GLA01_TL_S_D_02_2.png")?;
    /// assert_eq!(detector.prepare(&file)?.dimensions(), (128, 128));
    /// assert!(matches!(detector.prepare(b"no image"), Err(daad::Error::Image(_))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Image`] as [`crate::image::decode`].
    pub fn prepare(&self, bytes: &[u8]) -> Result<RgbImage> {
        let config = &self.card.config;
        decode(bytes, config.width_px as u32, config.height_px as u32)
    }

    /// Scores one image file.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { pollster::block_on(async {
    /// # use burn::tensor::Device;
    /// # use daad::Detector;
    /// # let file = std::fs::read("models/piped.safetensors")?;
    /// # let detector = Detector::from_bytes(&file, &Device::flex())?;
    /// let image = std::fs::read("www/gallery/piped/PA_GLA01_TL_S_D_02_2.png")?;
    /// let detection = detector.detect(&image).await?;
    /// assert_eq!(detection.verdict.word(), "anomalous");
    /// # Ok(()) }) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Image`] for bytes that are not a usable image, [`Error::Device`] where the device
    /// fails.
    pub async fn detect(&self, bytes: &[u8]) -> Result<Detection> {
        self.detect_image(self.prepare(bytes)?).await
    }

    /// Scores a decoded image. If its size is not the model's, it is resized in the same way as an
    /// image file.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { pollster::block_on(async {
    /// # use burn::tensor::Device;
    /// # use daad::Detector;
    /// # let file = std::fs::read("models/piped.safetensors")?;
    /// # let detector = Detector::from_bytes(&file, &Device::flex())?;
    /// // A frame of a camera: red, green, blue, row by row.
    /// let (width, height) = (640, 480);
    /// let frame = vec![127; 3 * width * height];
    /// let image = image::RgbImage::from_raw(width as u32, height as u32, frame).ok_or("its length")?;
    /// let detection = detector.detect_image(image).await?;
    /// assert_eq!(detection.input.dimensions(), (128, 128));
    /// # Ok(()) }) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Device`] where the device fails.
    pub async fn detect_image(&self, image: RgbImage) -> Result<Detection> {
        let mut detections = self.detect_batch(vec![image]).await?;
        Ok(detections.swap_remove(0))
    }

    /// Scores several decoded images in one pass, as [`Self::detect_image`] does, in the same
    /// order. The memory use grows with the number of images.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { pollster::block_on(async {
    /// # use burn::tensor::Device;
    /// # use daad::Detector;
    /// # let file = std::fs::read("models/piped.safetensors")?;
    /// # let detector = Detector::from_bytes(&file, &Device::flex())?;
    /// let names = ["PA_GLA01_TL_S_ND_10_3", "PA_GLA01_TL_S_D_02_2"];
    /// let read = |name| std::fs::read(format!("www/gallery/piped/{name}.png"));
    /// let images = vec![detector.prepare(&read(names[0])?)?, detector.prepare(&read(names[1])?)?];
    /// let detections = detector.detect_batch(images).await?;
    /// assert!(!detections[0].is_anomalous && detections[1].is_anomalous);
    /// assert!(detector.detect_batch(Vec::new()).await?.is_empty());
    /// # Ok(()) }) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Device`] where the device fails.
    pub async fn detect_batch(&self, images: Vec<RgbImage>) -> Result<Vec<Detection>> {
        if images.is_empty() {
            return Ok(Vec::new());
        }
        let config = &self.card.config;
        let (width, height) = (config.width_px as u32, config.height_px as u32);
        let resized = images.into_iter().map(|image| resize(image, width, height));
        let inputs: Vec<_> = resized.collect();
        let predictions = self.predict(&inputs.iter().collect::<Vec<_>>()).await?;
        let both = inputs.into_iter().zip(predictions);
        both.map(|(input, prediction)| {
            let anomaly_score = self.anomaly_score(prediction.raw)?;
            let unfamiliarity = self.unfamiliarity(&input);
            Ok(Detection {
                anomaly_score,
                is_anomalous: self.is_anomalous(anomaly_score),
                unfamiliarity,
                verdict: self.verdict(anomaly_score, unfamiliarity),
                input,
                prediction,
            })
        })
        .collect()
    }

    /// Encodes an image of the model's size, such as [`Detection::input`], for inspection.
    ///
    /// ```
    /// use daad::image::test_pattern;
    /// # use burn::tensor::Device;
    /// # use daad::Detector;
    /// # let file = std::fs::read("models/piped.safetensors")?;
    /// # let detector = Detector::from_bytes(&file, &Device::flex())?;
    /// assert!(detector.inspector(&test_pattern(128, 128)).is_ok());
    /// assert!(matches!(detector.inspector(&test_pattern(64, 64)), Err(daad::Error::Image(_))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Image`] where the image has another size.
    pub fn inspector(&self, image: &RgbImage) -> Result<Inspector> {
        let config = &self.card.config;
        let (width, height) = image.dimensions();
        if (width as usize, height as usize) != (config.width_px, config.height_px) {
            return Err(Error::Image(format!(
                "it is {width}×{height} pixels, not of the model's size"
            )));
        }
        Ok(Inspector::new(&self.inference, image))
    }

    /// Inspects one block of an image that this detector encoded, with pictures of its `strongest`
    /// items. None where no memory is at this scale.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { pollster::block_on(async {
    /// # use burn::tensor::Device;
    /// # use daad::Detector;
    /// # let file = std::fs::read("models/piped.safetensors")?;
    /// # let detector = Detector::from_bytes(&file, &Device::flex())?;
    /// use daad::detector::BlockPlace;
    ///
    /// # let image = std::fs::read("www/gallery/piped/PA_GLA01_TL_S_D_02_2.png")?;
    /// let image = detector.prepare(&image)?;
    /// let inspector = detector.inspector(&image)?;
    /// let place = BlockPlace { scale: 2, row: 2, column: 1, channel: 0 };
    /// let block = detector.inspect(&inspector, place, 3).await?.ok_or("no memory there")?;
    /// // The memory items of which the block's answer is mixed, and how like the block it is.
    /// assert!(block.items.len() <= 3 && block.items[0].weight > 0.0);
    /// assert!(block.likeness <= 1.0);
    /// # Ok(()) }) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Config`] where there is no such block, [`Error::Device`] where the device fails.
    pub async fn inspect(
        &self,
        inspector: &Inspector,
        place: BlockPlace,
        strongest: usize,
    ) -> Result<Option<InspectedBlock>> {
        let config = &self.card.config;
        let exists = place.scale < config.scales && {
            let rate = config.division_rate(place.scale);
            place.row < rate.height && place.column < rate.width && place.channel < rate.channel
        };
        if !exists {
            return Err(Error::Config(format!("there is no block {place:?}")));
        }
        inspector.block(&self.inference, place, strongest).await
    }

    /// Scores and reconstructs a batch of images of the model's size: see [`Inference::predict`].
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { pollster::block_on(async {
    /// # use burn::tensor::Device;
    /// # use daad::Detector;
    /// # let file = std::fs::read("models/piped.safetensors")?;
    /// # let detector = Detector::from_bytes(&file, &Device::flex())?;
    /// let names = ["PA_GLA01_TL_S_ND_10_3", "PA_GLA01_TL_S_D_02_2"];
    /// let read = |name| std::fs::read(format!("www/gallery/piped/{name}.png"));
    /// let one = detector.prepare(&read(names[0])?)?;
    /// let other = detector.prepare(&read(names[1])?)?;
    /// let predictions = detector.predict(&[&one, &other]).await?;
    /// let good = detector.anomaly_score(predictions[0].raw)?;
    /// let defective = detector.anomaly_score(predictions[1].raw)?;
    /// assert!(good < defective);
    /// # Ok(()) }) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Device`] where the device fails.
    pub async fn predict(&self, images: &[&RgbImage]) -> Result<Vec<Prediction>> {
        self.inference.predict(images).await
    }

    /// A of Eq. 7 under the deployed protocol.
    ///
    /// ```
    /// use daad::score::RawScore;
    /// # use burn::tensor::Device;
    /// # use daad::Detector;
    /// # let file = std::fs::read("models/piped.safetensors")?;
    /// # let detector = Detector::from_bytes(&file, &Device::flex())?;
    /// let raw = |r| RawScore { reconstruction: r, alignment: None };
    /// assert!(detector.anomaly_score(raw(0.02))? < detector.anomaly_score(raw(0.04))?);
    /// assert!(detector.anomaly_score(raw(f64::NAN)).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Device`] where a raw score is not a number.
    pub fn anomaly_score(&self, raw: RawScore) -> Result<f64> {
        let score = self.card.calibration.fusion.anomaly_score(raw);
        if score.is_finite() {
            return Ok(score);
        }
        Err(Error::Device(format!("the score came out as {score}")))
    }

    /// How unlike the good images an image of the model's size is: see
    /// [`crate::score::Appearance::unfamiliarity`].
    ///
    /// ```
    /// # use burn::tensor::Device;
    /// # use daad::Detector;
    /// # let file = std::fs::read("models/piped.safetensors")?;
    /// # let detector = Detector::from_bytes(&file, &Device::flex())?;
    /// assert!(detector.unfamiliarity(&daad::image::test_pattern(128, 128)) > 1.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn unfamiliarity(&self, image: &RgbImage) -> f64 {
        self.card.calibration.appearance.unfamiliarity(image)
    }

    fn verdict(&self, anomaly_score: f64, unfamiliarity: f64) -> Verdict {
        self.card.calibration.verdict(anomaly_score, unfamiliarity)
    }

    /// Whether the score lies above the threshold.
    ///
    /// ```
    /// # use burn::tensor::Device;
    /// # use daad::Detector;
    /// # let file = std::fs::read("models/piped.safetensors")?;
    /// # let detector = Detector::from_bytes(&file, &Device::flex())?;
    /// let threshold = detector.card().calibration.threshold;
    /// assert!(!detector.is_anomalous(threshold));
    /// assert!(detector.is_anomalous(threshold + 0.1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn is_anomalous(&self, anomaly_score: f64) -> bool {
        anomaly_score > self.card.calibration.threshold
    }

    /// The error map in colours. Full scale is the 99.9 % quantile of the errors of the held-out
    /// normal images, so the same colour means the same error on every image.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { pollster::block_on(async {
    /// # use burn::tensor::Device;
    /// # use daad::Detector;
    /// # let file = std::fs::read("models/piped.safetensors")?;
    /// # let detector = Detector::from_bytes(&file, &Device::flex())?;
    /// let image = std::fs::read("www/gallery/piped/PA_GLA01_TL_S_D_02_2.png")?;
    /// let detection = detector.detect(&image).await?;
    /// let folder = tempfile::tempdir()?;
    /// detector.heat_map(&detection).save(folder.path().join("heat-map.png"))?;
    /// # Ok(()) }) }
    /// ```
    pub fn heat_map(&self, detection: &Detection) -> RgbImage {
        let (width, height) = detection.input.dimensions();
        let full_scale = self.card.calibration.error_full_scale as f32;
        heat_map(&detection.prediction.error_map, width, height, full_scale)
    }

    /// Scores the test pattern and compares the scores with those that the CPU computed when the
    /// model was written. Some GPU drivers accept a shader and then compute wrong values, which
    /// this detects. It also compiles every shader that scoring an image needs.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { pollster::block_on(async {
    /// # use burn::tensor::Device;
    /// # use daad::Detector;
    /// # let file = std::fs::read("models/piped.safetensors")?;
    /// # let detector = Detector::from_bytes(&file, &Device::flex())?;
    /// detector.check_device().await?; // on the CPU it succeeds
    /// # Ok(()) }) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Device`] where the device's scores differ from the CPU's.
    pub async fn check_device(&self) -> Result<()> {
        let config = &self.card.config;
        let pattern = test_pattern(config.width_px as u32, config.height_px as u32);
        let got = self.predict(&[&pattern]).await?[0].raw;
        let expected = self.card.calibration.reference;
        let mut pairs = vec![("R", got.reconstruction, expected.reconstruction)];
        if let (Some(got), Some(expected)) = (got.alignment, expected.alignment) {
            pairs.push(("L", got, expected));
        }
        for (name, got, expected) in pairs {
            // If the score is NaN, the comparison is false, and the check fails.
            if (got - expected).abs() <= REFERENCE_TOLERANCE * expected.abs() {
                continue;
            }
            return Err(Error::Device(format!(
                "it computes something else than the CPU does ({name} of the test pattern is {got} \
                 instead of {expected})"
            )));
        }
        Ok(())
    }
}
