//! Our kernels on the GPUs of this machine, including software GPUs, compared with those on the
//! CPU: results and gradients.

use burn::tensor::{Device, Tensor, TensorData};
use daad::device::adapters;
use daad::kernel::{self, AdamStep, AddressingRule};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::kernels::{
    Operands, SLOPES, WINDOWS, assert_close, normalize_train, random, values, window,
};

/// The GPUs. If the test script provides a software GPU, there must be at least one.
pub(crate) fn devices() -> Vec<(String, Device)> {
    let adapters = adapters();
    let is_promised = std::env::var_os("DAAD_TEST_GPU").is_some();
    assert!(!is_promised || !adapters.is_empty(), "no GPU was found");
    let named = |adapter: &daad::device::Adapter| (adapter.name.clone(), adapter.device.clone());
    adapters.iter().map(named).collect()
}

/// A random batch size, height and width; height and width are at least `least`.
fn size(rng: &mut ChaCha8Rng, least: usize) -> [usize; 3] {
    let [height, width] = [(); 2].map(|()| least + rng.random_range(0..12));
    [rng.random_range(1..=3), height, width]
}

/// `[B, C, H, W]`; at random, half of the maps are views of other tensors.
fn maps(rng: &mut ChaCha8Rng, [batch, height, width]: [usize; 3], channels: usize) -> Tensor<4> {
    if rng.random() {
        return random(rng, [batch, channels, height, width]);
    }
    random(rng, [batch + 1, width, height, channels])
        .narrow(0, 1, batch)
        .permute([0, 3, 2, 1])
}

/// Compares results with those of the CPU, with and without autodiff, and the gradients of all
/// operands, given a random gradient of the output.
fn assert_same<const M: usize, const C: usize>(
    devices: &[(String, Device)],
    what: &str,
    rng: &mut ChaCha8Rng,
    operands: Operands<M, C>,
    run: impl Fn(Operands<M, C>) -> Tensor<4>,
) {
    let operands = operands.tracked();
    let expected = run(operands.clone());
    let gradient = random(rng, expected.dims());
    for (name, device) in devices {
        let what = format!("{what} on {name}");
        let there = operands.clone().on(&device.clone().autodiff()).tracked();
        let got = run(there.clone());
        assert_eq!(got.dims(), expected.dims(), "{what}");
        assert_close(&what, &values(got.clone()), &values(expected.clone()));
        let untracked = run(there.clone().untracked());
        assert_close(&what, &values(untracked), &values(expected.clone()));

        // If rounding decides whether a value is positive, the gradient there is set to zero.
        let cpu = Device::flex().autodiff();
        let side = |x: &Tensor<4>| x.clone().to_device(&cpu).greater_elem(0.0);
        let gradient = gradient.clone() * side(&got).equal(side(&expected)).float();
        let expected = operands.gradients(expected.clone(), gradient.clone());
        let gradient = gradient.to_device(&device.clone().autodiff());
        let got = there.gradients(got, gradient);
        for (index, (got, expected)) in got.iter().zip(&expected).enumerate() {
            assert_close(&format!("{what}, gradient {index}"), got, expected);
        }
    }
}

#[test]
fn a_convolution_and_its_gradients_are_those_of_the_cpu() {
    let devices = devices();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for round in 0..3 * WINDOWS.len() {
        let window = WINDOWS[round % WINDOWS.len()];
        let slope = SLOPES[round / WINDOWS.len() % SLOPES.len()];
        let least = (window.kernel - 2 * window.padding).max(1);
        let size = size(&mut rng, least);
        let channels @ [inputs, outputs] = [(); 2].map(|()| rng.random_range(1..=12));
        let weight = random(&mut rng, [outputs, inputs, window.kernel, window.kernel]);
        let operands = Operands(
            [maps(&mut rng, size, inputs), weight],
            [random(&mut rng, [outputs])],
        );
        assert_same(
            &devices,
            &format!("{window:?} on {size:?}, {channels:?} channels, slope {slope}"),
            &mut rng,
            operands,
            |Operands([x, weight], [bias])| kernel::convolve(x, weight, bias, window, slope),
        );
    }
}

