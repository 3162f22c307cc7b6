//! Scores a labelled test set and computes the figures of a model under both protocols.
//!
//! ```
//! use burn::tensor::Device;
//! use daad::Detector;
//! use daad::evaluate::evaluate;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let images: Vec<daad::Result<daad::dataset::LabelledImage>> = Vec::new();
//! let model = std::fs::read("models/series/floors-r4.safetensors")?;
//! let detector = Detector::from_bytes(&model, &Device::flex())?;
//! // The images come from a data set, see `daad::dataset`. Without any there are no figures.
//! assert!(evaluate(&detector, images, |_| {}).is_err());
//! # Ok(())
//! # }
//! ```

mod error_maps;
mod figures;
mod flaws;
mod record;
mod scored;

pub use figures::{CategoryFigures, Evaluation, Figures, ProtocolMetrics};
pub use record::{MetricRow, Records, metric_rows};
pub use scored::ScoredImage;

use std::collections::BTreeMap;

use crate::dataset::LabelledImage;
use crate::detector::Detector;
use crate::error::{Error, Result};
use crate::score::Verdict;
use error_maps::ErrorMaps;
use flaws::Flaws;
use pollster::block_on;

/// The number of images in a batch.
const BATCH: usize = 8;

/// The scores of a test set, and the figures computed from them.
///
/// ```
/// # use burn::tensor::Device;
/// # use daad::Detector;
/// # use daad::dataset::{SyntheticImages, Texture};
/// use daad::evaluate::evaluate;
/// # let model = std::fs::read("models/series/floors-r4.safetensors")?;
/// # let detector = Detector::from_bytes(&model, &Device::flex())?;
/// # let mut floors = SyntheticImages::new(Texture::Floor, 64, 2);
/// # let images = [floors.normal(4), floors.defective(4)].concat().into_iter().map(Ok);
///
/// let evaluated = evaluate(&detector, images, |_| {})?;
/// for image in &evaluated.images {
///     println!("{}: {:.3}", image.name, image.deployed);
/// }
/// for sentence in &evaluated.notes {
///     println!("{sentence}");
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluated {
    /// The figures of the model.
    pub evaluation: Evaluation,
    /// Every test image with its scores, in the original order.
    pub images: Vec<ScoredImage>,
    /// Notes on the figures, one sentence each: which images the pixel metrics leave out because of
    /// their masks, and how many images are unfamiliar.
    pub notes: Vec<String>,
}

/// Scores `images` one batch after the other and computes the figures of each category. The scores
/// are kept in memory and, for categories with masks, the error of every pixel. `on_scored` is
/// called with the number of images scored since its last call.
///
/// ```
/// use burn::tensor::Device;
/// use daad::Detector;
/// use daad::dataset::{SyntheticImages, Texture};
/// use daad::evaluate::evaluate;
///
/// let model = std::fs::read("models/series/floors-r4.safetensors")?;
/// let detector = Detector::from_bytes(&model, &Device::flex())?;
/// let mut floors = SyntheticImages::new(Texture::Floor, 64, 2);
/// let images = [floors.normal(4), floors.defective(4)].concat();
/// let mut done = 0;
/// let evaluated = evaluate(&detector, images.into_iter().map(Ok), |more| done += more)?;
/// assert_eq!((done, evaluated.images.len()), (8, 8));
/// assert_eq!(evaluated.evaluation.mean.deployed.auroc, Some(1.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// The first error of reading an image; [`Error::Data`] where there is no image, [`Error::Device`]
/// where the device fails.
pub fn evaluate(
    detector: &Detector,
    images: impl IntoIterator<Item = Result<LabelledImage>>,
    mut on_scored: impl FnMut(usize),
) -> Result<Evaluated> {
    let mut images = images.into_iter();
    let mut scored = Vec::new();
    let mut error_maps = ErrorMaps::default();
    let mut flaws = Flaws::default();
    let mut unfamiliar = 0;
    let calibration = &detector.card().calibration;
    loop {
        let batch = images
            .by_ref()
            .take(BATCH)
            .collect::<Result<Vec<LabelledImage>>>()?;
        if batch.is_empty() {
            break;
        }
        let pixels: Vec<_> = batch.iter().map(|labelled| &labelled.image).collect();
        let predictions = block_on(detector.predict(&pixels))?;
        for (labelled, prediction) in batch.iter().zip(predictions) {
            let deployed = detector.anomaly_score(prediction.raw)?;
            let unfamiliarity = detector.unfamiliarity(&labelled.image);
            let verdict = calibration.verdict(deployed, unfamiliarity);
            unfamiliar += usize::from(verdict == Verdict::Unfamiliar);
            scored.push(ScoredImage::new(labelled, prediction.raw, deployed));
            flaws.add(labelled);
            error_maps.add(labelled, &prediction.error_map);
        }
        on_scored(batch.len());
    }
    if scored.is_empty() {
        return Err(Error::Data("there are no test images".into()));
    }
    scored::apply_paper_protocol(&mut scored, calibration.fusion.gamma);
    let mut categories: BTreeMap<&str, Vec<&ScoredImage>> = BTreeMap::new();
    for image in &scored {
        categories.entry(&image.category).or_default().push(image);
    }
    let mut notes = flaws.notes();
    if error_maps.are_too_many() {
        notes.push(
            "The test images have too many pixels to keep, so pixel AUROC and AUPRO are left out; \
             evaluate fewer categories at a time."
                .into(),
        );
    }
    let categories = categories.into_iter().map(|(category, images)| {
        let pixels = error_maps.take(category);
        CategoryFigures::of(category, &images, pixels, |score| {
            detector.is_anomalous(score)
        })
    });
    if unfamiliar > 0 {
        notes.push(format!(
            "{unfamiliar} of {} images are unlike anything this model has learned; their scores mean nothing.",
            scored.len()
        ));
    }
    Ok(Evaluated {
        evaluation: Evaluation::of(categories.collect()),
        images: scored,
        notes,
    })
}
