//! Training as a whole: runs can be repeated, resumed and validated.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use burn::module::Module;
use burn::tensor::{Device, TensorData, Tolerance};
use daad::dataset::{
    NormalImages, SyntheticImages, TestImages, Texture, TrainingImages, Unreadable,
};
use daad::device::DeviceChoice;
use daad::image::{Flips, to_tensor};
use daad::learn::order::{Draw, draws, held_out};
use daad::learn::{
    EpochRecord, InMemoryTraining, Objective, Run, TrainConfig, TrainState, Validation, initialize,
};
use daad::model::{AdversarialConfig, Division, ModelConfig, parameters};
use daad::nn::DivisionRate;
use daad::train::{Checkpointing, Data, End, Event, Outcome, Trainer, Training};
use daad::weights::{Precision, Provenance};
use image::RgbImage;
use pollster::block_on;

use crate::golden::gradients_by_name;

pub(crate) fn config() -> TrainConfig {
    let mut model = ModelConfig {
        height_px: 32,
        width_px: 32,
        scales: 2,
        base_width: 4,
        adversarial: Some(AdversarialConfig {
            base_width: 4,
            features: 8,
        }),
        ..ModelConfig::default()
    };
    model.memory.items = 20;
    model.memory.division = Division::Blocks(DivisionRate::square(4));
    TrainConfig {
        model,
        epochs: 3,
        batch_size: 4,
        learning_rate: 2e-3,
        seed: 7,
        ..TrainConfig::default()
    }
}

pub(crate) fn images(count: usize) -> Vec<RgbImage> {
    let normal = SyntheticImages::new(Texture::Cloth, 32, 5).normal(count);
    normal.into_iter().map(|labelled| labelled.image).collect()
}

pub(crate) fn refs(images: &[RgbImage]) -> Vec<&RgbImage> {
    images.iter().collect()
}

pub(crate) fn new_run(config: TrainConfig, images: &[RgbImage]) -> Trainer {
    let provenance = Provenance::default();
    Trainer::new(config, provenance, &refs(images), &Device::flex()).unwrap()
}

pub(crate) fn run(trainer: &mut Trainer, images: &[RgbImage]) -> Vec<EpochRecord> {
    let outcome = trainer.run(&refs(images), &AtomicBool::new(false), |_| {});
    assert_eq!(outcome.unwrap(), End::Finished);
    trainer.progress().history.clone()
}

/// A checkpoint after every step.
fn checkpoints(path: &Path) -> Checkpointing {
    Checkpointing {
        path: path.to_owned(),
        interval: Duration::ZERO,
    }
}

#[test]
fn gradients_reach_every_parameter_of_both_networks() {
    let device = Device::flex().autodiff();
    let model = initialize(config().model.init(&device).unwrap(), 1);
    let images = images(2);
    let x = to_tensor(&refs(&images), &device);
    let rebuilt = model.generator.forward(x);
    let discriminator = model.discriminator.as_ref().unwrap();
    let judged = discriminator.forward(rebuilt);
    let loss = judged.features.powi_scalar(2).mean() + judged.logits.powi_scalar(2).mean();
    let gradients = gradients_by_name(&model, &loss.backward());
    for (name, _) in parameters::shapes(&model) {
        if !parameters::is_learned(&name) {
            continue;
        }
        // A bias in front of batch normalization has no effect, so it has no gradient.
        if name.ends_with("conv.bias") && name != "discriminator.stages.0.conv.bias" {
            assert!(!gradients.contains_key(&name), "{name} has a gradient");
            continue;
        }
        let gradient = gradients.get(&name);
        let gradient = gradient.unwrap_or_else(|| panic!("no gradient for {name}"));
        let any = gradient.iter::<f32>().any(|value| value != 0.0);
        assert!(any, "the gradient of {name} is all zero");
    }
}

#[test]
fn a_batch_larger_than_the_data_is_all_of_it() {
    let images = images(5);
    let weights = |batch_size| {
        let config = TrainConfig {
            batch_size,
            ..config()
        };
        let mut trainer = new_run(config, &images);
        let curve = run(&mut trainer, &images);
        (curve, parameters::values(trainer.model()))
    };
    assert_eq!(weights(64), weights(5));
}