#[test]
fn tiles_of_all_sizes_give_the_results_of_the_cpu() {
    let devices = devices();
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    // 8 and 12 channels are two and three vectors, 3 channels have no vectors. With half the side,
    // units have less work.
    for (side, outputs) in [(61, 8), (61, 12), (61, 3), (31, 8), (9, 16)] {
        for (kernel, stride, padding) in [(3, 1, 1), (4, 2, 1), (2, 2, 0)] {
            let window = window(kernel, stride, padding);
            let maps = maps(&mut rng, [2, side, side + 1], 5);
            let weight = random(&mut rng, [outputs, 5, kernel, kernel]);
            let bias = random(&mut rng, [outputs]);
            assert_same(
                &devices,
                &format!("{window:?}, side {side}, {outputs} channels"),
                &mut rng,
                Operands([maps.clone(), weight.clone()], [bias.clone()]),
                |Operands([x, weight], [bias])| kernel::convolve(x, weight, bias, window, 0.2),
            );
            assert_same(
                &devices,
                &format!("transposed {window:?}, side {side}, {outputs} channels"),
                &mut rng,
                Operands([maps, weight.swap_dims(0, 1)], [bias]),
                |Operands([x, weight], [bias])| {
                    kernel::convolve_transposed(x, weight, bias, window)
                },
            );
        }
    }
}

#[test]
fn lines_that_are_shared_out_count_once() {
    let devices = devices();
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    // More lines than a single sum takes, and sums that need several levels.
    for shape in [[3, 1, 70, 9], [1, 2, 67, 130]] {
        let window = window(3, 1, 1);
        let weight = random(&mut rng, [2, shape[1], 3, 3]);
        let operands = Operands([random(&mut rng, shape), weight], [random(&mut rng, [2])]);
        assert_same(
            &devices,
            &format!("{window:?} on {shape:?}"),
            &mut rng,
            operands,
            |Operands([x, weight], [bias])| {
                let x = kernel::convolve(x, weight, bias.clone(), window, 0.2);
                normalize_train(x, [bias.clone(), bias], 0.2).output
            },
        );
    }
}

#[test]
fn a_transposed_convolution_and_its_gradients_are_those_of_the_cpu() {
    let devices = devices();
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    for round in 0..2 * WINDOWS.len() {
        let window = WINDOWS[round % WINDOWS.len()];
        let size = size(&mut rng, 1 + 2 * window.padding);
        let channels @ [inputs, outputs] = [(); 2].map(|()| rng.random_range(1..=12));
        let weight = random(&mut rng, [inputs, outputs, window.kernel, window.kernel]);
        let operands = Operands(
            [maps(&mut rng, size, inputs), weight],
            [random(&mut rng, [outputs])],
        );
        assert_same(
            &devices,
            &format!("transposed {window:?} on {size:?}, {channels:?} channels"),
            &mut rng,
            operands,
            |Operands([x, weight], [bias])| kernel::convolve_transposed(x, weight, bias, window),
        );
    }
}

#[test]
fn joined_maps_and_their_gradients_are_those_of_the_cpu() {
    let devices = devices();
    let mut rng = ChaCha8Rng::seed_from_u64(10);
    for channels @ [left, right] in [[8, 4], [4, 6], [3, 12], [1, 1], [7, 5]] {
        let size = size(&mut rng, 1);
        let operands = Operands(
            [maps(&mut rng, size, left), maps(&mut rng, size, right)],
            [],
        );
        assert_same(
            &devices,
            &format!("{channels:?} channels joined, {size:?}"),
            &mut rng,
            operands,
            |Operands([first, second], [])| kernel::concatenate(first, second),
        );
    }
}

#[test]
fn arranged_weights_are_the_same_weights() {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    for (name, device) in devices() {
        for transposed in [false, true] {
            let weight = random(&mut rng, [5, 3, 4, 2]);
            let there = kernel::arranged(weight.clone().to_device(&device), transposed);
            assert_eq!(values(there), values(weight), "{name}");
        }
    }
}

