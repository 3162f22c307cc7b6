//! Whether a device computes what the CPU does, before hours are spent on it.
//!
//! GPU back ends have given wrong gradients without any error (burn#5162), and some drivers accept
//! a shader and compute something else.

use burn::module::Module;
use burn::tensor::Device;

use super::config::Objective;
use super::dataset::{SyntheticImages, Texture};
use super::initialize::initialize;
use super::step::TrainState;
use crate::error::{Error, Result};
use crate::image::to_tensor;
use crate::model::{AdversarialConfig, Division, Model, ModelConfig, parameters};
use crate::nn::DivisionRate;

const SIZE_PX: usize = 16;
const SEED: u64 = 3;
const STEPS: usize = 2;
const LEARNING_RATE: f64 = 1e-3;

/// How far a parameter may be from the CPU's after [`STEPS`] steps. A wrong gradient moves it by
/// the learning rate in a wrong direction, ten times as far.
const TOLERANCE: f32 = 2e-4;

/// Trains a tiny DAAD+ for two steps on `device` and on the CPU, and compares every parameter.
///
/// # Errors
///
/// [`Error::Device`] naming the first parameter that differs.
pub fn check_training(device: &Device) -> Result<()> {
    let config = config();
    let cpu = Device::flex();
    let model = initialize(config.init(&cpu)?, SEED);
    let expected = trained(&config, &model, &cpu)?;
    let got = trained(&config, &model, device)?;
    for ((name, expected), (_, got)) in expected.iter().zip(&got) {
        // A bias in front of batch normalization has no gradient but rounding noise, which Adam
        // blows up to the learning rate; the running means then follow the biases.
        if name.ends_with("conv.bias") || !parameters::is_learned(name) {
            continue;
        }
        for (expected, got) in expected.iter::<f32>().zip(got.iter::<f32>()) {
            // Not a number is no agreement.
            if (got - expected).abs() <= TOLERANCE {
                continue;
            }
            return Err(Error::Device(format!(
                "training on it goes wrong: {name} became {got}, on the CPU {expected}; \
                 use --device cpu"
            )));
        }
    }
    Ok(())
}

type Values = Vec<(String, burn::tensor::TensorData)>;

fn trained(config: &ModelConfig, model: &Model, device: &Device) -> Result<Values> {
    let device = device.clone().autodiff();
    let values = parameters::values(model).into_iter().collect();
    let mut state = TrainState::new(parameters::load(config.init(&device)?, values));
    let images = SyntheticImages::new(Texture::Cloth, SIZE_PX, 1).normal(2);
    let images: Vec<_> = images.iter().map(|labelled| &labelled.image).collect();
    for _ in 0..STEPS {
        let batch = to_tensor(&images, &device);
        (state, _) = state.step(batch, &Objective::default(), LEARNING_RATE);
    }
    Ok(parameters::values(&state.model.valid()))
}

/// As small as a network with everything in it can be.
fn config() -> ModelConfig {
    let mut config = ModelConfig {
        height_px: SIZE_PX,
        width_px: SIZE_PX,
        scales: 2,
        base_width: 2,
        adversarial: Some(AdversarialConfig {
            base_width: 2,
            features: 4,
        }),
        ..ModelConfig::default()
    };
    config.memory.items = 6;
    config.memory.division = Division::Blocks(DivisionRate::square(2));
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_agrees_with_itself() {
        check_training(&Device::flex()).unwrap();
    }
}