#[test]
fn the_same_seed_gives_the_same_bits_and_another_seed_others() {
    let images = images(10);
    let weights = |seed| {
        let config = TrainConfig { seed, ..config() };
        let mut trainer = new_run(config, &images);
        let curve = run(&mut trainer, &images);
        (curve, parameters::values(trainer.model()))
    };
    assert_eq!(weights(7), weights(7));
    assert_ne!(weights(7).0, weights(8).0);
}

#[test]
fn a_run_stopped_in_the_middle_of_an_epoch_goes_on_as_if_it_had_not_been() {
    goes_on_as_if_nothing_had_been(config());
    let mut extended = config();
    extended.objective.structural_similarity = 5.0;
    goes_on_as_if_nothing_had_been(extended);
}

fn goes_on_as_if_nothing_had_been(config: TrainConfig) {
    let images = images(10);
    let mut undisturbed = new_run(config.clone(), &images);
    let expected = run(&mut undisturbed, &images);

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    let trainer = new_run(config, &images);
    let mut trainer = trainer.with_checkpoints(checkpoints(&path));
    let stop = AtomicBool::new(false);
    let mut steps = 0;
    let outcome = trainer.run(&refs(&images), &stop, |event| {
        if let Event::Step { .. } = event {
            steps += 1;
            stop.store(steps == 4, Ordering::Relaxed);
        }
    });
    assert_eq!(outcome.unwrap(), End::Stopped);
    drop(trainer);

    let mut resumed = Trainer::resume(&path, 3, &refs(&images), &Device::flex()).unwrap();
    assert_eq!((resumed.progress().epoch, resumed.progress().step), (1, 1));
    assert_eq!(run(&mut resumed, &images), expected);
    let weights = parameters::values(resumed.model());
    assert_eq!(weights, parameters::values(undisturbed.model()));
}

#[test]
fn a_run_that_has_not_begun_goes_on_with_any_images() {
    let images = images(4);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    let mut trainer = new_run(config(), &images).with_checkpoints(checkpoints(&path));
    let stopped = trainer.run(&refs(&images), &AtomicBool::new(true), |_| ());
    assert_eq!(stopped.unwrap(), End::Stopped);
    // One image is missing, because it could not be read.
    let others = &images[..3];
    let mut resumed = Trainer::resume(&path, 3, &refs(others), &Device::flex()).unwrap();
    assert_eq!(
        run(&mut resumed, others),
        run(&mut new_run(config(), others), others)
    );
}

#[test]
fn a_checkpoint_that_is_cut_off_or_of_other_images_is_refused() {
    let images = images(4);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    let trainer = new_run(config(), &images);
    let mut trainer = trainer.with_checkpoints(checkpoints(&path));
    run(&mut trainer, &images);
    let others = refs(&images[..3]);
    let error = Trainer::resume(&path, 3, &others, &Device::flex()).unwrap_err();
    assert!(error.to_string().contains("other images"), "{error}");
    let bytes = std::fs::read(&path).unwrap();
    // Moments with a wrong name.
    let name = "optimizer.generator.decoder.head.out.bias.first".as_bytes();
    let at = bytes
        .windows(name.len())
        .position(|window| window == name)
        .unwrap();
    let mut swapped = bytes.clone();
    swapped[at + name.len() - 1] = b'x';
    std::fs::write(&path, swapped).unwrap();
    let error = Trainer::resume(&path, 3, &refs(&images), &Device::flex()).unwrap_err();
    assert!(
        error.to_string().contains("does not belong here"),
        "{error}"
    );
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let error = Trainer::resume(&path, 3, &refs(&images), &Device::flex()).unwrap_err();
    assert!(error.to_string().contains("cannot use this checkpoint"));
}

