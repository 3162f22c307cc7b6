//! A model file of any width and size with random weights from a fixed seed. Running statistics and
//! biases are random too, so that a term that one of the two programs lacks changes the result.

use std::path::Path;

use burn::tensor::{Device, TensorData};
use daad::image::Flips;
use daad::learn::{TrainConfig, finish};
use daad::model::{AdversarialConfig, ModelConfig, parameters};
use daad::weights::{Precision, Provenance};
use image::{Rgb, RgbImage};
use pollster::block_on;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Writes a DAAD+ with the paper's memory (N = 500, 8×8 blocks), `width` channels at the first
/// scale of both networks and images of `size` pixels a side.
pub(crate) fn write(width: usize, size: usize, out: &Path) -> anyhow::Result<()> {
    let config = TrainConfig {
        model: ModelConfig {
            height_px: size,
            width_px: size,
            base_width: width,
            adversarial: Some(AdversarialConfig {
                base_width: width,
                ..AdversarialConfig::default()
            }),
            ..ModelConfig::default()
        },
        flips: Flips::None,
        ..TrainConfig::default()
    };
    let device = Device::flex();
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let model = config.model.init(&device)?;
    let values = parameters::shapes(&model)
        .into_iter()
        .map(|(name, shape)| (name.clone(), draw(&name, shape, &mut rng)));
    let model = parameters::load(model, values.collect());
    let noise = [(); 2].map(|()| {
        let side = size as u32;
        RgbImage::from_fn(side, side, |_, _| Rgb(rng.random()))
    });
    let provenance = Provenance {
        data: "none: random weights".into(),
        ..Provenance::default()
    };
    let held_out = noise.each_ref();
    let precision = Precision::default();
    let finished = block_on(finish(
        &model, &config, provenance, precision, &held_out, &device,
    ))?;
    std::fs::write(out, finished.bytes)?;
    Ok(())
}

/// Random values, scaled so that activations stay near 1.
fn draw(name: &str, shape: Vec<usize>, rng: &mut ChaCha8Rng) -> TensorData {
    let range = if name.ends_with("running_mean") || name.ends_with("bias") {
        -0.2..0.2
    } else if name.ends_with("running_var") {
        0.5..1.5
    } else if name.ends_with("norm.weight") {
        0.8..1.2
    } else if name.ends_with("items") {
        -0.75..0.75
    } else {
        // The first axis of a transposed convolution is the input, and its windows do not overlap.
        let is_transposed = name.ends_with("up.weight");
        let fan_in: usize = if is_transposed {
            shape[0]
        } else {
            shape[1..].iter().product()
        };
        let bound = (6.0 / fan_in as f32).sqrt();
        -bound..bound
    };
    let count = shape.iter().product();
    let mut values: Vec<f32> = (0..count)
        .map(|_| rng.random_range(range.clone()))
        .collect();
    if name.ends_with("items") {
        // Queries are outputs of a ReLU and therefore not negative. Every other item is shifted up
        // and is similar to them, the others are not. So no addressing weight is so close to the
        // cut that rounding decides about it.
        for (index, item) in values.chunks_exact_mut(shape[1]).enumerate() {
            let shift = if index % 2 == 0 { 0.25 } else { -0.25 };
            item.iter_mut().for_each(|value| *value += shift);
        }
    }
    TensorData::new(values, shape)
}
