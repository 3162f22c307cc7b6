//! The loaders on real data, which most machines do not have: `DAAD_DATA=FOLDER cargo test --release
//! data:: -- --ignored`.

use std::fs;
use std::path::{Path, PathBuf};

use daad::dataset::{DataSet, Split};
use daad::metric::Label;

/// A data set's folder.
fn data(name: &str) -> PathBuf {
    let root = std::env::var_os("DAAD_DATA").expect("DAAD_DATA names the folder of the data sets");
    let folder = Path::new(&root).join(name);
    assert!(folder.is_dir(), "{} is not there", folder.display());
    folder
}

fn split(root: &Path, categories: &[&str]) -> Split {
    let categories: Vec<String> = categories.iter().map(|&name| name.to_owned()).collect();
    DataSet::open(root).unwrap().select(&categories).unwrap()
}

/// The numbers of training images, and of normal and anomalous test images.
fn counts(split: &Split) -> [usize; 3] {
    let of = |label| {
        split
            .test
            .iter()
            .filter(|sample| sample.label == label)
            .count()
    };
    [split.train.len(), of(Label::Normal), of(Label::Anomalous)]
}

#[test]
#[ignore = "needs the data sets in DAAD_DATA"]
fn mvtec_has_its_official_split_and_its_masks() {
    let root = data("mvtec");
    assert_eq!(counts(&split(&root, &["bottle"])), [209, 20, 63]);
    assert_eq!(counts(&split(&root, &["screw"])), [320, 41, 119]);
    let bottle = split(&root, &["bottle"]);
    let masked = bottle.test.iter().filter(|sample| !sample.masks.is_empty());
    assert_eq!(masked.count(), 63);
    let defective = bottle.test.iter().find(|sample| !sample.masks.is_empty());
    let mask = defective.unwrap().load(64, 64).unwrap().mask.unwrap();
    let set = mask.pixels().filter(|pixel| pixel[0] == 255).count();
    assert!((1..64 * 64 / 2).contains(&set), "{set}");
}

#[test]
#[ignore = "needs the data sets in DAAD_DATA"]
fn piped_has_thirteen_classes_of_paper() {
    let root = data("piped");
    assert_eq!(DataSet::open(&root).unwrap().categories().len(), 13);
    let paper = split(&root, &["PA_GLA01_TL"]);
    assert_eq!(counts(&paper), [36, 12, 48]);
    let all = split(&root, &[]);
    let masked = all.test.iter().filter(|sample| !sample.masks.is_empty());
    assert_eq!(masked.count(), 12 * 48); // one class has no defective sheets
}

#[test]
#[ignore = "needs the data sets in DAAD_DATA"]
fn mnist_has_the_official_number_of_each_digit() {
    let root = data("mnist");
    let threes = split(&root, &["3"]);
    assert_eq!(counts(&threes), [6131, 1010, 8990]);
    let image = threes.train[0].load(28, 28).unwrap().image;
    let ink = image.pixels().filter(|pixel| pixel[0] > 127).count();
    assert!((20..300).contains(&ink), "a digit has {ink} pixels of ink");
}

#[test]
#[ignore = "needs the data sets in DAAD_DATA"]
fn ped2_frames_have_their_labels() {
    let root = data("ped2");
    let video = split(&root, &[]);
    let csv = fs::read_to_string(root.join("frame_labels.csv")).unwrap();
    let abnormal = csv
        .lines()
        .skip(1)
        .filter(|line| line.trim().ends_with(",1"))
        .count();
    let frames = csv.lines().count() - 1;
    assert_eq!(counts(&video)[1..], [frames - abnormal, abnormal]);
    assert!(video.train.len() > 2000);
    let names: Vec<&str> = video
        .test
        .iter()
        .map(|sample| sample.video.as_str())
        .collect();
    assert!(names.is_sorted() && names[0] == "01" && names[frames - 1] == "12");
}
