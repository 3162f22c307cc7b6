//! The images of a training: normal images to train on, labelled images to evaluate the model with.

use std::fmt;

use image::RgbImage;

use super::{LabelledImage, Loader, Sample, TrainingImages, Unreadable, load_ahead};
use crate::error::{Error, Result};
use crate::learn::TrainConfig;
use crate::learn::order::partition;

/// Normal images, to train on and to hold out.
///
/// ```
/// use daad::dataset::{DEFAULT_CACHE_BYTES, DataSet, NormalImages, Unreadable};
/// use image::RgbImage;
///
/// let split = DataSet::open("www/gallery/piped".as_ref())?.select(&[])?;
/// let in_files = NormalImages::Files {
///     samples: split.train,
///     unreadable: Unreadable::Skip,
///     cache_bytes: DEFAULT_CACHE_BYTES,
/// };
/// assert_eq!(in_files.count(), 14);
/// let in_memory = NormalImages::InMemory(vec![RgbImage::new(64, 64); 3]);
/// assert_eq!(in_memory.count(), 3);
/// # Ok::<(), daad::Error>(())
/// ```
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
pub(crate) struct SplitImages {
    /// The images to train on.
    pub(crate) training: Box<dyn TrainingImages>,
    /// The held-out images.
    pub(crate) held_out: Vec<RgbImage>,
}

impl NormalImages {
    /// The number of images.
    pub fn count(&self) -> usize {
        match self {
            Self::InMemory(images) => images.len(),
            Self::Files { samples, .. } => samples.len(),
        }
    }

    /// The size in bytes of the decoded images that are kept from epoch to epoch.
    pub(crate) fn cached_bytes(&self, config: &TrainConfig) -> u64 {
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
    pub(crate) fn split(
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
                let (held_out, mut training) = partition(samples, held_out);
                let mut read = Vec::new();
                let mut add = |image: Result<LabelledImage>| match image {
                    Ok(labelled) => {
                        read.push(labelled.image);
                        on_read(Ok(()));
                        Ok(true)
                    }
                    Err(error) if unreadable == Unreadable::Skip => {
                        on_read(Err(error));
                        Ok(false)
                    }
                    Err(error) => Err(error),
                };
                let mut is_any_read = false;
                for image in load_ahead(held_out, size) {
                    is_any_read |= add(image)?;
                }
                // If no held-out image can be read, the first training image that can be read is
                // held out instead.
                while !is_any_read && training.len() > 1 {
                    is_any_read = add(training.remove(0).load(size.0, size.1))?;
                }
                if !is_any_read {
                    let message = "none of the images held out for calibration can be read, and no \
                                   other in their place";
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

/// Labelled images. Files are read only when the first image is needed.
///
/// ```
/// use daad::dataset::{SyntheticImages, TestImages, Texture};
///
/// let mut cloths = SyntheticImages::new(Texture::Cloth, 32, 0);
/// let images = TestImages::in_memory([cloths.normal(2), cloths.defective(2)].concat());
/// assert_eq!(images.total(), 4);
/// assert!(images.into_iter().all(|image| image.is_ok()));
/// ```
pub struct TestImages {
    total: usize,
    /// Those of [`files`](Self::files), for [`check`](Self::check).
    samples: Vec<Sample>,
    images: Box<dyn Iterator<Item = Result<LabelledImage>>>,
}

impl TestImages {
    /// Test images from files, resized to `size` (width, height).
    ///
    /// ```
    /// use daad::dataset::{DataSet, TestImages};
    ///
    /// let split = DataSet::open("www/gallery/piped".as_ref())?.select(&[])?;
    /// let mut images = TestImages::files(split.train, (64, 48));
    /// let first = images.next().expect("14 images")?;
    /// assert_eq!(first.image.dimensions(), (64, 48));
    /// # Ok::<(), daad::Error>(())
    /// ```
    pub fn files(samples: Vec<Sample>, size: (usize, usize)) -> Self {
        Self {
            total: samples.len(),
            samples: samples.clone(),
            // `once_with` delays the reading until the first image is needed.
            images: Box::new(std::iter::once_with(move || load_ahead(samples, size)).flatten()),
        }
    }

    /// Test images that are already in memory.
    pub fn in_memory(images: Vec<LabelledImage>) -> Self {
        Self {
            total: images.len(),
            samples: Vec::new(),
            images: Box::new(images.into_iter().map(Ok)),
        }
    }

    /// Checks that the files of images and masks are there, and that those of images begin as
    /// images do. A training is long, and its test images are read only after it.
    ///
    /// ```
    /// use daad::dataset::{Sample, TestImages};
    /// use daad::metric::Label;
    ///
    /// let missing = Sample::of_file("missing.png".into(), "", Label::Normal);
    /// let error = TestImages::files(vec![missing], (64, 48)).check().unwrap_err();
    /// assert!(error.to_string().starts_with("cannot read missing.png"));
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::File`] or [`Error::Data`] naming the first such file.
    pub fn check(&self) -> Result<()> {
        self.samples.iter().try_for_each(Sample::check)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Label;
    use tempfile::TempDir;

    #[test]
    fn another_image_is_held_out_where_none_of_the_chosen_ones_can_be_read() {
        let root = TempDir::new().unwrap();
        let samples: Vec<Sample> = (0..4)
            .map(|index| {
                let path = root.path().join(format!("{index}.png"));
                match index {
                    0 | 2 => std::fs::write(&path, "no image").unwrap(),
                    _ => RgbImage::new(16, 16).save(&path).unwrap(),
                }
                Sample::of_file(path, "", Label::Normal)
            })
            .collect();
        let split = |unreadable, samples: &[Sample]| {
            let images = NormalImages::Files {
                samples: samples.to_vec(),
                unreadable,
                cache_bytes: 0,
            };
            let mut named = 0;
            let split = images.split(&[2], (16, 16), |read| named += usize::from(read.is_err()));
            split.map(|split| (split.training.count(), split.held_out.len(), named))
        };
        assert!(split(Unreadable::Fail, &samples).is_err());
        assert_eq!(split(Unreadable::Skip, &samples).unwrap(), (1, 1, 2));
        let few = [&samples[..1], &samples[1..3]].concat();
        assert!(split(Unreadable::Skip, &few).is_err());
    }
}
