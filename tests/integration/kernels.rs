//! Our kernels on the CPU against Burn's own operations, on random shapes: results and gradients.

use burn::tensor::activation::{leaky_relu, relu};
use burn::tensor::module::{conv_transpose2d, conv2d, max_pool2d};
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions, MaxPoolOptions};
use burn::tensor::{Device, Tensor, TensorData};
use daad::kernel::{self, AdamStep, NormOptions, Normalized, Window};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Relative to the tensor's largest value.
const TOLERANCE: f32 = 1e-5;

pub(crate) const EPSILON: f32 = 1e-5;
pub(crate) const SLOPES: [f32; 3] = [1.0, 0.0, 0.2];

pub(crate) const WINDOWS: [Window; 9] = [
    window(3, 1, 1),
    window(3, 1, 0),
    window(3, 2, 1),
    window(4, 2, 1),
    window(4, 1, 0),
    window(1, 1, 0),
    window(2, 2, 0),
    window(5, 1, 2),
    window(4, 4, 0),
];

/// Maps `[B, I, H, W]` and O that are large enough for code paths that small maps do not use.
const LARGE: [([usize; 4], usize); 4] = [
    // Several images in a row tile, and fewer in the last one.
    ([9, 3, 5, 7], 5),
    // More columns of weights than are applied at a time, also for Winograd's algorithm.
    ([2, 70, 9, 21], 12),
    // Several row tiles for one image.
    ([1, 40, 66, 67], 40),
    // More row tiles than partial sums of a weight gradient.
    ([5, 12, 90, 91], 9),
];

pub(crate) const fn window(kernel: usize, stride: usize, padding: usize) -> Window {
    Window {
        kernel,
        stride,
        padding,
    }
}

pub(crate) fn random<const D: usize>(rng: &mut ChaCha8Rng, shape: [usize; D]) -> Tensor<D> {
    let count = shape.iter().product();
    let values: Vec<f32> = (0..count).map(|_| rng.random_range(-1.0..1.0)).collect();
    Tensor::from_data(TensorData::new(values, shape), &Device::flex().autodiff())
}

fn full<const D: usize>(shape: [usize; D], value: f32) -> Tensor<D> {
    Tensor::full(shape, value, &Device::flex().autodiff())
}

/// A side of a map: the minimum, less than a vector, or more.
fn side(rng: &mut ChaCha8Rng, least: usize) -> usize {
    let most = [1, 16, 40, 40][rng.random_range(0..4)];
    least + rng.random_range(0..most)
}

pub(crate) fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

pub(crate) fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

pub(crate) fn assert_close(what: &str, got: &[f32], expected: &[f32]) {
    assert_eq!(got.len(), expected.len(), "{what}");
    let largest = |max: f32, value: &f32| max.max(value.abs());
    let largest = expected.iter().fold(f32::MIN_POSITIVE, largest);
    for (index, (got, expected)) in got.iter().zip(expected).enumerate() {
        let off = (got - expected).abs() / largest;
        assert!(
            off <= TOLERANCE,
            "{what}[{index}]: got {got}, expected {expected}, off by {off} of {largest}"
        );
    }
}

/// The operands of an operation: maps (including weights), and values per channel.
#[derive(Clone)]
pub(crate) struct Operands<const M: usize, const C: usize>(
    pub(crate) [Tensor<4>; M],
    pub(crate) [Tensor<1>; C],
);

impl<const M: usize, const C: usize> Operands<M, C> {
    pub(crate) fn tracked(self) -> Self {
        Self(
            self.0.map(|maps| maps.detach().require_grad()),
            self.1.map(|values| values.detach().require_grad()),
        )
    }

    pub(crate) fn untracked(self) -> Self {
        Self(self.0.map(Tensor::inner), self.1.map(Tensor::inner))
    }

    /// The operands on another device; views remain views.
    pub(crate) fn on(self, device: &Device) -> Self {
        let turn = |maps: Tensor<4>| maps.permute([0, 3, 2, 1]);
        Self(
            self.0.map(|maps| turn(turn(maps).to_device(device))),
            self.1.map(|values| values.to_device(device)),
        )
    }

    /// The gradients of every operand, given that of the output.
    pub(crate) fn gradients(&self, output: Tensor<4>, gradient: Tensor<4>) -> Vec<Vec<f32>> {
        let gradients = (output * gradient).sum().backward();
        let maps = self.0.iter().map(|maps| maps.grad(&gradients).unwrap());
        let channels = self.1.iter().map(|values| values.grad(&gradients).unwrap());
        maps.map(values).chain(channels.map(values)).collect()
    }
}

