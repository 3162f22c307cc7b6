//! Agreement with an independent PyTorch implementation: `tests/golden/make_golden.py` computed the
//! numbers, in f64. The tolerance is 1e-4, absolute for tensors with values up to 1, otherwise
//! relative to the tensor's largest value.

use std::collections::HashMap;

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};
use daad::learn::{Objective, TrainState};
use daad::loss::{self, AdversarialForm};
use daad::model::parameters::{self, ParameterVisitor, visit_parameters};
use daad::model::{AdversarialConfig, Division, MemoryConfig, ModelConfig, System};
use daad::nn::{DivisionRate, MemoryBankConfig};
use safetensors::SafeTensors;

use crate::common::of_repository;
use crate::gpu_kernels::devices as gpus;

const TOLERANCE: f32 = 1e-4;

/// The CPU, and the GPUs of this machine.
fn everywhere() -> impl Iterator<Item = Device> {
    let gpus = gpus().into_iter().map(|(_, device)| device);
    [Device::flex()].into_iter().chain(gpus)
}

/// A file of named tensors.
pub(crate) struct Golden(HashMap<String, TensorData>);

impl Golden {
    pub(crate) fn read(name: &str) -> Self {
        let path = of_repository(&format!("tests/golden/{name}.safetensors"));
        let bytes = std::fs::read(path).unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let tensor = |(name, view): (&str, safetensors::tensor::TensorView)| {
            let values = view.data().as_chunks::<4>().0.iter();
            let values: Vec<f32> = values.map(|&bytes| f32::from_le_bytes(bytes)).collect();
            (
                name.to_owned(),
                TensorData::new(values, view.shape().to_vec()),
            )
        };
        Self(file.iter().map(tensor).collect())
    }

    pub(crate) fn tensor<const D: usize>(&self, name: &str, device: &Device) -> Tensor<D> {
        Tensor::from_data(self.0[name].clone(), device)
    }

    /// Everything under `prefix.`, without the prefix.
    pub(crate) fn under(&self, prefix: &str) -> HashMap<String, TensorData> {
        let tensors = self.0.iter();
        let tensors = tensors.filter_map(|(name, data)| {
            let name = name.strip_prefix(prefix)?.strip_prefix('.')?;
            Some((name.to_owned(), data.clone()))
        });
        tensors.collect()
    }

    pub(crate) fn check<const D: usize>(&self, name: &str, got: Tensor<D>) {
        assert_close(name, &got.into_data(), &self.0[name]);
    }
}

pub(crate) fn assert_close(name: &str, got: &TensorData, expected: &TensorData) {
    assert_eq!(got.shape(), expected.shape(), "shape of {name}");
    let got = got.try_to_vec::<f32>().unwrap();
    let expected = expected.try_to_vec::<f32>().unwrap();
    let scale = expected
        .iter()
        .fold(1.0f32, |max, value| max.max(value.abs()));
    for (index, (got, expected)) in got.iter().zip(&expected).enumerate() {
        let error = (got - expected).abs() / scale;
        assert!(
            error <= TOLERANCE,
            "{name}[{index}]: got {got}, expected {expected}"
        );
    }
}

fn config(system: System, rate: DivisionRate) -> ModelConfig {
    let (skip_connections, placement) = system.connections();
    ModelConfig {
        height_px: 32,
        width_px: 32,
        scales: 3,
        base_width: 3,
        skip_connections,
        memory: MemoryConfig {
            placement,
            items: 7,
            division: Division::Blocks(rate),
            temperature: 1.0,
            renormalize: false,
        },
        adversarial: Some(AdversarialConfig {
            base_width: 3,
            features: 8,
        }),
    }
}

/// The systems in `systems.safetensors`, with the names that they have there.
pub(crate) fn systems() -> Vec<(&'static str, ModelConfig)> {
    let systems = [
        ("ae", System::Ae, 2),
        ("ae_skip", System::AeSkip, 2),
        ("mem_ae", System::MemAe, 4),
        ("mem_ae_skip", System::MemAeSkip, 4),
        ("daad", System::Daad, 2),
    ];
    let config = |(name, system, rate)| (name, config(system, DivisionRate::square(rate)));
    systems.into_iter().map(config).collect()
}