#[test]
fn in_small_pieces_a_run_comes_to_the_same_weights() {
    let config = TrainConfig {
        epochs: 2,
        ..config()
    };
    let images = images(7);
    let device = Device::flex();
    let mut training = InMemoryTraining::new(config.clone(), images.clone(), &device).unwrap();
    let out = held_out(&config, images.len());
    let kept = images.iter().enumerate();
    let kept: Vec<&RgbImage> = kept
        .filter(|(index, _)| !out.contains(index))
        .map(|(_, image)| image)
        .collect();
    let mut trainer = Trainer::new(config, Provenance::default(), &kept, &device).unwrap();
    trainer.run(&kept, &AtomicBool::new(false), |_| ()).unwrap();
    let mut report = block_on(training.step()).unwrap();
    while !training.is_finished() {
        report = block_on(training.step()).unwrap();
    }
    assert_eq!(report.epochs, 2.0);
    let finished = block_on(training.finish(Provenance::default(), Precision::F32)).unwrap();
    assert_eq!(finished.detector.card().provenance.trained_on, kept.len());
    let read = daad::weights::decode(&finished.bytes, &device)
        .unwrap()
        .model;
    let trained = parameters::values(&trainer.model().valid());
    for ((name, taught), (_, trained)) in parameters::values(&read).into_iter().zip(trained) {
        assert!(taught == trained, "{name}");
    }
}

/// Validates after every epoch; the learning rate makes the last epochs worse than an early one.
fn restless() -> TrainConfig {
    TrainConfig {
        epochs: 12,
        learning_rate: 0.02,
        validation: Some(Validation {
            every: 1,
            patience: Some(2),
            keep_best: true,
        }),
        ..config()
    }
}

fn with_validation(trainer: Trainer, held_out: &[RgbImage]) -> Trainer {
    trainer.with_validation(&refs(held_out))
}

#[test]
fn a_run_stops_when_patience_ends_and_hands_out_the_best_epoch_not_the_last() {
    let images = images(14);
    let (held_out, training) = images.split_at(4);
    let mut trainer = with_validation(new_run(restless(), training), held_out);
    let curve = run(&mut trainer, training);
    assert!(curve.len() < 12, "it went on to the end: {curve:?}");
    let errors: Vec<f64> = curve.iter().map(|it| it.validation.unwrap()).collect();
    let lowest = errors.iter().copied().fold(f64::INFINITY, f64::min);
    let chosen = trainer.chosen().unwrap();
    assert_eq!(chosen.epoch, curve.len() - 2);
    assert_eq!(errors[chosen.epoch - 1], lowest);

    // The same run with only this number of epochs has the same weights.
    let short = TrainConfig {
        epochs: chosen.epoch,
        ..restless()
    };
    let mut short = with_validation(new_run(short, training), held_out);
    run(&mut short, training);
    let expected = parameters::values(&short.model().valid());
    assert_eq!(parameters::values(&chosen.model), expected);
    assert_ne!(parameters::values(&trainer.model().valid()), expected);
}

#[test]
fn looking_at_held_out_images_changes_no_weight() {
    let images = images(10);
    let weights = |validation| {
        let config = TrainConfig {
            validation,
            ..config()
        };
        let mut trainer = with_validation(new_run(config, &images[2..]), &images[..2]);
        let curve = run(&mut trainer, &images[2..]);
        (curve, parameters::values(trainer.model()))
    };
    let (plain, expected) = weights(None);
    let looks = Validation {
        every: 2,
        patience: None,
        keep_best: false,
    };
    let (looked, got) = weights(Some(looks));
    assert_eq!(got, expected);
    assert!(plain.iter().all(|record| record.validation.is_none()));
    let looked: Vec<bool> = looked.iter().map(|it| it.validation.is_some()).collect();
    assert_eq!(looked, [false, true, false]);
}

