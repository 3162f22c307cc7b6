//! Maximum over 2×2 pixels with stride 2 on GPUs. If the height or width is odd, the last row or
//! column is ignored.

use burn_cubecl::cubecl::{self, prelude::*};
use burn_cubecl::ops::permute_nhwc_to_nchw;
use burn_cubecl::tensor::CubeTensor;

use super::launches::list_elementwise;
use super::layout::{channels_last, dims, empty, units, vector};

/// `[B, C, H, W]` to `[B, C, H/2, W/2]`.
pub(super) fn max_pool(x: CubeTensor) -> CubeTensor {
    let x = channels_last(x);
    let [batch, height, width, channels] = dims(&x);
    let output = empty(&x, [batch, height / 2, width / 2, channels]);
    let client = x.client.clone();
    let count = batch * (height / 2) * (width / 2) * channels / vector(channels);
    list_elementwise("max_pool", count, [&x, &output], 1);
    let (count, dim) = units(&client, count);
    // SAFETY: the kernel writes within the output and reads within the rest.
    #[expect(unsafe_code, reason = "checked, every access would be slower")]
    unsafe {
        max_kernel::launch_unchecked(
            &client,
            count,
            dim,
            vector(channels),
            x.into_tensor_arg(),
            output.clone().into_tensor_arg(),
        );
    }
    permute_nhwc_to_nchw(output)
}

/// Input `[B, H, W, C]`, output `[B, H/2, W/2, C]`.
#[cube(launch_unchecked)]
fn max_kernel<N: Size>(input: &Tensor<Vector<f32, N>>, output: &mut Tensor<Vector<f32, N>>) {
    if ABSOLUTE_POS >= output.len() {
        terminate!();
    }
    let vectors = output.shape(3) / output.vector_size();
    let vector = ABSOLUTE_POS % vectors;
    let pixel = ABSOLUTE_POS / vectors;
    let (row, column) = (pixel / output.shape(2), pixel % output.shape(2));
    let (image, y) = (row / output.shape(1), row % output.shape(1));
    let corner = (image * input.shape(1) + 2 * y) * input.shape(2) + 2 * column;
    let (largest, _) = largest(input, corner, vector);
    output[ABSOLUTE_POS] = largest;
}

/// The largest value of four pixels, of which `corner` is the upper left one, and the index (0 to
/// 3) of the first pixel that has it.
#[cube]
pub(super) fn largest<N: Size>(
    input: &Tensor<Vector<f32, N>>,
    corner: usize,
    vector: usize,
) -> (Vector<f32, N>, Vector<u32, N>) {
    let vectors = input.shape(3) / input.vector_size();
    let mut largest = input[corner * vectors + vector];
    let mut place = Vector::<u32, N>::zeroed();
    #[unroll]
    for next in 1..4usize {
        let pixel = corner + next / 2 * input.shape(2) + next % 2;
        let value = input[pixel * vectors + vector];
        // If one of the values is NaN, the maximum is NaN, as in PyTorch.
        let is_larger = value.greater_than(&largest).or(value.is_nan());
        largest = select_many(is_larger, value, largest);
        place = select_many(is_larger, Vector::broadcast(comptime!(next as u32)), place);
    }
    (largest, place)
}
