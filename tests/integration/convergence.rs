//! Runs of many steps: the network learns, and a model that has learned tells defects. These tests
//! take the longest. Tests start in the order of their names, so this name makes them start early.

use burn::tensor::Device;
use daad::Detector;
use daad::dataset::{SyntheticImages, Texture};
use daad::evaluate::evaluate;
use daad::image::Flips;
use daad::learn::order::held_out;
use daad::learn::{Objective, Schedule, finish};
use daad::loss::AdversarialForm;
use daad::metric::Label;
use daad::weights::{Precision, Provenance};
use image::RgbImage;
use pollster::block_on;

use crate::training::{config, images, new_run, refs, run};

/// Smaller weights of the adversarial losses, which do not converge in a few hundred steps.
const QUIET: Objective = Objective {
    reconstruction: 50.0,
    adversarial: 0.05,
    alignment: 0.02,
    adversarial_form: AdversarialForm::NonSaturating,
    alignment_trains_discriminator: false,
    structural_similarity: 0.0,
};

#[test]
fn one_batch_overfits() {
    let mut config = config();
    config.epochs = 500;
    config.schedule = Schedule::Cosine;
    config.objective = QUIET;
    config.flips = Flips::None;
    let images = images(4);
    let mut trainer = new_run(config, &images);
    let curve = run(&mut trainer, &images);
    let first = curve.first().unwrap().losses.reconstruction;
    let last = curve.last().unwrap().losses.reconstruction;
    assert!(last < 0.15 * first, "from {first} to {last} only");
}

#[test]
fn a_trained_model_tells_defects_from_unseen_normal_images_and_survives_its_file() {
    let mut config = config();
    config.epochs = 200;
    config.schedule = Schedule::Cosine;
    config.objective = QUIET;
    let images = images(24);
    let held_out = held_out(&config, images.len());
    let (kept, training): (Vec<_>, Vec<_>) = images
        .iter()
        .enumerate()
        .partition(|(index, _)| held_out.contains(index));
    let [kept, training] = [kept, training].map(|part| {
        let part: Vec<RgbImage> = part.into_iter().map(|(_, image)| image.clone()).collect();
        part
    });
    let device = Device::flex();
    let mut trainer = new_run(config.clone(), &training);
    run(&mut trainer, &training);
    let provenance = Provenance::default();
    let finished = block_on(finish(
        trainer.model(),
        &config,
        provenance,
        Precision::F16,
        &refs(&kept),
        &device,
    ))
    .unwrap();

    let mut textures = SyntheticImages::new(Texture::Cloth, 32, 99);
    let mut test = textures.normal(12);
    test.extend(textures.defective(12));
    let stream = test.iter().cloned().map(Ok);
    let evaluated = evaluate(&finished.detector, stream, |_| {}).unwrap();
    let auroc = evaluated.evaluation.mean.deployed.auroc.unwrap();
    assert!(auroc > 0.8, "AUROC {auroc}");

    let detector = Detector::from_bytes(&finished.bytes, &device).unwrap();
    block_on(detector.check_device()).unwrap();
    let defective = test.iter().find(|image| image.label == Label::Anomalous);
    let image = &defective.unwrap().image;
    let [before, after] = [&finished.detector, &detector]
        .map(|d| block_on(d.predict(&[image])).unwrap().remove(0).raw);
    assert_eq!(before, after);
}
