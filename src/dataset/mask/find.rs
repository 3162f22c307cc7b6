//! Which masks belong to an image, by their names.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::is_labelme;
use crate::dataset::files::{Listing, is_named, name, stem};
use crate::error::Result;

/// The names of folders of masks, in any case: MVTec AD's and BTAD's, VisA's, VOC's and labelme's.
pub(in crate::dataset) const MASK_FOLDERS: [&str; 13] = [
    "ground_truth",
    "groundtruth",
    "ground-truth",
    "gt",
    "masks",
    "mask",
    "SegmentationClass",
    "SegmentationClassPNG",
    "annotations",
    "label",
    "labels",
    "seg",
    "segmentation",
];

/// The suffixes of a mask's name after the name of its image. There is none in VisA, BTAD and VOC.
/// With a suffix, a mask may also be beside its image.
const SUFFIXES: [&str; 10] = [
    "",
    "_mask",
    "-mask",
    "_gt",
    "-gt",
    "_label",
    "_seg",
    "_segmentation",
    "_ground_truth",
    "_groundtruth",
];

/// The photographs in a folder; masks that lie beside them are listed as not read.
///
/// ```
/// use daad::dataset::photographs;
/// use image::RgbImage;
///
/// let folder = tempfile::tempdir()?;
/// for name in ["000.png", "000_mask.png"] {
///     RgbImage::new(8, 8).save(folder.path().join(name))?;
/// }
/// let listing = photographs(folder.path())?;
/// assert_eq!(listing.images, [folder.path().join("000.png")]);
/// assert_eq!(listing.unread, [folder.path().join("000_mask.png")]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// As [`Listing::of`].
pub fn photographs(folder: &Path) -> Result<Listing> {
    let mut listing = Listing::of(folder)?;
    let masks = Masks::beside(folder, &mut listing).all();
    listing.unread.extend(masks);
    Ok(listing)
}

/// Masks by name.
#[derive(Debug, Default)]
pub(in crate::dataset) struct Masks {
    /// Masks by their place below the folder of masks, without ending: `000_mask`,
    /// `monday/000_mask`.
    files: Named,
    /// All masks in a folder below the folder of masks: in MVTec LOCO each image has such a folder.
    folders: Named,
    /// Files that are not readable masks.
    pub(in crate::dataset) unread: Vec<PathBuf>,
}

/// Files by their names in lower case, each with its original name.
#[derive(Debug, Default)]
struct Named(HashMap<String, Vec<(String, PathBuf)>>);

impl Named {
    fn add(&mut self, name: String, path: PathBuf) {
        let files = self.0.entry(name.to_lowercase()).or_default();
        files.push((name, path));
    }

    /// The files with this name, in the same case or in any case.
    fn of(&self, name: &str, in_any_case: bool) -> Vec<PathBuf> {
        let files = self.0.get(&name.to_lowercase()).into_iter().flatten();
        let files = files.filter(|(own, _)| in_any_case || own == name);
        files.map(|(_, path)| path.clone()).collect()
    }
}

/// The masks of an image; if there are several, their union is used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::dataset) struct Found {
    pub(in crate::dataset) masks: Vec<PathBuf>,
    /// How much the names differ: not at all, in the ending, in case, or in both.
    rank: usize,
}

impl Masks {
    /// The masks in `folder` and below it, in the data set `root`.
    pub(in crate::dataset) fn below(folder: &Path, root: &Path) -> Result<Self> {
        let mut masks = Self::default();
        masks.add(folder, root, "")?;
        Ok(masks)
    }

    /// Adds the masks in `folder` for images in the folder `place` below the folder of images.
    fn add(&mut self, folder: &Path, root: &Path, place: &str) -> Result<()> {
        let listing = Listing::below(folder, root)?;
        let (drawn, unread): (Vec<_>, _) = listing.unread.into_iter().partition(|p| is_labelme(p));
        self.unread.extend(unread);
        for path in listing.images.into_iter().chain(drawn) {
            let parent = path.parent().unwrap_or(folder);
            let parent = key(parent.strip_prefix(folder).unwrap_or(Path::new("")));
            let parent = joined(place, &parent);
            self.files.add(joined(&parent, &stem(&path)), path.clone());
            self.folders.add(parent, path);
        }
        Ok(())
    }

