//! The layout of MVTec AD: `train/good`, `test/good`, `test/DEFECT`, `ground_truth/DEFECT`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::Sample;
use super::files::{Listing, SEARCH_DEPTH, holds_images, is_named, name};
use super::links::{leads_into, stays_within};
use super::mask::{Found, MASK_FOLDERS, Masks, photographs, unshare, unused};
use super::split::Split;
use crate::error::Result;
use crate::metric::Label;

/// The names of folders of normal images, in any case: MVTec AD's, BTAD's and VisA's.
const NORMAL: [&str; 3] = ["good", "ok", "normal"];

pub(super) fn is_normal(folder: &Path) -> bool {
    is_named(folder, &NORMAL)
}

/// Adds the samples of a category if its folder has this layout, and returns whether it has. For
/// evaluating a model, `test` is enough if it has a folder of normal images.
pub(super) fn add(
    split: &mut Split,
    folder: &Listing,
    root: &Path,
    category: &str,
) -> Result<bool> {
    let train = folder.folder(&["train"]);
    let test = folder.folder(&["test", "test_public"]); // the second in MVTec AD 2
    let training = match &train {
        Some(train) => training(train, root)?,
        None => test_alone(test.as_deref())?,
    };
    let Some(training) = training else {
        return Ok(false);
    };
    for path in training.images {
        let sample = Sample::of_file(path, category, Label::Normal);
        split.train.push(Sample {
            kind: "good".into(),
            ..sample
        });
    }
    let masks = folder.folder(&MASK_FOLDERS);
    // For instance MVTec LOCO's `validation`, or `Test` beside `test`.
    let used = [&train, &test, &masks];
    let others = folder.folders.iter();
    let others = others.filter(|other| !used.iter().any(|used| used.as_ref() == Some(other)));
    split.pass_over(category, training.unread);
    split.pass_over(category, folder.images.clone());
    split.pass_over_folders(category, others.cloned());
    if let Some(test) = test {
        add_test(split, &Listing::of(&test)?, masks, root, category)?;
    }
    Ok(true)
}

/// The normal training images in `train`: all images in folders with a name for normal images, or,
/// if no folder in `train` holds images, the images directly in `train`. None for another layout.
fn training(train: &Path, root: &Path) -> Result<Option<Listing>> {
    let direct = photographs(train)?;
    let (normal, other): (Vec<_>, Vec<_>) =
        direct.folders.iter().partition(|folder| is_normal(folder));
    let other = other.into_iter();
    let others = other.filter(|folder| holds_images(folder, SEARCH_DEPTH));
    let others: Vec<PathBuf> = others.cloned().collect();
    if normal.is_empty() {
        let are_masks = others.iter().all(|other| is_named(other, &MASK_FOLDERS));
        let is_flat = !direct.images.is_empty() && are_masks;
        return Ok(is_flat.then_some(Listing {
            unread: [others, direct.unread].concat(),
            ..direct
        }));
    }
    let mut training = Listing {
        unread: [others, direct.images, direct.unread].concat(),
        ..Listing::default()
    };
    for folder in normal {
        let mut listing = Listing::below_except(folder, root, &MASK_FOLDERS)?;
        let masks = Masks::beside(folder, &mut listing);
        training.images.extend(listing.images);
        training.unread.extend(listing.unread);
        training.unread.extend(masks.all());
    }
    Ok(Some(training))
}

/// An empty list of training images, if a folder of test images has a name for normal images.
fn test_alone(test: Option<&Path>) -> Result<Option<Listing>> {
    let kinds = test.map(Listing::of).transpose()?.unwrap_or_default();
    let is_known = kinds.folders.iter().any(|kind| is_normal(kind));
    Ok(is_known.then(Listing::default))
}

