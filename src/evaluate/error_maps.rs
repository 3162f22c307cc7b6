//! Keeps the error maps of a category until its pixel metrics can be computed.

use std::collections::BTreeMap;

use crate::dataset::LabelledImage;
use crate::metric::{Label, PixelMetrics, PixelScores};

/// The maximum number of pixels of all categories together, which take 1 GiB. With more, no error
/// map of any category is kept. This happens mostly for videos, which have no masks.
const MAX_PX: usize = 1 << 28;

/// The error of every pixel, by category.
#[derive(Debug)]
pub(super) struct ErrorMaps {
    categories: BTreeMap<String, Category>,
    kept_px: usize,
    max_px: usize,
}

#[derive(Debug, Default)]
struct Category {
    scores: PixelScores,
    masks: usize,
}

/// The pixel metrics of a category.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct MaskedPixels {
    /// The number of images with a mask.
    pub(super) masks: usize,
    /// The pixel metrics; None without masks, or if there were too many pixels to keep.
    pub(super) metrics: Option<PixelMetrics>,
}

impl Default for ErrorMaps {
    fn default() -> Self {
        Self {
            categories: BTreeMap::new(),
            kept_px: 0,
            max_px: MAX_PX,
        }
    }
}

impl ErrorMaps {
    /// Keeps an image's error map. In a normal image without a mask all pixels are normal; its
    /// error map is kept because images with masks may follow. An anomalous image without a mask is
    /// ignored, because it is unknown which of its pixels are anomalous.
    pub(super) fn add(&mut self, labelled: &LabelledImage, error_map: &[f32]) {
        let category = self.categories.entry(labelled.category.clone());
        let category = category.or_default();
        category.masks += usize::from(labelled.mask.is_some());
        if labelled.mask.is_none() && labelled.label == Label::Anomalous {
            return;
        }
        self.kept_px += error_map.len();
        if self.kept_px > self.max_px {
            for category in self.categories.values_mut() {
                category.scores = PixelScores::default();
            }
            return;
        }
        match &labelled.mask {
            Some(mask) => {
                let is_anomalous: Vec<bool> = mask.iter().map(|&pixel| pixel > 0).collect();
                let width_px = mask.width() as usize;
                let scores = &mut category.scores;
                scores.add_masked(error_map, &is_anomalous, width_px);
            }
            None => category.scores.add_normal(error_map),
        }
    }

    /// Whether there are masks, but too many pixels to compute pixel metrics.
    pub(super) fn are_too_many(&self) -> bool {
        let has_masks = self.categories.values().any(|category| category.masks > 0);
        self.kept_px > self.max_px && has_masks
    }

    /// Computes the pixel metrics of a category and deletes its error maps.
    pub(super) fn take(&mut self, category: &str) -> MaskedPixels {
        let category = self.categories.remove(category).unwrap_or_default();
        MaskedPixels {
            masks: category.masks,
            metrics: category.scores.measure(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::scored::tests::labelled;
    use image::GrayImage;

    fn images() -> [(LabelledImage, [f32; 4]); 3] {
        let mask = GrayImage::from_raw(2, 2, vec![255, 0, 0, 0]);
        [
            (labelled(Label::Normal, None), [0.0, 1.0, 0.0, 0.0]),
            (labelled(Label::Anomalous, mask), [2.0, 0.0, 0.0, 3.0]),
            (labelled(Label::Anomalous, None), [9.0; 4]),
        ]
    }

    #[test]
    fn anomalous_images_without_a_mask_are_left_out() {
        let mut maps = ErrorMaps::default();
        for (image, map) in images() {
            maps.add(&image, &map);
        }
        let taken = maps.take("");
        assert_eq!(taken.masks, 1);
        // One of seven normal pixels lies above the anomalous one.
        assert!((taken.metrics.unwrap().auroc - 6.0 / 7.0).abs() < 1e-12);
        assert_eq!(maps.take("").metrics, None, "it is forgotten");
    }

    #[test]
    fn beyond_the_limit_no_pixel_is_kept_and_none_measured_in_part() {
        let mut maps = ErrorMaps {
            max_px: 4,
            ..ErrorMaps::default()
        };
        for (image, map) in images() {
            maps.add(&image, &map);
        }
        assert!(maps.are_too_many());
        let taken = maps.take("");
        assert_eq!((taken.masks, taken.metrics), (1, None));
        // An image that is left out does not count.
        let mut maps = ErrorMaps {
            max_px: 8,
            ..ErrorMaps::default()
        };
        for (image, map) in images() {
            maps.add(&image, &map);
        }
        assert!(!maps.are_too_many() && maps.take("").metrics.is_some());
    }
}
