//! Scores of a labelled test set under both protocols.

use serde::Serialize;

use super::dataset::LabelledImage;
use super::wait::wait;
use crate::detector::Detector;
use crate::error::{Error, Result};
use crate::metric::{Label, auroc};
use crate::score::{Fusion, RawScore};

/// How many images go through the networks at once.
const BATCH: usize = 8;

/// What a test set says of a model.
#[derive(Debug, Clone, Serialize)]
pub struct Evaluation {
    /// Each category by itself, in order of name.
    pub categories: Vec<Metrics>,
    /// Mean of the categories' AUROC, deployed protocol.
    pub mean_auroc_deployed: Option<f64>,
    /// Mean of the categories' AUROC, paper protocol.
    pub mean_auroc_paper: Option<f64>,
}

/// One category's figures.
#[derive(Debug, Clone, Serialize)]
pub struct Metrics {
    /// Its name; empty where there is one kind only.
    pub category: String,
    /// Normal test images.
    pub normal: usize,
    /// Anomalous test images.
    pub anomalous: usize,
    /// AUROC with scaling fixed beforehand from held-out normal images.
    pub auroc_deployed: Option<f64>,
    /// AUROC with minimum and maximum over the test set, as the paper does.
    pub auroc_paper: Option<f64>,
    /// AUROC of R alone.
    pub auroc_reconstruction: Option<f64>,
    /// Share of normal images above the threshold.
    pub false_alarms: Option<f64>,
    /// Share of anomalous images above the threshold.
    pub detected: Option<f64>,
}

/// Scores `images` and measures, category by category.
///
/// # Errors
///
/// [`Error::Data`] where there is no image, [`Error::Device`] where the device fails.
pub fn evaluate(
    detector: &Detector,
    images: &[LabelledImage],
    mut on_scored: impl FnMut(usize),
) -> Result<Evaluation> {
    if images.is_empty() {
        return Err(Error::Data("there are no test images".into()));
    }
    let mut scores = Vec::with_capacity(images.len());
    for batch in images.chunks(BATCH) {
        let pixels: Vec<_> = batch.iter().map(|labelled| &labelled.image).collect();
        scores.extend(wait(detector.raw_scores(&pixels))?);
        on_scored(batch.len());
    }
    let mut names: Vec<&str> = images.iter().map(|i| i.category.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let categories = names
        .into_iter()
        .map(|name| {
            let members = images.iter().zip(&scores);
            let members = members.filter(|(image, _)| image.category == name);
            let (labels, scores) = members.map(|(image, score)| (image.label, *score)).unzip();
            metrics(detector, name, labels, scores)
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(Evaluation {
        mean_auroc_deployed: mean(categories.iter().filter_map(|m| m.auroc_deployed)),
        mean_auroc_paper: mean(categories.iter().filter_map(|m| m.auroc_paper)),
        categories,
    })
}

fn metrics(
    detector: &Detector,
    category: &str,
    labels: Vec<Label>,
    scores: Vec<RawScore>,
) -> Result<Metrics> {
    let deployed = scores.iter().map(|&score| detector.anomaly_score(score));
    let deployed = deployed.collect::<Result<Vec<f64>>>()?;
    let fusion = Fusion::fit(&scores, detector.card().calibration.fusion.gamma);
    let paper: Vec<f64> = scores.iter().map(|&s| fusion.anomaly_score(s)).collect();
    let reconstruction: Vec<f64> = scores.iter().map(|s| s.reconstruction).collect();
    let refused = |label| {
        let members = labels.iter().zip(&deployed).filter(|(l, _)| **l == label);
        mean(members.map(|(_, &score)| f64::from(u8::from(detector.is_anomalous(score)))))
    };
    let count = |label| labels.iter().filter(|&&l| l == label).count();
    Ok(Metrics {
        category: category.to_owned(),
        normal: count(Label::Normal),
        anomalous: count(Label::Anomalous),
        auroc_deployed: auroc(&deployed, &labels),
        auroc_paper: auroc(&paper, &labels),
        auroc_reconstruction: auroc(&reconstruction, &labels),
        false_alarms: refused(Label::Normal),
        detected: refused(Label::Anomalous),
    })
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0u32), |(sum, count), v| (sum + v, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}
