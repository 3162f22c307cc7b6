//! The memory layout that the kernels expect: contiguous, channels last, several channels in a
//! vector.

use burn::backend::{DType, TensorMetadata};
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::cubecl::{self, calculate_cube_count_elemwise};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::ops::permute_nchw_to_nhwc;
use burn_cubecl::tensor::CubeTensor;

use super::launches::list_elementwise;

/// Maps `[B, C, H, W]` as contiguous `[B, H, W, C]`. The outputs of our kernels already have this
/// memory layout, so they are not copied.
pub(super) fn channels_last(maps: CubeTensor) -> CubeTensor {
    contiguous(permute_nchw_to_nhwc(maps))
}

/// The tensor with contiguous values.
///
/// # Panics
///
/// If the type is not f32.
pub(super) fn contiguous(tensor: CubeTensor) -> CubeTensor {
    // The kernels would interpret the bits of any other type as f32.
    assert_eq!(tensor.dtype, DType::F32, "the kernels compute in f32");
    if !tensor.is_contiguous() {
        let values = tensor.shape().num_elements();
        list_elementwise("copy", values, [&tensor, &tensor], 0);
    }
    into_contiguous(tensor)
}

/// The number of columns, rounded up so that the rows of a matrix can be tensors of their own, see
/// [`row`]: no device requires an alignment of more than 256 bytes.
#[cfg(feature = "learn")]
pub(super) const fn padded(columns: usize) -> usize {
    columns.next_multiple_of(256 / size_of::<f32>())
}

/// The first `columns` of a row of the contiguous `[R, padded(columns)]`, without a copy:
/// `[columns]`.
#[cfg(feature = "learn")]
pub(super) fn row(matrix: &CubeTensor, index: usize, columns: usize) -> CubeTensor {
    view(matrix, index * padded(columns), columns)
}

/// A view of `count` values of a contiguous tensor, starting at index `start`, without a copy:
/// `[count]`. `start` must be aligned; multiples of [`padded`] are.
#[cfg(feature = "learn")]
pub(super) fn view(tensor: &CubeTensor, start: usize, count: usize) -> CubeTensor {
    let bytes = (start * size_of::<f32>()) as u64;
    CubeTensor::new_contiguous(
        tensor.client.clone(),
        tensor.device.clone(),
        [count].into(),
        tensor.handle.clone().offset_start(bytes),
        tensor.dtype,
    )
}

/// The axes of a tensor in the order of its memory layout: the last one changes fastest.
#[cfg(feature = "learn")]
pub(super) fn stored_order(tensor: &CubeTensor) -> Vec<usize> {
    let strides = tensor.meta.strides();
    let mut order: Vec<usize> = (0..strides.len()).collect();
    order.sort_by_key(|&axis| std::cmp::Reverse(strides[axis]));
    order
}

/// The inverse permutation of `order`.
pub(super) fn inverse(order: &[usize]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..order.len()).collect();
    places.sort_by_key(|&axis| order[axis]);
    places
}

/// An uninitialized tensor on the same device as `x` and of the same type.
pub(super) fn empty<const D: usize>(x: &CubeTensor, shape: [usize; D]) -> CubeTensor {
    let (client, device) = (x.client.clone(), x.device.clone());
    empty_device_contiguous_dtype(client, device, shape.into(), x.dtype)
}

/// Number of channels in a vector: the largest of 4, 2 and 1 that divides `channels`.
pub(super) fn vector(channels: usize) -> usize {
    first_divisor([4, 2, 1], channels)
}

/// The first of `sizes` that divides `count`; the last size must be 1.
pub(super) fn first_divisor<const N: usize>(sizes: [usize; N], count: usize) -> usize {
    let mut sizes = sizes.into_iter();
    let fitting = sizes.find(|&size| count.is_multiple_of(size));
    fitting.expect("one divides everything")
}

/// The launch size for `count` units (threads), in one dimension.
pub(super) fn units(client: &Client, count: usize) -> (CubeCount, CubeDim) {
    let dim = CubeDim::new(client, count);
    (calculate_cube_count_elemwise(client, count, dim), dim)
}

pub(super) fn dims<const D: usize>(tensor: &CubeTensor) -> [usize; D] {
    tensor.shape().dims()
}

/// Leaky ReLU: negative values are multiplied by `slope`. NaN stays NaN.
#[cube]
pub(super) fn leaky_relu<N: Size>(x: Vector<f32, N>, slope: f32) -> Vector<f32, N> {
    let positive = x.greater_than(&Vector::zeroed());
    select_many(positive, x, x * Vector::broadcast(slope))
}
