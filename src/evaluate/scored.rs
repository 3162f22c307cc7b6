//! One test image with its scores.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::dataset::LabelledImage;
use crate::metric::Label;
use crate::score::{Fusion, RawScore};

/// A test image: its labels and its scores.
///
/// ```
/// # use burn::tensor::Device;
/// # use daad::Detector;
/// # use daad::dataset::{SyntheticImages, Texture};
/// use daad::evaluate::evaluate;
/// use daad::metric::Label;
/// # let model = std::fs::read("models/series/floors-r4.safetensors")?;
/// # let detector = Detector::from_bytes(&model, &Device::flex())?;
/// # let mut floors = SyntheticImages::new(Texture::Floor, 64, 2);
/// # let images = [floors.normal(4), floors.defective(4)].concat().into_iter().map(Ok);
///
/// let scored = evaluate(&detector, images, |_| {})?.images;
/// let missed = scored.iter().filter(|image| {
///     image.label == Label::Anomalous && !detector.is_anomalous(image.deployed)
/// });
/// println!("{} defects were missed", missed.count());
/// assert_eq!(scored[0].anomalous_share, Some(0.0));
/// assert_eq!(scored[0].alignment, None); // this model has no discriminator
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScoredImage {
    /// See [`LabelledImage::name`].
    pub name: String,
    /// See [`LabelledImage::category`].
    pub category: String,
    /// See [`LabelledImage::kind`].
    pub kind: String,
    /// Normal or anomalous.
    pub label: Label,
    /// See [`LabelledImage::video`].
    pub video: String,
    /// The share of the image's pixels that are anomalous: 0 for a normal image, None for an
    /// anomalous image without a mask.
    pub anomalous_share: Option<f64>,
    /// R, not scaled.
    pub reconstruction: f64,
    /// L, not scaled; None where the model scores without it.
    pub alignment: Option<f64>,
    /// A, with scaling fixed in advance on held-out normal images.
    pub deployed: f64,
    /// A, scaled by minimum and maximum over the category's test images as in the paper; for a
    /// frame of a video, over all frames of the video.
    pub paper: f64,
}

impl ScoredImage {
    /// A scored image without the score of the paper's protocol, which can be computed only after
    /// all images are scored: see [`apply_paper_protocol`].
    pub(super) fn new(labelled: &LabelledImage, raw: RawScore, deployed: f64) -> Self {
        let anomalous_share = match (&labelled.mask, labelled.label) {
            (Some(mask), _) => {
                let anomalous = mask.iter().filter(|&&pixel| pixel > 0).count();
                Some(anomalous as f64 / mask.len() as f64)
            }
            (None, Label::Normal) => Some(0.0),
            (None, Label::Anomalous) => None,
        };
        Self {
            name: labelled.name.clone(),
            category: labelled.category.clone(),
            kind: labelled.kind.clone(),
            label: labelled.label,
            video: labelled.video.clone(),
            anomalous_share,
            reconstruction: raw.reconstruction,
            alignment: raw.alignment,
            deployed,
            paper: f64::NAN,
        }
    }

    /// R and L.
    fn raw(&self) -> RawScore {
        RawScore {
            reconstruction: self.reconstruction,
            alignment: self.alignment,
        }
    }

    /// The group of images over which the paper takes minimum and maximum.
    fn paper_group(&self) -> (String, String) {
        (self.category.clone(), self.video.clone())
    }
}

/// Scales R and L by minimum and maximum over a category's test images, or over a video's frames
/// (MNAD, Park et al., CVPR 2020), and fuses them.
pub(super) fn apply_paper_protocol(images: &mut [ScoredImage], gamma: f64) {
    let mut groups: BTreeMap<(String, String), Vec<RawScore>> = BTreeMap::new();
    for image in &*images {
        let group = groups.entry(image.paper_group()).or_default();
        group.push(image.raw());
    }
    let fusions: BTreeMap<_, Fusion> = groups
        .into_iter()
        .map(|(group, scores)| (group, Fusion::fit(&scores, gamma)))
        .collect();
    for image in images {
        image.paper = fusions[&image.paper_group()].anomaly_score(image.raw());
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use image::{GrayImage, RgbImage};

    pub(in crate::evaluate) fn labelled(label: Label, mask: Option<GrayImage>) -> LabelledImage {
        LabelledImage {
            name: String::new(),
            category: String::new(),
            kind: String::new(),
            label,
            video: String::new(),
            mask,
            mask_flaw: None,
            is_mask_turn_guessed: false,
            part: None,
            image: RgbImage::new(2, 2),
        }
    }

    fn frame(category: &str, video: &str, reconstruction: f64, alignment: f64) -> ScoredImage {
        let labelled = LabelledImage {
            category: category.into(),
            video: video.into(),
            ..labelled(Label::Normal, None)
        };
        let raw = RawScore {
            reconstruction,
            alignment: Some(alignment),
        };
        ScoredImage::new(&labelled, raw, 0.0)
    }

    #[test]
    fn the_paper_scales_each_video_and_each_category_by_itself() {
        let mut frames = [
            frame("a", "1", 1.0, 5.0),
            frame("a", "2", 100.0, 7.0),
            frame("b", "1", 7.0, 0.0),
            frame("a", "1", 3.0, 9.0),
            frame("a", "2", 300.0, 6.0),
            frame("a", "1", 2.0, 6.0),
        ];
        apply_paper_protocol(&mut frames, 0.5);
        let scores = frames.map(|frame| frame.paper);
        assert_eq!(scores, [0.0, 0.5, 0.0, 1.0, 0.5, 0.375]);
    }

    #[test]
    fn the_anomalous_share_is_known_from_the_mask_or_the_label() {
        let mask = GrayImage::from_raw(2, 2, vec![0, 255, 0, 0]);
        let share = |label, mask| {
            let raw = RawScore {
                reconstruction: 0.0,
                alignment: None,
            };
            ScoredImage::new(&labelled(label, mask), raw, 0.0).anomalous_share
        };
        assert_eq!(share(Label::Anomalous, mask), Some(0.25));
        assert_eq!(share(Label::Normal, None), Some(0.0));
        assert_eq!(share(Label::Anomalous, None), None);
    }
}
