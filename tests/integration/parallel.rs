//! One batch on several devices.

use std::sync::atomic::AtomicBool;

use burn::tensor::{Device, TensorData, Tolerance};
use daad::image::to_tensor;
use daad::model::parameters;
use daad::train::order::{Draw, draws};
use daad::train::{
    DeviceChoice, EpochRecord, Event, Flips, NamedDevice, TrainConfig, TrainState, Trainer,
    TrainingImages, initialize,
};
use daad::weights::Provenance;
use image::RgbImage;

use crate::training::{config as small, images, refs};

/// As many more devices, all of them the CPU: each holds networks and optimizers of its own.
pub(crate) fn more(count: usize) -> Vec<NamedDevice> {
    let cpu = DeviceChoice::Cpu.resolve().unwrap();
    vec![cpu; count]
}

fn config() -> TrainConfig {
    TrainConfig {
        flips: Flips::None,
        ..small()
    }
}

fn run(
    config: &TrainConfig,
    images: &[RgbImage],
    devices: usize,
) -> (Vec<EpochRecord>, Vec<(String, TensorData)>) {
    let images = refs(images);
    let provenance = Provenance::default();
    let trainer = Trainer::new(config.clone(), provenance, &images, &Device::flex()).unwrap();
    let mut trainer = trainer.with_peers(&more(devices - 1)).unwrap();
    trainer
        .run(&images, &AtomicBool::new(false), |_| {})
        .unwrap();
    let values = parameters::values(trainer.model());
    (trainer.progress().history.clone(), values)
}

fn assert_near(left: &[(String, TensorData)], right: &[(String, TensorData)]) {
    assert_eq!(left.len(), right.len());
    for ((name, left), (_, right)) in left.iter().zip(right) {
        // Adam moves by the learning rate wherever there is any gradient, and a bias in front of
        // batch normalization has none but rounding.
        if parameters::is_learned(name) && !name.ends_with("conv.bias") {
            left.assert_approx_eq::<f32>(right, Tolerance::absolute(1e-5));
        }
    }
}

#[test]
fn devices_that_see_the_same_as_one_take_its_steps() {
    // Every device gets the image, and so do its normalization and its gradients.
    let image = images(1).remove(0);
    for (copies, devices) in [(4, 2), (3, 2), (4, 4)] {
        let mut config = config();
        (config.batch_size, config.epochs) = (copies, 3);
        let images = vec![image.clone(); copies];
        let (alone, one) = run(&config, &images, 1);
        let (curve, several) = run(&config, &images, devices);
        assert_near(&one, &several);
        for (alone, shared) in alone.iter().zip(&curve) {
            for (alone, shared) in alone
                .losses
                .to_array()
                .into_iter()
                .zip(shared.losses.to_array())
            {
                assert!(
                    (alone - shared).abs() <= 1e-4 * alone.abs(),
                    "{shared} for {alone}"
                );
            }
        }
    }
}

#[test]
fn different_shares_count_by_their_images() {
    for accumulate in [1, 2] {
        let images = images(5 * accumulate);
        let mut config = config();
        (config.batch_size, config.accumulate, config.epochs) = (5, accumulate, 1);
        let (_, several) = run(&config, &images, 2);

        // Three and two. On one device that is each share as a batch, as often as it has images.
        let device = Device::flex().autodiff();
        let model = initialize(config.model.init(&device).unwrap(), config.seed);
        let mut state = TrainState::new(model);
        let drawn = draw(&config, &images);
        let shares = drawn.chunks(5).flat_map(|batch| {
            let (first, second) = batch.split_at(3);
            [first, first, first, second, second]
        });
        let mut left = 5 * accumulate;
        for share in shares {
            left -= 1;
            let (batch, objective) = (to_tensor(&refs(share), &device), &config.objective);
            (state, _) = match left {
                0 => state.step(batch, objective, config.learning_rate),
                _ => state.accumulate(batch, objective),
            };
        }
        assert_near(&parameters::values(&state.model), &several);
    }
}

/// All images in the order of the first epoch.
fn draw(config: &TrainConfig, images: &[RgbImage]) -> Vec<RgbImage> {
    let draws = draws(config, 0, images.len()).into_iter();
    draws.map(|draw| draw.apply(&images[draw.index])).collect()
}

