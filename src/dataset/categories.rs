//! Photographs of products and textures, by category: MVTec AD, BTAD, PIPED and folders like theirs.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::Sample;
use super::files::{Listing, SEARCH_DEPTH, holds_images, name, stem};
use super::mask::{MASK_FOLDERS, Masks};
use super::split::Split;
use crate::error::Result;
use crate::metric::Label;

/// The names of folders of normal images, in any case: MVTec AD's, BTAD's and VisA's.
const NORMAL: [&str; 3] = ["good", "ok", "normal"];

/// PIPED has no official split, so the first normal images by name, this many, are for training.
const PIPED_TRAINING_IMAGES: usize = 36;

/// Opens `folder` as one category, or each folder in it as a category; these folders may also be in
/// `folder/data`. The result is empty if no known layout says which images are normal.
pub(super) fn open(folder: &Path) -> Result<Split> {
    let mut split = Split::default();
    let mut listing = Listing::of(folder)?;
    if add(&mut split, &listing, "")? {
        return Ok(split);
    }
    if let Some(data) = listing.folder(&["data"]) {
        listing = Listing::of(&data)?;
    }
    let mut others = listing.images;
    for folder in listing.folders {
        if !add(&mut split, &Listing::of(&folder)?, &name(&folder))?
            && holds_images(&folder, SEARCH_DEPTH)
        {
            others.push(folder);
        }
    }
    if !split.is_empty() {
        split.pass_over("", others);
    }
    Ok(split)
}

/// Adds the samples of a folder if it has a known layout that says which images are normal, and
/// returns whether it has one.
fn add(split: &mut Split, folder: &Listing, category: &str) -> Result<bool> {
    let train = folder.folder(&["train"]);
    if let Some(train) = train.map(|train| training(&train)).transpose()?.flatten() {
        add_mvtec(split, folder, train, category)?;
    } else if let Some(normal) = folder.folder(&["NoDefects", "NoDefect"]) {
        add_piped(split, folder, &normal, category)?;
    } else {
        return Ok(false);
    }
    Ok(true)
}

/// The normal images to train on in `train`: all below a folder whose name says that they are normal
/// or, where no folder in it holds images, those directly in it. None for another layout.
fn training(train: &Path) -> Result<Option<Listing>> {
    let direct = Listing::of(train)?;
    let (normal, other): (Vec<_>, Vec<_>) =
        direct.folders.iter().partition(|folder| is_normal(folder));
    let other = other.into_iter();
    let others = other.filter(|folder| holds_images(folder, SEARCH_DEPTH));
    let others: Vec<PathBuf> = others.cloned().collect();
    if normal.is_empty() {
        let is_flat = !direct.images.is_empty() && others.is_empty();
        return Ok(is_flat.then_some(direct));
    }
    let mut training = Listing {
        unread: [others, direct.images, direct.unread].concat(),
        ..Listing::default()
    };
    for folder in normal {
        let mut listing = Listing::below(folder)?;
        let masks = Masks::beside(folder, &mut listing);
        training.images.extend(listing.images);
        training.unread.extend(listing.unread);
        training.unread.extend(masks.all());
    }
    Ok(Some(training))
}

/// The layout of MVTec AD: `train/good`, `test/good`, `test/DEFECT`,
/// `ground_truth/DEFECT/NAME_mask.png`.
fn add_mvtec(split: &mut Split, folder: &Listing, train: Listing, category: &str) -> Result<()> {
    for path in train.images {
        let sample = Sample::of_file(path, category, Label::Normal);
        split.train.push(Sample {
            kind: "good".into(),
            ..sample
        });
    }
    split.pass_over(category, train.unread);
    split.pass_over(category, folder.images.clone());
    // Such as MVTec LOCO's `validation`.
    let others = folder.folders.iter().filter(|other| {
        let is_known = is_named(other, &["train", "test"]) || is_named(other, &MASK_FOLDERS);
        !is_known && holds_images(other, SEARCH_DEPTH)
    });
    split.pass_over(category, others.cloned());
    let Some(test) = folder.folder(&["test"]) else {
        return Ok(());
    };
    let test = Listing::of(&test)?;
    split.pass_over(category, [&test.images[..], &test.unread].concat());
    let mask_folder = folder.folder(&MASK_FOLDERS);
    let mask_folder = mask_folder.or_else(|| test.folder(&MASK_FOLDERS));
    let kinds: Vec<&PathBuf> = test
        .folders
        .iter()
        .filter(|folder| Some(*folder) != mask_folder.as_ref())
        .collect();
    let masks = MaskFolders::open(mask_folder.as_deref(), &kinds)?;
    for kind in kinds {
        let mut listing = Listing::below(kind)?;
        let beside = Masks::beside(kind, &mut listing);
        let is_normal = is_normal(kind);
        for path in listing.images {
            let (label, masks) = match is_normal {
                true => (Label::Normal, Vec::new()),
                false => (Label::Anomalous, masks.of(kind, &path, &beside)),
            };
            split.test.push(Sample {
                kind: name(kind),
                masks,
                ..Sample::of_file(path, category, label)
            });
        }
        split.pass_over(category, listing.unread);
        if is_normal {
            split.pass_over(category, beside.all());
        }
    }
    split.pass_over(category, masks.unread);
    split.expects_masks = true;
    Ok(())
}

