//! Adam (Kingma and Ba, 2015), which stores its state by parameter name.
//!
//! Burn's Adam stores its state by parameter id and restores it on the default device of the
//! process. That device is the GPU even on a machine without one, so that a run on the CPU could
//! not be resumed.

use std::collections::{BTreeMap, HashMap};

use burn::module::{Module, Param};
use burn::tensor::{Device, Shape, Tensor, TensorData};

use super::gradients::{NetworkGradients, with_four_axes};
use crate::kernel::{self, AdamStep};
use crate::model::parameters::{ParameterMapper, map_parameters};

const BETA_1: f64 = 0.9;
const BETA_2: f64 = 0.999;
/// The value of PyTorch and of the paper; Burn's default is 1e-5.
const EPSILON: f64 = 1e-8;

/// One optimizer for one module.
///
/// ```
/// use burn::tensor::Device;
/// use daad::image::to_tensor;
/// use daad::learn::{Adam, TrainState, initialize};
/// # use daad::settings::Settings;
/// # let config = Settings::from_toml("size = 16\nscales = 2\nwidth = 2\nitems = 6\ndivision = 2\nparts = \"none\"")?.resolve()?;
/// # let image = image::RgbImage::new(16, 16);
///
/// let device = Device::flex().autodiff();
/// let state = TrainState::new(initialize(config.model.init(&device)?, 0));
/// let gradients = state.gradients(to_tensor(&[&image], &device), &config.objective);
/// let state = state.apply(gradients, 1e-4);
/// let (steps, moments) = state.generator_optimizer.state();
/// assert_eq!(steps, 1);
/// let again = Adam::restore(steps, moments, &device);
/// assert_eq!(again.state(), state.generator_optimizer.state());
/// # Ok::<(), daad::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Adam {
    steps: u64,
    moments: HashMap<String, Moments>,
}

/// Running means of a parameter's gradient and squared gradient, with four axes like the gradient.
#[derive(Debug, Clone)]
struct Moments {
    first: Tensor<4>,
    second: Tensor<4>,
}

impl Adam {
    /// Updates every parameter of `module` that has a gradient.
    pub(super) fn step<M: Module>(
        &mut self,
        module: M,
        gradients: NetworkGradients,
        learning_rate: f64,
    ) -> M {
        self.steps += 1;
        let steps = self.steps as f64;
        let step = AdamStep {
            beta_1: BETA_1 as f32,
            beta_2: BETA_2 as f32,
            step_size: (learning_rate / (1.0 - BETA_1.powf(steps))) as f32,
            second_scale: (1.0 / (1.0 - BETA_2.powf(steps)).sqrt()) as f32,
            epsilon: EPSILON as f32,
        };
        let mut taken = Taken::default();
        let module = map_parameters(
            module,
            &mut Take {
                moments: &mut self.moments,
                gradients,
                taken: &mut taken,
            },
        );
        let moved = kernel::adam_all(taken.states, taken.gradients, step);
        let mut values = HashMap::new();
        for (name, [value, first, second]) in taken.names.into_iter().zip(moved) {
            self.moments.insert(name.clone(), Moments { first, second });
            values.insert(name, value);
        }
        map_parameters(module, &mut Return(values))
    }

    /// The state as plain data: the number of steps, and two flat tensors per parameter.
    pub fn state(&self) -> (u64, BTreeMap<String, [TensorData; 2]>) {
        let flat = |moment: &Tensor<4>| moment.clone().reshape([-1]).into_data();
        let data = |moments: &Moments| [&moments.first, &moments.second].map(flat);
        let moments = self.moments.iter();
        let moments = moments.map(|(name, moments)| (name.clone(), data(moments)));
        (self.steps, moments.collect())
    }

    /// Makes an optimizer from what [`Self::state`] returned.
    pub fn restore(
        steps: u64,
        moments: impl IntoIterator<Item = (String, [TensorData; 2])>,
        device: &Device,
    ) -> Self {
        let device = device.clone().without_autodiff();
        let moments = moments.into_iter().map(|(name, data)| {
            let [first, second] =
                data.map(|data| with_four_axes(Tensor::<1>::from_data(data, &device)));
            (name, Moments { first, second })
        });
        Self {
            steps,
            moments: moments.collect(),
        }
    }
}

/// The parameters that have a gradient, in the order of the network.
#[derive(Default)]
struct Taken {
    names: Vec<String>,
    states: Vec<[Tensor<4>; 3]>,
    gradients: Vec<Vec<Tensor<4>>>,
}

/// Takes the parameters out of a network, so that their values have only one owner: the CPU can
/// then change them in place.
struct Take<'a> {
    moments: &'a mut HashMap<String, Moments>,
    gradients: NetworkGradients,
    taken: &'a mut Taken,
}

impl ParameterMapper for Take<'_> {
    fn map<const D: usize>(&mut self, name: &str, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        // Running statistics have no gradient, so they are not changed.
        let Some(gradients) = self.gradients.take(name) else {
            return param;
        };
        let shape = gradients[0].dims();
        let [first, second] = match self.moments.remove(name) {
            // Moments from [`Adam::restore`] are flat.
            Some(Moments { first, second }) => [first, second].map(|moment| moment.reshape(shape)),
            None => [(); 2].map(|()| Tensor::zeros(shape, &gradients[0].device())),
        };
        param.map(|value| {
            let device = value.device();
            let value = with_four_axes(value.without_autodiff());
            self.taken.names.push(name.to_owned());
            self.taken.states.push([value, first, second]);
            self.taken.gradients.push(gradients);
            Tensor::empty([1; D], &device)
        })
    }
}

/// Puts the new values back where [`Take`] took parameters out.
struct Return(HashMap<String, Tensor<4>>);

impl ParameterMapper for Return {
    fn map<const D: usize>(&mut self, name: &str, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(value) = self.0.remove(name) else {
            return param;
        };
        // `with_four_axes` appended its axes at the end.
        let shape = Shape::from(&value.dims()[..D]);
        param.map(|_| value.reshape(shape).autodiff().require_grad())
    }
}
