//! The losses on GPUs. Burn's operations would launch ten kernels for each of them.

use burn::backend::TensorMetadata;
use burn_cubecl::cubecl::{self, prelude::*};
use burn_cubecl::ops::{permute, reshape};
use burn_cubecl::tensor::CubeTensor;

use super::sums::{Division, Shares, add_up, place, sum_rows};
use crate::kernel::gpu::addressing::sum_of_lanes;

use crate::kernel::gpu::launches::{Launch, bytes, list, list_elementwise};
use crate::kernel::gpu::layout::{contiguous, dims, empty, inverse, stored_order, units, vector};

/// See [`Kernels::squared_error`](crate::kernel::Kernels::squared_error).
pub(in crate::kernel::gpu) fn squared_error(x: CubeTensor, y: CubeTensor) -> CubeTensor {
    let order = stored_order(&y);
    let [x, y] = [x, y].map(|tensor| contiguous(permute(tensor, &order)));
    let count = x.shape().num_elements();
    let lanes = vector(count);
    let division = Division::new(count / lanes, 1, 1);
    let output = empty(&x, [division.pieces, 1]);
    let client = x.client.clone();
    list(|| Launch {
        kernel: "squared_error",
        units: division.units(),
        flops: 3 * count,
        bytes: bytes([&x, &y, &output]),
        loads: 2 * division.each,
        steps: division.each,
    });
    let (cubes, dim) = division.launch(&client);
    // SAFETY: the kernel writes within the output and reads within the rest.
    #[expect(unsafe_code, reason = "checked, every access would be slower")]
    unsafe {
        squared_error_kernel::launch_unchecked(
            &client,
            cubes,
            dim,
            lanes,
            reshape(x, [count].into()).into_tensor_arg(),
            reshape(y, [count].into()).into_tensor_arg(),
            output.clone().into_tensor_arg(),
            division.each,
            1.0 / count as f32,
            division.shares,
        );
    }
    sum_rows(output)
}

/// See [`Gradients::squared_error_backward`](crate::kernel::gradients::Gradients::squared_error_backward).
/// The gradient has the memory layout of `x`.
pub(super) fn squared_error_backward(
    x: CubeTensor,
    y: CubeTensor,
    gradient: CubeTensor,
) -> CubeTensor {
    let order = stored_order(&x);
    let [x, y] = [x, y].map(|tensor| contiguous(permute(tensor, &order)));
    let gradient = contiguous(gradient);
    let shape = x.shape();
    let count = shape.num_elements();
    let output = empty(&x, [count]);
    let client = x.client.clone();
    list_elementwise(
        "squared_error_backward",
        count / vector(count),
        [&x, &y, &output],
        2,
    );
    let (cubes, dim) = units(&client, count / vector(count));
    // SAFETY: the kernel writes within the output and reads within the rest.
    #[expect(unsafe_code, reason = "checked, every access would be slower")]
    unsafe {
        squared_error_backward_kernel::launch_unchecked(
            &client,
            cubes,
            dim,
            vector(count),
            reshape(x, [count].into()).into_tensor_arg(),
            reshape(y, [count].into()).into_tensor_arg(),
            gradient.into_tensor_arg(),
            output.clone().into_tensor_arg(),
            2.0 / count as f32,
        );
    }
    permute(reshape(output, shape), &inverse(&order))
}

/// See [`Kernels::logistic_loss`](crate::kernel::Kernels::logistic_loss). A single unit (thread) is
/// enough, because there is only one logit for each image.
pub(in crate::kernel::gpu) fn logistic_loss(logits: CubeTensor, sign: f32) -> CubeTensor {
    let logits = contiguous(logits);
    let output = empty(&logits, [1]);
    let client = logits.client.clone();
    list(|| {
        let [count] = dims(&logits);
        Launch {
            kernel: "logistic_loss",
            units: 1,
            flops: 5 * count,
            bytes: bytes([&logits, &output]),
            loads: count,
            steps: count,
        }
    });
    let (count, dim) = units(&client, 1);
    // SAFETY: the kernel writes within the output and reads within the input.
    #[expect(unsafe_code, reason = "checked, every access would be slower")]
    unsafe {
        logistic_loss_kernel::launch_unchecked(
            &client,
            count,
            dim,
            logits.into_tensor_arg(),
            output.clone().into_tensor_arg(),
            sign,
        );
    }
    output
}