#[test]
fn a_resumed_run_keeps_its_held_out_errors_and_its_best_epoch() {
    let images = images(14);
    let (held_out, training) = images.split_at(4);
    let mut undisturbed = with_validation(new_run(restless(), training), held_out);
    let expected = run(&mut undisturbed, training);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    // A run that is stopped at every step and resumed, until it is finished.
    let trainer = with_validation(new_run(restless(), training), held_out);
    let mut trainer = trainer.with_checkpoints(checkpoints(&path));
    let mut stops = 0;
    loop {
        let stop = AtomicBool::new(false);
        let outcome = trainer.run(&refs(training), &stop, |event| {
            stop.fetch_or(matches!(event, Event::Step { .. }), Ordering::Relaxed);
        });
        if outcome.unwrap() == End::Finished {
            break;
        }
        stops += 1;
        drop(trainer);
        let resumed = Trainer::resume(&path, 12, &refs(training), &Device::flex()).unwrap();
        trainer = with_validation(resumed, held_out).with_checkpoints(checkpoints(&path));
    }
    assert!(stops >= 2 * expected.len(), "{stops} stops");
    assert_eq!(trainer.progress().history, expected);
    let [got, expected] = [&trainer, &undisturbed].map(|it| it.chosen().unwrap());
    assert_eq!(got.epoch, expected.epoch);
    let [got, expected] = [got, expected].map(|it| parameters::values(&it.model.valid()));
    assert_eq!(got, expected);

    // A finished run does not continue when it is resumed.
    let resumed = Trainer::resume(&path, 12, &refs(training), &Device::flex()).unwrap();
    let mut resumed = with_validation(resumed, held_out);
    let before = resumed.progress().epoch;
    run(&mut resumed, training);
    assert_eq!(resumed.progress().epoch, before);

    // Without the weights of the best epoch, the checkpoint is not sound.
    let mut bytes = std::fs::read(&path).unwrap();
    let name = b"best.generator.decoder.head.out.bias";
    let at = bytes.windows(name.len()).position(|window| window == name);
    bytes[at.unwrap() + name.len() - 1] = b'x';
    std::fs::write(&path, bytes).unwrap();
    let error = Trainer::resume(&path, 12, &refs(training), &Device::flex()).unwrap_err();
    assert!(error.to_string().contains("best epoch"), "{error}");
}

#[test]
fn two_batches_of_the_same_images_are_one_step_of_their_mean_gradient() {
    let device = Device::flex().autodiff();
    let model = initialize(config().model.init(&device).unwrap(), 1);
    let images = images(3);
    let batch = to_tensor(&refs(&images), &device);
    let objective = Objective::default();
    let state = || TrainState::new(model.clone());
    let gradients = || state().gradients(batch.clone(), &objective);
    let expected = state().apply(gradients(), 1e-3);
    let learned = |state: &TrainState| -> Vec<_> {
        let values = parameters::values(&state.model);
        let learned = values.into_iter();
        learned
            .filter(|(name, _)| parameters::is_learned(name))
            .collect()
    };
    let before = learned(&state());
    let got = state().apply(gradients() + gradients(), 1e-3);
    // Half of twice a gradient is exactly the gradient, so the networks and the moments are equal
    // to the last bit.
    assert_eq!(learned(&got), learned(&expected));
    assert_ne!(learned(&got), before);
    assert_eq!(
        got.discriminator_optimizer.state(),
        expected.discriminator_optimizer.state()
    );
}