#[test]
fn the_memory_and_its_gradients_agree() {
    let golden = Golden::read("memory");
    let device = Device::flex().autodiff();
    let rates = [
        ("plain", (2, 2, 1)),
        ("channel", (2, 2, 3)),
        ("pixelwise", (4, 4, 1)),
        ("uneven", (4, 2, 3)),
        ("renormalised", (2, 2, 1)),
        ("zero_query", (2, 2, 1)),
        ("all_equal", (2, 2, 1)),
    ];
    for (case, (height, width, channel)) in rates {
        let items: Tensor<2> = golden.tensor(&format!("{case}.items"), &device);
        let [count, dim] = items.dims();
        let bank = MemoryBankConfig {
            items: count,
            dim,
            rate: DivisionRate {
                height,
                width,
                channel,
            },
            temperature: 1.0,
            renormalize: case == "renormalised",
        };
        let items = HashMap::from([("items".to_owned(), items.into_data())]);
        let bank = parameters::load(bank.init(&device), items);
        let input: Tensor<4> = golden.tensor(&format!("{case}.input"), &device);
        let input = input.require_grad();
        let output = bank.forward(input.clone());
        golden.check(&format!("{case}.output"), output.clone());
        let weight = golden.tensor(&format!("{case}.grad_output"), &device);
        let gradients = (output * weight).sum().backward();
        let gradient = input.grad(&gradients).unwrap();
        golden.check(&format!("{case}.grad_input"), gradient);
        let found = gradients_by_name(&bank, &gradients);
        assert_close(
            case,
            &found["items"],
            &golden.0[&format!("{case}.grad_items")],
        );
    }
}

#[test]
fn every_system_agrees_in_use_and_in_training() {
    let golden = Golden::read("systems");
    let all =
        everywhere().flat_map(|device| systems().into_iter().map(move |it| (device.clone(), it)));
    for (device, (name, config)) in all {
        let generator = config.init(&device.clone().autodiff()).unwrap().generator;
        let weights = golden.under(&format!("{name}.weights"));
        assert_eq!(weights.len(), parameters::shapes(&generator).len());
        let generator = parameters::load(generator, weights);
        let input: Tensor<4> = golden.tensor(&format!("{name}.input"), &device);
        let output = generator.valid().forward(input.clone());
        golden.check(&format!("{name}.output_eval"), output);
        let output = generator.forward(input.autodiff());
        golden.check(&format!("{name}.output_train"), output);
        let updated = golden.under(&format!("{name}.updated"));
        let after: HashMap<_, _> = parameters::values(&generator.valid()).into_iter().collect();
        assert!(!updated.is_empty());
        for (parameter, expected) in updated {
            assert_close(&parameter, &after[&parameter], &expected);
        }
    }
}

#[test]
fn the_discriminator_agrees() {
    let golden = Golden::read("discriminator");
    let device = Device::flex();
    let config = config(System::Daad, DivisionRate::square(2));
    let discriminator = config.init(&device).unwrap().discriminator.unwrap();
    let discriminator = parameters::load(discriminator, golden.under("weights"));
    let result = discriminator.forward(golden.tensor("input", &device));
    golden.check("features_eval", result.features);
    golden.check("logits_eval", result.logits);
}

#[test]
fn the_gradients_of_a_training_step_agree() {
    let golden = Golden::read("step");
    for device in everywhere() {
        check_step_gradients(&golden, &device.autodiff());
    }
}

fn check_step_gradients(golden: &Golden, device: &Device) {
    let model = step_model(golden, device);
    let images: Tensor<4> = golden.tensor("input", device);
    let rebuilt = model.generator.forward(images.clone());
    let discriminator = model.discriminator.as_ref().unwrap();
    let judge = discriminator.clone().no_grad();
    let fake = judge.forward(rebuilt.clone());
    let real = judge.forward(images.clone());
    let minimax = loss::adversarial(fake.logits.clone(), AdversarialForm::Minimax);
    golden.check("minimax.loss.adversarial", minimax);
    let adversarial = loss::adversarial(fake.logits, AdversarialForm::NonSaturating);
    let total = loss::reconstruction(images.clone(), rebuilt.clone()) * 50.0
        + adversarial * 0.5
        + loss::alignment(real.features, fake.features) * 0.5;
    golden.check("loss.generator", total.clone());
    let gradients = total.backward();
    check_gradients(golden, "generator", &model.generator, &gradients);

    let real = discriminator.forward(images);
    let fake = discriminator.forward(rebuilt.detach());
    let entropy = loss::discrimination(real.logits, fake.logits);
    golden.check("loss.discriminator", entropy.clone());
    let gradients = entropy.backward();
    check_gradients(golden, "discriminator", discriminator, &gradients);
}