/// Compares the results of two operations, with and without autodiff, and the gradients of all
/// operands, given a random gradient of the output.
fn assert_same<const M: usize, const C: usize>(
    what: &str,
    rng: &mut ChaCha8Rng,
    operands: Operands<M, C>,
    ours: impl Fn(Operands<M, C>) -> Tensor<4>,
    burns: impl Fn(Operands<M, C>) -> Tensor<4>,
) {
    let operands = operands.tracked();
    let outputs = [ours(operands.clone()), burns(operands.clone())];
    assert_eq!(outputs[0].dims(), outputs[1].dims(), "{what}");
    let untracked = ours(operands.clone().untracked());
    let expected = values(outputs[1].clone());
    assert_close(what, &values(untracked), &expected);
    assert_close(what, &values(outputs[0].clone()), &expected);

    // If rounding decides whether a value is positive, the gradient there is set to zero.
    let [ours, burns] = outputs.each_ref().map(|x| x.clone().greater_elem(0.0));
    let gradient = random(rng, outputs[0].dims()) * ours.equal(burns).float();
    let [ours, burns] = outputs.map(|output| operands.gradients(output, gradient.clone()));
    for (index, (ours, burns)) in ours.iter().zip(&burns).enumerate() {
        assert_close(&format!("{what}, gradient {index}"), ours, burns);
    }
}

fn activated(x: Tensor<4>, slope: f32) -> Tensor<4> {
    match slope {
        1.0 => x,
        0.0 => relu(x),
        slope => leaky_relu(x, f64::from(slope)),
    }
}

fn check_convolution(
    rng: &mut ChaCha8Rng,
    shape: [usize; 4],
    outputs: usize,
    window: Window,
    slope: f32,
) {
    let Window {
        kernel,
        stride,
        padding,
    } = window;
    let weight = random(rng, [outputs, shape[1], kernel, kernel]);
    let operands = Operands([random(rng, shape), weight], [random(rng, [outputs])]);
    let options = ConvOptions::new([stride; 2], [padding; 2], [1; 2], 1);
    assert_same(
        &format!("{window:?} on {shape:?} to {outputs}, slope {slope}"),
        rng,
        operands,
        |Operands([x, weight], [bias])| kernel::convolve(x, weight, bias, window, slope),
        |Operands([x, weight], [bias])| {
            activated(conv2d(x, weight, Some(bias), options.clone()), slope)
        },
    );
}

fn check_transposed(rng: &mut ChaCha8Rng, shape: [usize; 4], outputs: usize, window: Window) {
    let Window {
        kernel,
        stride,
        padding,
    } = window;
    let weight = random(rng, [shape[1], outputs, kernel, kernel]);
    let operands = Operands([random(rng, shape), weight], [random(rng, [outputs])]);
    let options = ConvTransposeOptions::new([stride; 2], [padding; 2], [0; 2], [1; 2], 1);
    assert_same(
        &format!("transposed {window:?} on {shape:?} to {outputs}"),
        rng,
        operands,
        |Operands([x, weight], [bias])| kernel::convolve_transposed(x, weight, bias, window),
        |Operands([x, weight], [bias])| conv_transpose2d(x, weight, Some(bias), options.clone()),
    );
}

#[test]
fn a_convolution_and_its_gradients_are_those_of_burn() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for round in 0..2 * WINDOWS.len() * SLOPES.len() {
        let window = WINDOWS[round % WINDOWS.len()];
        let slope = SLOPES[round / WINDOWS.len() % SLOPES.len()];
        let least = (window.kernel - 2 * window.padding).max(1);
        let [height, width] = [(); 2].map(|()| side(&mut rng, least));
        let [inputs, outputs] = [(); 2].map(|()| rng.random_range(1..=40));
        let shape = [rng.random_range(1..=5), inputs, height, width];
        check_convolution(&mut rng, shape, outputs, window, slope);
    }
}

#[test]
fn a_large_convolution_and_its_gradients_are_those_of_burn() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    for window in WINDOWS {
        for (shape, outputs) in LARGE {
            check_convolution(&mut rng, shape, outputs, window, 0.2);
        }
    }
}