#[test]
fn a_normalization_and_its_gradients_are_those_of_the_cpu() {
    let devices = devices();
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    for round in 0..12 {
        let slope = SLOPES[round % SLOPES.len()];
        // The last maps have so many pixels that their sums are combined in more than one level.
        let size = match round {
            11 => [3, 67, 43],
            _ => size(&mut rng, 4),
        };
        let channels = rng.random_range(1..=12);
        // Also maps far from zero.
        let x = maps(&mut rng, size, channels).add_scalar([0.0, 5.0][round / SLOPES.len() % 2]);
        let line = [(); 2].map(|()| random(&mut rng, [channels]));
        let what = format!("normalization of {size:?}, {channels} channels, slope {slope}");
        let statistics = |x: Tensor<4>, line: [Tensor<1>; 2]| {
            normalize_train(x, line, slope).running.map(values)
        };
        let expected = statistics(x.clone(), line.clone());
        for (name, device) in &devices {
            let device = device.clone().autodiff();
            let line = line.clone().map(|values| values.to_device(&device));
            let got = statistics(x.clone().to_device(&device), line);
            for (got, expected) in got.iter().zip(&expected) {
                assert_close(&format!("{what}, statistics on {name}"), got, expected);
            }
        }
        let operands = Operands([x], line);
        assert_same(
            &devices,
            &what,
            &mut rng,
            operands,
            |Operands([x], line)| normalize_train(x, line, slope).output,
        );
    }
}

#[test]
fn pooling_and_its_gradient_are_those_of_the_cpu() {
    let devices = devices();
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    for round in 0..12 {
        let size = size(&mut rng, 2);
        let channels = rng.random_range(1..=12);
        let mut x = maps(&mut rng, size, channels);
        if round % 2 == 0 {
            // Few different values, so that several pixels of a window have the maximum.
            x = x.mul_scalar(2.0).round();
        }
        assert_same(
            &devices,
            &format!("pooling of {size:?}, {channels} channels"),
            &mut rng,
            Operands([x], []),
            |Operands([x], [])| kernel::max_pool(x),
        );
    }
}

#[test]
fn a_squared_error_and_its_gradients_are_those_of_the_cpu() {
    let devices = devices();
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    // Fewer values than a vector has, an odd number, and more values than a single sum takes.
    for shape in [[1, 1, 1, 1], [1, 3, 5, 7], [2, 4, 6, 8], [2, 16, 130, 131]] {
        let operands = Operands([(); 2].map(|()| random(&mut rng, shape)), []);
        let what = format!("squared error of {shape:?}");
        assert_same(
            &devices,
            &what,
            &mut rng,
            operands,
            |Operands([x, y], [])| kernel::squared_error(x, y).reshape([1; 4]),
        );
        // The output of a kernel has its channels last in memory, but y does not.
        let [batch, channels, height, width] = shape;
        let large = [batch, channels, 2 * height, 2 * width];
        let operands = Operands([random(&mut rng, large), random(&mut rng, shape)], []);
        let what = format!("{what}, pooled");
        assert_same(
            &devices,
            &what,
            &mut rng,
            operands,
            |Operands([x, y], [])| kernel::squared_error(kernel::max_pool(x), y).reshape([1; 4]),
        );
    }
}

const STEP: AdamStep = AdamStep {
    beta_1: 0.9,
    beta_2: 0.999,
    step_size: 1e-2,
    second_scale: 1.7,
    epsilon: 1e-8,
};

