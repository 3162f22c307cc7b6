//! The images of a training: normal ones to learn from, labelled ones to measure with.

use std::fmt;

use image::RgbImage;

use super::{LabelledImage, Loader, Sample, TrainingImages, Unreadable, load_ahead};
use crate::error::{Error, Result};
use crate::learn::TrainConfig;

/// Normal images, to train on and to hold out.
#[derive(Debug)]
pub enum NormalImages {
    /// In memory, of the model's size.
    InMemory(Vec<RgbImage>),
    /// In files.
    Files {
        /// Which.
        samples: Vec<Sample>,
        /// What becomes of one that cannot be read.
        unreadable: Unreadable,
        /// How many bytes of decoded ones to keep from epoch to epoch.
        cache_bytes: usize,
    },
}

/// The same, some of them held out.
pub struct SplitImages {
    /// To train on.
    pub training: Box<dyn TrainingImages>,
    /// Not to train on.
    pub held_out: Vec<RgbImage>,
}

impl NormalImages {
    /// How many there are.
    pub fn count(&self) -> usize {
        match self {
            Self::InMemory(images) => images.len(),
            Self::Files { samples, .. } => samples.len(),
        }
    }

    /// How much memory decoded ones take from epoch to epoch.
    pub fn cached_bytes(&self, config: &TrainConfig) -> u64 {
        let image = 3 * config.model.width_px * config.model.height_px;
        let all = (self.count() * image) as u64;
        match self {
            Self::InMemory(_) => all,
            Self::Files { cache_bytes, .. } => all.min(*cache_bytes as u64),
        }
    }

    /// Reads those whose places are in `held_out`, ascending, at `size` (width, height); the others are
    /// read when they are needed. `on_read` hears of each, and of those that are passed over.
    ///
    /// # Errors
    ///
    /// Those of an image that cannot be read; [`Error::Data`] where none of those held out can.
    pub fn split(
        self,
        held_out: &[usize],
        size: (usize, usize),
        mut on_read: impl FnMut(Result<(), Error>),
    ) -> Result<SplitImages> {
        match self {
            Self::InMemory(images) => {
                let (held_out, training) = partition(images, held_out);
                Ok(SplitImages {
                    training: Box::new(training),
                    held_out,
                })
            }
            Self::Files {
                samples,
                unreadable,
                cache_bytes,
            } => {
                let (held_out, training) = partition(samples, held_out);
                let mut read = Vec::new();
                for image in load_ahead(held_out, size) {
                    match image {
                        Ok(labelled) => {
                            read.push(labelled.image);
                            on_read(Ok(()));
                        }
                        Err(error) if unreadable == Unreadable::Skip => on_read(Err(error)),
                        Err(error) => return Err(error),
                    }
                }
                if read.is_empty() {
                    let message = "none of the images held out for calibration can be read";
                    return Err(Error::Data(message.into()));
                }
                Ok(SplitImages {
                    training: Box::new(Loader::new(training, size, unreadable, cache_bytes)),
                    held_out: read,
                })
            }
        }
    }
}

/// Labelled images, read when they are asked for.
pub struct TestImages {
    total: usize,
    images: Box<dyn Iterator<Item = Result<LabelledImage>>>,
}

impl TestImages {
    /// Those of files, at `size` (width, height).
    pub fn files(samples: Vec<Sample>, size: (usize, usize)) -> Self {
        Self {
            total: samples.len(),
            // Nothing is read before it is asked for.
            images: Box::new(std::iter::once_with(move || load_ahead(samples, size)).flatten()),
        }
    }

    /// Those in memory.
    pub fn in_memory(images: Vec<LabelledImage>) -> Self {
        Self {
            total: images.len(),
            images: Box::new(images.into_iter().map(Ok)),
        }
    }

    /// How many there are.
    pub fn total(&self) -> usize {
        self.total
    }
}

impl Iterator for TestImages {
    type Item = Result<LabelledImage>;

    fn next(&mut self) -> Option<Self::Item> {
        self.images.next()
    }
}

impl fmt::Debug for TestImages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestImages")
            .field("total", &self.total)
            .finish_non_exhaustive()
    }
}

/// Those at `places`, ascending, and the others.
fn partition<T>(all: Vec<T>, places: &[usize]) -> (Vec<T>, Vec<T>) {
    let indexed = all.into_iter().enumerate();
    let (chosen, others): (Vec<_>, Vec<_>) =
        indexed.partition(|(index, _)| places.binary_search(index).is_ok());
    let values = |part: Vec<(usize, T)>| part.into_iter().map(|(_, value)| value).collect();
    (values(chosen), values(others))
}
