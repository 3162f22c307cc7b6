//! Checks that a device computes the same as the CPU, before it is used for a training run of
//! hours.
//!
//! GPU back ends have returned wrong gradients without an error (burn#5162), and some drivers
//! accept a shader and then compute wrong values.

use std::collections::HashMap;

use burn::module::Param;
use burn::tensor::{Device, Gradients, Tensor, TensorData, Transaction};
use image::RgbImage;
use serde::{Deserialize, Deserializer, Serialize};

use super::config::Objective;
use super::initialize::initialize;
use super::read_values::read_values;
use super::step::TrainState;
use crate::detector::execute;
use crate::error::{Error, Result};
use crate::image::{test_pattern, to_tensor};
use crate::loss;
use crate::model::parameters::{ParameterVisitor, visit_parameters};
use crate::model::{AdversarialConfig, Division, Model, ModelConfig, parameters};
use crate::nn::DivisionRate;

const SIZE_PX: u32 = 16;
const SEED: u64 = 3;
const STEPS: usize = 2;
const LEARNING_RATE: f64 = 1e-3;

/// The largest allowed difference of a parameter from the CPU's after [`STEPS`] steps. A wrong
/// gradient moves a parameter by the learning rate in a wrong direction, which is about ten times
/// this value.
const TOLERANCE: f32 = 2e-4;

/// The largest allowed difference of a pixel of a reconstruction, whose values are about in [−1,
/// 1].
const FORWARD_TOLERANCE: f32 = 1e-3;

/// The largest allowed difference of a gradient, as a share of the parameter's largest gradient.
const GRADIENT_TOLERANCE: f32 = 1e-2;

/// The differences between a device and the CPU, on a tiny network.
///
/// ```
/// use daad::learn::Deviations;
///
/// let deviations = Deviations {
///     forward: 1e-6,
///     gradients: 1e-5,
///     step: 0.001,
///     worst_parameter: "generator.encoder.0.conv.weight".into(),
/// };
/// let complaint = deviations.complaint().expect("the step deviates too much");
/// assert_eq!(complaint, "generator.encoder.0.conv.weight is wrong after 2 steps, by 1.0e-3");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deviations {
    /// The largest difference of any pixel of a reconstruction.
    #[serde(deserialize_with = "or_nan")]
    pub forward: f32,
    /// The largest difference of any gradient of Lrec, as a share of its parameter's largest
    /// gradient.
    #[serde(deserialize_with = "or_nan")]
    pub gradients: f32,
    /// The largest difference of any parameter after two steps.
    #[serde(deserialize_with = "or_nan")]
    pub step: f32,
    /// The name of the parameter with this difference.
    pub worst_parameter: String,
}

/// Reads null as NaN, because JSON has no NaN and writes null instead.
fn or_nan<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
    Option::deserialize(deserializer).map(|value| value.unwrap_or(f32::NAN))
}

impl Deviations {
    /// Describes what is wrong; None if the device is suitable for training.
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use daad::learn::compare_with_cpu;
    ///
    /// let mut deviations = pollster::block_on(compare_with_cpu(&Device::flex(), true))?;
    /// assert_eq!(deviations.complaint(), None);
    /// deviations.gradients = f32::NAN;
    /// assert!(deviations.complaint().is_some());
    /// # Ok::<(), daad::Error>(())
    /// ```
    pub fn complaint(&self) -> Option<String> {
        // A difference that is NaN counts as too large, because the comparison is false.
        let agrees = |deviation: f32, tolerance: f32| deviation <= tolerance;
        if !agrees(self.forward, FORWARD_TOLERANCE) {
            Some(format!(
                "it rebuilds images otherwise than the CPU, by {:.1e}",
                self.forward
            ))
        } else if !agrees(self.gradients, GRADIENT_TOLERANCE) {
            Some(format!(
                "its gradients are wrong, by {:.1e}",
                self.gradients
            ))
        } else if !agrees(self.step, TOLERANCE) {
            Some(format!(
                "{} is wrong after {STEPS} steps, by {:.1e}",
                self.worst_parameter, self.step
            ))
        } else {
            None
        }
    }
}

