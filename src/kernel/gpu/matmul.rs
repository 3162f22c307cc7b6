//! Matrix products on GPUs, computed as convolutions with a 1×1 kernel: each row of a matrix is a
//! pixel.

use burn_cubecl::ops::{permute, permute_nhwc_to_nchw, reshape};
use burn_cubecl::tensor::CubeTensor;

use super::convolution::convolution;
#[cfg(feature = "learn")]
use super::layout::first_divisor;
use super::layout::{contiguous, dims};
#[cfg(feature = "learn")]
use super::training::weight_gradient::weight_gradient;
use crate::kernel::Window;

/// `[M, K]` times `[K, N]`. Either may be a transposed view.
pub(super) fn matmul(lhs: CubeTensor, rhs: CubeTensor) -> CubeTensor {
    let ([rows, inner], [_, columns]) = (dims(&lhs), dims(&rhs));
    #[cfg(feature = "learn")]
    if is_transposed(&lhs) {
        return sum_of_outer_products(lhs, rhs);
    }
    let pixels = permute_nhwc_to_nchw(reshape(contiguous(lhs), [1, 1, rows, inner].into()));
    let weights = reshape(contiguous(rhs), [1, 1, inner, columns].into());
    let weights = permute(weights, &[3, 2, 0, 1]);
    let product = convolution(pixels, weights, None, Window::POINT, 1.0);
    // The channels of `[1, N, 1, M]` are the last axis in memory.
    reshape(permute(product, &[0, 2, 3, 1]), [rows, columns].into())
}

/// The product if `lhs` is a transposed view: a sum over its columns. The columns are divided into
/// lines, which are summed in parallel.
#[cfg(feature = "learn")]
fn sum_of_outer_products(lhs: CubeTensor, rhs: CubeTensor) -> CubeTensor {
    let ([rows, inner], [_, columns]) = (dims(&lhs), dims(&rhs));
    let in_a_line = first_divisor([16, 8, 4, 2, 1], inner);
    let maps = |matrix: CubeTensor, channels: usize| {
        let shape = [1, inner / in_a_line, in_a_line, channels];
        permute_nhwc_to_nchw(reshape(contiguous(matrix), shape.into()))
    };
    let lhs = maps(permute(lhs, &[1, 0]), rows);
    // The weight gradient is stored as `[1, 1, M, N]`.
    let sum = permute(
        weight_gradient(lhs, maps(rhs, columns), Window::POINT),
        &[2, 3, 1, 0],
    );
    reshape(sum, [rows, columns].into())
}

/// Whether neighbouring values of a column, and not of a row, are neighbours in memory.
#[cfg(feature = "learn")]
fn is_transposed(matrix: &CubeTensor) -> bool {
    let strides = matrix.meta.strides();
    strides[0] < strides[1]
}