#[test]
fn a_transposed_convolution_and_its_gradients_are_those_of_burn() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    for round in 0..4 * WINDOWS.len() {
        let window = WINDOWS[round % WINDOWS.len()];
        let [height, width] = [(); 2].map(|()| side(&mut rng, 1));
        let [inputs, outputs] = [(); 2].map(|()| rng.random_range(1..=40));
        let shape = [rng.random_range(1..=5), inputs, height, width];
        check_transposed(&mut rng, shape, outputs, window);
    }
    for window in WINDOWS {
        for (shape, outputs) in &LARGE[..3] {
            check_transposed(&mut rng, *shape, *outputs, window);
        }
    }
}

/// Values per channel, with the axes of maps.
fn spread(channels: Tensor<1>) -> Tensor<4> {
    channels.reshape([1, -1, 1, 1])
}

fn normalized(x: Tensor<4>, line: [Tensor<1>; 2], statistics: [Tensor<4>; 2]) -> Tensor<4> {
    let [gamma, beta] = line.map(spread);
    let [mean, variance] = statistics;
    (x - mean) / variance.add_scalar(EPSILON).sqrt() * gamma + beta
}

/// Batch normalization in training. Running mean and variance are 2 and 3 before it, and the
/// momentum is a quarter.
pub(crate) fn normalize_train(x: Tensor<4>, line: [Tensor<1>; 2], slope: f32) -> Normalized {
    let channel = |value: f32| Tensor::full([x.dims()[1]], value, &x.device());
    let running = [channel(2.0), channel(3.0)];
    let options = NormOptions {
        epsilon: EPSILON,
        momentum: 0.25,
        slope,
    };
    kernel::normalize_train(x, line, running, options)
}

/// Mean and biased variance of every channel, `[1, C, 1, 1]`.
fn statistics(x: Tensor<4>) -> [Tensor<4>; 2] {
    let mean = |x: Tensor<4>| x.mean_dim(0).mean_dim(2).mean_dim(3);
    let center = mean(x.clone());
    let off = x - center.clone();
    [center, mean(off.clone() * off)]
}

/// Maps with more than a few values per channel; with fewer, a normalized map has hardly any
/// information.
fn maps_to_normalize(rng: &mut ChaCha8Rng) -> Tensor<4> {
    let [height, width] = [(); 2].map(|()| side(rng, 1));
    let batch = rng.random_range(1..=5).max(20 / (height * width));
    let channels = rng.random_range(1..=40);
    random(rng, [batch, channels, height, width])
}

#[test]
fn a_normalization_and_its_gradients_are_those_of_burn() {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    for round in 0..30 {
        let slope = SLOPES[round % SLOPES.len()];
        let x = maps_to_normalize(&mut rng);
        let [gamma, beta, mean, variance] = [(); 4].map(|()| random(&mut rng, [x.dims()[1]]));
        let variance = variance.abs().add_scalar(0.1);
        assert_same(
            &format!("normalization of {:?}, slope {slope}", x.dims()),
            &mut rng,
            Operands([x], [gamma, beta, mean, variance]),
            |Operands([x], [gamma, beta, mean, variance])| {
                kernel::normalize(x, [gamma, beta], [mean, variance], EPSILON, slope)
            },
            |Operands([x], [gamma, beta, mean, variance])| {
                let statistics = [mean, variance].map(spread);
                activated(normalized(x, [gamma, beta], statistics), slope)
            },
        );
    }
}

#[test]
fn a_normalization_in_training_and_its_gradients_are_those_of_burn() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    for round in 0..60 {
        let slope = SLOPES[round % SLOPES.len()];
        // Also maps far from zero.
        let x = maps_to_normalize(&mut rng).add_scalar([0.0, 5.0][round / SLOPES.len() % 2]);
        let line = [(); 2].map(|()| random(&mut rng, [x.dims()[1]]));
        let what = format!("normalization of {:?} in training, slope {slope}", x.dims());

        let [mean, variance] = statistics(x.clone());
        let [batch, _, height, width] = x.dims();
        let count = (batch * height * width) as f32;
        let unbiased = variance.mul_scalar(count / (count - 1.0));
        let expected = [(mean, 2.0), (unbiased, 3.0)]
            .map(|(new, old)| values(new.mul_scalar(0.25).add_scalar(0.75 * old)));
        let running = normalize_train(x.clone(), line.clone(), slope).running;
        for (got, expected) in running.map(values).iter().zip(&expected) {
            assert_close(&format!("{what}, running statistics"), got, expected);
        }

        assert_same(
            &what,
            &mut rng,
            Operands([x], line),
            |Operands([x], line)| normalize_train(x, line, slope).output,
            |Operands([x], line)| activated(normalized(x.clone(), line, statistics(x)), slope),
        );
    }
}

