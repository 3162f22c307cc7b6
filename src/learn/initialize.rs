//! The initial weights of a training run, drawn from the seed of the run.
//!
//! Burn has one random state for the whole process, which other threads change, and each back end
//! generates different numbers. This module does not use it, so that the same seed gives the same
//! weights on every device.

use burn::module::{Module, Param};
use burn::tensor::{Tensor, TensorData};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::model::parameters::{ParameterMapper, map_parameters};

/// Draws all weights, biases and memory items uniformly from ±1/√n, as PyTorch does: n is the
/// number of input values of one output of the layer, or the dimension of a memory item.
///
/// NOTE: the paper does not say how memory items are initialized.
///
/// ```
/// use burn::tensor::Device;
/// use daad::learn::initialize;
/// use daad::model::parameters;
/// # use daad::settings::Settings;
/// # let config = Settings::from_toml("size = 16\nscales = 2\nwidth = 2\nitems = 6\ndivision = 2\nparts = \"none\"").unwrap().resolve().unwrap();
///
/// let [one, same, other] = [1, 1, 2].map(|seed| {
///     let model = config.model.init(&Device::flex()).expect("a sound configuration");
///     parameters::values(&initialize(model, seed))
/// });
/// assert_eq!(one, same);
/// assert_ne!(one, other);
/// ```
pub fn initialize<M: Module>(module: M, seed: u64) -> M {
    let rng = ChaCha8Rng::seed_from_u64(seed);
    let mut draw = Draw { rng, fan_in: 1 };
    map_parameters(module, &mut draw)
}

struct Draw {
    rng: ChaCha8Rng,
    /// n of the weight that was drawn last; the bias, which comes next, has the same n.
    fan_in: usize,
}

impl ParameterMapper for Draw {
    fn map<const D: usize>(&mut self, name: &str, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        // Batch normalization keeps its initial values, with which it is the identity.
        if name.split('.').any(|part| part == "norm") {
            return param;
        }
        let shape = param.lazy_shape().to_vec();
        if D > 1 {
            self.fan_in = shape.iter().skip(1).product();
        }
        let bound = 1.0 / (self.fan_in as f32).sqrt();
        let count: usize = shape.iter().product();
        let values: Vec<f32> = (0..count)
            .map(|_| self.rng.random_range(-bound..bound))
            .collect();
        let tensor = Tensor::from_data(TensorData::new(values, shape), &param.lazy_device());
        let id = param.id;
        param.transform_for_load(tensor, id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ModelConfig, parameters};
    use burn::tensor::Device;

    #[test]
    fn weights_follow_the_seed_and_stay_within_their_bounds() {
        let config = ModelConfig {
            base_width: 2,
            adversarial: None,
            ..ModelConfig::default()
        };
        let device = Device::flex();
        let values = |seed| parameters::values(&initialize(config.init(&device).unwrap(), seed));
        let first = values(1);
        assert_eq!(first, values(1));
        assert_ne!(first, values(2));
        for (name, data) in first {
            let largest = data
                .iter::<f32>()
                .fold(0.0, |max: f32, value| max.max(value.abs()));
            let bound = match name.as_str() {
                "generator.encoder.stages.0.conv1.conv.weight"
                | "generator.encoder.stages.0.conv1.conv.bias" => 1.0 / 27f32.sqrt(),
                "generator.memories.0.items" => 1.0 / 512f32.sqrt(),
                _ => 1.0,
            };
            assert!(largest <= bound, "{name}: {largest} > {bound}");
        }
    }
}
