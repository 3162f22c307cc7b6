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
    let images = images(5);
    let mut config = config();
    (config.batch_size, config.epochs) = (5, 1);
    let (_, several) = run(&config, &images, 2);

    // Three and two. On one device that is each share as a batch, as often as it has images.
    let device = Device::flex().autodiff();
    let drawn = draws(&config, 0, 5);
    let drawn: Vec<RgbImage> = drawn
        .iter()
        .map(|draw| draw.apply(&images[draw.index]))
        .collect();
    let [first, second] = [&drawn[..3], &drawn[3..]].map(|share| to_tensor(&refs(share), &device));
    let model = initialize(config.model.init(&device).unwrap(), config.seed);
    let mut state = TrainState::new(model);
    let objective = &config.objective;
    for share in [&first, &first, &first, &second] {
        (state, _) = state.accumulate(share.clone(), objective);
    }
    let (state, _) = state.step(second, objective, config.learning_rate);
    assert_near(&parameters::values(&state.model), &several);
}

#[test]
fn batches_that_are_gathered_and_shared_are_as_batches_that_are_gathered() {
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
    for (accumulate, devices) in [(1, 1), (2, 1), (1, 2), (2, 2)] {
        let images = images(5);
        let mut config = config();
        (config.batch_size, config.accumulate, config.epochs) = (4, accumulate, 1);
        // The one that is drawn last, in a batch of its own.
        let order = draws(&config, 0, 5).into_iter().map(|draw| draw.index);
        let order: Vec<usize> = order.collect();
        let drawn: Vec<&RgbImage> = order[..4].iter().map(|&index| &images[index]).collect();
        let gappy = Gappy {
            images: images.clone(),
            gap: order[4],
        };
        let provenance = Provenance::default();
        let trainer = Trainer::new(config.clone(), provenance, &gappy, &Device::flex()).unwrap();
        let mut trainer = trainer.with_peers(&more(devices - 1)).unwrap();
        let before = parameters::values(trainer.model());
        let mut seen = Vec::new();
        let mut after = Vec::new();
        trainer
            .run(&gappy, &AtomicBool::new(false), |event| match event {
                Event::Step { images, .. } => seen.push(images),
                Event::Epoch(record) => after.push(record.losses),
                _ => (),
            })
            .unwrap();
        assert_eq!(seen, [4, 0]);
        let expected = mean_error(&config, &drawn, devices);
        let ratio = after[0].reconstruction / expected;
        assert!((ratio - 1.0).abs() < 1e-5, "{ratio}");
        // Gradients that waited for it are not lost.
        assert_ne!(parameters::values(trainer.model()), before);
    }
}

/// Of a new run's networks, on equal shares of a batch.
fn mean_error(config: &TrainConfig, batch: &[&RgbImage], devices: usize) -> f64 {
    let device = Device::flex().autodiff();
    let model = initialize(config.model.init(&device).unwrap(), config.seed);
    let mut state = TrainState::new(model);
    let mut sum = 0.0;
    for share in batch.chunks(batch.len() / devices) {
        let losses;
        (state, losses) = state.accumulate(to_tensor(share, &device), &config.objective);
        sum += losses.reconstruction.into_scalar::<f64>();
    }
    sum / devices as f64
}

#[test]
fn where_no_image_can_be_read_an_epoch_is_an_error() {
    let gappy = Gappy {
        images: images(1),
        gap: 0,
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

/// Images of which one cannot be read.
struct Gappy {
    images: Vec<RgbImage>,
    gap: usize,
}

impl TrainingImages for Gappy {
    fn count(&self) -> usize {
        self.images.len()
    }

    fn fingerprint(&self) -> String {
        "these".into()
    }

    fn draw(&self, draw: &Draw) -> daad::Result<Option<RgbImage>> {
        let is_readable = draw.index != self.gap;
        Ok(is_readable.then(|| draw.apply(&self.images[draw.index])))
    }
}
