//! The gradient of the leaky ReLU on GPUs.

use burn_cubecl::cubecl::{self, prelude::*};
use burn_cubecl::ops::permute_nhwc_to_nchw;
use burn_cubecl::tensor::CubeTensor;

use crate::kernel::gpu::layout::{channels_last, dims, empty, units, vector};

/// The gradient before a rectifier, from the output and the gradient behind it, `[B, C, H, W]`.
pub(super) fn back(output: CubeTensor, gradient: CubeTensor, slope: f32) -> CubeTensor {
    let [output, gradient] = [output, gradient].map(channels_last);
    let shape @ [batch, height, width, channels] = dims(&output);
    let masked = empty(&output, shape);
    let client = output.client.clone();
    let vectors = channels / vector(channels);
    let (count, dim) = units(&client, batch * height * width * vectors);
    // SAFETY: the kernel writes within the output and reads within the rest.
    #[expect(unsafe_code, reason = "checked, every access would be slower")]
    unsafe {
        backward_kernel::launch_unchecked(
            &client,
            count,
            dim,
            vector(channels),
            output.into_tensor_arg(),
            gradient.into_tensor_arg(),
            masked.clone().into_tensor_arg(),
            slope,
        );
    }
    permute_nhwc_to_nchw(masked)
}

#[cube(launch_unchecked)]
fn backward_kernel<N: Size>(
    output: &Tensor<Vector<f32, N>>,
    gradient: &Tensor<Vector<f32, N>>,
    masked: &mut Tensor<Vector<f32, N>>,
    slope: f32,
) {
    if ABSOLUTE_POS >= masked.len() {
        terminate!();
    }
    masked[ABSOLUTE_POS] = leaky_relu_backward(output[ABSOLUTE_POS], gradient[ABSOLUTE_POS], slope);
}

/// The gradient of a rectifier, from its output or input: they have the same sign.
#[cube]
pub(super) fn leaky_relu_backward<N: Size>(
    output: Vector<f32, N>,
    gradient: Vector<f32, N>,
    slope: f32,
) -> Vector<f32, N> {
    let positive = output.greater_than(&Vector::zeroed());
    select_many(positive, gradient, gradient * Vector::broadcast(slope))
}
