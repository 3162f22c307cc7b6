//! Batch normalization with the statistics of the batch, followed by a leaky ReLU, and its
//! gradients, on GPUs.

use burn::backend::ops::FloatTensorOps;
use burn_cubecl::CubeBackend;
use burn_cubecl::cubecl::{self, prelude::*};
use burn_cubecl::ops::{permute_nhwc_to_nchw, reshape};
use burn_cubecl::tensor::CubeTensor;

use super::leaky_relu::leaky_relu_gradient;
use super::sums::{ROWS, channel_sums, sum_rows};
use crate::kernel::gpu::layout::{
    channels_last, contiguous, dims, empty, leaky_relu, units, vector,
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
    let share = 1.0 / rows as f32;
    let mean_of = |sums| CubeBackend::float_mul_scalar(sums, share.into());
    let mean = mean_of(channel_sums(permute_nhwc_to_nchw(x.clone())));

    let client = x.client.clone();
    let pieces = rows.div_ceil(ROWS);
    let vectors = channels / vector(channels);
    let (count, dim) = units(&client, pieces * vectors);
    let squares = empty(&x, [pieces, channels]);
    // SAFETY: the kernel writes within the output and reads within the rest.
    #[expect(unsafe_code, reason = "checked, every access would be slower")]
    unsafe {
        squares_kernel::launch_unchecked(
            &client,
            count,
            dim,
            vector(channels),
            x.clone().into_tensor_arg(),
            mean.clone().into_tensor_arg(),
            squares.clone().into_tensor_arg(),
            rows,
            ROWS,
        );
    }
    let variance = mean_of(sum_rows(squares));

    let output = empty(&x, [batch, height, width, channels]);
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

    let client = x.client.clone();
    let pieces = rows.div_ceil(ROWS);
    let vectors = channels / vector(channels);
    let sums = empty(&x, [pieces, 2 * channels]);
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
            sums.clone().into_tensor_arg(),
            rows,
            epsilon,
            slope,
            ROWS,
        );
    }
    let sums = sum_rows(sums);

    let output = empty(&x, [batch, height, width, channels]);
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
            gamma.into_tensor_arg(),
            beta.into_tensor_arg(),
            mean.into_tensor_arg(),
            variance.into_tensor_arg(),
            sums.clone().into_tensor_arg(),
            output.clone().into_tensor_arg(),
            1.0 / rows as f32,
            epsilon,
            slope,
        );
    }
    let sums = reshape(sums, [2, channels].into());
    let [beta, gamma] = [0, 1].map(|row| {
        let slices = [(row..row + 1).into(), (0..channels).into()];
        let sums = CubeBackend::float_slice(sums.clone(), &slices);
        reshape(sums, [channels].into())
    });
    [permute_nhwc_to_nchw(output), gamma, beta]
}

/// Input `[B, H, W, C]`, mean `[C]`, output `[pieces, C]`: the sum of the squared deviations of
/// `each` pixels.
#[cube(launch_unchecked)]
fn squares_kernel<N: Size>(
    input: &Tensor<Vector<f32, N>>,
    mean: &Tensor<Vector<f32, N>>,
    output: &mut Tensor<Vector<f32, N>>,
    rows: usize,
    #[comptime] each: usize,
) {
    let vectors = output.shape(1) / output.vector_size();
    let (piece, vector) = (ABSOLUTE_POS / vectors, ABSOLUTE_POS % vectors);
    if piece >= output.shape(0) {
        terminate!();
    }
    let first = piece * each;
    let mean = mean[vector];
    let mut sum = Vector::zeroed();
    for row in first..min(first + each, rows) {
        let deviation = input[row * vectors + vector] - mean;
        sum += deviation * deviation;
    }
    output[piece * vectors + vector] = sum;
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

/// Input and gradient `[B, H, W, C]`, the rest `[C]`, output `[pieces, 2·C]`. Over `each` pixels,
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
    epsilon: f32,
    slope: f32,
    #[comptime] each: usize,
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
    output[piece * 2 * vectors + vector] = sum;
    output[(piece * 2 + 1) * vectors + vector] = products;
}

/// Input, gradient and output `[B, H, W, C]`; γ, β, mean and variance `[C]`; `sums` `[2·C]` are
/// those of [`sums_backward_kernel`] over all pixels. `share` is 1 / the number of pixels.
#[cube(launch_unchecked)]
fn normalize_backward_kernel<N: Size>(
    input: &Tensor<Vector<f32, N>>,
    gradient: &Tensor<Vector<f32, N>>,
    gamma: &Tensor<Vector<f32, N>>,
    beta: &Tensor<Vector<f32, N>>,
    mean: &Tensor<Vector<f32, N>>,
    variance: &Tensor<Vector<f32, N>>,
    sums: &Tensor<Vector<f32, N>>,
    output: &mut Tensor<Vector<f32, N>>,
    share: f32,
    epsilon: f32,
    slope: f32,
) {
    if ABSOLUTE_POS >= output.len() {
        terminate!();
    }
    let vectors = gamma.len();
    let vector = ABSOLUTE_POS % vectors;
    let precision = precision(variance[vector], epsilon);
    let normal = (input[ABSOLUTE_POS] - mean[vector]) * precision;
    let activation_input = normal * gamma[vector] + beta[vector];
    let gradient = leaky_relu_gradient(activation_input, gradient[ABSOLUTE_POS], slope);
    let common = sums[vector] + normal * sums[vectors + vector];
    output[ABSOLUTE_POS] =
        gamma[vector] * precision * (gradient - common * Vector::broadcast(share));
}

/// 1/√(variance + ε).
#[cube]
fn precision<N: Size>(variance: Vector<f32, N>, epsilon: f32) -> Vector<f32, N> {
    (variance + Vector::broadcast(epsilon)).inverse_sqrt()
}