    /// Removes masks beside their images, such as `000_mask.png` beside `000.png` and labelme's
    /// `000.json`, from the listing of `folder`, and returns them.
    pub(in crate::dataset) fn beside(folder: &Path, listing: &mut Listing) -> Self {
        let place = |path: &Path| key(path.strip_prefix(folder).unwrap_or(path));
        let without_ending = |path: &Path| place(&path.with_extension(""));
        let images = listing.images.iter();
        let places: HashSet<String> = images
            .flat_map(|path| [place(path), without_ending(path)])
            .map(|place| place.to_lowercase())
            .collect();
        let mut masks = Self::default();
        listing.unread.retain(|path| {
            let own = without_ending(path);
            let is_mask = places.contains(&own.to_lowercase()) && is_labelme(path);
            if is_mask {
                masks.files.add(own, path.clone());
            }
            !is_mask
        });
        listing.images.retain(|path| {
            let own = without_ending(path);
            let lower = own.to_lowercase();
            let mut suffixes = SUFFIXES.iter().filter(|suffix| !suffix.is_empty());
            let is_mask = suffixes.any(|suffix| {
                let image = lower.strip_suffix(suffix);
                image.is_some_and(|image| places.contains(image))
            });
            if is_mask {
                masks.files.add(own, path.clone());
            }
            !is_mask
        });
        masks
    }

    /// Removes folders of masks among the images, such as `test/hole/masks`, from the listing of
    /// `folder`, and adds their masks.
    pub(in crate::dataset) fn add_inner(
        &mut self,
        folder: &Path,
        root: &Path,
        listing: &mut Listing,
    ) -> Result<()> {
        let is_mask_folder = |path: &PathBuf| is_named(path, &MASK_FOLDERS) && path.is_dir();
        let unread = std::mem::take(&mut listing.unread).into_iter();
        let (inner, unread) = unread.partition(is_mask_folder);
        listing.unread = unread;
        for inner in inner {
            let parent = inner.parent().unwrap_or(folder);
            let place = key(parent.strip_prefix(folder).unwrap_or(Path::new("")));
            self.add(&inner, root, &place)?;
        }
        Ok(())
    }

    /// All masks, sorted.
    pub(in crate::dataset) fn all(&self) -> Vec<PathBuf> {
        let all = self.files.0.values().flatten();
        let mut all: Vec<PathBuf> = all.map(|(_, path)| path.clone()).collect();
        all.sort();
        all
    }

    /// The masks of the image at `place` below the folder of images: those with the most similar
    /// names.
    pub(in crate::dataset) fn of(&self, place: &Path) -> Found {
        let parent = key(place.parent().unwrap_or(Path::new("")));
        // Some tools keep the image's ending: `000.jpg.png`.
        let stems = [name(place), stem(place)];
        let ways = [false, true]
            .into_iter()
            .flat_map(|in_any_case| stems.iter().map(move |stem| (in_any_case, stem)));
        for (rank, (in_any_case, stem)) in ways.enumerate() {
            for suffix in SUFFIXES {
                let candidate = joined(&parent, &format!("{stem}{suffix}"));
                let mut masks = self.files.of(&candidate, in_any_case);
                if masks.is_empty() {
                    masks = self.folders.of(&candidate, in_any_case);
                }
                if !masks.is_empty() {
                    return Found { masks, rank };
                }
            }
        }
        Found::default()
    }
}

