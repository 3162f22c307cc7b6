//! Batch normalization with the statistics of the batch, followed by a leaky ReLU, and its
//! gradients, on GPUs.

use burn_cubecl::cubecl::{self, prelude::*};
use burn_cubecl::ops::{permute_nhwc_to_nchw, reshape};
use burn_cubecl::tensor::CubeTensor;

use super::leaky_relu::leaky_relu_gradient;
use super::sums::{rows_each, sum_to_last_pass};
use crate::kernel::gpu::launches::{Launch, bytes, list, list_elementwise};
use crate::kernel::gpu::layout::{
    channels_last, contiguous, dims, empty, leaky_relu, padded, row, units, vector,
};
use crate::kernel::gradients::Normalization;

/// Normalizes maps `[B, C, H, W]` with γ and β, `[C]`. Returns the normalized maps, and the mean
/// and the biased variance of the batch, `[C]`.
pub(in crate::kernel::gpu) fn normalize(
    x: CubeTensor,
    [gamma, beta]: [CubeTensor; 2],
    epsilon: f32,
    slope: f32,
) -> (CubeTensor, CubeTensor, CubeTensor) {
    let [gamma, beta] = [gamma, beta].map(contiguous);
    let x = channels_last(x);
    let [batch, height, width, channels] = dims(&x);
    let rows = batch * height * width;
    let vectors = channels / vector(channels);
    let client = x.client.clone();

    let [mean, variance] = statistics(&x, rows);
    let output = empty(&x, [batch, height, width, channels]);
    list_elementwise("normalize", rows * vectors, [&x, &output], 5);
    let (count, dim) = units(&client, rows * vectors);
    // SAFETY: the kernel writes within the output and reads within the rest.
    #[expect(unsafe_code, reason = "checked, every access would be slower")]
    unsafe {
        normalize_kernel::launch_unchecked(
            &client,
            count,
            dim,
            vector(channels),
            x.into_tensor_arg(),
            gamma.into_tensor_arg(),
            beta.into_tensor_arg(),
            mean.clone().into_tensor_arg(),
            variance.clone().into_tensor_arg(),
            output.clone().into_tensor_arg(),
            epsilon,
            slope,
        );
    }
    (permute_nhwc_to_nchw(output), mean, variance)
}

/// Mean and biased variance, `[C]`, of maps `[B, H, W, C]` with so many `rows`, which are pixels.
fn statistics(x: &CubeTensor, rows: usize) -> [CubeTensor; 2] {
    let [_, _, _, channels] = dims(x);
    let vectors = channels / vector(channels);
    let client = x.client.clone();

    let mut each = rows_each(rows);
    let mut pieces = rows.div_ceil(each);
    let mut parts = empty(x, [pieces, 2, padded(channels)]);
    list(|| Launch {
        kernel: "statistics",
        units: pieces * vectors,
        flops: 4 * rows * channels,
        bytes: bytes([x, &parts]),
        loads: 2 * each,
        steps: 2 * each,
    });
    let (count, dim) = units(&client, pieces * vectors);
    // SAFETY: the kernel writes within the output and reads within the input.
    #[expect(unsafe_code, reason = "checked, every access would be slower")]
    unsafe {
        statistics_kernel::launch_unchecked(
            &client,
            count,
            dim,
            vector(channels),
            x.clone().into_tensor_arg(),
            parts.clone().into_tensor_arg(),
            rows,
            each,
        );
    }
    loop {
        let joined = rows_each(pieces);
        let input = parts;
        pieces = pieces.div_ceil(joined);
        parts = empty(x, [pieces, 2, padded(channels)]);
        list(|| Launch {
            kernel: "join_statistics",
            units: pieces * vectors,
            flops: 6 * pieces * joined * channels,
            bytes: bytes([&input, &parts]),
            loads: 3 * joined,
            steps: 2 * joined,
        });
        let (count, dim) = units(&client, pieces * vectors);
        let share = if pieces == 1 { 1.0 / rows as f32 } else { 1.0 };
        // SAFETY: the kernel writes within the output and reads within the input.
        #[expect(unsafe_code, reason = "checked, every access would be slower")]
        unsafe {
            join_statistics_kernel::launch_unchecked(
                &client,
                count,
                dim,
                vector(channels),
                input.into_tensor_arg(),
                parts.clone().into_tensor_arg(),
                channels,
                rows,
                each,
                joined,
                share,
            );
        }
        each *= joined;
        if pieces == 1 {
            break;
        }
    }
    let statistics = reshape(parts, [2, padded(channels)].into());
    [0, 1].map(|index| row(&statistics, index, channels))
}