#[test]
fn accumulated_batches_move_the_networks_together_and_the_rest_of_an_epoch_too() {
    // Five batches per epoch, two per step: three steps.
    let images = images(10);
    let accumulated = TrainConfig {
        batch_size: 2,
        accumulate: 2,
        epochs: 2,
        ..config()
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    let mut undisturbed = new_run(accumulated.clone(), &images);
    let expected = run(&mut undisturbed, &images);

    // A run that is asked to stop in the middle of an accumulation stops after it.
    let mut trainer = new_run(accumulated, &images).with_checkpoints(checkpoints(&path));
    let stop = AtomicBool::new(false);
    let mut batches = 0;
    let outcome = trainer.run(&refs(&images), &stop, |event| {
        batches += usize::from(matches!(event, Event::Step { .. }));
        stop.store(batches >= 3, Ordering::Relaxed);
    });
    assert_eq!(outcome.unwrap(), End::Stopped);
    assert_eq!(trainer.progress().step, 4);
    let mut resumed = Trainer::resume(&path, 2, &refs(&images), &Device::flex()).unwrap();
    assert_eq!(run(&mut resumed, &images), expected);
    let weights = parameters::values(resumed.model());
    assert_eq!(weights, parameters::values(undisturbed.model()));
}

#[test]
fn a_run_whose_accumulation_begins_with_an_empty_batch_can_be_resumed() {
    let config = TrainConfig {
        batch_size: 1,
        accumulate: 2,
        epochs: 1,
        ..config()
    };
    let gappy = Gappy {
        images: images(4),
        gaps: vec![draws(&config, 0, 4)[0].index],
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    let stop = AtomicBool::new(false);
    let trainer = Trainer::new(config, Provenance::default(), &gappy, &Device::flex()).unwrap();
    let mut trainer = trainer.with_checkpoints(checkpoints(&path));
    let outcome = trainer.run(&gappy, &stop, |event| {
        stop.fetch_or(matches!(event, Event::Step { .. }), Ordering::Relaxed);
    });
    assert_eq!(outcome.unwrap(), End::Stopped);
    assert_eq!(trainer.progress().step, 2);
    let mut resumed = Trainer::resume(&path, 1, &gappy, &Device::flex()).unwrap();
    let outcome = resumed.run(&gappy, &AtomicBool::new(false), |_| {});
    assert_eq!(outcome.unwrap(), End::Finished);
}

/// Trains on eight images as a program that uses the library does.
fn train_into(
    out: &Path,
    config: TrainConfig,
    resume: bool,
    is_stopped: bool,
) -> daad::Result<Outcome> {
    let training = Training {
        config,
        device: DeviceChoice::Cpu.resolve().unwrap(),
        out: out.to_owned(),
        resume,
        provenance: Provenance::default(),
        precision: Precision::F16,
        lock: None,
    };
    let data = Data {
        normal: NormalImages::InMemory(images(8)),
        test: TestImages::in_memory(Vec::new()),
        unreadable: Unreadable::Fail,
    };
    daad::train::run(training, data, &AtomicBool::new(is_stopped), |_| {})
}

#[test]
fn a_run_is_not_resumed_with_other_settings() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("model.safetensors");
    let stopped = train_into(&out, config(), false, true).unwrap();
    assert!(matches!(stopped, Outcome::Stopped { epoch: 1 }));
    let mut other = config();
    other.model.base_width += 1;
    let refused = train_into(&out, other, true, false)
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("by a run with other settings"),
        "{refused}"
    );
    let mut shorter = config();
    shorter.epochs = 1;
    assert!(matches!(
        train_into(&out, shorter, true, false).unwrap(),
        Outcome::Finished(_)
    ));
}

#[test]
fn impossible_settings_are_an_error_in_every_way_to_train() {
    let mut impossible = config();
    impossible.model.memory.division = Division::Blocks(DivisionRate::square(0));
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("model.safetensors");
    let error = train_into(&out, impossible, false, false);
    assert!(matches!(error, Err(daad::Error::Config(_))), "{error:?}");
    let nothing = Run::new(config(), 0, &Device::flex());
    assert!(matches!(nothing, Err(daad::Error::Data(_))));
}

#[test]
fn a_batch_without_a_readable_image_changes_nothing_and_is_not_counted() {
    let images = images(6);
    for accumulate in [1, 2] {
        let mut config = TrainConfig {
            flips: Flips::None,
            ..config()
        };
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
            let mut trainer = trainer.unwrap();
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
            let (error, weights) = one_step(&config, &readable);
            let ratio = trainer.progress().history[0].losses.reconstruction / error;
            assert!((ratio - 1.0).abs() < 1e-5, "{ratio}");
            assert_near(&weights, &parameters::values(trainer.model()));
        }
    }
}

/// Lrec of a new run's networks, and their weights after a step.
fn one_step(config: &TrainConfig, batch: &[&RgbImage]) -> (f64, Vec<(String, TensorData)>) {
    let device = Device::flex().autodiff();
    let model = initialize(config.model.init(&device).unwrap(), config.seed);
    let (batch, objective) = (to_tensor(batch, &device), &config.objective);
    let state = TrainState::new(model);
    let gradients = state.gradients(batch, objective);
    let error = gradients.losses.reconstruction.clone();
    let error = error.into_scalar::<f64>();
    let state = state.apply(gradients, config.learning_rate);
    (error, parameters::values(&state.model))
}

fn assert_near(left: &[(String, TensorData)], right: &[(String, TensorData)]) {
    assert_eq!(left.len(), right.len());
    for ((name, left), (_, right)) in left.iter().zip(right) {
        // Adam changes every parameter that has a gradient by about the learning rate. A bias in
        // front of batch normalization has only rounding noise as its gradient.
        if parameters::is_learned(name) && !name.ends_with("conv.bias") {
            left.assert_approx_eq::<f32>(right, Tolerance::absolute(1e-5));
        }
    }
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