/// Compares forward pass, gradients and two training steps of a tiny network on `device` with those
/// on the CPU: of DAAD+ if it is `adversarial`, otherwise of DAAD.
///
/// ```
/// use burn::tensor::Device;
/// use daad::learn::compare_with_cpu;
///
/// let deviations = pollster::block_on(compare_with_cpu(&Device::flex(), false))?;
/// assert_eq!((deviations.forward, deviations.step), (0.0, 0.0));
/// # Ok::<(), daad::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Device`] where the device fails.
pub async fn compare_with_cpu(device: &Device, adversarial: bool) -> Result<Deviations> {
    let config = config(adversarial);
    let cpu = Device::flex();
    let model = initialize(config.init(&cpu)?, SEED);
    let expected = observe(&config, &model, &cpu).await?;
    let got = observe(&config, &model, device).await?;
    let mut deviations = Deviations {
        forward: largest_difference(&expected.forward, &got.forward),
        gradients: 0.0,
        step: 0.0,
        worst_parameter: String::new(),
    };
    for (name, expected) in &expected.gradients {
        if is_noise(name) {
            continue;
        }
        let Some(got) = got.gradients.get(name) else {
            return Err(Error::Device(format!("{name} has no gradient on it")));
        };
        let largest = expected
            .iter::<f32>()
            .fold(0.0, |most: f32, g| most.max(g.abs()));
        let share = largest_difference(expected, got) / largest.max(f32::MIN_POSITIVE);
        deviations.gradients = larger(deviations.gradients, share);
    }
    for ((name, expected), (_, got)) in expected.trained.iter().zip(&got.trained) {
        if is_noise(name) || !parameters::is_learned(name) {
            continue;
        }
        let deviation = largest_difference(expected, got);
        if larger(deviations.step, deviation).to_bits() != deviations.step.to_bits() {
            deviations.step = deviation;
            deviations.worst_parameter.clone_from(name);
        }
    }
    Ok(deviations)
}

/// Refuses a device that does not compute the same as the CPU.
///
/// ```
/// use burn::tensor::Device;
/// use daad::learn::check_training;
///
/// pollster::block_on(check_training(&Device::flex(), true))?;
/// # Ok::<(), daad::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Device`] saying what is wrong.
pub async fn check_training(device: &Device, adversarial: bool) -> Result<()> {
    match compare_with_cpu(device, adversarial).await?.complaint() {
        None => Ok(()),
        Some(complaint) => Err(Error::Device(format!(
            "training on it goes wrong: {complaint}"
        ))),
    }
}

/// Whether a value is excluded from the comparison. The gradient of a bias before batch
/// normalization is only rounding noise, but Adam scales it up to the learning rate; the running
/// means then follow these biases.
fn is_noise(name: &str) -> bool {
    name.ends_with("conv.bias")
}

/// The larger value; NaN if one of the two is NaN.
fn larger(a: f32, b: f32) -> f32 {
    if b > a || b.is_nan() && !a.is_nan() {
        b
    } else {
        a
    }
}

/// The largest difference of two tensors' values.
fn largest_difference(expected: &TensorData, got: &TensorData) -> f32 {
    let pairs = expected.iter::<f32>().zip(got.iter::<f32>());
    pairs.fold(0.0, |most, (expected, got)| {
        larger(most, (got - expected).abs())
    })
}

/// The results of a device for the same network and images.
struct Observed {
    forward: TensorData,
    gradients: HashMap<String, TensorData>,
    trained: Values,
}