/// Moves running means and variances, `[C]`, towards those of a batch: see
/// [`Kernels::follow`](crate::kernel::Kernels::follow).
pub(in crate::kernel::gpu) fn follow(
    running: [CubeTensor; 2],
    batch: [CubeTensor; 2],
    momentum: f32,
    correction: f32,
) -> (CubeTensor, CubeTensor) {
    let [running_mean, running_variance] = running.map(contiguous);
    let [mean, variance] = batch.map(contiguous);
    let [channels] = dims(&mean);
    let outputs = [(); 2].map(|()| empty(&mean, [channels]));
    let [next_mean, next_variance] = outputs.clone();
    let client = mean.client.clone();
    let moved = [&running_mean, &mean, &next_mean];
    list_elementwise("follow", channels / vector(channels), moved, 6);
    let (count, dim) = units(&client, channels / vector(channels));
    // SAFETY: the kernel writes within the outputs and reads within the rest.
    #[expect(unsafe_code, reason = "checked, every access would be slower")]
    unsafe {
        follow_kernel::launch_unchecked(
            &client,
            count,
            dim,
            vector(channels),
            running_mean.into_tensor_arg(),
            running_variance.into_tensor_arg(),
            mean.into_tensor_arg(),
            variance.into_tensor_arg(),
            next_mean.into_tensor_arg(),
            next_variance.into_tensor_arg(),
            momentum,
            correction,
        );
    }
    outputs.into()
}