#[test]
fn a_squared_error_and_its_gradients_are_those_of_burn() {
    let mut rng = ChaCha8Rng::seed_from_u64(13);
    for shape in [[1, 1, 1, 1], [2, 3, 5, 7], [1, 16, 40, 41]] {
        let operands = Operands([(); 2].map(|()| random(&mut rng, shape)), []);
        assert_same(
            &format!("squared error of {shape:?}"),
            &mut rng,
            operands,
            |Operands([x, y], [])| kernel::squared_error(x, y).reshape([1; 4]),
            |Operands([x, y], [])| (x - y).powi_scalar(2).mean().reshape([1; 4]),
        );
    }
}

#[test]
fn pooling_and_its_gradient_are_those_of_burn() {
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    for _ in 0..40 {
        let [height, width] = [(); 2].map(|()| side(&mut rng, 2));
        let shape = [
            rng.random_range(1..=5),
            rng.random_range(1..=40),
            height,
            width,
        ];
        assert_same(
            &format!("pooling of {shape:?}"),
            &mut rng.clone(),
            Operands([random(&mut rng, shape)], []),
            |Operands([x], [])| kernel::max_pool(x),
            |Operands([x], [])| max_pool2d(x, MaxPoolOptions::new([2; 2]).with_stride([2; 2])),
        );
    }
}

#[test]
fn the_gradient_of_pooling_goes_to_the_first_of_the_largest() {
    const CHOICE: [f32; 4] = [f32::NEG_INFINITY, -1.0, 0.0, 2.0];
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    for (height, width) in [(2, 2), (3, 3), (20, 31), (33, 40)] {
        let maps: Vec<f32> = (0..height * width)
            .map(|_| CHOICE[rng.random_range(0..CHOICE.len())])
            .collect();
        let [rows, columns] = [height / 2, width / 2];
        let share = random(&mut rng, [1, 1, rows, columns]);
        let mut expected = vec![0.0; maps.len()];
        for (index, share) in values(share.clone()).into_iter().enumerate() {
            let corner = index / columns * 2 * width + index % columns * 2;
            let places = [corner, corner + 1, corner + width, corner + width + 1];
            let larger = |best, place| {
                if maps[place] > maps[best] {
                    place
                } else {
                    best
                }
            };
            expected[places.into_iter().reduce(larger).unwrap()] = share;
        }
        let data = TensorData::new(maps, [1, 1, height, width]);
        let x = Tensor::from_data(data, &Device::flex().autodiff());
        let operands = Operands([x], []).tracked();
        // Burn's sum of infinities is NaN, but its gradient is finite.
        let pooled = kernel::max_pool(operands.0[0].clone());
        assert_eq!(operands.gradients(pooled, share), [expected]);
    }
}

#[test]
fn views_count_as_the_tensors_they_show() {
    let mut rng = ChaCha8Rng::seed_from_u64(8);
    let turned = |rng: &mut ChaCha8Rng, [a, b, c, d]: [usize; 4]| -> Tensor<4> {
        random(rng, [d + 1, c, b, a])
            .permute([3, 2, 1, 0])
            .narrow(3, 1, d)
    };
    let part = |rng: &mut ChaCha8Rng, count: usize| random(rng, [count + 3]).narrow(0, 2, count);
    // The gradient is a transposed view, too.
    let turn = |maps: Tensor<4>| maps.permute([1, 0, 3, 2]);
    for window in WINDOWS {
        let Window {
            kernel,
            stride,
            padding,
        } = window;
        let x = turned(&mut rng, [3, 5, 9, 21]);
        let weight = turned(&mut rng, [7, 5, kernel, kernel]);
        let line = [part(&mut rng, 7), part(&mut rng, 7)];
        let options = ConvOptions::new([stride; 2], [padding; 2], [1; 2], 1);
        let back = ConvTransposeOptions::new([stride; 2], [padding; 2], [0; 2], [1; 2], 1);
        let weight_back = turned(&mut rng, [7, 6, kernel, kernel]);
        assert_same(
            &format!("{window:?} on views"),
            &mut rng,
            Operands([x, weight, weight_back], line),
            |Operands([x, weight, weight_back], [bias, beta])| {
                let x = kernel::convolve(x, weight, bias.clone(), window, 0.2);
                let x = turn(turn(x));
                let x = normalize_train(x, [bias, beta.clone()], 0.2).output;
                let bias = beta.narrow(0, 1, 6);
                turn(kernel::convolve_transposed(x, weight_back, bias, window))
            },
            |Operands([x, weight, weight_back], [bias, beta])| {
                let x = activated(conv2d(x, weight, Some(bias.clone()), options.clone()), 0.2);
                let x = normalized(x.clone(), [bias, beta.clone()], statistics(x));
                let bias = beta.narrow(0, 1, 6);
                let x = activated(x, 0.2);
                turn(conv_transpose2d(x, weight_back, Some(bias), back.clone()))
            },
        );
    }
}

