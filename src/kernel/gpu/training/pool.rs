//! The gradient of max pooling on GPUs.

use burn_cubecl::cubecl::{self, prelude::*};
use burn_cubecl::ops::permute_nhwc_to_nchw;
use burn_cubecl::tensor::CubeTensor;

use crate::kernel::gpu::launches::list_elementwise;
use crate::kernel::gpu::layout::{channels_last, dims, empty, units, vector};
use crate::kernel::gpu::pool::largest;

/// The gradient with respect to the input `x`, `[B, C, H, W]`, of max pooling, given the `gradient`
/// with respect to its output. If several of the 2×2 pixels have the maximum, the first one gets
/// the gradient, as in PyTorch.
pub(super) fn max_pool_backward(x: CubeTensor, gradient: CubeTensor) -> CubeTensor {
    let [x, gradient] = [x, gradient].map(channels_last);
    let shape @ [batch, height, width, channels] = dims(&x);
    let output = empty(&x, shape);
    let client = x.client.clone();
    let count = batch * height * width * channels / vector(channels);
    list_elementwise("max_pool_backward", count, [&x, &gradient, &output], 1);
    let (count, dim) = units(&client, count);
    // SAFETY: the kernel writes within the output and reads within the rest.
    #[expect(unsafe_code, reason = "checked, every access would be slower")]
    unsafe {
        backward_kernel::launch_unchecked(
            &client,
            count,
            dim,
            vector(channels),
            x.into_tensor_arg(),
            gradient.into_tensor_arg(),
            output.clone().into_tensor_arg(),
        );
    }
    permute_nhwc_to_nchw(output)
}

/// Input and output `[B, H, W, C]`, gradient `[B, H/2, W/2, C]`.
#[cube(launch_unchecked)]
fn backward_kernel<N: Size>(
    input: &Tensor<Vector<f32, N>>,
    gradient: &Tensor<Vector<f32, N>>,
    output: &mut Tensor<Vector<f32, N>>,
) {
    if ABSOLUTE_POS >= output.len() {
        terminate!();
    }
    let width = input.shape(2);
    let vectors = input.shape(3) / input.vector_size();
    let vector = ABSOLUTE_POS % vectors;
    let pixel = ABSOLUTE_POS / vectors;
    let (row, column) = (pixel / width, pixel % width);
    let (image, y) = (row / input.shape(1), row % input.shape(1));
    let (rows, columns) = (gradient.shape(1), gradient.shape(2));
    let mut value = Vector::zeroed();
    if y / 2 < rows && column / 2 < columns {
        let corner = (row - y % 2) * width + column - column % 2;
        let (_, place) = largest(input, corner, vector);
        let here = Vector::broadcast(((y % 2) * 2 + column % 2) as u32);
        let at = (image * rows + y / 2) * columns + column / 2;
        let given = gradient[at * vectors + vector];
        value = select_many(place.equal(&here), given, value);
    }
    output[ABSOLUTE_POS] = value;
}
