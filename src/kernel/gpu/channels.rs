//! Concatenates and splits maps along their channels on GPUs: a unit (thread) copies a vector of
//! channels.

use burn_cubecl::cubecl::{self, prelude::*};
use burn_cubecl::ops::permute_nhwc_to_nchw;
use burn_cubecl::tensor::CubeTensor;

use super::launches::list_elementwise;
use super::layout::{channels_last, dims, empty, units, vector};

/// `[B, C, H, W]` and `[B, D, H, W]` to `[B, C + D, H, W]`.
pub(super) fn concatenate(first: CubeTensor, second: CubeTensor) -> CubeTensor {
    let (first, second) = (channels_last(first), channels_last(second));
    let ([batch, height, width, left], [_, _, _, right]) = (dims(&first), dims(&second));
    let output = empty(&first, [batch, height, width, left + right]);
    let lanes = vector(left).min(vector(right));
    let client = output.client.clone();
    let count = batch * height * width * (left + right) / lanes;
    list_elementwise("concatenate", count, [&output, &output], 0);
    let (count, dim) = units(&client, count);
    // SAFETY: the kernel writes within the output and reads within the rest.
    #[expect(unsafe_code, reason = "checked, every access would be slower")]
    unsafe {
        concatenate_kernel::launch_unchecked(
            &client,
            count,
            dim,
            lanes,
            first.into_tensor_arg(),
            second.into_tensor_arg(),
            output.clone().into_tensor_arg(),
        );
    }
    permute_nhwc_to_nchw(output)
}

/// `[B, H, W, C]` and `[B, H, W, D]` to `[B, H, W, C + D]`.
#[cube(launch_unchecked)]
fn concatenate_kernel<N: Size>(
    first: &Tensor<Vector<f32, N>>,
    second: &Tensor<Vector<f32, N>>,
    output: &mut Tensor<Vector<f32, N>>,
) {
    if ABSOLUTE_POS >= output.len() {
        terminate!();
    }
    let left = first.shape(3) / first.vector_size();
    let right = second.shape(3) / second.vector_size();
    let (is_left, place) = place(ABSOLUTE_POS, left, right);
    if is_left {
        output[ABSOLUTE_POS] = first[place];
    } else {
        output[ABSOLUTE_POS] = second[place];
    }
}

/// The source of the vector at `position` of concatenated maps, if a pixel has `left` vectors in
/// the first maps and `right` vectors in the second: whether it is in the first maps, and its
/// position there.
#[cube]
fn place(position: usize, left: usize, right: usize) -> (bool, usize) {
    let (pixel, vector) = (position / (left + right), position % (left + right));
    let is_left = vector < left;
    let in_second = pixel * right + vector - left;
    (is_left, select(is_left, pixel * left + vector, in_second))
}

/// The inverse of [`concatenate`]: splits `[B, C + D, H, W]`, with C = `channels`, into its parts.
#[cfg(feature = "learn")]
pub(super) fn split(maps: CubeTensor, channels: usize) -> [CubeTensor; 2] {
    let maps = channels_last(maps);
    let [batch, height, width, all] = dims(&maps);
    let parts = [channels, all - channels].map(|part| empty(&maps, [batch, height, width, part]));
    let lanes = vector(channels).min(vector(all - channels));
    let client = maps.client.clone();
    let count = batch * height * width * all / lanes;
    list_elementwise("split", count, [&maps, &maps], 0);
    let (count, dim) = units(&client, count);
    let [first, second] = parts.clone();
    // SAFETY: the kernel writes within the outputs and reads within the maps.
    #[expect(unsafe_code, reason = "checked, every access would be slower")]
    unsafe {
        split_kernel::launch_unchecked(
            &client,
            count,
            dim,
            lanes,
            maps.into_tensor_arg(),
            first.into_tensor_arg(),
            second.into_tensor_arg(),
        );
    }
    parts.map(permute_nhwc_to_nchw)
}

/// `[B, H, W, C + D]` to `[B, H, W, C]` and `[B, H, W, D]`.
#[cfg(feature = "learn")]
#[cube(launch_unchecked)]
fn split_kernel<N: Size>(
    maps: &Tensor<Vector<f32, N>>,
    first: &mut Tensor<Vector<f32, N>>,
    second: &mut Tensor<Vector<f32, N>>,
) {
    if ABSOLUTE_POS >= maps.len() {
        terminate!();
    }
    let left = first.shape(3) / first.vector_size();
    let right = second.shape(3) / second.vector_size();
    let (is_left, place) = place(ABSOLUTE_POS, left, right);
    if is_left {
        first[place] = maps[ABSOLUTE_POS];
    } else {
        second[place] = maps[ABSOLUTE_POS];
    }
}