/// The gradients of [`normalize`] with respect to its input, γ and β.
pub(super) fn normalize_backward(
    normalization: Normalization<CubeTensor>,
    gradient: CubeTensor,
) -> [CubeTensor; 3] {
    let Normalization {
        x,
        gamma,
        beta,
        mean,
        variance,
        epsilon,
        slope,
    } = normalization;
    let [x, gradient] = [x, gradient].map(channels_last);
    let [gamma, beta, mean, variance] = [gamma, beta, mean, variance].map(contiguous);
    let [batch, height, width, channels] = dims(&x);
    let rows = batch * height * width;

    let vectors = channels / vector(channels);
    let client = x.client.clone();

    let each = rows_each(rows);
    let pieces = rows.div_ceil(each);
    let parts = empty(&x, [pieces, 2, padded(channels)]);
    list(|| Launch {
        kernel: "sums_backward",
        units: pieces * vectors,
        flops: 8 * rows * channels,
        bytes: bytes([&x, &gradient, &parts]),
        loads: 2 * each,
        steps: each,
    });
    let (count, dim) = units(&client, pieces * vectors);
    // SAFETY: the kernel writes within the output and reads within the rest.
    #[expect(unsafe_code, reason = "checked, every access would be slower")]
    unsafe {
        sums_backward_kernel::launch_unchecked(
            &client,
            count,
            dim,
            vector(channels),
            x.clone().into_tensor_arg(),
            gradient.clone().into_tensor_arg(),
            gamma.clone().into_tensor_arg(),
            beta.clone().into_tensor_arg(),
            mean.clone().into_tensor_arg(),
            variance.clone().into_tensor_arg(),
            parts.clone().into_tensor_arg(),
            rows,
            each,
            epsilon,
            slope,
        );
    }
    let parts = sum_to_last_pass(reshape(parts, [pieces, 2 * padded(channels)].into()));
    let parameters = empty(&x, [6, padded(channels)]);
    list(|| {
        let [pieces, _] = dims(&parts);
        Launch {
            kernel: "gather_parameters",
            units: vectors,
            flops: 2 * pieces * channels,
            bytes: bytes([&parts, &parameters]),
            loads: 2 * pieces + 4,
            steps: pieces,
        }
    });
    let (count, dim) = units(&client, vectors);
    // SAFETY: the kernel writes within the output and reads within the rest.
    #[expect(unsafe_code, reason = "checked, every access would be slower")]
    unsafe {
        gather_parameters_kernel::launch_unchecked(
            &client,
            count,
            dim,
            vector(channels),
            parts.into_tensor_arg(),
            gamma.into_tensor_arg(),
            beta.into_tensor_arg(),
            mean.into_tensor_arg(),
            variance.into_tensor_arg(),
            parameters.clone().into_tensor_arg(),
            epsilon,
        );
    }

    let output = empty(&x, [batch, height, width, channels]);
    let moved = [&x, &gradient, &output];
    list_elementwise("normalize_backward", rows * vectors, moved, 12);
    let (count, dim) = units(&client, rows * vectors);
    // SAFETY: the kernel writes within the output and reads within the rest.
    #[expect(unsafe_code, reason = "checked, every access would be slower")]
    unsafe {
        normalize_backward_kernel::launch_unchecked(
            &client,
            count,
            dim,
            vector(channels),
            x.into_tensor_arg(),
            gradient.into_tensor_arg(),
            parameters.clone().into_tensor_arg(),
            output.clone().into_tensor_arg(),
            channels,
            1.0 / rows as f32,
            slope,
        );
    }
    let [beta, gamma] = [4, 5].map(|index| row(&parameters, index, channels));
    [permute_nhwc_to_nchw(output), gamma, beta]
}

/// Input `[B, H, W, C]`, output `[pieces, 2, P]`, where P is C or more: over `each` pixels, the mean
/// and the sum of the squared deviations from it.
#[cube(launch_unchecked)]
fn statistics_kernel<N: Size>(
    input: &Tensor<Vector<f32, N>>,
    output: &mut Tensor<Vector<f32, N>>,
    rows: usize,
    each: usize,
) {
    let vectors = input.shape(3) / input.vector_size();
    let (piece, vector) = (ABSOLUTE_POS / vectors, ABSOLUTE_POS % vectors);
    if piece >= output.shape(0) {
        terminate!();
    }
    let first = piece * each;
    let end = min(first + each, rows);
    let mut sum = Vector::zeroed();
    for row in first..end {
        sum += input[row * vectors + vector];
    }
    let mean = sum / Vector::broadcast(f32::cast_from(end - first));
    let mut squares = Vector::zeroed();
    for row in first..end {
        let deviation = input[row * vectors + vector] - mean;
        squares += deviation * deviation;
    }
    let padded = output.shape(2) / output.vector_size();
    output[piece * 2 * padded + vector] = mean;
    output[(piece * 2 + 1) * padded + vector] = squares;
}

