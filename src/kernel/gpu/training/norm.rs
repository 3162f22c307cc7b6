//! Batch normalization with the statistics of the batch, followed by a leaky ReLU, and its
//! gradients, on GPUs.

use burn_cubecl::cubecl::{self, prelude::*};
use burn_cubecl::ops::{permute_nhwc_to_nchw, reshape};
use burn_cubecl::tensor::CubeTensor;

use super::leaky_relu::leaky_relu_gradient;
use super::sums::{Division, Shares, add_up, place};
use crate::kernel::gpu::launches::{Launch, bytes, list, list_elementwise};
use crate::kernel::gpu::layout::{
    channels_last, contiguous, dims, empty, leaky_relu, padded, row, units, vector,
};
use crate::kernel::gradients::Normalization;
use crate::kernel::{NormOptions, correction};

/// Normalizes maps `[B, C, H, W]` with γ and β, `[C]`. Returns the normalized maps and, each `[C]`,
/// the mean and biased variance of the batch and the running mean and variance, moved towards those
/// of the batch.
pub(in crate::kernel::gpu) fn normalize(
    x: CubeTensor,
    [gamma, beta]: [CubeTensor; 2],
    running: [CubeTensor; 2],
    options: NormOptions,
) -> (CubeTensor, [CubeTensor; 4]) {
    let [gamma, beta] = [gamma, beta].map(contiguous);
    let x = channels_last(x);
    let [batch, height, width, channels] = dims(&x);
    let rows = batch * height * width;
    let vectors = channels / vector(channels);
    let client = x.client.clone();

    let correction = correction(&[batch, channels, height, width].into());
    let statistics = statistics(&x, rows, running, [options.momentum, correction]);
    let [mean, variance, ..] = statistics.clone();
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
            mean.into_tensor_arg(),
            variance.into_tensor_arg(),
            output.clone().into_tensor_arg(),
            options.epsilon,
            options.slope,
        );
    }
    (permute_nhwc_to_nchw(output), statistics)
}

/// Mean and biased variance, `[C]`, of maps `[B, H, W, C]` with `rows` pixels, and the running mean
/// and variance, moved towards them.
fn statistics(
    x: &CubeTensor,
    rows: usize,
    running: [CubeTensor; 2],
    [momentum, correction]: [f32; 2],
) -> [CubeTensor; 4] {
    let [running_mean, running_variance] = running.map(contiguous);
    let [_, _, _, channels] = dims(x);
    let vectors = channels / vector(channels);
    let client = x.client.clone();

    let first = Division::new(rows, vectors, 2);
    let is_last = first.pieces == 1;
    let values = if is_last { 4 } else { 2 };
    let mut parts = empty(x, [first.pieces, values, padded(channels)]);
    list(|| Launch {
        kernel: "statistics",
        units: first.units(),
        flops: 4 * rows * channels,
        bytes: bytes([x, &parts]),
        loads: 2 * first.each,
        steps: 2 * first.each,
    });
    let (count, dim) = first.launch(&client);
    // SAFETY: the kernel writes within the output and reads within the rest.
    #[expect(unsafe_code, reason = "checked, every access would be slower")]
    unsafe {
        statistics_kernel::launch_unchecked(
            &client,
            count,
            dim,
            vector(channels),
            x.clone().into_tensor_arg(),
            running_mean.clone().into_tensor_arg(),
            running_variance.clone().into_tensor_arg(),
            parts.clone().into_tensor_arg(),
            rows,
            first.each,
            momentum,
            correction,
            first.shares,
            is_last,
        );
    }
    if !is_last {
        let input = parts;
        let second = Division::new(first.pieces, vectors, 2);
        assert_eq!(second.pieces, 1, "{first:?}, {second:?}");
        parts = empty(x, [1, 4, padded(channels)]);
        list(|| Launch {
            kernel: "join_statistics",
            units: second.units(),
            flops: 6 * first.pieces * channels,
            bytes: bytes([&input, &parts]),
            loads: 3 * second.each,
            steps: 2 * second.each,
        });
        let (count, dim) = second.launch(&client);
        // SAFETY: the kernel writes within the output and reads within the rest.
        #[expect(unsafe_code, reason = "checked, every access would be slower")]
        unsafe {
            join_statistics_kernel::launch_unchecked(
                &client,
                count,
                dim,
                vector(channels),
                input.into_tensor_arg(),
                running_mean.into_tensor_arg(),
                running_variance.into_tensor_arg(),
                parts.clone().into_tensor_arg(),
                channels,
                rows,
                first.each * first.shares.lanes,
                second.each,
                momentum,
                correction,
                second.shares,
            );
        }
    }
    let statistics = reshape(parts, [4, padded(channels)].into());
    [0, 1, 2, 3].map(|index| row(&statistics, index, channels))
}

