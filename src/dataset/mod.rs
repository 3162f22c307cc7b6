//! Images to train on and to test with.

mod ahead;
mod categories;
mod cifar;
mod classes;
mod copies;
mod files;
mod images;
mod links;
mod loader;
mod mask;
mod mnist;
mod mvtec;
mod normal;
mod notes;
mod parts;
mod sample;
mod split;
mod synthetic;
mod video;
mod visa;

pub use ahead::load_ahead;
pub use copies::without_copies;
pub use files::{Listing, where_images_are};
pub use images::TrainingImages;
pub use loader::{DEFAULT_CACHE_BYTES, Loader};
pub use mask::{MaskFlaw, photographs};
pub(crate) use normal::SplitImages;
pub use normal::{NormalImages, TestImages};
pub(crate) use notes::in_short;
pub use notes::unread;
pub use sample::{LabelledImage, Records, Sample, Source};
pub use split::Split;
pub use synthetic::{Defect, SyntheticImages, Texture};

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::metric::Label;

#[cfg(test)]
mod tests;

/// What to do about an image that cannot be read.
///
/// ```
/// use daad::dataset::{DEFAULT_CACHE_BYTES, DataSet, NormalImages, Unreadable};
///
/// assert_eq!(Unreadable::default(), Unreadable::Fail);
/// let split = DataSet::open("www/gallery/piped".as_ref())?.select(&[])?;
/// let normal = NormalImages::Files {
///     samples: split.train,
///     unreadable: Unreadable::Skip,
///     cache_bytes: DEFAULT_CACHE_BYTES,
/// };
/// # assert_eq!(normal.count(), 14);
/// # Ok::<(), daad::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unreadable {
    /// Stop with an error that names the image.
    #[default]
    Fail,
    /// Report the image by name and skip it.
    Skip,
}

/// Removes the images that cannot be read, if `unreadable` asks for it; `on_left_out` is called
/// with the error of each. With `Skip`, an image with an unreadable mask is kept, without its mask;
/// with `Fail`, such a mask is an error.
///
/// ```
/// use daad::dataset::{Sample, Unreadable, readable};
/// use daad::metric::Label;
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("broken.png");
/// std::fs::write(&path, b"no image")?;
/// let images = || std::iter::once(Sample::of_file(path.clone(), "", Label::Normal).load(32, 32));
/// assert!(readable(images(), Unreadable::Fail, |_| {}).all(|image| image.is_err()));
/// let mut left_out = Vec::new();
/// let skip = readable(images(), Unreadable::Skip, |error| left_out.push(error.to_string()));
/// assert_eq!(skip.count(), 0);
/// assert!(left_out[0].contains("broken.png"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn readable(
    images: impl Iterator<Item = Result<LabelledImage>>,
    unreadable: Unreadable,
    mut on_left_out: impl FnMut(&Error),
) -> impl Iterator<Item = Result<LabelledImage>> {
    images.filter_map(move |image| match (image, unreadable) {
        (Err(error), Unreadable::Skip) => {
            on_left_out(&error);
            None
        }
        (Ok(labelled), Unreadable::Fail) => Some(match labelled.mask_flaw {
            Some(MaskFlaw::Unreadable(reason)) => Err(Error::Data(reason)),
            _ => Ok(labelled),
        }),
        (image, _) => Some(image),
    })
}

/// A folder of images whose layout says which images are normal.
///
/// | data | what the folder holds |
/// |---|---|
/// | MVTec AD, AD 2, LOCO, BTAD | `train/good`, `test/good`, `test/DEFECT`, masks in `ground_truth`; or folders each so |
/// | VisA | the objects' folders and `split_csv/1cls.csv` |
/// | PIPED | `NoDefects`, `Defects`; or folders each so |
/// | MNIST | the four idx files, gzip or not |
/// | CIFAR-10 | the official binary batches |
/// | classes | `train/CLASS`, `test/CLASS` |
/// | video | folders of frames for training and testing, and the labels of the test frames |
/// | good images | images: all are normal, for training |
///
/// The case of names does not matter. A folder of normal images may be called `good`, `ok` or
/// `normal` and may have subfolders; `train` may hold its images directly. The mask of `NAME` in
/// `test/DEFECT` is `ground_truth/DEFECT/NAME`, possibly with `_mask` or another suffix, or all
/// images in a folder of that name (MVTec LOCO), or labelme's `NAME.json` beside the image. Folders
/// called `masks`, `SegmentationClass` and others are folders of masks too, also inside
/// `test/DEFECT`. All pixels of a mask that are not black (or transparent) are anomalous.
///
/// Hidden files and files of operating systems are ignored. [`Split::notes`] names all other images
/// that are not used, and files that are no images in the folders that are read. A folder with
/// several folders of images and none of these layouts is refused, because it is unknown whether
/// the images are normal.
///
/// ```
/// use daad::dataset::DataSet;
///
/// // A folder of good images; a data set with labelled test images opens in the same way.
/// let split = DataSet::open("www/gallery/piped".as_ref())?.select(&[])?;
/// assert_eq!((split.train.len(), split.test.len()), (14, 0));
/// let sample = split.train[0].load(64, 64)?;
/// assert_eq!(sample.image.dimensions(), (64, 64));
/// // What is not used: the gallery's texts.
/// split.notes().iter().for_each(|sentence| println!("{sentence}"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct DataSet {
    split: Split,
    /// Whether one class is normal and all others are anomalous.
    is_one_class: bool,
}

