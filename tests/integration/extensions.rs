//! The extensions of the paper: compared with SciPy and scikit-image
//! (`tests/golden/make_extensions.py` computed the numbers), by their derivatives, and in complete
//! models.

use burn::tensor::{Device, Tensor, TensorData};
use daad::detector::Inference;
use daad::image::{Flips, Mirror};
use daad::learn::{
    Finished, InMemoryTraining, Objective, TrainConfig, TrainState, finish, initialize, recalibrate,
};
use daad::loss::structural_similarity;
use daad::model::Model;
use daad::score::{RawScore, Scoring, smooth};
use daad::weights::{Precision, Provenance};
use image::RgbImage;
use pollster::block_on;
use serde::Deserialize;

use crate::training::{config, images, refs};

#[derive(Deserialize)]
struct Golden {
    similarity: Vec<Similarity>,
    smoothing: Vec<Smoothing>,
}

#[derive(Deserialize)]
struct Similarity {
    seed: u32,
    height: usize,
    width: usize,
    noise: f32,
    value: f32,
}

#[derive(Deserialize)]
struct Smoothing {
    seed: u32,
    height: usize,
    width: usize,
    sigma: f64,
    values: Vec<f32>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../golden/extensions.json")).unwrap()
}

/// The same numbers as `draw` in the script.
fn draw(mut seed: u32, count: usize) -> Vec<f32> {
    let mut next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 24) as f32 / 127.5 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

fn tensor(values: Vec<f32>, shape: [usize; 4]) -> Tensor<4> {
    Tensor::from_data(TensorData::new(values, shape), &Device::flex().autodiff())
}

fn scalar(tensor: Tensor<1>) -> f32 {
    tensor.into_scalar()
}

#[test]
fn the_structural_similarity_is_that_of_scikit_image() {
    for case in golden().similarity {
        let shape = [1, 3, case.height, case.width];
        let count = shape.iter().product();
        let x = tensor(draw(case.seed, count), shape);
        let z = tensor(draw(case.seed + 1, count), shape);
        let y = x.clone() + (z - x.clone()).mul_scalar(case.noise);
        let got = scalar(structural_similarity(x, y));
        let expected = case.value;
        assert!(
            (got - expected).abs() < 1e-5,
            "got {got}, expected {expected}"
        );
    }
}

#[test]
fn the_gradient_of_the_structural_similarity_is_its_slope() {
    let shape = [1, 3, 12, 13];
    let count: usize = shape.iter().product();
    let x = tensor(draw(11, count), shape);
    let y = draw(12, count);
    let at = tensor(y.clone(), shape).require_grad();
    let gradients = structural_similarity(x.clone(), at.clone()).backward();
    let gradient = at.grad(&gradients).unwrap().into_data();
    let gradient = gradient.try_to_vec::<f32>().unwrap();
    let largest = gradient
        .iter()
        .fold(0.0f32, |max, value| max.max(value.abs()));
    let step = 0.02;
    let moved = |index: usize, by: f32| {
        let mut values = y.clone();
        values[index] += by;
        scalar(structural_similarity(x.clone(), tensor(values, shape)))
    };
    for index in (0..count).step_by(13) {
        let slope = (moved(index, step) - moved(index, -step)) / (2.0 * step);
        let off = (slope - gradient[index]).abs() / largest;
        assert!(
            off < 0.02,
            "{index}: slope {slope}, gradient {}",
            gradient[index]
        );
    }
}

#[test]
fn the_smoothed_map_is_that_of_scipy() {
    for case in golden().smoothing {
        let map = draw(case.seed, case.height * case.width);
        let smoothed = smooth(&map, case.width, case.sigma);
        for (got, expected) in smoothed.iter().zip(&case.values) {
            assert!(
                (got - expected).abs() < 1e-6,
                "got {got}, expected {expected}"
            );
        }
    }
}

fn model(config: &TrainConfig) -> Model {
    initialize(config.model.init(&Device::flex()).unwrap(), 3)
}

fn finished(config: &TrainConfig, images: &[&RgbImage]) -> Finished {
    let device = Device::flex();
    let (precision, provenance) = (Precision::F32, Provenance::default());
    let model = model(config);
    block_on(finish(
        &model, config, provenance, precision, images, &device,
    ))
    .unwrap()
}

#[test]
fn with_smoothing_the_reconstruction_score_is_the_largest_value_of_the_smoothed_map() {
    let config = config();
    let plain = Inference::new(&model(&config), &Device::flex(), true);
    let smoothing = Inference::new(&model(&config), &Device::flex(), true).with_scoring(Scoring {
        error_smoothing_px: 1.5,
        ..Scoring::default()
    });
    let images = images(3);
    let images = refs(&images);
    let plain = block_on(plain.predict(&images)).unwrap();
    let smoothed = block_on(smoothing.predict(&images)).unwrap();
    for (index, (plain, smoothed)) in plain.iter().zip(&smoothed).enumerate() {
        assert_eq!(smoothed.error_map, smooth(&plain.error_map, 32, 1.5));
        let largest = smoothed.error_map.iter().copied().fold(0.0, f32::max);
        assert_eq!(smoothed.raw.reconstruction, f64::from(largest));
        assert_eq!(smoothed.raw.alignment, plain.raw.alignment);
        let alone = block_on(smoothing.predict(&[images[index]]))
            .unwrap()
            .remove(0);
        assert!((alone.raw.reconstruction / smoothed.raw.reconstruction - 1.0).abs() < 1e-5);
    }
}