/// Two steps of Adam for parameters of many sizes, some in another memory layout. The second step
/// finds the parameters in the buffer of the first.
#[test]
fn adam_moves_many_parameters_as_on_the_cpu() {
    let shapes = [
        [1, 1, 1, 1],
        [5, 1, 1, 1],
        [6, 4, 3, 3],
        [64, 1, 1, 1],
        [7, 65, 1, 1],
        [16, 16, 4, 4],
    ];
    // More gradients than a launch can read.
    let shapes: Vec<[usize; 4]> = shapes.into_iter().cycle().take(40).collect();
    for count in [1, 2] {
        let mut rng = ChaCha8Rng::seed_from_u64(8);
        let mut random = |shape| random(&mut rng, shape).inner();
        let states = shapes.iter().map(|&shape| {
            let [value, first, second] = [(); 3].map(|()| random(shape));
            [value, first, second.abs()]
        });
        let states: Vec<[Tensor<4>; 3]> = states.collect();
        let gradients = [(); 2].map(|()| {
            let lists = shapes.iter();
            let lists = lists.map(|&shape| (0..count).map(|_| random(shape)).collect());
            lists.collect::<Vec<Vec<Tensor<4>>>>()
        });
        let moved = |device: &Device| {
            let there = |tensor: Tensor<4>| tensor.to_device(device);
            // The gradients of convolutions are views in another memory layout.
            let turned =
                |tensor: Tensor<4>| there(tensor.permute([2, 3, 1, 0])).permute([3, 2, 0, 1]);
            let mut states: Vec<_> = states
                .iter()
                .cloned()
                .map(|state| state.map(there))
                .collect();
            let before = states.clone();
            for gradients in gradients.clone() {
                let gradients = gradients.into_iter();
                let gradients = gradients.map(|list| list.into_iter().map(turned).collect());
                states = kernel::adam_all(states, gradients.collect(), STEP);
            }
            let values = |states: Vec<[Tensor<4>; 3]>| -> Vec<Vec<f32>> {
                states.into_iter().flatten().map(values).collect()
            };
            (values(before), values(states))
        };
        let (before, expected) = moved(&Device::flex());
        for (name, device) in devices() {
            let (held, got) = moved(&device);
            assert_eq!(held, before, "what others hold, on {name}");
            for (index, (got, expected)) in got.iter().zip(&expected).enumerate() {
                let what = format!("tensor {index} with {count} gradients on {name}");
                assert_close(&what, got, expected);
            }
        }
    }
}

#[test]
fn adam_moves_as_on_the_cpu() {
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    for (name, device) in devices() {
        for length in [1, 6, 1000] {
            let [value, first, gradient] = [(); 3].map(|()| random(&mut rng, [length]).inner());
            let second = random(&mut rng, [length]).inner().abs();
            let tensors = [value, first, second];
            let there = tensors.clone().map(|tensor| tensor.to_device(&device));
            let got = kernel::adam(there, gradient.clone().to_device(&device), STEP);
            let expected = kernel::adam(tensors, gradient, STEP);
            for (got, expected) in got.into_iter().zip(expected) {
                let what = format!("{length} values on {name}");
                assert_close(&what, &values(got), &values(expected));
            }
        }
    }
}

#[test]
fn what_is_no_number_is_passed_on() {
    let window = window(1, 1, 0);
    for (name, device) in devices() {
        let maps = |values: [f32; 4]| {
            Tensor::<4>::from_data(TensorData::new(values.to_vec(), [1, 1, 2, 2]), &device)
        };
        let (weight, bias) = (
            Tensor::ones([1, 1, 1, 1], &device),
            Tensor::zeros([1], &device),
        );
        let x = maps([f32::NAN, -1.0, 0.0, 2.0]);
        let got = values(kernel::convolve(x, weight, bias, window, 0.0));
        assert!(got[0].is_nan(), "{got:?} on {name}");
        assert_eq!(got[1..], [0.0, 0.0, 2.0], "on {name}");
        for place in 0..4 {
            let mut window = [1.0, 2.0, 3.0, 4.0];
            window[place] = f32::NAN;
            let got = values(kernel::max_pool(maps(window)));
            assert!(got[0].is_nan(), "{window:?} on {name}");
        }
    }
}