/// Resolves masks that belong to several images. If the names of two images differ only in case or
/// ending, the mask belongs to the image with the more similar name, or to neither. Returns the
/// indices of the images that lose their masks.
pub(in crate::dataset) fn unshare(found: &mut [Found]) -> Vec<usize> {
    let mut nearest: HashMap<PathBuf, (usize, usize)> = HashMap::new();
    for image in &*found {
        for mask in &image.masks {
            let (rank, count) = nearest.entry(mask.clone()).or_insert((image.rank, 0));
            if image.rank < *rank {
                (*rank, *count) = (image.rank, 0);
            }
            *count += usize::from(image.rank == *rank);
        }
    }
    let mut losers = Vec::new();
    for (index, image) in found.iter_mut().enumerate() {
        let own = (image.rank, 1);
        if image.masks.iter().any(|mask| nearest[mask] != own) {
            image.masks.clear();
            losers.push(index);
        }
    }
    losers
}

/// Those of `all` that belong to no image, sorted; `used` are the masks of the images.
pub(in crate::dataset) fn unused<'a>(
    mut all: Vec<PathBuf>,
    used: impl Iterator<Item = &'a PathBuf>,
) -> Vec<PathBuf> {
    let used: HashSet<&PathBuf> = used.collect();
    all.retain(|mask| !used.contains(mask));
    all.sort();
    all
}

fn joined(parent: &str, stem: &str) -> String {
    match (parent, stem) {
        ("", one) | (one, "") => one.to_owned(),
        _ => format!("{parent}/{stem}"),
    }
}

/// A place below a folder, written in the same way on every system.
fn key(place: &Path) -> String {
    let parts = place.iter().map(|part| part.to_string_lossy());
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
        let masks = Masks::below(root.path(), root.path()).unwrap();
        let found = |image: &str| {
            let found = masks.of(Path::new(image)).masks;
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
        let images = [
            "a/1.png",
            "a/1_mask.png",
            "a/2_mask.png",
            "a/3.bmp",
            "a/3.bmp_label.png",
            "a/4_label.png",
        ];
        let images = images.map(PathBuf::from);
        let mut listing = Listing {
            images: images.to_vec(),
            ..Listing::default()
        };
        let masks = Masks::beside(Path::new("a"), &mut listing);
        let images = ["a/1.png", "a/2_mask.png", "a/3.bmp", "a/4_label.png"];
        assert_eq!(listing.images, images.map(PathBuf::from));
        let [one, three] = ["a/1_mask.png", "a/3.bmp_label.png"].map(PathBuf::from);
        let all = masks.all();
        assert_eq!(masks.of(Path::new("1.png")).masks, all[..1]);
        assert_eq!(masks.of(Path::new("3.bmp")).masks, all[1..]);
        assert_eq!(all, [one, three]);
    }

    /// The masks of each image, and the indices of the images that would have shared one.
    fn unshared(masks: &[&str], images: &[&str]) -> (Vec<Vec<String>>, Vec<usize>) {
        let mut named = Masks::default();
        for mask in masks {
            named.files.add(stem(Path::new(mask)), PathBuf::from(mask));
        }
        let images = images.iter().map(|image| named.of(Path::new(image)));
        let mut found: Vec<Found> = images.collect();
        let losers = unshare(&mut found);
        let names = |found: Found| found.masks.iter().map(|path| name(path)).collect();
        (found.into_iter().map(names).collect(), losers)
    }

    #[test]
    fn a_mask_is_that_of_the_image_with_the_nearest_name_or_of_none() {
        let (a, b) = ("a_mask.png", "A_mask.png");
        let each = |names: [&str; 2]| names.map(|name| vec![name.to_owned()]).to_vec();
        assert_eq!(
            unshared(&[a, b], &["a.png", "A.png"]),
            (each([a, b]), vec![])
        );
        let (own, stem) = ("0.bmp_mask.png", "0_mask.png");
        let found = unshared(&[stem, own], &["0.bmp", "0.png"]);
        assert_eq!(found, (each([own, stem]), vec![]));
        let none = vec![Vec::<String>::new(); 2];
        let found = unshared(&[stem], &["0.bmp", "0.png"]);
        assert_eq!(found, (none, vec![0, 1]));
        let found = unshared(&[a], &["A.png", "a.png"]);
        assert_eq!(found, (vec![vec![], vec![a.to_owned()]], vec![0]));
    }
}