#[test]
fn a_training_step_moves_both_networks_as_pytorch_does() {
    let golden = Golden::read("step");
    for device in everywhere() {
        let device = device.autodiff();
        let after = check_step(&golden, &device);
        assert!(
            check_step(&golden, &device) == after,
            "not the same bits twice"
        );
    }
}

/// Checks a step, and returns the networks' values after it.
fn check_step(golden: &Golden, device: &Device) -> HashMap<String, TensorData> {
    let state = TrainState::new(step_model(golden, device));
    let images = golden.tensor("input", device);
    let gradients = state.gradients(images, &Objective::default());
    let losses = gradients.losses.clone();
    let state = state.apply(gradients, 2e-4);
    golden.check("loss.reconstruction", losses.reconstruction);
    let adversarial = losses.adversarial.unwrap();
    golden.check("loss.adversarial", adversarial.adversarial);
    golden.check("loss.alignment", adversarial.alignment);
    golden.check("loss.discriminator", adversarial.discriminator);
    let before: HashMap<_, _> = step_values(&step_model(golden, device));
    let after = step_values(&state.model);
    let mut moved = 0;
    for (name, got) in &after {
        // A bias in front of batch normalization has only rounding noise as its gradient. Adam's
        // first step scales this noise up to the learning rate, in any direction.
        let first_stage = name.starts_with("discriminator.stages.0.");
        if name.ends_with("conv.bias") && !first_stage {
            continue;
        }
        assert_close(name, got, &golden.0[&format!("after.{name}")]);
        // The step is about the learning rate, which is larger than the tolerance, so a missing
        // step is detected.
        moved += usize::from(*got != before[name]);
    }
    assert!(moved > 80, "only {moved} parameters moved");
    after
}

fn step_model(golden: &Golden, device: &Device) -> daad::model::Model {
    let config = config(System::Daad, DivisionRate::square(2));
    let model = config.init(device).unwrap();
    let mut weights = HashMap::new();
    for part in ["generator", "discriminator"] {
        let tensors = golden.under(part).into_iter();
        weights.extend(tensors.map(|(name, data)| (format!("{part}.{name}"), data)));
    }
    parameters::load(model, weights)
}

fn step_values(model: &daad::model::Model) -> HashMap<String, TensorData> {
    parameters::values(&model.valid()).into_iter().collect()
}

fn check_gradients<M: Module>(
    golden: &Golden,
    part: &str,
    module: &M,
    gradients: &burn::tensor::Gradients,
) {
    let found = gradients_by_name(module, gradients);
    let expected = golden.under(&format!("grad.{part}"));
    // PyTorch's gradient of a bias in front of batch normalization is rounding noise; this
    // library does not compute it.
    let is_normalized = |name: &str| {
        let block = name.strip_suffix("conv.bias");
        block.is_some_and(|block| expected.contains_key(&format!("{block}norm.weight")))
    };
    let normalized = expected.keys().filter(|name| is_normalized(name)).count();
    assert_eq!(
        found.len() + normalized,
        expected.len(),
        "gradients of the {part}"
    );
    for (name, expected) in &expected {
        if is_normalized(name) {
            let zeros = TensorData::zeros::<f32, _>(expected.shape().clone());
            assert_close(name, &zeros, expected);
        } else {
            assert_close(name, &found[name], expected);
        }
    }
}

/// The gradients that the loss has, by parameter name.
pub(crate) fn gradients_by_name<M: Module>(
    module: &M,
    gradients: &burn::tensor::Gradients,
) -> HashMap<String, TensorData> {
    struct Collect<'a>(&'a burn::tensor::Gradients, HashMap<String, TensorData>);
    impl ParameterVisitor for Collect<'_> {
        fn visit<const D: usize>(&mut self, name: &str, param: &Param<Tensor<D>>) {
            if let Some(gradient) = param.val().grad(self.0) {
                self.1.insert(name.to_owned(), gradient.into_data());
            }
        }
    }
    let mut collect = Collect(gradients, HashMap::new());
    visit_parameters(module, &mut collect);
    collect.1
}
