//! The images of a training: normal images to train on, labelled images to evaluate the model with.

use std::fmt;

use image::RgbImage;

use super::{LabelledImage, Loader, Sample, TrainingImages, Unreadable, load_ahead};
use crate::error::{Error, Result};
use crate::learn::TrainConfig;
use crate::learn::order::partition;

/// Normal images, to train on and to hold out.
#[derive(Debug)]
pub enum NormalImages {
    /// In memory, of the model's size.
    InMemory(Vec<RgbImage>),
    /// In files.
    Files {
        /// The files.
        samples: Vec<Sample>,
        /// What to do about an image that cannot be read.
        unreadable: Unreadable,
        /// The number of bytes of decoded images to keep from epoch to epoch.
        cache_bytes: usize,
    },
}

/// Normal images, divided into those to train on and those held out.
pub struct SplitImages {
    /// The images to train on.
    pub training: Box<dyn TrainingImages>,
    /// The held-out images.
    pub held_out: Vec<RgbImage>,
}

impl NormalImages {
    /// The number of images.
    pub fn count(&self) -> usize {
        match self {
            Self::InMemory(images) => images.len(),
            Self::Files { samples, .. } => samples.len(),
        }
    }

    /// How many bytes the decoded images take that are kept from epoch to epoch.
    pub fn cached_bytes(&self, config: &TrainConfig) -> u64 {
        let image = 3 * config.model.width_px * config.model.height_px;
        let all = (self.count() * image) as u64;
        match self {
            Self::InMemory(_) => all,
            Self::Files { cache_bytes, .. } => all.min(*cache_bytes as u64),
        }
    }

    /// Reads the images whose indices are in `held_out`, ascending, and resizes them to `size`
    /// (width, height). The other images are read when they are needed. `on_read` is called for
    /// each image that is read, and for each that is skipped.
    ///
    /// # Errors
    ///
    /// The error of an image that cannot be read; [`Error::Data`] where no held-out image can be
    /// read.
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

/// Labelled images. Reading from files starts only when the first image is asked for.
pub struct TestImages {
    total: usize,
    images: Box<dyn Iterator<Item = Result<LabelledImage>>>,
}

impl TestImages {
    /// Test images from files, resized to `size` (width, height).
    pub fn files(samples: Vec<Sample>, size: (usize, usize)) -> Self {
        Self {
            total: samples.len(),
            // `once_with` delays the reading until the first image is needed.
            images: Box::new(std::iter::once_with(move || load_ahead(samples, size)).flatten()),
        }
    }

    /// Test images that are already in memory.
    pub fn in_memory(images: Vec<LabelledImage>) -> Self {
        Self {
            total: images.len(),
            images: Box::new(images.into_iter().map(Ok)),
        }
    }

    /// The number of test images.
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
