//! Which masks belong to an image, by their names.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::is_labelme;
use crate::dataset::files::{Listing, name, stem};
use crate::error::Result;

/// The names of folders of masks, in any case: MVTec AD's and BTAD's, VisA's, VOC's and labelme's.
pub(in crate::dataset) const MASK_FOLDERS: [&str; 9] = [
    "ground_truth",
    "groundtruth",
    "ground-truth",
    "gt",
    "masks",
    "mask",
    "SegmentationClass",
    "SegmentationClassPNG",
    "annotations",
];

/// What a mask's name has beside its image's: nothing, as in VisA, BTAD and VOC, or one of these.
const SUFFIXES: [&str; 9] = [
    "",
    "_mask",
    "-mask",
    "_gt",
    "-gt",
    "_label",
    "_seg",
    "_ground_truth",
    "_groundtruth",
];

/// With these a mask may lie beside its image; other names there are more likely photographs.
const SUFFIXES_BESIDE: [&str; 4] = ["_mask", "-mask", "_gt", "-gt"];

/// Masks by name, in lower case and without ending.
#[derive(Debug, Default)]
pub(in crate::dataset) struct Masks {
    /// By the place below the folder of masks: `000_mask`, `monday/000_mask`.
    files: HashMap<String, Vec<PathBuf>>,
    /// All masks in a folder below the folder of masks: in MVTec LOCO each image has such a folder.
    folders: HashMap<String, Vec<PathBuf>>,
    /// What is no mask that can be read.
    pub(in crate::dataset) unread: Vec<PathBuf>,
}

impl Masks {
    /// The masks in `folder` and below it.
    pub(in crate::dataset) fn below(folder: &Path) -> Result<Self> {
        let listing = Listing::below(folder)?;
        let (drawn, unread): (Vec<_>, _) = listing.unread.into_iter().partition(|p| is_labelme(p));
        let mut masks = Self {
            unread,
            ..Self::default()
        };
        for path in listing.images.into_iter().chain(drawn) {
            let parent = path.parent().unwrap_or(folder);
            let parent = key(parent.strip_prefix(folder).unwrap_or(Path::new("")));
            let file = joined(&parent, &stem(&path));
            masks.files.entry(file).or_default().push(path.clone());
            masks.folders.entry(parent).or_default().push(path);
        }
        Ok(masks)
    }

    /// Takes the masks that lie beside their images, as `000_mask.png` beside `000.png`, out of
    /// what is listed in `folder`; also labelme's `000.json`.
    pub(in crate::dataset) fn beside(folder: &Path, listing: &mut Listing) -> Self {
        let place =
            |path: &Path| key(&path.strip_prefix(folder).unwrap_or(path).with_extension(""));
        let places: HashSet<String> = listing.images.iter().map(|path| place(path)).collect();
        let mut masks = Self::default();
        listing.unread.retain(|path| {
            let own = place(path);
            let is_mask = places.contains(&own) && is_labelme(path);
            if is_mask {
                masks.files.entry(own).or_default().push(path.clone());
            }
            !is_mask
        });
        listing.images.retain(|path| {
            let own = place(path);
            let mut suffixes = SUFFIXES_BESIDE.iter();
            let is_mask = suffixes.any(|suffix| {
                let image = own.strip_suffix(suffix);
                image.is_some_and(|image| places.contains(image))
            });
            if is_mask {
                masks.files.entry(own).or_default().push(path.clone());
            }
            !is_mask
        });
        masks
    }

    /// All masks, sorted.
    pub(in crate::dataset) fn all(&self) -> Vec<PathBuf> {
        let mut all: Vec<PathBuf> = self.files.values().flatten().cloned().collect();
        all.sort();
        all
    }

    /// The masks of the image at `place` below the folder of images; several are to be united.
    pub(in crate::dataset) fn of(&self, place: &Path) -> Vec<PathBuf> {
        let parent = key(place.parent().unwrap_or(Path::new("")));
        // Some tools keep the image's ending: `000.jpg.png`.
        let stems = [stem(place), name(place)];
        let mut candidates = stems.iter().flat_map(|stem| {
            let names = SUFFIXES.map(|suffix| joined(&parent, &format!("{stem}{suffix}")));
            names.into_iter()
        });
        let found = candidates.find_map(|candidate| {
            let found = self.files.get(&candidate);
            found.or_else(|| self.folders.get(&candidate))
        });
        found.cloned().unwrap_or_default()
    }
}

fn joined(parent: &str, stem: &str) -> String {
    let stem = stem.to_lowercase();
    match parent.is_empty() {
        true => stem,
        false => format!("{parent}/{stem}"),
    }
}

/// A place below a folder, the same on every system and in any case.
fn key(place: &Path) -> String {
    let parts = place
        .iter()
        .map(|part| part.to_string_lossy().to_lowercase());
    parts.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use tempfile::TempDir;

    #[test]
    fn masks_are_found_under_the_names_in_use() {
        let root = TempDir::new().unwrap();
        for file in [
            "000_mask.png",
            "001.bmp",
            "002.JPG.png",
            "003/000.png",
            "003/001.png",
            "MONDAY/004_GT.tif",
        ] {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"").unwrap();
        }
        let masks = Masks::below(root.path()).unwrap();
        let found = |image: &str| {
            let found = masks.of(Path::new(image));
            found.iter().map(|path| name(path)).collect::<Vec<_>>()
        };
        assert_eq!(found("000.png"), ["000_mask.png"]);
        assert_eq!(found("001.JPG"), ["001.bmp"]);
        assert_eq!(found("002.jpg"), ["002.JPG.png"]);
        assert_eq!(found("003.png"), ["000.png", "001.png"]);
        assert_eq!(found("monday/004.png"), ["004_GT.tif"]);
        assert_eq!(found("005.png"), [""; 0]);
    }

    #[test]
    fn masks_beside_images_are_told_from_images() {
        let images = ["a/1.png", "a/1_mask.png", "a/2_mask.png"].map(PathBuf::from);
        let mut listing = Listing {
            images: images.to_vec(),
            ..Listing::default()
        };
        let masks = Masks::beside(Path::new("a"), &mut listing);
        let images = ["a/1.png", "a/2_mask.png"].map(PathBuf::from);
        assert_eq!(listing.images, images);
        assert_eq!(
            masks.of(Path::new("1.png")),
            [PathBuf::from("a/1_mask.png")]
        );
        assert_eq!(masks.all(), [PathBuf::from("a/1_mask.png")]);
    }
}
