//! Tests of the layouts, with files that the tests create. `tests/integration/data.rs` tests them
//! with real data.

mod masks;
mod own;
mod published;

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::dataset::files::name;

fn folder(files: &[&str]) -> TempDir {
    let root = TempDir::new().unwrap();
    for file in files {
        write(root.path(), file, b"");
    }
    root
}

fn write(root: &Path, file: &str, bytes: &[u8]) {
    let path = root.join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn split(root: &Path, categories: &[&str]) -> Result<Split> {
    let categories: Vec<String> = categories.iter().map(|&name| name.to_owned()).collect();
    DataSet::open(root)?.select(&categories)
}

fn message(root: &Path, categories: &[&str]) -> String {
    split(root, categories).unwrap_err().to_string()
}

fn names(samples: &[Sample]) -> Vec<String> {
    let describe = |sample: &Sample| {
        let file = name(Path::new(&sample.source.to_string()));
        format!("{}:{file}:{:?}", sample.category, sample.label)
    };
    samples.iter().map(describe).collect()
}

/// A small data set in the layout of MVTec AD, in which `rename` changes the name of every file.
fn renamed(rename: impl Fn(&str) -> String) -> TempDir {
    let files = [
        "train/good/0.png",
        "test/good/0.png",
        "test/hole/0.png",
        "test/hole/1.png",
        "ground_truth/hole/0_mask.png",
        "ground_truth/hole/1_mask.png",
    ];
    let files = files.map(rename);
    folder(&files.each_ref().map(String::as_str))
}

/// The numbers of training images, normal and anomalous test images, and images with a mask.
fn counts(split: &Split) -> [usize; 4] {
    let of = |label| split.test.iter().filter(|s| s.label == label).count();
    let masked = split.test.iter().filter(|s| !s.masks.is_empty());
    let masked = masked.count();
    [
        split.train.len(),
        of(Label::Normal),
        of(Label::Anomalous),
        masked,
    ]
}