/// The masks of a category's anomalous test images.
struct MaskFolders {
    /// The masks of each kind of defect that has a folder of masks.
    of_kind: HashMap<PathBuf, Masks>,
    /// Where no kind has one: all masks.
    of_all: Option<Masks>,
    /// What is no mask that can be read.
    unread: Vec<PathBuf>,
}

impl MaskFolders {
    fn open(folder: Option<&Path>, kinds: &[&PathBuf]) -> Result<Self> {
        let defects = || kinds.iter().filter(|kind| !is_normal(kind));
        let mut found = Self {
            of_kind: HashMap::new(),
            of_all: None,
            unread: Vec::new(),
        };
        let Some(folder) = folder else {
            return Ok(found);
        };
        let listing = Listing::of(folder)?;
        for kind in defects() {
            if let Some(masks) = listing.folder(&[&name(kind)]) {
                let mut masks = Masks::below(&masks)?;
                found.unread.append(&mut masks.unread);
                found.of_kind.insert(PathBuf::clone(kind), masks);
            }
        }
        // Masks of all kinds in one folder belong to images by name alone, so a name that several
        // images have says nothing.
        let mut stems = HashSet::new();
        let mut is_unique = true;
        for kind in defects() {
            let mut listing = Listing::below(kind)?;
            Masks::beside(kind, &mut listing);
            let mut images = listing.images.iter();
            is_unique &= images.all(|image| stems.insert(stem(image).to_lowercase()));
        }
        if found.of_kind.is_empty() && is_unique {
            let mut masks = Masks::below(folder)?;
            found.unread.append(&mut masks.unread);
            found.of_all = Some(masks);
        }
        Ok(found)
    }

    /// The masks of the image at `path`, which is in the folder `kind`; `beside` are the masks there.
    fn of(&self, kind: &Path, path: &Path, beside: &Masks) -> Vec<PathBuf> {
        let place = path.strip_prefix(kind).unwrap_or(path);
        let masks = self.of_kind.get(kind).or(self.of_all.as_ref());
        let found = masks.map_or(Vec::new(), |masks| masks.of(place));
        match found.is_empty() {
            true => beside.of(place),
            false => found,
        }
    }
}

/// The layout of PIPED: `NoDefects`, `Defects`, `Defects/GroundTruth`. The mask of image `…_D_…` is
/// `…_GT_…`.
fn add_piped(split: &mut Split, folder: &Listing, normal: &Path, category: &str) -> Result<()> {
    let normal = Listing::of(normal)?;
    for (index, path) in normal.images.into_iter().enumerate() {
        let part = match index < PIPED_TRAINING_IMAGES {
            true => &mut split.train,
            false => &mut split.test,
        };
        part.push(Sample::of_file(path, category, Label::Normal));
    }
    split.pass_over(category, normal.unread);
    let Some(defects) = folder.folder(&["Defects"]) else {
        return Ok(());
    };
    let defects = Listing::of(&defects)?;
    let masks = match defects.folder(&MASK_FOLDERS) {
        Some(masks) => Masks::below(&masks)?,
        None => Masks::default(),
    };
    for path in defects.images {
        let place = name(&path).replace("_D_", "_GT_");
        split.test.push(Sample {
            masks: masks.of(Path::new(&place)),
            ..Sample::of_file(path, category, Label::Anomalous)
        });
    }
    split.pass_over(category, defects.unread);
    split.pass_over(category, masks.unread);
    split.expects_masks = true;
    Ok(())
}

fn is_normal(folder: &Path) -> bool {
    is_named(folder, &NORMAL)
}

/// Whether a folder has one of these names, in any case.
fn is_named(folder: &Path, names: &[&str]) -> bool {
    let own = name(folder);
    names.iter().any(|name| own.eq_ignore_ascii_case(name))
}