#[test]
fn flips_at_test_time_average_over_mirror_images_and_turn_the_maps_back() {
    let config = config();
    let device = Device::flex();
    let plain = Inference::new(&model(&config), &device, true);
    let image = &images(1)[0];
    for flips in [Flips::Both, Flips::Horizontal, Flips::Vertical] {
        let flipping = Inference::new(&model(&config), &device, true).with_scoring(Scoring {
            flips,
            ..Scoring::default()
        });
        let got = block_on(flipping.predict(&[image])).unwrap().remove(0);
        let of = |image: &RgbImage| block_on(plain.predict(&[image])).unwrap().remove(0);
        let mirrors: Vec<Mirror> = flips.mirrors().collect();
        let count = (mirrors.len() + 1) as f64;
        let mut sum = of(image);
        assert_eq!(got.reconstruction, sum.reconstruction);
        for mirror in &mirrors {
            let mut other = of(&mirror.image(image));
            mirror.map(&mut other.error_map, 32);
            sum.raw.reconstruction += other.raw.reconstruction;
            *sum.raw.alignment.as_mut().unwrap() += other.raw.alignment.unwrap();
            let maps = sum.error_map.iter_mut().zip(&other.error_map);
            maps.for_each(|(sum, other)| *sum += other);
        }
        let near = |got: f64, sum: f64| (got / (sum / count) - 1.0).abs() < 1e-5;
        assert!(near(got.raw.reconstruction, sum.raw.reconstruction));
        assert!(near(got.raw.alignment.unwrap(), sum.raw.alignment.unwrap()));
        for (&got, &sum) in got.error_map.iter().zip(&sum.error_map) {
            assert!(near(f64::from(got), f64::from(sum)), "{got} {sum}");
        }
        // The score does not depend on whether the image is mirrored.
        for mirror in mirrors {
            let mirrored = block_on(flipping.predict(&[&mirror.image(image)]))
                .unwrap()
                .remove(0);
            let [a, b] = [mirrored.raw, got.raw].map(|raw| raw.reconstruction);
            assert!((a / b - 1.0).abs() < 1e-5, "{a} {b}");
        }
    }
}

#[test]
fn a_model_file_keeps_how_its_images_are_scored_and_is_calibrated_so() {
    let images = images(4);
    let images = refs(&images);
    let plain = finished(&config(), &images);
    assert!(plain.detector.card().scoring.is_plain());
    let calibration = &plain.detector.card().calibration;
    assert_eq!(calibration.normal_scores.len(), 4);
    let mirrored = |scores: &Vec<RawScore>| scores.len() == 4;
    assert!(calibration.normal_raw_scores.iter().all(mirrored));
    let scoring = Scoring {
        error_smoothing_px: 1.0,
        flips: Flips::Both,
    };
    let config = TrainConfig {
        scoring,
        ..config()
    };
    let extended = finished(&config, &images);
    let card = extended.detector.card();
    assert_eq!(card.scoring, scoring);
    // Mirror images would have the same scores, so each image is scored once.
    let once = |scores: &Vec<RawScore>| scores.len() == 1;
    assert!(card.calibration.normal_raw_scores.iter().all(once));
    block_on(extended.detector.check_device()).unwrap();
    let scores = block_on(extended.detector.predict(&images)).unwrap();
    for (score, calibrated) in scores.iter().zip(&card.calibration.normal_raw_scores) {
        assert!((score.raw.reconstruction / calibrated[0].reconstruction - 1.0).abs() < 1e-5);
    }
    let device = Device::flex();
    let again = recalibrate(&extended.bytes, &images, Flips::Both, &device);
    assert_eq!(block_on(again).unwrap().bytes, extended.bytes);
}

#[test]
fn the_structural_similarity_is_trained_only_where_it_has_a_weight() {
    let mut weighted = config();
    weighted.objective.structural_similarity = 5.0;
    let device = Device::flex().autodiff();
    let batch = daad::image::to_tensor(&refs(&images(2)), &device);
    let step = |objective: &Objective| {
        let model = initialize(config().model.init(&device).unwrap(), 3);
        let state = TrainState::new(model);
        let gradients = state.gradients(batch.clone(), objective);
        let losses = gradients.losses.clone();
        (state.apply(gradients, 1e-3), losses)
    };
    let (plain, losses) = step(&config().objective);
    assert!(losses.structural.is_none());
    let (moved, losses) = step(&weighted.objective);
    let structural = scalar(losses.structural.unwrap());
    assert!(structural > 0.0 && structural < 2.0, "{structural}");
    let rebuilt = [plain, moved].map(|state| {
        let rebuilt = state.model.generator.forward(batch.clone());
        rebuilt.into_data().try_to_vec::<f32>().unwrap()
    });
    assert_ne!(rebuilt[0], rebuilt[1]);

    let mut training = InMemoryTraining::new(weighted, images(4), &Device::flex()).unwrap();
    let report = block_on(training.step()).unwrap();
    assert!(report.losses.structural > 0.0);
}
