//! Data sets with one folder per class: `train/CLASS` and `test/CLASS`.

use std::path::Path;

use super::files::{find_images, name, subfolders};
use super::split::Split;
use super::{Sample, Source};
use crate::error::Result;

/// Opens `train` and `test` in `root`. The name of a folder in them is the class and the category.
/// The result is empty if `train` or `test` is missing.
pub(super) fn open(root: &Path) -> Result<Split> {
    let [train, test] = ["train", "test"].map(|part| root.join(part));
    if !train.is_dir() || !test.is_dir() {
        return Ok(Split::default());
    }
    Ok(Split {
        train: samples(&train)?,
        test: samples(&test)?,
    })
}

fn samples(folder: &Path) -> Result<Vec<Sample>> {
    let mut samples = Vec::new();
    for folder in subfolders(folder)? {
        let class = name(&folder);
        let images = find_images(&folder)?.into_iter();
        samples.extend(images.map(|path| Sample::of_class(Source::File(path), &class)));
    }
    Ok(samples)
}
