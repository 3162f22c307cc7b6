//! Our kernels against Burn's own operations, on random shapes: results and gradients.

use burn::tensor::activation::leaky_relu;
use burn::tensor::module::{conv_transpose2d, conv2d};
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions};
use burn::tensor::{Device, Distribution, Tensor};
use daad::kernel::{self, AdamStep, Window};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Relative to the largest value.
const TOLERANCE: f32 = 1e-5;

const WINDOWS: [(usize, usize, usize); 9] = [
    (3, 1, 1),
    (3, 1, 0),
    (3, 2, 1),
    (4, 2, 1),
    (4, 1, 0),
    (1, 1, 0),
    (2, 2, 0),
    (5, 1, 2),
    (4, 4, 0),
];

fn device() -> Device {
    Device::flex().autodiff()
}

fn random<const D: usize>(shape: [usize; D]) -> Tensor<D> {
    Tensor::random(shape, Distribution::Normal(0.0, 1.0), &device()).require_grad()
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

fn assert_close(what: &str, got: Vec<f32>, expected: Vec<f32>) {
    assert_eq!(got.len(), expected.len(), "{what}");
    let largest = expected
        .iter()
        .fold(1.0f32, |max, value| max.max(value.abs()));
    for (got, expected) in got.into_iter().zip(expected) {
        let off = (got - expected).abs() / largest;
        assert!(
            off <= TOLERANCE,
            "{what}: {got} and {expected}, off by {off}"
        );
    }
}

/// Compares the outputs of two operations and what flows back to their inputs.
fn assert_same(
    what: &str,
    (x, weight, bias): (Tensor<4>, Tensor<4>, Tensor<1>),
    ours: impl Fn(Tensor<4>, Tensor<4>, Tensor<1>) -> Tensor<4>,
    burns: impl Fn(Tensor<4>, Tensor<4>, Tensor<1>) -> Tensor<4>,
) {
    let results = [
        ours(x.clone(), weight.clone(), bias.clone()),
        burns(x.clone(), weight.clone(), bias.clone()),
    ];
    let share = random(results[0].dims()).detach();
    let [ours, burns] = results.map(|output| {
        let gradients = (output.clone() * share.clone()).sum().backward();
        [
            values(output),
            values(x.grad(&gradients).unwrap()),
            values(weight.grad(&gradients).unwrap()),
            values(bias.grad(&gradients).unwrap()),
        ]
    });
    for ((name, ours), burns) in ["output", "x", "weight", "bias"]
        .iter()
        .zip(ours)
        .zip(burns)
    {
        assert_close(&format!("{what}, {name}"), ours, burns);
    }
}

#[test]
fn convolutions_and_their_gradients_are_those_of_burn() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for round in 0..63 {
        let (kernel, stride, padding) = WINDOWS[round % WINDOWS.len()];
        let window = Window {
            kernel,
            stride,
            padding,
        };
        let mut size = || kernel + rng.random_range(0..30);
        let (height, width) = (size(), size());
        let (batch, input, output) = (
            rng.random_range(1..6),
            rng.random_range(1..20),
            rng.random_range(1..20),
        );
        let slope = [1.0, 0.0, 0.2][round % 3];
        let operands = (
            random([batch, input, height, width]),
            random([output, input, kernel, kernel]),
            random([output]),
        );
        let options = ConvOptions::new([stride; 2], [padding; 2], [1; 2], 1);
        assert_same(
            &format!("{window:?} on {batch}×{input}×{height}×{width} to {output}, slope {slope}"),
            operands,
            |x, weight, bias| kernel::convolve(x, weight, bias, window, slope),
            |x, weight, bias| {
                let output = conv2d(x, weight, Some(bias), options.clone());
                if slope == 1.0 {
                    output
                } else {
                    leaky_relu(output, f64::from(slope))
                }
            },
        );
    }
}

#[test]
fn transposed_convolutions_and_their_gradients_are_those_of_burn() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    for round in 0..36 {
        let (kernel, stride, padding) = WINDOWS[round % WINDOWS.len()];
        let window = Window {
            kernel,
            stride,
            padding,
        };
        let mut size = || rng.random_range(3..20);
        let [batch, input, output, height, width] = [(); 5].map(|()| size());
        let operands = (
            random([batch.min(4), input, height, width]),
            random([input, output, kernel, kernel]),
            random([output]),
        );
        let options = ConvTransposeOptions::new([stride; 2], [padding; 2], [0; 2], [1; 2], 1);
        assert_same(
            &format!("{window:?} on {input}×{height}×{width} to {output}"),
            operands,
            |x, weight, bias| kernel::convolve_transposed(x, weight, bias, window),
            |x, weight, bias| conv_transpose2d(x, weight, Some(bias), options.clone()),
        );
    }
}

#[test]
fn what_a_call_leaves_in_the_working_memory_does_not_reach_the_next() {
    let window = Window {
        kernel: 3,
        stride: 1,
        padding: 1,
    };
    for size in [40, 7, 5, 33] {
        let spoil = Tensor::full([3, 9, 50, 50], f32::NAN, &device());
        let weight = random([8, 9, 3, 3]);
        kernel::convolve(spoil, weight.clone(), random([8]), window, 1.0);
        let x = random([2, 9, size, size]);
        let loss = kernel::convolve(x.clone(), weight.clone(), random([8]), window, 1.0).sum();
        let gradients = loss.backward();
        for values in [
            values(x.grad(&gradients).unwrap()),
            values(weight.grad(&gradients).unwrap()),
        ] {
            assert!(values.iter().all(|value| value.is_finite()), "size {size}");
        }
    }
}

#[test]
fn the_gradient_of_pooling_goes_to_the_first_of_the_largest() {
    let x = Tensor::<1>::from_floats([1.0, 2.0, 2.0, 0.0, 5.0, 5.0, 5.0, 5.0], &device());
    let x = x.reshape([1, 2, 2, 2]).require_grad();
    let pooled = kernel::max_pool(x.clone());
    let gradients = (pooled.clone() * pooled.clone()).sum().backward();
    assert_eq!(values(pooled), [2.0, 5.0]);
    let expected = [0.0, 4.0, 0.0, 0.0, 10.0, 0.0, 0.0, 0.0];
    assert_eq!(values(x.grad(&gradients).unwrap()), expected);
}

#[test]
fn adam_leaves_a_shared_tensor_alone() {
    let device = Device::flex();
    let tensor = |value: f32| Tensor::<1>::full([5], value, &device);
    let step = AdamStep {
        beta_1: 0.9,
        beta_2: 0.99,
        step_size: 0.1,
        second_scale: 2.0,
        epsilon: 1e-8,
    };
    let before = tensor(1.0);
    let state = [before.clone(), tensor(0.5), tensor(0.25)];
    let [value, first, second] = kernel::adam(state, tensor(2.0), step);
    assert_eq!(values(before), [1.0; 5]);
    // By hand: m = 0.45 + 0.2, v = 0.2475 + 0.04, and 1 − 0.1 · m / (2 √v).
    assert_close("first", values(first), vec![0.65; 5]);
    assert_close("second", values(second), vec![0.2875; 5]);
    assert_close(
        "value",
        values(value),
        vec![1.0 - 0.065 / (2.0 * 0.2875f32.sqrt()); 5],
    );
}