async fn observe(config: &ModelConfig, model: &Model, device: &Device) -> Result<Observed> {
    let device = device.clone().autodiff();
    let values = parameters::values(model).into_iter().collect();
    let generator = parameters::load(config.init(&device)?, values).generator;
    let images = to_tensor(&images().iter().collect::<Vec<_>>(), &device);
    let rebuilt = generator.forward(images.clone());
    let mut read = Transaction::default().register(rebuilt.clone().without_autodiff());
    let mut gradients = loss::reconstruction(images, rebuilt).backward();
    let mut read_gradients = ReadGradients {
        gradients: &mut gradients,
        read: HashMap::new(),
    };
    visit_parameters(&generator, &mut read_gradients);
    let (names, gradients): (Vec<_>, Vec<_>) = read_gradients.read.into_iter().unzip();
    for gradient in gradients {
        read = read.register(gradient);
    }
    let mut read = execute(read).await?.into_iter();
    Ok(Observed {
        forward: read.next().expect("the reconstruction is read first"),
        gradients: names.into_iter().zip(read).collect(),
        trained: trained(config, model, &device).await?,
    })
}

struct ReadGradients<'a> {
    gradients: &'a mut Gradients,
    read: HashMap<String, Tensor<1>>,
}

impl ParameterVisitor for ReadGradients<'_> {
    fn visit<const D: usize>(&mut self, name: &str, param: &Param<Tensor<D>>) {
        if let Some(gradient) = param.val().grad_remove(self.gradients) {
            self.read.insert(name.to_owned(), gradient.reshape([-1]));
        }
    }
}

fn images() -> [RgbImage; 2] {
    let pattern = test_pattern(SIZE_PX, SIZE_PX);
    [image::imageops::flip_horizontal(&pattern), pattern]
}

type Values = Vec<(String, TensorData)>;

async fn trained(config: &ModelConfig, model: &Model, device: &Device) -> Result<Values> {
    let device = device.clone().autodiff();
    let values = parameters::values(model).into_iter().collect();
    let mut state = TrainState::new(parameters::load(config.init(&device)?, values));
    let images = images();
    let images: Vec<&RgbImage> = images.iter().collect();
    for _ in 0..STEPS {
        let batch = to_tensor(&images, &device);
        let gradients = state.gradients(batch, &Objective::default());
        state = state.apply(gradients, LEARNING_RATE);
    }
    read_values(&state.model).await
}

/// The smallest network that has all parts of DAAD+ or of DAAD.
fn config(adversarial: bool) -> ModelConfig {
    let mut config = ModelConfig {
        height_px: SIZE_PX as usize,
        width_px: SIZE_PX as usize,
        scales: 2,
        base_width: 2,
        adversarial: adversarial.then_some(AdversarialConfig {
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
    use pollster::block_on;

    #[test]
    fn the_cpu_agrees_with_itself() {
        for adversarial in [false, true] {
            block_on(check_training(&Device::flex(), adversarial)).unwrap();
            let deviations = block_on(compare_with_cpu(&Device::flex(), adversarial)).unwrap();
            assert_eq!((deviations.forward, deviations.step), (0.0, 0.0));
        }
    }

    #[test]
    fn what_goes_wrong_is_named_and_not_a_number_is_wrong() {
        let fit = Deviations {
            forward: 1e-6,
            gradients: 1e-5,
            step: 1e-6,
            worst_parameter: "generator.encoder".into(),
        };
        assert_eq!(fit.complaint(), None);
        let complaint = |deviations: Deviations| deviations.complaint().unwrap();
        let nan = Deviations {
            forward: f32::NAN,
            ..fit.clone()
        };
        let json = serde_json::to_string(&nan).unwrap();
        let read: Deviations = serde_json::from_str(&json).unwrap();
        assert!(read.forward.is_nan() && read.gradients == nan.gradients);
        assert!(complaint(nan).contains("rebuilds images"));
        let gradients = Deviations {
            gradients: 0.5,
            ..fit.clone()
        };
        assert!(complaint(gradients).contains("gradients are wrong"));
        let step = Deviations { step: 1e-2, ..fit };
        assert!(complaint(step).contains("generator.encoder is wrong"));
        assert!(larger(1.0, f32::NAN).is_nan());
    }
}
