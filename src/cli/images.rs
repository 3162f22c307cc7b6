//! The normal images of a session.

use image::RgbImage;

use daad::train::dataset::{Loader, Sample, Unreadable};
use daad::train::{TrainConfig, TrainingImages};

use super::train::load_with_progress;

/// Normal images, to train on and to hold out.
pub(crate) enum Images {
    /// In memory.
    Made(Vec<RgbImage>),
    /// In files.
    Files {
        samples: Vec<Sample>,
        unreadable: Unreadable,
        /// How many bytes of decoded ones to keep.
        cache_bytes: usize,
    },
}

/// The same, shared out.
pub(crate) struct SharedOut {
    pub(crate) training: Box<dyn TrainingImages>,
    pub(crate) held_out: Vec<RgbImage>,
}

impl Images {
    pub(crate) fn count(&self) -> usize {
        match self {
            Self::Made(images) => images.len(),
            Self::Files { samples, .. } => samples.len(),
        }
    }

    /// How much memory decoded ones will take from epoch to epoch.
    pub(crate) fn cached_bytes(&self, config: &TrainConfig) -> u64 {
        let image = 3 * config.model.width_px * config.model.height_px;
        let all = (self.count() * image) as u64;
        match self {
            Self::Made(_) => all,
            Self::Files { cache_bytes, .. } => all.min(*cache_bytes as u64),
        }
    }

    /// Reads those whose places are in `held_out`, ascending; the others come when they are needed.
    pub(crate) fn share_out(
        self,
        held_out: &[usize],
        size: (usize, usize),
    ) -> anyhow::Result<SharedOut> {
        match self {
            Self::Made(images) => {
                let (held_out, training) = parts(images, held_out);
                Ok(SharedOut {
                    training: Box::new(training),
                    held_out,
                })
            }
            Self::Files {
                samples,
                unreadable,
                cache_bytes,
            } => {
                let (held_out, training) = parts(samples, held_out);
                let held_out = load_with_progress(held_out, size, unreadable)?.into_iter();
                let held_out: Vec<RgbImage> = held_out.map(|labelled| labelled.image).collect();
                anyhow::ensure!(
                    !held_out.is_empty(),
                    "none of the images held out for calibration can be read"
                );
                let training = Loader::new(training, size, unreadable, cache_bytes);
                Ok(SharedOut {
                    training: Box::new(training),
                    held_out,
                })
            }
        }
    }
}

/// Those at `places`, ascending, and the others.
fn parts<T>(all: Vec<T>, places: &[usize]) -> (Vec<T>, Vec<T>) {
    let indexed = all.into_iter().enumerate();
    let (chosen, others): (Vec<_>, Vec<_>) =
        indexed.partition(|(index, _)| places.binary_search(index).is_ok());
    let values = |part: Vec<(usize, T)>| part.into_iter().map(|(_, value)| value).collect();
    (values(chosen), values(others))
}
