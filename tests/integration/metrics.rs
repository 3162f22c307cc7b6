//! Agreement of the metrics with scikit-learn and SciPy: `tests/golden/make_metrics.py` computed
//! the numbers. The tolerance is 1e-9.

use daad::dataset::Sample;
use daad::metric::{Label, PixelScores, RocCurve, auroc, average_precision, best_f1};
use image::{GrayImage, RgbImage};
use serde::Deserialize;
use tempfile::TempDir;

#[derive(Deserialize)]
struct Golden {
    images: Vec<ImageCase>,
    pixels: Vec<PixelCase>,
    files: FileCase,
}

#[derive(Deserialize)]
struct ImageCase {
    name: String,
    scores: Vec<f64>,
    labels: Vec<u8>,
    auroc: f64,
    average_precision: f64,
    best_f1: f64,
    best_f1_threshold: f64,
    false_positive_rates: Vec<f64>,
    true_positive_rates: Vec<f64>,
    thresholds: Vec<f64>,
}

#[derive(Deserialize)]
struct PixelCase {
    name: String,
    width: usize,
    images: Vec<PixelImage>,
    auroc: f64,
    aupro: f64,
}

/// Error maps, and masks as in files: larger than the maps, several per image, with any numbers.
#[derive(Deserialize)]
struct FileCase {
    width: u32,
    file_width: u32,
    images: Vec<FileImage>,
    auroc: f64,
    aupro: f64,
}

#[derive(Deserialize)]
struct FileImage {
    scores: Vec<f32>,
    files: Vec<Vec<u8>>,
}

#[derive(Deserialize)]
struct PixelImage {
    scores: Vec<f32>,
    mask: Option<Vec<u8>>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../golden/metrics.json")).unwrap()
}

#[track_caller]
fn assert_close(name: &str, got: &[f64], expected: &[f64]) {
    assert_eq!(got.len(), expected.len(), "{name}");
    for (got, expected) in got.iter().zip(expected) {
        assert!((got - expected).abs() < 1e-9, "{name}: {got}, {expected}");
    }
}

#[test]
fn image_metrics_are_scikit_learns() {
    for case in golden().images {
        let label = |&label: &u8| match label {
            0 => Label::Normal,
            _ => Label::Anomalous,
        };
        let labels: Vec<Label> = case.labels.iter().map(label).collect();
        let (name, scores) = (&case.name, &case.scores);
        let best = best_f1(scores, &labels).unwrap();
        let got = [
            auroc(scores, &labels).unwrap(),
            average_precision(scores, &labels).unwrap(),
            best.f1,
            best.threshold,
        ];
        let expected = [
            case.auroc,
            case.average_precision,
            case.best_f1,
            case.best_f1_threshold,
        ];
        assert_close(name, &got, &expected);
        let curve = RocCurve::of(scores, &labels).unwrap();
        assert_close(
            name,
            &curve.false_positive_rates,
            &case.false_positive_rates,
        );
        assert_close(name, &curve.true_positive_rates, &case.true_positive_rates);
        assert_close(name, &curve.thresholds[1..], &case.thresholds);
    }
}

#[test]
fn pixel_metrics_are_those_of_brute_force() {
    for case in golden().pixels {
        let mut pixels = PixelScores::default();
        for image in &case.images {
            match &image.mask {
                None => pixels.add_normal(&image.scores),
                Some(mask) => {
                    let mask: Vec<bool> = mask.iter().map(|&pixel| pixel > 0).collect();
                    pixels.add_masked(&image.scores, &mask, case.width);
                }
            }
        }
        let got = pixels.measure().unwrap();
        assert_close(
            &case.name,
            &[got.auroc, got.aupro],
            &[case.auroc, case.aupro],
        );
    }
}

#[test]
fn pixel_metrics_of_mask_files_are_those_of_brute_force() {
    let case = golden().files;
    let root = TempDir::new().unwrap();
    let mut pixels = PixelScores::default();
    for (index, image) in case.images.iter().enumerate() {
        let width = case.width as usize;
        let height = image.scores.len() / width;
        let path = |what: &str| root.path().join(format!("{index}-{what}.png"));
        let mut masks = Vec::new();
        for (number, mask) in image.files.iter().enumerate() {
            let height = mask.len() as u32 / case.file_width;
            let mask = GrayImage::from_raw(case.file_width, height, mask.clone()).unwrap();
            let path = path(&number.to_string());
            mask.save(&path).unwrap();
            masks.push(path);
        }
        RgbImage::new(40, 30).save(path("image")).unwrap();
        let label = match masks.is_empty() {
            true => Label::Normal,
            false => Label::Anomalous,
        };
        let sample = Sample {
            masks,
            ..Sample::of_file(path("image"), "", label)
        };
        match sample.load(width, height).unwrap().mask {
            None => pixels.add_normal(&image.scores),
            Some(mask) => {
                let mask: Vec<bool> = mask.iter().map(|&pixel| pixel > 0).collect();
                pixels.add_masked(&image.scores, &mask, width);
            }
        }
    }
    let got = pixels.measure().unwrap();
    assert_close("files", &[got.auroc, got.aupro], &[case.auroc, case.aupro]);
}