/// Joins `joined` pieces of [`statistics_kernel`] each, of `each` of all `rows` pixels, to one
/// (Chan, Golub and LeVeque, 1979). Input `[pieces, 2, P]`, output `[pieces', 2, P]`; the sum of the
/// squared deviations is multiplied by `share`.
#[cube(launch_unchecked)]
fn join_statistics_kernel<N: Size>(
    input: &Tensor<Vector<f32, N>>,
    output: &mut Tensor<Vector<f32, N>>,
    channels: usize,
    rows: usize,
    each: usize,
    joined: usize,
    share: f32,
) {
    let padded = input.shape(2) / input.vector_size();
    let vectors = channels / input.vector_size();
    let (place, vector) = (ABSOLUTE_POS / vectors, ABSOLUTE_POS % vectors);
    if place >= output.shape(0) {
        terminate!();
    }
    let first = place * joined;
    let end = min(first + joined, input.shape(0));
    let count = min(end * each, rows) - first * each;
    let mut sum = Vector::zeroed();
    for piece in first..end {
        let count = f32::cast_from(min(each, rows - piece * each));
        sum += input[piece * 2 * padded + vector] * Vector::broadcast(count);
    }
    let mean = sum / Vector::broadcast(f32::cast_from(count));
    let mut squares = Vector::zeroed();
    for piece in first..end {
        let count = f32::cast_from(min(each, rows - piece * each));
        let deviation = input[piece * 2 * padded + vector] - mean;
        squares += input[(piece * 2 + 1) * padded + vector]
            + deviation * deviation * Vector::broadcast(count);
    }
    output[place * 2 * padded + vector] = mean;
    output[(place * 2 + 1) * padded + vector] = squares * Vector::broadcast(share);
}

/// All tensors are `[C]`.
#[cube(launch_unchecked)]
fn follow_kernel<N: Size>(
    running_mean: &Tensor<Vector<f32, N>>,
    running_variance: &Tensor<Vector<f32, N>>,
    mean: &Tensor<Vector<f32, N>>,
    variance: &Tensor<Vector<f32, N>>,
    next_mean: &mut Tensor<Vector<f32, N>>,
    next_variance: &mut Tensor<Vector<f32, N>>,
    momentum: f32,
    correction: f32,
) {
    if ABSOLUTE_POS >= next_mean.len() {
        terminate!();
    }
    let (kept, moved) = (
        Vector::broadcast(1.0 - momentum),
        Vector::broadcast(momentum),
    );
    let unbiased = variance[ABSOLUTE_POS] * Vector::broadcast(correction);
    next_mean[ABSOLUTE_POS] = running_mean[ABSOLUTE_POS] * kept + mean[ABSOLUTE_POS] * moved;
    next_variance[ABSOLUTE_POS] = running_variance[ABSOLUTE_POS] * kept + unbiased * moved;
}

/// Input and output `[B, H, W, C]`, the rest `[C]`.
#[cube(launch_unchecked)]
fn normalize_kernel<N: Size>(
    input: &Tensor<Vector<f32, N>>,
    gamma: &Tensor<Vector<f32, N>>,
    beta: &Tensor<Vector<f32, N>>,
    mean: &Tensor<Vector<f32, N>>,
    variance: &Tensor<Vector<f32, N>>,
    output: &mut Tensor<Vector<f32, N>>,
    epsilon: f32,
    slope: f32,
) {
    if ABSOLUTE_POS >= output.len() {
        terminate!();
    }
    let vector = ABSOLUTE_POS % gamma.len();
    let normal = (input[ABSOLUTE_POS] - mean[vector]) * precision(variance[vector], epsilon);
    output[ABSOLUTE_POS] = leaky_relu(normal * gamma[vector] + beta[vector], slope);
}