/// All kernels one after the other, forward and backward: returns the output and all gradients.
fn there_and_back(operands: &Operands<3, 2>, gradient: u64, window: Window) -> Vec<Vec<f32>> {
    let operands = operands.clone().tracked();
    let Operands([x, weight, weight_back], [line, bias]) = operands.clone();
    let x = kernel::convolve(x, weight, line.clone(), window, 0.2);
    let x = normalize_train(x, [line.clone(), line], 0.0).output;
    let x = kernel::max_pool(x);
    let output = kernel::convolve_transposed(x, weight_back, bias, window);
    let gradient = random(&mut ChaCha8Rng::seed_from_u64(gradient), output.dims());
    let mut results = operands.gradients(output.clone(), gradient);
    results.push(values(output));
    results
}

/// For [`there_and_back`].
fn operands(
    shape: [usize; 4],
    outputs: usize,
    window: Window,
    mut fill: impl FnMut([usize; 4]) -> Tensor<4>,
) -> Operands<3, 2> {
    let kernel = window.kernel;
    let weight = fill([outputs, shape[1], kernel, kernel]);
    let weight_back = fill([outputs, shape[1], kernel, kernel]);
    let [line, bias] = [outputs, shape[1]].map(|count| fill([1, count, 1, 1]).reshape([count]));
    Operands([fill(shape), weight, weight_back], [line, bias])
}

pub(crate) fn threads(count: usize) -> rayon::ThreadPool {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(count);
    pool.build().unwrap()
}

#[test]
fn the_number_of_threads_does_not_change_a_bit() {
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let pools = [1, 2, 5].map(threads);
    for window in WINDOWS {
        for (shape, outputs) in LARGE {
            if shape[2] <= window.kernel + window.stride {
                continue; // Nothing would be left to pool.
            }
            let operands = operands(shape, outputs, window, |shape| random(&mut rng, shape));
            let [one, rest @ ..] = pools.each_ref().map(|pool| {
                let results = pool.install(|| there_and_back(&operands, 1, window));
                results
                    .iter()
                    .map(|values| bits(values))
                    .collect::<Vec<_>>()
            });
            for more in rest {
                assert!(one == more, "{window:?} on {shape:?} to {outputs}");
            }
        }
    }
}

#[test]
fn what_a_call_leaves_in_the_working_memory_does_not_reach_the_next() {
    let mut rng = ChaCha8Rng::seed_from_u64(10);
    for window in WINDOWS {
        let used = threads(1);
        for (spoiler, shape) in [
            ([3, 9, 50, 50], [2, 9, 40, 40]),
            ([1, 2, 8, 9], [3, 20, 33, 47]),
            ([5, 30, 17, 61], [2, 3, 10, 8]),
        ] {
            for waste in [f32::NAN, f32::INFINITY] {
                let spoiler = operands(spoiler, 8, window, |shape| full(shape, waste));
                used.install(|| there_and_back(&spoiler, 1, window));
                let operands = operands(shape, 7, window, |shape| random(&mut rng, shape));
                let [got, expected] = [&used, &threads(1)]
                    .map(|pool| pool.install(|| there_and_back(&operands, 2, window)));
                let what = format!("{window:?} on {shape:?} after {waste}");
                assert!(got.iter().flatten().all(|x| x.is_finite()), "{what}");
                assert!(got == expected, "{what}");
            }
        }
    }
}

