//! The figures of a test set. Both protocols are reported separately and never mixed.

use serde::{Deserialize, Serialize};

use super::error_maps::MaskedPixels;
use super::scored::ScoredImage;
use crate::metric::{Label, auroc, average_precision, best_f1};

/// The figures of a model on a test set.
///
/// ```
/// # use burn::tensor::Device;
/// # use daad::Detector;
/// # use daad::dataset::{SyntheticImages, Texture};
/// use daad::evaluate::{Evaluation, evaluate};
/// # let model = std::fs::read("models/series/floors-r4.safetensors")?;
/// # let detector = Detector::from_bytes(&model, &Device::flex())?;
/// # let mut floors = SyntheticImages::new(Texture::Floor, 64, 2);
/// # let images = [floors.normal(4), floors.defective(4)].concat().into_iter().map(Ok);
///
/// let evaluation: Evaluation = evaluate(&detector, images, |_| {})?.evaluation;
/// // These images have no categories, so all of them are in one without a name.
/// assert_eq!(evaluation.categories.len(), 1);
/// assert_eq!(evaluation.mean.deployed.auroc, evaluation.categories[0].figures.deployed.auroc);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// The figures of each category, sorted by name.
    pub categories: Vec<CategoryFigures>,
    /// Means of the categories' figures, each over the categories that have it; thresholds have no
    /// mean.
    pub mean: Figures,
}

/// One category's figures.
///
/// ```
/// # use burn::tensor::Device;
/// # use daad::Detector;
/// # use daad::dataset::{SyntheticImages, Texture};
/// use daad::evaluate::evaluate;
/// # let model = std::fs::read("models/series/floors-r4.safetensors")?;
/// # let detector = Detector::from_bytes(&model, &Device::flex())?;
/// # let mut floors = SyntheticImages::new(Texture::Floor, 64, 2);
/// # let images = [floors.normal(3), floors.defective(4)].concat().into_iter().map(Ok);
///
/// let evaluation = evaluate(&detector, images, |_| {})?.evaluation;
/// let category = &evaluation.categories[0];
/// assert_eq!((category.normal, category.anomalous), (3, 4));
/// // Without a mask there are no figures of pixels.
/// assert_eq!((category.masks, category.figures.pixel_auroc), (0, None));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CategoryFigures {
    /// The category's name; empty if the test set has only one category.
    pub category: String,
    /// The number of normal test images.
    pub normal: usize,
    /// The number of anomalous test images.
    pub anomalous: usize,
    /// The number of test images with a mask.
    pub masks: usize,
    /// The figures of these images.
    #[serde(flatten)]
    pub figures: Figures,
}

/// All figures. A figure is None where it is not defined, because there are no normal images, no
/// anomalous images, or no masks.
///
/// ```
/// # use burn::tensor::Device;
/// # use daad::Detector;
/// # use daad::dataset::{SyntheticImages, Texture};
/// use daad::evaluate::{Figures, evaluate};
/// # let model = std::fs::read("models/series/floors-r4.safetensors")?;
/// # let detector = Detector::from_bytes(&model, &Device::flex())?;
/// # let images = SyntheticImages::new(Texture::Floor, 64, 2).normal(4).into_iter().map(Ok);
///
/// // A test set without an anomalous image.
/// let figures: Figures = evaluate(&detector, images, |_| {})?.evaluation.mean;
/// assert!(figures.false_alarms.is_some());
/// assert_eq!((figures.detected, figures.deployed.auroc), (None, None));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Figures {
    /// The figures of A, with scaling fixed in advance on held-out normal images.
    pub deployed: ProtocolMetrics,
    /// The figures of A, scaled by minimum and maximum over the test set as in the paper.
    pub paper: ProtocolMetrics,
    /// The figures of R alone.
    pub reconstruction: ProtocolMetrics,
    /// The share of normal images above the model's own threshold, deployed protocol.
    pub false_alarms: Option<f64>,
    /// The share of anomalous images above the model's own threshold, deployed protocol.
    pub detected: Option<f64>,
    /// AUROC of the error map over all pixels of all images. Also None where there are more pixels
    /// than can be kept, 2²⁸.
    pub pixel_auroc: Option<f64>,
    /// AUPRO of the error map: see [`crate::metric::PixelMetrics::aupro`].
    pub aupro: Option<f64>,
}

/// How well one kind of score separates normal from anomalous images.
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
/// let figures = evaluate(&detector, images, |_| {})?.evaluation.mean;
/// for (name, metrics) in [("deployed", figures.deployed), ("paper", figures.paper)] {
///     println!("{name}: {:?} {:?}", metrics.auroc, metrics.average_precision);
/// }
/// assert_eq!(figures.deployed.best_f1, Some(1.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct ProtocolMetrics {
    /// See [`auroc`].
    pub auroc: Option<f64>,
    /// See [`average_precision`].
    pub average_precision: Option<f64>,
    /// See [`best_f1`].
    pub best_f1: Option<f64>,
    /// The lowest threshold that reaches `best_f1`.
    pub best_f1_threshold: Option<f64>,
}