/// Moves running means and variances, `[C]`, towards those of a batch: see
/// [`Kernels::follow`](crate::kernel::Kernels::follow).
pub(in crate::kernel::gpu) fn follow(
    running: [CubeTensor; 2],
    batch: [CubeTensor; 2],
    [momentum, correction]: [f32; 2],
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

    let first = Division::new(rows, vectors, 1);
    let is_last = first.pieces == 1;
    let values = if is_last { 6 } else { 2 };
    let mut parameters = empty(&x, [first.pieces, values, padded(channels)]);
    list(|| Launch {
        kernel: "sums_backward",
        units: first.units(),
        flops: 8 * rows * channels,
        bytes: bytes([&x, &gradient, &parameters]),
        loads: 2 * first.each,
        steps: first.each,
    });
    let (count, dim) = first.launch(&client);
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
            parameters.clone().into_tensor_arg(),
            rows,
            first.each,
            epsilon,
            slope,
            first.shares,
            is_last,
        );
    }
    if !is_last {
        let parts = parameters;
        let second = Division::new(first.pieces, vectors, 1);
        assert_eq!(second.pieces, 1, "{first:?}, {second:?}");
        parameters = empty(&x, [1, 6, padded(channels)]);
        list(|| Launch {
            kernel: "gather_parameters",
            units: second.units(),
            flops: 2 * first.pieces * channels,
            bytes: bytes([&parts, &parameters]),
            loads: 2 * second.each + 4,
            steps: second.each,
        });
        let (count, dim) = second.launch(&client);
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
                second.each,
                epsilon,
                second.shares,
            );
        }
    }
    let parameters = reshape(parameters, [6, padded(channels)].into());

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

/// Input `[B, H, W, C]`, running mean and variance `[C]`. Output `[pieces, 2, P]`, where P ≥ C is
/// padded: for each piece, the mean over its pixels and the sum of the squared deviations from this
/// mean. If `is_last`, the output is that of [`write_statistics`].
#[cube(launch_unchecked)]
fn statistics_kernel<N: Size>(
    input: &Tensor<Vector<f32, N>>,
    running_mean: &Tensor<Vector<f32, N>>,
    running_variance: &Tensor<Vector<f32, N>>,
    output: &mut Tensor<Vector<f32, N>>,
    rows: usize,
    each: usize,
    momentum: f32,
    correction: f32,
    #[comptime] shares: Shares,
    #[comptime] is_last: bool,
) {
    let vectors = input.shape(3) / input.vector_size();
    let place = place(rows, vectors, each, shares);
    let mut sum = Vector::zeroed();
    for turn in 0..place.turns {
        sum += input[(place.first + turn * shares.lanes) * vectors + place.vector];
    }
    let piece = each * shares.lanes;
    let count = min(piece, rows - min(place.piece * piece, rows));
    let mean = add_up(sum, shares) / Vector::broadcast(f32::cast_from(count));
    let mut squares = Vector::zeroed();
    for turn in 0..place.turns {
        let value = input[(place.first + turn * shares.lanes) * vectors + place.vector];
        let deviation = value - mean;
        squares += deviation * deviation;
    }
    let squares = add_up(squares, shares);
    if place.writes && place.piece < output.shape(0) {
        if comptime!(is_last) {
            let variance = squares / Vector::broadcast(f32::cast_from(rows));
            let running = (running_mean[place.vector], running_variance[place.vector]);
            write_statistics(
                output,
                place.vector,
                (mean, variance),
                running,
                momentum,
                correction,
            );
        } else {
            let padded = output.shape(2) / output.vector_size();
            output[place.piece * 2 * padded + place.vector] = mean;
            output[(place.piece * 2 + 1) * padded + place.vector] = squares;
        }
    }
}

