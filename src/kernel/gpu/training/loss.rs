//! The losses of a few logits on GPUs. Burn's operations would launch ten kernels for them.

use burn_cubecl::cubecl::{self, prelude::*};
use burn_cubecl::tensor::CubeTensor;

use crate::kernel::gpu::launches::{Launch, bytes, list, list_elementwise};
use crate::kernel::gpu::layout::{contiguous, dims, empty, units};

/// See [`Kernels::logistic_loss`](crate::kernel::Kernels::logistic_loss). One unit (thread) does it:
/// there is one logit for each image.
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
    // 1 / (1 + e^(−x)), without a power that overflows.
    let power = (-x.abs()).exp();
    let above = select(x < 0.0, power, 1.0f32);
    output[ABSOLUTE_POS] = gradient[0] * share * above / (1.0 + power);
}