/// Input and gradient `[B, H, W, C]`, the rest `[C]`, output `[pieces, 2, P]`. Over `each` pixels,
/// this sums the gradient with respect to the input of the leaky ReLU, and its products with the
/// normalized values (before γ and β).
#[cube(launch_unchecked)]
fn sums_backward_kernel<N: Size>(
    input: &Tensor<Vector<f32, N>>,
    gradient: &Tensor<Vector<f32, N>>,
    gamma: &Tensor<Vector<f32, N>>,
    beta: &Tensor<Vector<f32, N>>,
    mean: &Tensor<Vector<f32, N>>,
    variance: &Tensor<Vector<f32, N>>,
    output: &mut Tensor<Vector<f32, N>>,
    rows: usize,
    each: usize,
    epsilon: f32,
    slope: f32,
) {
    let vectors = gamma.len();
    let (piece, vector) = (ABSOLUTE_POS / vectors, ABSOLUTE_POS % vectors);
    if piece >= output.shape(0) {
        terminate!();
    }
    let first = piece * each;
    let precision = precision(variance[vector], epsilon);
    let mut sum = Vector::zeroed();
    let mut products = Vector::zeroed();
    for row in first..min(first + each, rows) {
        let at = row * vectors + vector;
        let normal = (input[at] - mean[vector]) * precision;
        let output = normal * gamma[vector] + beta[vector];
        let gradient = leaky_relu_gradient(output, gradient[at], slope);
        sum += gradient;
        products += gradient * normal;
    }
    let padded = output.shape(2) / output.vector_size();
    output[piece * 2 * padded + vector] = sum;
    output[(piece * 2 + 1) * padded + vector] = products;
}

/// Parts `[R, 2·P]` are sums of [`sums_backward_kernel`]; γ, β, mean and variance `[C]`. The rows of the
/// output `[6, P]` are mean, precision, γ, β, and the two sums over all parts.
///
/// A browser gives a kernel eight buffers at most, and [`normalize_backward_kernel`] needs all these.
#[cube(launch_unchecked)]
fn gather_parameters_kernel<N: Size>(
    parts: &Tensor<Vector<f32, N>>,
    gamma: &Tensor<Vector<f32, N>>,
    beta: &Tensor<Vector<f32, N>>,
    mean: &Tensor<Vector<f32, N>>,
    variance: &Tensor<Vector<f32, N>>,
    output: &mut Tensor<Vector<f32, N>>,
    epsilon: f32,
) {
    let vector = ABSOLUTE_POS;
    if vector >= gamma.len() {
        terminate!();
    }
    let padded = output.shape(1) / output.vector_size();
    let mut sum = Vector::zeroed();
    let mut products = Vector::zeroed();
    for part in 0..parts.shape(0) {
        sum += parts[part * 2 * padded + vector];
        products += parts[(part * 2 + 1) * padded + vector];
    }
    output[vector] = mean[vector];
    output[padded + vector] = precision(variance[vector], epsilon);
    output[2 * padded + vector] = gamma[vector];
    output[3 * padded + vector] = beta[vector];
    output[4 * padded + vector] = sum;
    output[5 * padded + vector] = products;
}

/// Input, gradient and output `[B, H, W, C]`, parameters `[6, P]` of [`gather_parameters_kernel`].
/// `share` is 1 / the number of pixels.
#[cube(launch_unchecked)]
fn normalize_backward_kernel<N: Size>(
    input: &Tensor<Vector<f32, N>>,
    gradient: &Tensor<Vector<f32, N>>,
    parameters: &Tensor<Vector<f32, N>>,
    output: &mut Tensor<Vector<f32, N>>,
    channels: usize,
    share: f32,
    slope: f32,
) {
    if ABSOLUTE_POS >= output.len() {
        terminate!();
    }
    let vector = ABSOLUTE_POS % (channels / input.vector_size());
    let padded = parameters.shape(1) / parameters.vector_size();
    let precision = parameters[padded + vector];
    let gamma = parameters[2 * padded + vector];
    let normal = (input[ABSOLUTE_POS] - parameters[vector]) * precision;
    let activation_input = normal * gamma + parameters[3 * padded + vector];
    let gradient = leaky_relu_gradient(activation_input, gradient[ABSOLUTE_POS], slope);
    let common = parameters[4 * padded + vector] + normal * parameters[5 * padded + vector];
    output[ABSOLUTE_POS] = gamma * precision * (gradient - common * Vector::broadcast(share));
}

/// 1/√(variance + ε).
#[cube]
fn precision<N: Size>(variance: Vector<f32, N>, epsilon: f32) -> Vector<f32, N> {
    (variance + Vector::broadcast(epsilon)).inverse_sqrt()
}
