//! The verdict "unfamiliar": images of other kinds than the training images.

use std::fs;
use std::path::PathBuf;

use burn::tensor::Device;
use daad::Detector;
use daad::score::Verdict;
use pollster::block_on;

use crate::common::of_repository;

fn images(folder: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(of_repository(folder)).unwrap();
    let paths = files.map(|file| file.unwrap().path());
    let images: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "png"))
        .collect();
    assert!(images.len() > 10, "{folder}: {} images", images.len());
    images
}

fn unfamiliar(detector: &Detector, images: &[PathBuf]) -> usize {
    let verdict = |path| {
        block_on(detector.detect(&fs::read(path).unwrap()))
            .unwrap()
            .verdict
    };
    let verdicts = images.iter().map(verdict);
    verdicts
        .filter(|&verdict| verdict == Verdict::Unfamiliar)
        .count()
}

#[test]
fn what_a_model_has_not_learned_is_unfamiliar_and_defects_of_its_own_kind_are_not() {
    let folders = [
        ("models/piped.safetensors", "www/gallery/piped"),
        ("models/series/floors-r4.safetensors", "www/floors"),
    ];
    for (model, own) in folders {
        let file = fs::read(of_repository(model)).unwrap();
        let detector = Detector::from_bytes(&file, &Device::flex()).unwrap();
        for (_, folder) in folders {
            let images = images(folder);
            let expected = if folder == own { 0 } else { images.len() };
            assert_eq!(
                unfamiliar(&detector, &images),
                expected,
                "{model} on {folder}"
            );
        }
    }
}