#[test]
fn a_memory_and_its_gradients_are_those_of_the_cpu() {
    let devices = devices();
    let mut rng = ChaCha8Rng::seed_from_u64(8);
    for round in 0..12 {
        let (queries, items) = (rng.random_range(1..70), [50, 1, 3, 100][round % 4]);
        let dim = rng.random_range(1..40);
        let rule = AddressingRule {
            min_norm: 1e-8,
            temperature: [1.0, 0.05][round / 4 % 2],
            cut: 1.0 / items as f32 - 1e-5,
            renormalize: round % 3 == 0,
        };
        let query: Tensor<2> = random(&mut rng, [queries, dim]);
        // A query of zeros, whose norm is at its lower limit.
        let zeros = query.clone().narrow(0, 0, 1) * 0.0;
        let operands = [
            Tensor::cat(vec![query, zeros], 0),
            random(&mut rng, [items, dim]),
        ];
        let gradient: Tensor<2> = random(&mut rng, [queries + 1, dim]);
        let run = |device: &Device| {
            let weights = {
                let [queries, items] = operands
                    .clone()
                    .map(|x| x.without_autodiff().to_device(device));
                let squares = |rows: &Tensor<2>| rows.clone().powi_scalar(2).sum_dim(1);
                let (of_queries, of_items) = (squares(&queries), squares(&items).transpose());
                let products = kernel::matmul(queries, items.transpose());
                values(kernel::address(products, of_queries, of_items, rule))
            };
            let device = device.clone().autodiff();
            let operands = operands
                .clone()
                .map(|x| x.to_device(&device).require_grad());
            let [queries, items] = operands.clone();
            let answers = kernel::answer(queries, items, rule);
            let gradients = (answers.clone() * gradient.clone().to_device(&device))
                .sum()
                .backward();
            let gradients = operands.map(|x| values(x.grad(&gradients).unwrap()));
            (weights, values(answers), gradients)
        };
        let (expected_weights, expected, expected_gradients) = run(&Device::flex());
        for (name, device) in &devices {
            let what = format!("a memory of {items} items of {dim}, {rule:?}, on {name}");
            let (weights, got, gradients) = run(device);
            assert_close(&format!("{what}, weights"), &weights, &expected_weights);
            assert_close(&what, &got, &expected);
            for (index, gradient) in gradients.iter().enumerate() {
                let what = format!("{what}, gradient {index}");
                assert_close(&what, gradient, &expected_gradients[index]);
            }
        }
    }
}

#[test]
fn the_loss_of_logits_and_its_gradient_are_those_of_the_cpu() {
    let logits = Tensor::<1>::from_floats([0.3, -2.0, 0.0, 90.0, -90.0, 1e4], &Device::flex());
    for sign in [1.0, -1.0] {
        let run = |device: &Device| {
            let logits = logits.clone().to_device(device).autodiff().require_grad();
            let loss = kernel::logistic_loss(logits.clone(), sign);
            let gradients = loss.clone().mul_scalar(3.0).backward();
            (values(loss), values(logits.grad(&gradients).unwrap()))
        };
        let (expected, expected_gradient) = run(&Device::flex());
        for (name, device) in devices() {
            let (got, gradient) = run(&device);
            assert_close(&format!("loss on {name}"), &got, &expected);
            assert_close(
                &format!("gradient on {name}"),
                &gradient,
                &expected_gradient,
            );
        }
    }
}

#[test]
fn products_of_matrices_are_those_of_the_cpu() {
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    for [rows, inner, columns] in [
        [5, 3, 50],
        [1, 1, 1],
        [64, 48, 100],
        [33, 70, 7],
        [8, 256, 12],
    ] {
        let shapes = [[rows, inner], [inner, columns]];
        let plain = shapes.map(|shape| random::<2>(&mut rng, shape));
        let turned = plain.clone().map(Tensor::transpose);
        for (lhs, rhs) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            // A matrix, or a transposed view of its transpose.
            let view = |index: usize, turn: usize, device: &Device| match turn {
                0 => plain[index].clone().without_autodiff().to_device(device),
                _ => {
                    let data = turned[index].clone().into_data();
                    Tensor::<2>::from_data(data, device).transpose()
                }
            };
            let run = |device: &Device| {
                values(kernel::matmul(view(0, lhs, device), view(1, rhs, device)))
            };
            let expected = run(&Device::flex());
            for (name, device) in devices() {
                let what = format!("{rows}×{inner}×{columns}, views {lhs} {rhs}, on {name}");
                assert_close(&what, &run(&device), &expected);
            }
        }
    }
}
