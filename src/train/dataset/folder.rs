//! Folders of images in the layouts that people have them in.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::Sample;
use crate::error::{Error, Result};
use crate::metric::Label;

const EXTENSIONS: [&str; 5] = ["png", "jpg", "jpeg", "webp", "bmp"];

/// PIPED has no official split: the first this many normal images by name are for training.
const PIPED_TRAINING_IMAGES: usize = 36;

/// The image files of a data set, split into training and test.
///
/// Recognized by what the folder holds:
/// - MVTec AD: `train/good`, `test/good`, `test/DEFECT`;
/// - PIPED: `NoDefects` (or `NoDefect`) and `Defects`;
/// - images: all are normal, for training;
/// - folders that each are one of the first two: a category each. Folders of mere images are not
///   taken: nobody said that they are normal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Normal images only.
    pub train: Vec<Sample>,
    /// Normal and anomalous images.
    pub test: Vec<Sample>,
}

impl Folder {
    /// Lists the files of `root`, of the given categories only if there are any.
    ///
    /// # Errors
    ///
    /// [`Error::File`] for a folder that cannot be read, [`Error::Data`] for one without images or
    /// a category that is not there.
    pub fn open(root: &Path, categories: &[String]) -> Result<Self> {
        let mut found = Self {
            train: Vec::new(),
            test: Vec::new(),
        };
        let good = find_images(root)?;
        if good.is_empty() && !found.add_category(root, "")? {
            found.add_categories(root)?;
        }
        found
            .train
            .extend(good.into_iter().map(sample("", Label::Normal)));
        if found.train.is_empty() && found.test.is_empty() {
            return Err(Error::Data(format!(
                "{} holds no images that are known to be normal; expected good images, or \
                 train/good and test/… as in MVTec AD, or NoDefects and Defects as in PIPED, or \
                 folders each of one of these two layouts",
                root.display()
            )));
        }
        found.keep(categories)?;
        Ok(found)
    }

    /// The categories' names, in order.
    pub fn categories(&self) -> Vec<String> {
        let all = self.train.iter().chain(&self.test);
        let names: BTreeSet<&String> = all.map(|sample| &sample.category).collect();
        names.into_iter().cloned().collect()
    }

    fn keep(&mut self, categories: &[String]) -> Result<()> {
        if categories.is_empty() {
            return Ok(());
        }
        let known = self.categories();
        if let Some(unknown) = categories.iter().find(|name| !known.contains(name)) {
            let known = known.join(", ");
            return Err(Error::Data(format!(
                "there is no category {unknown}; there are: {known}"
            )));
        }
        let chosen = |sample: &Sample| categories.contains(&sample.category);
        self.train.retain(chosen);
        self.test.retain(chosen);
        Ok(())
    }

    /// Categories side by side, perhaps one level down in `data`.
    fn add_categories(&mut self, root: &Path) -> Result<()> {
        let data = root.join("data");
        let root = if data.is_dir() { data.as_path() } else { root };
        for folder in subfolders(root)? {
            self.add_category(&folder, &name(&folder))?;
        }
        Ok(())
    }

