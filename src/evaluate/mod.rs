//! Scores of a labelled test set and what they say of a model, under both protocols.

mod error_maps;
mod figures;
mod record;
mod scored;

pub use figures::{CategoryFigures, Evaluation, Figures, ProtocolMetrics};
pub use record::{MetricRow, Records, metric_rows};
pub use scored::ScoredImage;

use std::collections::BTreeMap;

use crate::dataset::LabelledImage;
use crate::detector::Detector;
use crate::error::{Error, Result};
use error_maps::ErrorMaps;
use pollster::block_on;

/// How many images go through the networks at once.
const BATCH: usize = 8;

/// A test set as it was scored, and the figures that follow from the scores.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluated {
    /// What to say of the model.
    pub evaluation: Evaluation,
    /// Every image, in the order in which they came.
    pub images: Vec<ScoredImage>,
}

/// Scores `images` as they come and measures, category by category. In memory stay the scores and,
/// for categories with masks, the error of every pixel. `on_scored` hears how many images are done
/// since the last time.
///
/// # Errors
///
/// The first of the images' own errors; [`Error::Data`] where there is no image, [`Error::Device`]
/// where the device fails.
pub fn evaluate(
    detector: &Detector,
    images: impl IntoIterator<Item = Result<LabelledImage>>,
    mut on_scored: impl FnMut(usize),
) -> Result<Evaluated> {
    let mut images = images.into_iter();
    let mut scored = Vec::new();
    let mut error_maps = ErrorMaps::default();
    loop {
        let batch = images
            .by_ref()
            .take(BATCH)
            .collect::<Result<Vec<LabelledImage>>>()?;
        if batch.is_empty() {
            break;
        }
        let pixels: Vec<_> = batch.iter().map(|labelled| &labelled.image).collect();
        let maps = block_on(detector.scored_maps(&pixels))?;
        for (labelled, map) in batch.iter().zip(maps) {
            let deployed = detector.anomaly_score(map.raw)?;
            scored.push(ScoredImage::new(labelled, map.raw, deployed));
            error_maps.add(labelled, &map.error_map);
        }
        on_scored(batch.len());
    }
    if scored.is_empty() {
        return Err(Error::Data("there are no test images".into()));
    }
    scored::apply_paper_protocol(&mut scored, detector.card().calibration.fusion.gamma);
    let mut categories: BTreeMap<&str, Vec<&ScoredImage>> = BTreeMap::new();
    for image in &scored {
        categories.entry(&image.category).or_default().push(image);
    }
    let categories = categories.into_iter().map(|(category, images)| {
        let pixels = error_maps.take(category);
        CategoryFigures::of(category, &images, pixels, |score| {
            detector.is_anomalous(score)
        })
    });
    Ok(Evaluated {
        evaluation: Evaluation::of(categories.collect()),
        images: scored,
    })
}
