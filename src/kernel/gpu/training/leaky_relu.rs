//! The gradient of the leaky ReLU on GPUs.

use burn_cubecl::cubecl::{self, prelude::*};
use burn_cubecl::ops::permute_nhwc_to_nchw;
use burn_cubecl::tensor::CubeTensor;

use crate::kernel::gpu::launches::list_elementwise;
use crate::kernel::gpu::layout::{channels_last, dims, empty, units, vector};

/// The gradient with respect to the input of a leaky ReLU, given its `output` and the `gradient`
/// with respect to its output, both `[B, C, H, W]`.
pub(super) fn leaky_relu_backward(
    output: CubeTensor,
    gradient: CubeTensor,
    slope: f32,
) -> CubeTensor {
    let [output, gradient] = [output, gradient].map(channels_last);
    let shape @ [batch, height, width, channels] = dims(&output);
    let input_gradient = empty(&output, shape);
    let client = output.client.clone();
    let count = batch * height * width * channels / vector(channels);
    let moved = [&output, &gradient, &input_gradient];
    list_elementwise("leaky_relu_backward", count, moved, 1);
    let (count, dim) = units(&client, count);
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
            input_gradient.clone().into_tensor_arg(),
            slope,
        );
    }
    permute_nhwc_to_nchw(input_gradient)
}

#[cube(launch_unchecked)]
fn backward_kernel<N: Size>(
    output: &Tensor<Vector<f32, N>>,
    gradient: &Tensor<Vector<f32, N>>,
    input_gradient: &mut Tensor<Vector<f32, N>>,
    slope: f32,
) {
    if ABSOLUTE_POS >= input_gradient.len() {
        terminate!();
    }
    input_gradient[ABSOLUTE_POS] =
        leaky_relu_gradient(output[ABSOLUTE_POS], gradient[ABSOLUTE_POS], slope);
}

/// The gradient with respect to the input of a leaky ReLU. `output` may be its output or its input:
/// only the sign is used, and both have the same sign, because `slope` is not negative.
#[cube]
pub(super) fn leaky_relu_gradient<N: Size>(
    output: Vector<f32, N>,
    gradient: Vector<f32, N>,
    slope: f32,
) -> Vector<f32, N> {
    let positive = output.greater_than(&Vector::zeroed());
    select_many(positive, gradient, gradient * Vector::broadcast(slope))
}