impl DataSet {
    /// Lists the images of `root` and reads their labels, without decoding an image.
    ///
    /// ```
    /// use daad::dataset::DataSet;
    ///
    /// assert_eq!(DataSet::open("www/gallery/piped".as_ref())?.categories(), [""]);
    /// let folder = tempfile::tempdir()?;
    /// let error = DataSet::open(folder.path()).unwrap_err().to_string();
    /// assert!(error.contains("holds no images that are known to be normal"), "{error}");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::File`] for a file or folder that cannot be read, [`Error::Data`] for a folder
    /// without a known layout and for labels that do not match the images.
    pub fn open(root: &Path) -> Result<Self> {
        type Layout = fn(&Path) -> Result<Split>;
        // The order of the layouts matters. The layout of classes also matches data sets of videos
        // and categories, so it comes after them. The layout of good images comes last, because a
        // single image beside the folders of another layout must not turn the data set into a
        // folder of good images.
        let layouts: [(Layout, bool); 7] = [
            (mnist::open, true),
            (cifar::open, true),
            (visa::open, false),
            (categories::open, false),
            (video::open, false),
            (classes::open, true),
            (good_images, false),
        ];
        for (layout, is_one_class) in layouts {
            let split = layout(root)?;
            if !split.is_empty() {
                return Ok(Self {
                    split,
                    is_one_class,
                });
            }
        }
        let places = match where_images_are(root) {
            places if places.is_empty() => String::new(),
            places => format!(
                " (there are images in {places}; give --data one of these folders if all of its \
                 images are good, or move the good ones, with their folders, into train/good)"
            ),
        };
        Err(Error::Data(format!(
            "{} holds no images that are known to be normal{places}; expected good images, train/good and \
             test/… as in MVTec AD, NoDefects and Defects as in PIPED, folders each of one of \
             these two layouts, MNIST's idx files, CIFAR-10's batches, train/CLASS and test/CLASS, \
             or training and testing videos",
            root.display()
        )))
    }

    /// The categories' names, in order: products, textures, or classes.
    ///
    /// ```
    /// use daad::dataset::DataSet;
    /// use image::RgbImage;
    ///
    /// let folder = tempfile::tempdir()?;
    /// for category in ["bottle", "cable"] {
    ///     let good = folder.path().join(category).join("train/good");
    ///     std::fs::create_dir_all(&good)?;
    ///     RgbImage::new(8, 8).save(good.join("000.png"))?;
    /// }
    /// assert_eq!(DataSet::open(folder.path())?.categories(), ["bottle", "cable"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn categories(&self) -> Vec<String> {
        self.split.categories()
    }

    /// The images of the given categories, or of all categories if `categories` is empty. For a
    /// data set in which one class is normal and all others are not, exactly one category must be
    /// given.
    ///
    /// ```
    /// use daad::dataset::DataSet;
    /// # use image::RgbImage;
    /// # let folder = tempfile::tempdir()?;
    /// # let folder = folder.path();
    /// # for path in ["bottle/train/good", "cable/train/good", "cable/test/cut"] {
    /// #     std::fs::create_dir_all(folder.join(path))?;
    /// #     RgbImage::new(8, 8).save(folder.join(path).join("000.png"))?;
    /// # }
    ///
    /// // An image each in bottle/train/good, cable/train/good and cable/test/cut.
    /// let split = DataSet::open(folder)?.select(&["cable".into()])?;
    /// assert_eq!((split.train.len(), split.test.len()), (1, 1));
    /// assert_eq!(split.test[0].kind, "cut");
    /// let error = DataSet::open(folder)?.select(&["screw".into()]).unwrap_err();
    /// assert!(error.to_string().contains("there is no category screw"), "{error}");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Data`] for a category that does not exist, or if a category is needed and not
    /// given.
    pub fn select(self, categories: &[String]) -> Result<Split> {
        match self.is_one_class {
            true => self.split.one_class(categories),
            false => self.split.of_categories(categories),
        }
    }
}

/// The images directly in the folder, all of which are normal.
fn good_images(root: &Path) -> Result<Split> {
    let listing = photographs(root)?;
    let images = listing.images.into_iter();
    let mut split = Split {
        train: images
            .map(|path| Sample::of_file(path, "", Label::Normal))
            .collect(),
        ..Split::default()
    };
    split.pass_over("", [listing.folders, listing.unread].concat());
    Ok(split)
}
