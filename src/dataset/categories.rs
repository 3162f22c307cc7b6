//! Photographs of products and textures, by category: MVTec AD and PIPED.

use std::path::Path;

use super::Sample;
use super::files::{find_images, first_folder, name, subfolders};
use super::split::Split;
use crate::error::Result;
use crate::metric::Label;

/// PIPED has no official split, so the first normal images by name, this many, are for training.
const PIPED_TRAINING_IMAGES: usize = 36;

/// Opens `folder` as one category, or each folder in it as a category; these folders may also be in
/// `folder/data`. The result is empty if no known layout says which images are normal.
pub(super) fn open(folder: &Path) -> Result<Split> {
    let mut split = Split::default();
    if add(&mut split, folder, "")? {
        return Ok(split);
    }
    let root = first_folder(folder, &["data"]).unwrap_or(folder.to_owned());
    for folder in subfolders(&root)? {
        add(&mut split, &folder, &name(&folder))?;
    }
    Ok(split)
}

/// Adds the samples of `folder` if it has a known layout that says which images are normal, and
/// returns whether it has one.
fn add(split: &mut Split, folder: &Path, category: &str) -> Result<bool> {
    if folder.join("train").join("good").is_dir() {
        add_mvtec(split, folder, category)?;
    } else if let Some(normal) = first_folder(folder, &["NoDefects", "NoDefect"]) {
        add_piped(split, folder, &normal, category)?;
    } else {
        return Ok(false);
    }
    Ok(true)
}

/// The layout of MVTec AD: `train/good`, `test/good`, `test/DEFECT`,
/// `ground_truth/DEFECT/NAME_mask.png`.
fn add_mvtec(split: &mut Split, folder: &Path, category: &str) -> Result<()> {
    for path in find_images(&folder.join("train").join("good"))? {
        let sample = Sample::of_file(path, category, Label::Normal);
        split.train.push(Sample {
            kind: "good".into(),
            ..sample
        });
    }
    let test = folder.join("test");
    if !test.is_dir() {
        return Ok(());
    }
    for kind_folder in subfolders(&test)? {
        let kind = name(&kind_folder);
        let label = match kind.as_str() {
            "good" => Label::Normal,
            _ => Label::Anomalous,
        };
        let masks = folder.join("ground_truth").join(&kind);
        for path in find_images(&kind_folder)? {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            let mask = masks.join(format!("{stem}_mask.png"));
            split.test.push(Sample {
                kind: kind.clone(),
                mask: mask.is_file().then_some(mask),
                ..Sample::of_file(path, category, label)
            });
        }
    }
    Ok(())
}

/// The layout of PIPED: `NoDefects`, `Defects`, `Defects/GroundTruth`. The mask of image `…_D_…` is
/// `…_GT_…`.
fn add_piped(split: &mut Split, folder: &Path, normal: &Path, category: &str) -> Result<()> {
    for (index, path) in find_images(normal)?.into_iter().enumerate() {
        let part = match index < PIPED_TRAINING_IMAGES {
            true => &mut split.train,
            false => &mut split.test,
        };
        part.push(Sample::of_file(path, category, Label::Normal));
    }
    let defects = folder.join("Defects");
    if !defects.is_dir() {
        return Ok(());
    }
    let masks = defects.join("GroundTruth");
    for path in find_images(&defects)? {
        let mask = masks.join(name(&path).replace("_D_", "_GT_"));
        split.test.push(Sample {
            mask: mask.is_file().then_some(mask),
            ..Sample::of_file(path, category, Label::Anomalous)
        });
    }
    Ok(())
}