#[test]
fn nan_stays_nan_after_leaky_relu() {
    let line = || [full([4], 1.0), full([4], 0.5)];
    for (slope, [height, width]) in SLOPES.into_iter().flat_map(|slope| {
        let sizes = [[4, 5], [8, 40]];
        sizes.map(|size| (slope, size))
    }) {
        let x = || full([1, 4, height, width], f32::NAN);
        let mut results = vec![
            kernel::normalize(x(), line(), line(), EPSILON, slope),
            kernel::normalize(
                x().inner(),
                line().map(Tensor::inner),
                line().map(Tensor::inner),
                EPSILON,
                slope,
            ),
            normalize_train(x(), line(), slope).output,
        ];
        for window in WINDOWS {
            let weight = full([4, 4, window.kernel, window.kernel], 1.0);
            let [bias, _] = line();
            results.push(kernel::convolve(x(), weight, bias, window, slope));
        }
        for (index, result) in results.into_iter().enumerate() {
            let all = values(result).iter().all(|value| value.is_nan());
            assert!(all, "{index} of {height}×{width}, slope {slope}");
        }
    }
}

/// The constants of Adam's step `t`.
fn adam_step(t: i32) -> AdamStep {
    let (beta_1, beta_2) = (0.9, 0.999);
    AdamStep {
        beta_1,
        beta_2,
        step_size: 0.01 / (1.0 - beta_1.powi(t)),
        second_scale: 1.0 / (1.0 - beta_2.powi(t)).sqrt(),
        epsilon: 1e-8,
    }
}

/// One step of Adam in f64, value by value.
fn adam_reference([value, first, second]: &mut [f64; 3], gradient: f64, step: AdamStep) {
    let [beta_1, beta_2] = [step.beta_1, step.beta_2].map(f64::from);
    *first = beta_1 * *first + (1.0 - beta_1) * gradient;
    *second = beta_2 * *second + (1.0 - beta_2) * gradient * gradient;
    let root = second.sqrt() * f64::from(step.second_scale) + f64::from(step.epsilon);
    *value -= f64::from(step.step_size) * *first / root;
}

#[test]
fn adam_moves_as_the_formula_says() {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    // The last count is larger than the part of one task. With autodiff, Burn's operations are
    // used.
    for (count, autodiff) in [(1, false), (17, false), (1000, true), (150_001, false)] {
        let mut place = |tensor: Tensor<1>| if autodiff { tensor } else { tensor.inner() };
        let value = random(&mut rng, [count]);
        let mut expected: Vec<[f64; 3]> = values(value.clone())
            .into_iter()
            .map(|value| [f64::from(value), 0.0, 0.0])
            .collect();
        let zeros = || full([count], 0.0);
        let mut state = [value, zeros(), zeros()].map(&mut place);
        for t in 1..=10 {
            // Some gradients are zero, so these values never change.
            let gradient = random(&mut rng, [count]);
            let gradient = gradient.clone() * gradient.lower_elem(0.5).float();
            let step = adam_step(t);
            for (expected, gradient) in expected.iter_mut().zip(values(gradient.clone())) {
                adam_reference(expected, f64::from(gradient), step);
            }
            state = kernel::adam(state, place(gradient), step);
            for (index, got) in state.iter().enumerate() {
                let expected: Vec<f32> = expected.iter().map(|all| all[index] as f32).collect();
                let what = format!("value {index} of {count} after step {t}");
                assert_close(&what, &values(got.clone()), &expected);
            }
        }
    }
}

#[test]
fn adam_leaves_alone_what_others_hold() {
    let mut rng = ChaCha8Rng::seed_from_u64(12);
    let held = [(); 3].map(|()| random(&mut rng, [100]).abs().inner());
    let gradient = random(&mut rng, [100]).inner();
    let before = held.clone().map(values);
    let moved = kernel::adam(held.clone(), gradient.clone(), adam_step(1));
    assert_eq!(held.clone().map(values), before);

    // Tensors with a single owner give the same results, and so do parts of larger tensors.
    let own = held.clone().map(|tensor| tensor + 0.0);
    let own = kernel::adam(own, gradient.clone(), adam_step(1));
    let moved = moved.map(values);
    assert_eq!(own.map(values), moved);
    let part = |tensor: &Tensor<1>| tensor.clone().narrow(0, 33, 20);
    let parts = kernel::adam(held.each_ref().map(part), part(&gradient), adam_step(1));
    assert_eq!(parts.map(values), moved.map(|moved| moved[33..53].to_vec()));
    assert_eq!(held.map(values), before);
}