/// See [`Gradients::logistic_loss_backward`](crate::kernel::gradients::Gradients::logistic_loss_backward).
pub(super) fn logistic_loss_backward(
    logits: CubeTensor,
    sign: f32,
    gradient: CubeTensor,
) -> CubeTensor {
    let [logits, gradient] = [logits, gradient].map(contiguous);
    let shape @ [count] = dims(&logits);
    let output = empty(&logits, shape);
    let client = logits.client.clone();
    let share = sign / count as f32;
    list_elementwise("logistic_loss_backward", count, [&logits, &output], 8);
    let (count, dim) = units(&client, count);
    // SAFETY: the kernel writes within the output and reads within the rest.
    #[expect(unsafe_code, reason = "checked, every access would be slower")]
    unsafe {
        logistic_loss_backward_kernel::launch_unchecked(
            &client,
            count,
            dim,
            logits.into_tensor_arg(),
            gradient.into_tensor_arg(),
            output.clone().into_tensor_arg(),
            sign,
            share,
        );
    }
    output
}

/// Logits `[B]`, output `[1]`.
#[cube(launch_unchecked)]
fn logistic_loss_kernel(logits: &Tensor<f32>, output: &mut Tensor<f32>, sign: f32) {
    if ABSOLUTE_POS >= output.len() {
        terminate!();
    }
    let mut sum = 0.0f32;
    for index in 0..logits.len() {
        let x = logits[index] * sign;
        // The power is at most 1, so it cannot overflow.
        sum += max(x, 0.0f32) + (1.0 + (-x.abs()).exp()).ln();
    }
    output[ABSOLUTE_POS] = sum / f32::cast_from(logits.len());
}

/// Logits and output `[B]`, gradient `[1]`.
#[cube(launch_unchecked)]
fn logistic_loss_backward_kernel(
    logits: &Tensor<f32>,
    gradient: &Tensor<f32>,
    output: &mut Tensor<f32>,
    sign: f32,
    share: f32,
) {
    if ABSOLUTE_POS >= output.len() {
        terminate!();
    }
    let x = logits[ABSOLUTE_POS] * sign;
    // 1 / (1 + e^(−x)), computed without overflow.
    let power = (-x.abs()).exp();
    let above = select(x < 0.0, power, 1.0f32);
    output[ABSOLUTE_POS] = gradient[0] * share * above / (1.0 + power);
}

/// Values `[N]`, output `[pieces, 1]`: for each piece, the sum of the squared differences, times
/// `share`.
#[cube(launch_unchecked)]
fn squared_error_kernel<N: Size>(
    x: &Tensor<Vector<f32, N>>,
    y: &Tensor<Vector<f32, N>>,
    output: &mut Tensor<f32>,
    each: usize,
    share: f32,
    #[comptime] shares: Shares,
) {
    let place = place(x.len(), 1, each, shares);
    let mut sum = Vector::zeroed();
    for turn in 0..place.turns {
        let at = place.first + turn * shares.lanes;
        let difference = x[at] - y[at];
        sum += difference * difference;
    }
    let sum = add_up(sum, shares);
    if place.writes && place.piece < output.len() {
        output[place.piece] = share * sum_of_lanes(sum, x.vector_size());
    }
}

/// Values and output `[N]`, gradient `[1]`.
#[cube(launch_unchecked)]
fn squared_error_backward_kernel<N: Size>(
    x: &Tensor<Vector<f32, N>>,
    y: &Tensor<Vector<f32, N>>,
    gradient: &Tensor<f32>,
    output: &mut Tensor<Vector<f32, N>>,
    share: f32,
) {
    if ABSOLUTE_POS >= output.len() {
        terminate!();
    }
    let slope = gradient[0] * share;
    output[ABSOLUTE_POS] = (x[ABSOLUTE_POS] - y[ABSOLUTE_POS]) * Vector::broadcast(slope);
}