impl Evaluation {
    pub(super) fn of(categories: Vec<CategoryFigures>) -> Self {
        let mean = |of: &dyn Fn(&Figures) -> Option<f64>| {
            mean(categories.iter().filter_map(|c| of(&c.figures)))
        };
        let protocol = |of: fn(&Figures) -> &ProtocolMetrics| ProtocolMetrics {
            auroc: mean(&|figures| of(figures).auroc),
            average_precision: mean(&|figures| of(figures).average_precision),
            best_f1: mean(&|figures| of(figures).best_f1),
            best_f1_threshold: None,
        };
        Self {
            mean: Figures {
                deployed: protocol(|figures| &figures.deployed),
                paper: protocol(|figures| &figures.paper),
                reconstruction: protocol(|figures| &figures.reconstruction),
                false_alarms: mean(&|figures| figures.false_alarms),
                detected: mean(&|figures| figures.detected),
                pixel_auroc: mean(&|figures| figures.pixel_auroc),
                aupro: mean(&|figures| figures.aupro),
            },
            categories,
        }
    }
}

impl CategoryFigures {
    /// `is_anomalous` is the model's own verdict on a deployed score.
    pub(super) fn of(
        category: &str,
        images: &[&ScoredImage],
        pixels: MaskedPixels,
        is_anomalous: impl Fn(f64) -> bool,
    ) -> Self {
        let labels: Vec<Label> = images.iter().map(|image| image.label).collect();
        let protocol = |score: fn(&ScoredImage) -> f64| {
            let scores: Vec<f64> = images.iter().map(|image| score(image)).collect();
            ProtocolMetrics::of(&scores, &labels)
        };
        let refused = |label| {
            let members = images.iter().filter(|image| image.label == label);
            mean(members.map(|image| f64::from(u8::from(is_anomalous(image.deployed)))))
        };
        let count = |label| labels.iter().filter(|&&l| l == label).count();
        Self {
            category: category.to_owned(),
            normal: count(Label::Normal),
            anomalous: count(Label::Anomalous),
            masks: pixels.masks,
            figures: Figures {
                deployed: protocol(|image| image.deployed),
                paper: protocol(|image| image.paper),
                reconstruction: protocol(|image| image.reconstruction),
                false_alarms: refused(Label::Normal),
                detected: refused(Label::Anomalous),
                pixel_auroc: pixels.metrics.map(|metrics| metrics.auroc),
                aupro: pixels.metrics.map(|metrics| metrics.aupro),
            },
        }
    }
}

impl ProtocolMetrics {
    fn of(scores: &[f64], labels: &[Label]) -> Self {
        let best = best_f1(scores, labels);
        Self {
            auroc: auroc(scores, labels),
            average_precision: average_precision(scores, labels),
            best_f1: best.map(|best| best.f1),
            best_f1_threshold: best.map(|best| best.threshold),
        }
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0u32), |(sum, count), v| (sum + v, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::scored::tests::labelled;
    use crate::score::RawScore;

    fn image(label: Label, deployed: f64, paper: f64, reconstruction: f64) -> ScoredImage {
        let raw = RawScore {
            reconstruction,
            alignment: None,
        };
        ScoredImage {
            paper,
            ..ScoredImage::new(&labelled(label, None), raw, deployed)
        }
    }

    fn category(name: &str, images: &[ScoredImage]) -> CategoryFigures {
        let images: Vec<&ScoredImage> = images.iter().collect();
        CategoryFigures::of(name, &images, MaskedPixels::default(), |score| score > 0.5)
    }

    #[test]
    fn each_protocol_is_measured_on_its_own_scores() {
        let figures = category(
            "",
            &[
                image(Label::Normal, 0.1, 0.9, 1.0),
                image(Label::Normal, 0.6, 0.8, 2.0),
                image(Label::Anomalous, 0.7, 0.2, 2.0),
            ],
        )
        .figures;
        let aurocs = [figures.deployed, figures.paper, figures.reconstruction];
        let aurocs = aurocs.map(|protocol| protocol.auroc.unwrap());
        assert_eq!(aurocs, [1.0, 0.0, 0.75]);
        assert_eq!(figures.false_alarms, Some(0.5));
        assert_eq!(figures.detected, Some(1.0));
        assert_eq!(figures.pixel_auroc, None);
    }

    #[test]
    fn means_are_over_the_categories_that_have_the_figure() {
        let normal = image(Label::Normal, 0.6, 0.0, 0.0);
        let anomalous = image(Label::Anomalous, 0.2, 1.0, 1.0);
        let evaluation = Evaluation::of(vec![
            category("a", &[normal.clone(), anomalous]),
            category("b", &[normal]),
        ]);
        assert_eq!(evaluation.mean.deployed.auroc, Some(0.0));
        assert_eq!(evaluation.mean.paper.auroc, Some(1.0));
        assert_eq!(evaluation.mean.false_alarms, Some(1.0));
        assert_eq!(evaluation.mean.deployed.best_f1_threshold, None);
        let json = serde_json::to_string(&evaluation).unwrap();
        let back: Evaluation = serde_json::from_str(&json).unwrap();
        assert_eq!(back, evaluation);
    }
}