/// Combines the pieces of [`statistics_kernel`] (Chan, Golub and LeVeque, 1979); each piece has
/// `piece` of all `rows` pixels. Input `[pieces, 2, P]`, running mean and variance `[C]`, output as
/// in [`write_statistics`].
#[cube(launch_unchecked)]
fn join_statistics_kernel<N: Size>(
    input: &Tensor<Vector<f32, N>>,
    running_mean: &Tensor<Vector<f32, N>>,
    running_variance: &Tensor<Vector<f32, N>>,
    output: &mut Tensor<Vector<f32, N>>,
    channels: usize,
    rows: usize,
    piece: usize,
    each: usize,
    momentum: f32,
    correction: f32,
    #[comptime] shares: Shares,
) {
    let padded = input.shape(2) / input.vector_size();
    let vectors = channels / input.vector_size();
    let place = place(input.shape(0), vectors, each, shares);
    let mut sum = Vector::zeroed();
    for turn in 0..place.turns {
        let at = place.first + turn * shares.lanes;
        let count = f32::cast_from(min(piece, rows - at * piece));
        sum += input[at * 2 * padded + place.vector] * Vector::broadcast(count);
    }
    let all = Vector::broadcast(f32::cast_from(rows));
    let mean = add_up(sum, shares) / all;
    let mut squares = Vector::zeroed();
    for turn in 0..place.turns {
        let at = place.first + turn * shares.lanes;
        let count = f32::cast_from(min(piece, rows - at * piece));
        let deviation = input[at * 2 * padded + place.vector] - mean;
        squares += input[(at * 2 + 1) * padded + place.vector]
            + deviation * deviation * Vector::broadcast(count);
    }
    let variance = add_up(squares, shares) / all;
    if place.writes && place.piece == 0 {
        let running = (running_mean[place.vector], running_variance[place.vector]);
        write_statistics(
            output,
            place.vector,
            (mean, variance),
            running,
            momentum,
            correction,
        );
    }
}

/// Writes a vector of the output `[1, 4, P]`: mean and variance of the batch, and the running mean
/// and variance moved towards them.
#[cube]
fn write_statistics<N: Size>(
    output: &mut Tensor<Vector<f32, N>>,
    vector: usize,
    batch: (Vector<f32, N>, Vector<f32, N>),
    running: (Vector<f32, N>, Vector<f32, N>),
    momentum: f32,
    correction: f32,
) {
    let padded = output.shape(2) / output.vector_size();
    let (mean, variance) = batch;
    let (running_mean, running_variance) = running;
    let unbiased = variance * Vector::broadcast(correction);
    output[vector] = mean;
    output[padded + vector] = variance;
    output[2 * padded + vector] = moved(running_mean, mean, momentum);
    output[3 * padded + vector] = moved(running_variance, unbiased, momentum);
}