/// Adds the images in the folders of `test`. Their masks are in `masks` or in a folder of `test`;
/// if there are none, the masks are beside the images.
fn add_test(
    split: &mut Split,
    test: &Listing,
    masks: Option<PathBuf>,
    root: &Path,
    category: &str,
) -> Result<()> {
    split.pass_over(category, [&test.images[..], &test.unread].concat());
    let folders = test.folders.iter();
    let (mask_folders, kinds): (Vec<&PathBuf>, Vec<_>) =
        folders.partition(|folder| is_named(folder, &MASK_FOLDERS));
    // A link to another folder of the data set would count its images twice, or call training
    // images defective.
    let (again, kinds): (Vec<&PathBuf>, Vec<_>) = kinds
        .iter()
        .partition(|&&kind| leads_into(kind, &kinds) || stays_within(kind, root));
    split.pass_over(category, again.into_iter().cloned());
    let mask_folder = masks.or_else(|| test.folder(&MASK_FOLDERS));
    let others = mask_folders.into_iter();
    let others = others.filter(|&folder| mask_folder.as_ref() != Some(folder));
    split.pass_over(category, others.cloned());

    let masks = MaskFolders::open(mask_folder.as_deref(), &kinds, root)?;
    let mut all_masks = masks.all();
    let (mut samples, mut found) = (Vec::new(), Vec::new());
    for kind in kinds {
        let mut listing = Listing::below_except(kind, root, &MASK_FOLDERS)?;
        let mut beside = Masks::beside(kind, &mut listing);
        let is_normal = is_normal(kind);
        match is_normal {
            true => split.pass_over(category, beside.all()),
            false => {
                beside.add_inner(kind, root, &mut listing)?;
                all_masks.extend(beside.all());
            }
        }
        for path in listing.images {
            let (label, masks) = match is_normal {
                true => (Label::Normal, Found::default()),
                false => (Label::Anomalous, masks.of(kind, &path, &beside)),
            };
            found.push(masks);
            samples.push(Sample {
                kind: name(kind),
                ..Sample::of_file(path, category, label)
            });
        }
        split.pass_over(category, listing.unread);
        split.pass_over(category, beside.unread);
    }
    let of_images = found.iter().flat_map(|found| &found.masks);
    split.pass_over(category, unused(all_masks, of_images));
    for index in unshare(&mut found) {
        split.sharing.push(samples[index].clone());
    }
    for (sample, found) in samples.iter_mut().zip(found) {
        sample.masks = found.masks;
    }
    split.test.extend(samples);
    split.pass_over(category, masks.unread);
    split.expects_masks = true;
    Ok(())
}

/// The masks of a category's anomalous test images.
struct MaskFolders {
    /// The masks of each kind of defect that has a folder of masks.
    of_kind: HashMap<PathBuf, Masks>,
    /// The masks of all kinds, used if no kind has its own folder. Only the names say to which
    /// image a mask belongs.
    of_all: Option<Masks>,
    /// Files that are not readable masks.
    unread: Vec<PathBuf>,
}

impl MaskFolders {
    fn open(folder: Option<&Path>, kinds: &[&PathBuf], root: &Path) -> Result<Self> {
        let mut found = Self {
            of_kind: HashMap::new(),
            of_all: None,
            unread: Vec::new(),
        };
        let Some(folder) = folder else {
            return Ok(found);
        };
        let mut listing = Listing::of(folder)?;
        for kind in kinds.iter().filter(|kind| !is_normal(kind)) {
            if let Some(folder) = listing.folder(&[&name(kind)]) {
                let mut masks = Masks::below(&folder, root)?;
                found.unread.append(&mut masks.unread);
                found.of_kind.insert(PathBuf::clone(kind), masks);
                listing.folders.retain(|other| *other != folder);
            }
        }
        if found.of_kind.is_empty() {
            let mut masks = Masks::below(folder, root)?;
            found.unread.append(&mut masks.unread);
            found.of_all = Some(masks);
        } else {
            // Masks of good images are black.
            let others = listing.folders.into_iter();
            found
                .unread
                .extend(others.filter(|other| !is_normal(other)));
            found
                .unread
                .extend([listing.images, listing.unread].concat());
        }
        Ok(found)
    }

    /// All masks, in any order.
    fn all(&self) -> Vec<PathBuf> {
        let folders = self.of_kind.values().chain(&self.of_all);
        folders.flat_map(Masks::all).collect()
    }

    /// The masks of the image at `path` in the folder `kind`; `beside` has the masks in that
    /// folder.
    fn of(&self, kind: &Path, path: &Path, beside: &Masks) -> Found {
        let place = path.strip_prefix(kind).unwrap_or(path);
        let masks = self.of_kind.get(kind).or(self.of_all.as_ref());
        let found = masks.map_or(Found::default(), |masks| masks.of(place));
        match found.masks.is_empty() {
            true => beside.of(place),
            false => found,
        }
    }
}
