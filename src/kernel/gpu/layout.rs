//! How the kernels see tensors: channels last and in a row, several to a vector.

use burn::backend::{DType, TensorMetadata};
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::cubecl::{self, calculate_cube_count_elemwise};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::ops::permute_nchw_to_nhwc;
use burn_cubecl::tensor::CubeTensor;

/// Maps `[B, C, H, W]` as `[B, H, W, C]`. Those that a kernel made lie so already.
pub(super) fn channels_last(maps: CubeTensor) -> CubeTensor {
    contiguous(permute_nchw_to_nhwc(maps))
}

/// Values in a row.
pub(super) fn contiguous(tensor: CubeTensor) -> CubeTensor {
    // A kernel would take the bits of others for these.
    assert_eq!(tensor.dtype, DType::F32, "the kernels compute in f32");
    into_contiguous(tensor)
}

/// A new tensor beside `x`, its values not yet written.
pub(super) fn empty<const D: usize>(x: &CubeTensor, shape: [usize; D]) -> CubeTensor {
    let (client, device) = (x.client.clone(), x.device.clone());
    empty_device_contiguous_dtype(client, device, shape.into(), x.dtype)
}

/// Channels to a vector.
pub(super) fn vector(channels: usize) -> usize {
    let sizes = [4, 2, 1];
    let fitting = sizes
        .into_iter()
        .find(|&size| channels.is_multiple_of(size));
    fitting.expect("one divides everything")
}

/// So many units, in a line.
pub(super) fn units(client: &Client, count: usize) -> (CubeCount, CubeDim) {
    let dim = CubeDim::new(client, count);
    (calculate_cube_count_elemwise(client, count, dim), dim)
}

pub(super) fn dims<const D: usize>(tensor: &CubeTensor) -> [usize; D] {
    tensor.shape().dims()
}

/// Leaky ReLU: values below zero are multiplied by `slope`; NaN stays NaN.
#[cube]
pub(super) fn leaky_relu<N: Size>(x: Vector<f32, N>, slope: f32) -> Vector<f32, N> {
    let positive = x.greater_than(&Vector::zeroed());
    select_many(positive, x, x * Vector::broadcast(slope))
}