#[test]
fn batches_that_are_accumulated_and_shared_are_as_batches_that_are_accumulated() {
    let image = images(1).remove(0);
    let images = vec![image; 10];
    let mut config = config();
    (config.batch_size, config.accumulate, config.epochs) = (4, 2, 2);
    // The last of an epoch has two images, and a step of its own.
    let (_, one) = run(&config, &images, 1);
    let (_, several) = run(&config, &images, 3);
    assert_near(&one, &several);
}

#[test]
fn a_batch_without_a_readable_image_changes_nothing_and_is_not_counted() {
    let images = images(6);
    for (accumulate, devices) in [(1, 1), (2, 1), (1, 2), (2, 2)] {
        let mut config = config();
        (config.batch_size, config.accumulate, config.epochs) = (4, accumulate, 1);
        let order: Vec<usize> = draws(&config, 0, 6).iter().map(|draw| draw.index).collect();
        let (first, last) = order.split_at(4);
        for (gaps, readable, counts) in [(last, first, [4, 0]), (first, last, [0, 2])] {
            let gappy = Gappy {
                images: images.clone(),
                gaps: gaps.to_vec(),
            };
            let provenance = Provenance::default();
            let trainer = Trainer::new(config.clone(), provenance, &gappy, &Device::flex());
            let mut trainer = trainer.unwrap().with_peers(&more(devices - 1)).unwrap();
            let mut seen = Vec::new();
            trainer
                .run(&gappy, &AtomicBool::new(false), |event| {
                    if let Event::Step { images, .. } = event {
                        seen.push(images);
                    }
                })
                .unwrap();
            assert_eq!(seen, counts);
            let readable: Vec<&RgbImage> = readable.iter().map(|&index| &images[index]).collect();
            let (error, weights) = one_step(&config, &readable, devices);
            let ratio = trainer.progress().history[0].losses.reconstruction / error;
            assert!((ratio - 1.0).abs() < 1e-5, "{ratio}");
            assert_near(&weights, &parameters::values(trainer.model()));
        }
    }
}

/// Lrec of a new run's networks, and their weights after a step on equal shares of a batch.
fn one_step(
    config: &TrainConfig,
    batch: &[&RgbImage],
    devices: usize,
) -> (f64, Vec<(String, TensorData)>) {
    let device = Device::flex().autodiff();
    let model = initialize(config.model.init(&device).unwrap(), config.seed);
    let mut state = TrainState::new(model);
    let mut sum = 0.0;
    for (index, share) in batch.chunks(batch.len() / devices).enumerate() {
        let (share, objective) = (to_tensor(share, &device), &config.objective);
        let losses;
        (state, losses) = match index + 1 == devices {
            true => state.step(share, objective, config.learning_rate),
            false => state.accumulate(share, objective),
        };
        sum += losses.reconstruction.into_scalar::<f64>();
    }
    (sum / devices as f64, parameters::values(&state.model))
}

#[test]
fn where_no_image_can_be_read_an_epoch_is_an_error() {
    let gappy = Gappy {
        images: images(1),
        gaps: vec![0],
    };
    let trainer = Trainer::new(config(), Provenance::default(), &gappy, &Device::flex());
    let ended = trainer
        .unwrap()
        .run(&gappy, &AtomicBool::new(false), |_| {});
    let error = ended.unwrap_err().to_string();
    assert!(error.contains("none of 1 images can be read"), "{error}");
}

#[test]
fn more_devices_than_images_of_a_batch_are_refused() {
    let images = images(4);
    let images = refs(&images);
    let trainer = Trainer::new(config(), Provenance::default(), &images, &Device::flex());
    let error = trainer.unwrap().with_peers(&more(4)).unwrap_err();
    assert!(error.to_string().contains("5 devices"), "{error}");
}

/// Images of which some cannot be read.
struct Gappy {
    images: Vec<RgbImage>,
    gaps: Vec<usize>,
}

impl TrainingImages for Gappy {
    fn count(&self) -> usize {
        self.images.len()
    }

    fn fingerprint(&self) -> String {
        "these".into()
    }

    fn draw(&self, draw: &Draw) -> daad::Result<Option<RgbImage>> {
        let is_readable = !self.gaps.contains(&draw.index);
        Ok(is_readable.then(|| draw.apply(&self.images[draw.index])))
    }
}
