//! Data sets with one folder per class: `train/CLASS` and `test/CLASS`.

use std::path::Path;

use super::files::{Listing, name};
use super::mask::{MASK_FOLDERS, Masks};
use super::mvtec::is_normal;
use super::split::Split;
use super::{Sample, Source};
use crate::error::{Error, Result};

/// Opens `train` and `test` in `root`. The name of a folder in them is the class and the category.
/// The result is empty if `train` or `test` is missing.
pub(super) fn open(root: &Path) -> Result<Split> {
    let listing = Listing::of(root)?;
    let [train, test] = ["train", "test"].map(|part| listing.folder(&[part]));
    let (Some(train), Some(test)) = (train, test) else {
        return Ok(Split::default());
    };
    check_names(&train, &test)?;
    let mut split = Split::default();
    split.train = samples(&train, root, &mut split)?;
    split.test = samples(&test, root, &mut split)?;
    if !split.is_empty() {
        split.pass_over("", listing.images);
        let others = listing.folders.into_iter();
        let others = others.filter(|folder| *folder != train && *folder != test);
        split.pass_over_folders("", others);
    }
    Ok(split)
}

/// Refuses a data set of good images, which is not one of classes: if a folder in `test` has a name
/// for normal images and the only folder in `train` has another name, it is unknown what the
/// training images show.
fn check_names(train: &Path, test: &Path) -> Result<()> {
    let [classes, tested] = [train, test].map(|part| Listing::of(part).map(|part| part.folders));
    let (classes, tested) = (classes?, tested?);
    let normal = tested.iter().find(|folder| is_normal(folder));
    let (Some(normal), [class]) = (normal, &classes[..]) else {
        return Ok(());
    };
    let (normal, class) = (name(normal), name(class));
    Err(Error::Data(format!(
        "{} has no folder {normal} as {} has: rename {class} to {normal} if its images are good",
        train.display(),
        test.display()
    )))
}

fn samples(folder: &Path, root: &Path, split: &mut Split) -> Result<Vec<Sample>> {
    let listing = Listing::of(folder)?;
    split.pass_over("", listing.images);
    split.pass_over("", listing.unread);
    let mut samples = Vec::new();
    for folder in listing.folders {
        let class = name(&folder);
        let mut listing = Listing::below_except(&folder, root, &MASK_FOLDERS)?;
        let masks = Masks::beside(&folder, &mut listing);
        split.pass_over("", listing.unread);
        split.pass_over("", masks.all());
        let images = listing.images.into_iter();
        samples.extend(images.map(|path| Sample::of_class(Source::File(path), &class)));
    }
    Ok(samples)
}