    /// Whether `folder` is of a layout that says what is normal; its samples are then added.
    fn add_category(&mut self, folder: &Path, category: &str) -> Result<bool> {
        let mvtec = folder.join("train").join("good");
        let piped = ["NoDefects", "NoDefect"].map(|name| folder.join(name));
        if mvtec.is_dir() {
            self.add_mvtec(folder, &mvtec, category)?;
        } else if let Some(normal) = piped.iter().find(|folder| folder.is_dir()) {
            self.add_piped(folder, normal, category)?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn add_mvtec(&mut self, folder: &Path, good: &Path, category: &str) -> Result<()> {
        let normal = sample(category, Label::Normal);
        self.train
            .extend(find_images(good)?.into_iter().map(normal));
        let test = folder.join("test");
        if !test.is_dir() {
            return Ok(());
        }
        for kind in subfolders(&test)? {
            let label = match name(&kind).as_str() {
                "good" => Label::Normal,
                _ => Label::Anomalous,
            };
            let masks = folder.join("ground_truth").join(name(&kind));
            let images = find_images(&kind)?.into_iter();
            let images = images.map(sample(category, label)).map(|sample| {
                let stem = sample.path.file_stem().unwrap_or_default();
                let mask = masks.join(format!("{}_mask.png", stem.to_string_lossy()));
                Sample {
                    kind: name(&kind),
                    mask: mask.is_file().then_some(mask),
                    ..sample
                }
            });
            self.test.extend(images);
        }
        Ok(())
    }

    fn add_piped(&mut self, folder: &Path, normal: &Path, category: &str) -> Result<()> {
        let mut train = find_images(normal)?;
        let test = train.split_off(PIPED_TRAINING_IMAGES.min(train.len()));
        let normal = sample(category, Label::Normal);
        self.train.extend(train.into_iter().map(&normal));
        self.test.extend(test.into_iter().map(&normal));
        let defects = folder.join("Defects");
        if defects.is_dir() {
            let defects = find_images(&defects)?.into_iter();
            self.test
                .extend(defects.map(sample(category, Label::Anomalous)));
        }
        Ok(())
    }
}

/// Makes samples of one kind from paths.
fn sample(category: &str, label: Label) -> impl Fn(PathBuf) -> Sample {
    move |path| Sample {
        path,
        category: category.to_owned(),
        kind: String::new(),
        label,
        mask: None,
    }
}

/// The image files directly in `folder`, by extension, sorted by name.
///
/// # Errors
///
/// [`Error::File`] where the folder cannot be read.
pub fn find_images(folder: &Path) -> Result<Vec<PathBuf>> {
    let is_image = |path: &PathBuf| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        extension.is_some_and(|extension| {
            path.is_file() && EXTENSIONS.contains(&extension.to_ascii_lowercase().as_str())
        })
    };
    Ok(entries(folder)?.into_iter().filter(is_image).collect())
}

fn subfolders(folder: &Path) -> Result<Vec<PathBuf>> {
    let folders = entries(folder)?.into_iter().filter(|path| path.is_dir());
    Ok(folders.collect())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let failed = |error| Error::file("cannot read folder", folder, error);
    let entries = fs::read_dir(folder).map_err(failed)?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(failed)?;
    paths.sort();
    Ok(paths)
}

fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn folder(files: &[&str]) -> TempDir {
        let root = TempDir::new().unwrap();
        for file in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"").unwrap();
        }
        root
    }

    fn names(samples: &[Sample]) -> Vec<String> {
        let name = |sample: &Sample| {
            let file = name(&sample.path);
            format!("{}:{file}:{:?}", sample.category, sample.label)
        };
        samples.iter().map(name).collect()
    }

    #[test]
    fn mvtec_layout_is_split_as_published() {
        let root = folder(&[
            "train/good/b.png",
            "train/good/a.PNG",
            "train/good/readme.txt",
            "test/good/c.png",
            "test/scratch/d.jpg",
            "ground_truth/scratch/d_mask.png",
        ]);
        let found = Folder::open(root.path(), &[]).unwrap();
        assert_eq!(names(&found.train), [":a.PNG:Normal", ":b.png:Normal"]);
        assert_eq!(names(&found.test), [":c.png:Normal", ":d.jpg:Anomalous"]);
    }

    #[test]
    fn piped_layout_keeps_the_normal_images_after_the_36th_for_testing() {
        let mut files: Vec<String> = (0..40)
            .map(|i| format!("data/K/NoDefects/{i:02}.png"))
            .collect();
        files.push("data/K/Defects/x.png".into());
        files.push("data/K/Defects/GroundTruth/x.png".into());
        files.push("data/L/NoDefect/y.png".into());
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        let root = folder(&files);
        let found = Folder::open(root.path(), &[]).unwrap();
        assert_eq!(found.categories(), ["K", "L"]);
        assert_eq!((found.train.len(), found.test.len()), (37, 5));
        assert_eq!(names(&found.test)[4], "K:x.png:Anomalous");
        let one = Folder::open(root.path(), &["L".into()]).unwrap();
        assert_eq!((one.train.len(), one.test.len()), (1, 0));
        let error = Folder::open(root.path(), &["M".into()])
            .unwrap_err()
            .to_string();
        assert!(error.contains("no category M; there are: K, L"), "{error}");
    }

    #[test]
    fn a_folder_of_images_is_all_for_training() {
        let root = folder(&["1.png", "2.webp"]);
        let found = Folder::open(root.path(), &[]).unwrap();
        assert_eq!((found.train.len(), found.test.len()), (2, 0));
    }

    #[test]
    fn folders_of_mere_images_side_by_side_are_not_taken_for_normal() {
        let root = folder(&["good/1.png", "bad/2.png"]);
        let error = Folder::open(root.path(), &[]).unwrap_err().to_string();
        assert!(error.contains("known to be normal"), "{error}");
        let good = Folder::open(&root.path().join("good"), &[]).unwrap();
        assert_eq!(good.train.len(), 1);
    }

    #[test]
    fn empty_and_missing_folders_are_named() {
        let root = folder(&[]);
        let error = Folder::open(root.path(), &[]).unwrap_err().to_string();
        assert!(error.contains("holds no images"), "{error}");
        let missing = root.path().join("nowhere");
        let error = Folder::open(&missing, &[]).unwrap_err().to_string();
        assert!(error.contains("nowhere"), "{error}");
    }
}
