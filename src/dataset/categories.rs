//! Photographs of products and textures, by category: MVTec AD, BTAD, PIPED and folders like
//! theirs.

use std::path::{Path, PathBuf};

use super::files::{Listing, SEARCH_DEPTH, holds_images, name};
use super::mask::{MASK_FOLDERS, Masks, photographs, unused};
use super::split::Split;
use super::{Sample, mvtec};
use crate::error::Result;
use crate::metric::Label;

/// PIPED has no official split, so this number of normal images, the first by name, are for
/// training.
const PIPED_TRAINING_IMAGES: usize = 36;

/// Opens `root` as one category, or each folder in it as a category, or, if none of them is one,
/// each folder in `root/data`. The result is empty if no known layout says which images are normal.
pub(super) fn open(root: &Path) -> Result<Split> {
    let mut split = Split::default();
    let listing = Listing::of(root)?;
    if add(&mut split, &listing, root, "")? {
        return Ok(split);
    }
    let data = listing.folder(&["data"]);
    let mut others = add_each(&mut split, listing, root)?;
    if split.is_empty()
        && let Some(data) = data
    {
        others.retain(|other| *other != data);
        others.extend(add_each(&mut split, Listing::of(&data)?, root)?);
    }
    if !split.is_empty() {
        split.pass_over("", others);
    }
    Ok(split)
}

/// Adds the folders that are categories. Returns the images and the folders of images that are not
/// used.
fn add_each(split: &mut Split, listing: Listing, root: &Path) -> Result<Vec<PathBuf>> {
    let mut others = listing.images;
    for folder in listing.folders {
        if !add(split, &Listing::of(&folder)?, root, &name(&folder))?
            && holds_images(&folder, SEARCH_DEPTH)
        {
            others.push(folder);
        }
    }
    Ok(others)
}

/// Adds the samples of a folder in the data set `root`, if it has a known layout that says which
/// images are normal, and returns whether it has one.
fn add(split: &mut Split, folder: &Listing, root: &Path, category: &str) -> Result<bool> {
    if mvtec::add(split, folder, root, category)? {
        return Ok(true);
    }
    let normal = folder.folder(&["NoDefects", "NoDefect"]);
    match &normal {
        Some(normal) => add_piped(split, folder, normal, root, category)?,
        None => return Ok(false),
    }
    Ok(true)
}

/// The layout of PIPED: `NoDefects`, `Defects`, `Defects/GroundTruth`. The mask of image `…_D_01_…`
/// is `…_GT_01_…`, in one class `…_GT_1_…`.
fn add_piped(
    split: &mut Split,
    folder: &Listing,
    normal_folder: &Path,
    root: &Path,
    category: &str,
) -> Result<()> {
    let normal = photographs(normal_folder)?;
    for (index, path) in normal.images.into_iter().enumerate() {
        let part = match index < PIPED_TRAINING_IMAGES {
            true => &mut split.train,
            false => &mut split.test,
        };
        part.push(Sample::of_file(path, category, Label::Normal));
    }
    let defects = folder.folder(&["Defects"]);
    let others = folder.folders.iter();
    let others = others.filter(|other| *other != normal_folder && Some(*other) != defects.as_ref());
    split.pass_over_folders(category, others.cloned());
    split.pass_over(category, folder.images.clone());
    split.pass_over_folders(category, normal.folders);
    split.pass_over(category, normal.unread);
    let Some(defects) = defects else {
        return Ok(());
    };
    let folder = defects;
    let mut defects = Listing::of(&folder)?;
    let beside = Masks::beside(&folder, &mut defects);
    let mask_folder = defects.folder(&MASK_FOLDERS);
    let masks = match &mask_folder {
        Some(folder) => Masks::below(folder, root)?,
        None => Masks::default(),
    };
    let inner = defects.folders.into_iter();
    let inner = inner.filter(|folder| mask_folder.as_ref() != Some(folder));
    split.pass_over_folders(category, inner);
    let samples = defects.images.into_iter().map(|path| {
        let name = name(&path);
        let mut places = ["_D_", "_D_0"].iter().map(|of| name.replace(of, "_GT_"));
        let found = places.find_map(|place| {
            let found = masks.of(Path::new(&place)).masks;
            (!found.is_empty()).then_some(found)
        });
        Sample {
            masks: found.unwrap_or_else(|| beside.of(Path::new(&name)).masks),
            ..Sample::of_file(path, category, Label::Anomalous)
        }
    });
    let samples: Vec<Sample> = samples.collect();
    let all_masks = [masks.all(), beside.all()].concat();
    let of_images = samples.iter().flat_map(|sample| &sample.masks);
    split.pass_over(category, unused(all_masks, of_images));
    split.test.extend(samples);
    split.pass_over(category, defects.unread);
    split.pass_over(category, masks.unread);
    split.expects_masks = true;
    Ok(())
}