/// A running value, moved towards the batch's value by the share `momentum` of the difference.
#[cube]
fn moved<N: Size>(running: Vector<f32, N>, batch: Vector<f32, N>, momentum: f32) -> Vector<f32, N> {
    running * Vector::broadcast(1.0 - momentum) + batch * Vector::broadcast(momentum)
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
    let unbiased = variance[ABSOLUTE_POS] * Vector::broadcast(correction);
    next_mean[ABSOLUTE_POS] = moved(running_mean[ABSOLUTE_POS], mean[ABSOLUTE_POS], momentum);
    next_variance[ABSOLUTE_POS] = moved(running_variance[ABSOLUTE_POS], unbiased, momentum);
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

/// Input and gradient `[B, H, W, C]`, the other tensors `[C]`, output `[pieces, 2, P]`. For each
/// piece, this sums over its pixels the gradient with respect to the input of the leaky ReLU, and
/// the products of this gradient with the normalized values (before γ and β). If `is_last`, the
/// output is that of [`write_parameters`].
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
    #[comptime] shares: Shares,
    #[comptime] is_last: bool,
) {
    let vectors = gamma.len();
    let place = place(rows, vectors, each, shares);
    // A unit whose vector is out of range sums nothing; it reads the parameters of vector 0.
    let vector = select(place.vector < vectors, place.vector, 0);
    let (mean, gamma, beta) = (mean[vector], gamma[vector], beta[vector]);
    let precision = precision(variance[vector], epsilon);
    let mut sum = Vector::zeroed();
    let mut products = Vector::zeroed();
    for turn in 0..place.turns {
        let at = (place.first + turn * shares.lanes) * vectors + vector;
        let normal = (input[at] - mean) * precision;
        let output = normal * gamma + beta;
        let gradient = leaky_relu_gradient(output, gradient[at], slope);
        sum += gradient;
        products += gradient * normal;
    }
    let sum = add_up(sum, shares);
    let products = add_up(products, shares);
    if place.writes && place.piece < output.shape(0) {
        if comptime!(is_last) {
            write_parameters(
                output,
                vector,
                (mean, precision),
                (gamma, beta),
                (sum, products),
            );
        } else {
            let padded = output.shape(2) / output.vector_size();
            output[place.piece * 2 * padded + vector] = sum;
            output[(place.piece * 2 + 1) * padded + vector] = products;
        }
    }
}

/// Adds up the pieces `[pieces, 2, P]` of [`sums_backward_kernel`]. γ, β, mean and variance are
/// `[C]`; the output is that of [`write_parameters`].
#[cube(launch_unchecked)]
fn gather_parameters_kernel<N: Size>(
    parts: &Tensor<Vector<f32, N>>,
    gamma: &Tensor<Vector<f32, N>>,
    beta: &Tensor<Vector<f32, N>>,
    mean: &Tensor<Vector<f32, N>>,
    variance: &Tensor<Vector<f32, N>>,
    output: &mut Tensor<Vector<f32, N>>,
    each: usize,
    epsilon: f32,
    #[comptime] shares: Shares,
) {
    let padded = parts.shape(2) / parts.vector_size();
    let place = place(parts.shape(0), gamma.len(), each, shares);
    let vector = place.vector;
    let mut sum = Vector::zeroed();
    let mut products = Vector::zeroed();
    for turn in 0..place.turns {
        let part = place.first + turn * shares.lanes;
        sum += parts[part * 2 * padded + vector];
        products += parts[(part * 2 + 1) * padded + vector];
    }
    let sum = add_up(sum, shares);
    let products = add_up(products, shares);
    if place.writes && place.piece == 0 {
        let precision = precision(variance[vector], epsilon);
        let line = (gamma[vector], beta[vector]);
        write_parameters(
            output,
            vector,
            (mean[vector], precision),
            line,
            (sum, products),
        );
    }
}

/// Writes a vector of the output `[1, 6, P]`: mean, precision, γ, β, and the two sums of
/// [`sums_backward_kernel`] over all pixels.
///
/// They share one buffer, because a browser allows a kernel only eight buffers, and
/// [`normalize_backward_kernel`] needs all these values.
#[cube]
fn write_parameters<N: Size>(
    output: &mut Tensor<Vector<f32, N>>,
    vector: usize,
    statistics: (Vector<f32, N>, Vector<f32, N>),
    line: (Vector<f32, N>, Vector<f32, N>),
    sums: (Vector<f32, N>, Vector<f32, N>),
) {
    let padded = output.shape(2) / output.vector_size();
    let (mean, precision) = statistics;
    let (gamma, beta) = line;
    let (sum, products) = sums;
    output[vector] = mean;
    output[padded + vector] = precision;
    output[2 * padded + vector] = gamma;
    output[3 * padded + vector] = beta;
    output[4 * padded + vector] = sum;
    output[5 * padded + vector] = products;
}

/// Input, gradient and output `[B, H, W, C]`, parameters `[6, P]` of [`write_parameters`].
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
