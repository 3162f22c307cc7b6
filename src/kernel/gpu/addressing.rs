//! The addressing weights of the block-wise memory on GPUs: a unit (thread) for each query.

use burn_cubecl::cubecl::{self, prelude::*};
use burn_cubecl::tensor::CubeTensor;

use super::launches::{Launch, bytes, list};
use super::layout::{contiguous, dims, empty, units, vector};
use crate::kernel::AddressingRule;

/// Weights `[Q, N]` from dot products `[Q, N]` and the sums of squares of queries, `[Q, 1]`, and
/// items, `[1, N]`. See [`Kernels::address`](crate::kernel::Kernels::address).
pub(super) fn address(tensors: [CubeTensor; 3], rule: AddressingRule) -> CubeTensor {
    let [products, queries, items] = tensors.map(contiguous);
    let shape @ [rows, columns] = dims(&products);
    let weights = empty(&products, shape);
    let client = products.client.clone();
    list(|| Launch {
        kernel: "address",
        units: rows,
        flops: 12 * rows * columns,
        bytes: bytes([&products, &products]),
        loads: 6 * columns / vector(columns),
        steps: 3 * columns / vector(columns),
    });
    let (count, dim) = units(&client, rows);
    // SAFETY: the kernel writes within the output and reads within the rest.
    #[expect(unsafe_code, reason = "checked, every access would be slower")]
    unsafe {
        address_kernel::launch_unchecked(
            &client,
            count,
            dim,
            vector(columns),
            products.into_tensor_arg(),
            queries.into_tensor_arg(),
            items.into_tensor_arg(),
            weights.clone().into_tensor_arg(),
            rule.min_norm,
            rule.temperature,
            rule.cut,
            rule.renormalize,
        );
    }
    weights
}

/// The sum of the squares of each row of two matrices: `[Q, C]` and `[N, C]` to `[Q, 1]` and
/// `[N, 1]`. A unit for each row.
pub(super) fn square_sums(matrices: [CubeTensor; 2]) -> (CubeTensor, CubeTensor) {
    let [first, second] = matrices.map(contiguous);
    let ([upper, columns], [lower, _]) = (dims(&first), dims(&second));
    let count = upper + lower;
    let outputs = [upper, lower].map(|rows| empty(&first, [rows, 1]));
    let [of_first, of_second] = outputs.clone();
    let client = first.client.clone();
    list(|| Launch {
        kernel: "square_sums",
        units: count,
        flops: 2 * count * columns,
        bytes: bytes([&first, &second]),
        loads: columns / vector(columns),
        steps: columns / vector(columns),
    });
    let (cubes, dim) = units(&client, count);
    // SAFETY: the kernel writes within the sums and reads within the rows.
    #[expect(unsafe_code, reason = "checked, every access would be slower")]
    unsafe {
        square_sums_kernel::launch_unchecked(
            &client,
            cubes,
            dim,
            vector(columns),
            first.into_tensor_arg(),
            second.into_tensor_arg(),
            of_first.into_tensor_arg(),
            of_second.into_tensor_arg(),
        );
    }
    outputs.into()
}

/// Matrices `[Q, C]` and `[N, C]`, sums `[Q, 1]` and `[N, 1]`.
#[cube(launch_unchecked)]
fn square_sums_kernel<N: Size>(
    first: &Tensor<Vector<f32, N>>,
    second: &Tensor<Vector<f32, N>>,
    of_first: &mut Tensor<f32>,
    of_second: &mut Tensor<f32>,
) {
    let upper = of_first.len();
    if ABSOLUTE_POS < upper {
        of_first[ABSOLUTE_POS] = square_sum(first, ABSOLUTE_POS);
    } else if ABSOLUTE_POS - upper < of_second.len() {
        of_second[ABSOLUTE_POS - upper] = square_sum(second, ABSOLUTE_POS - upper);
    }
}

/// The sum of the squares of one row of a matrix.
#[cube]
fn square_sum<N: Size>(matrix: &Tensor<Vector<f32, N>>, row: usize) -> f32 {
    let vectors = matrix.shape(1) / matrix.vector_size();
    let mut sum = Vector::zeroed();
    for vector in 0..vectors {
        let values = matrix[row * vectors + vector];
        sum += values * values;
    }
    sum_of_lanes(sum, matrix.vector_size())
}

/// Products and weights `[Q, N]`, sums of squares `[Q, 1]` and `[1, N]`.
#[cube(launch_unchecked)]
fn address_kernel<N: Size>(
    products: &Tensor<Vector<f32, N>>,
    queries: &Tensor<f32>,
    items: &Tensor<Vector<f32, N>>,
    weights: &mut Tensor<Vector<f32, N>>,
    min_norm: f32,
    temperature: f32,
    cut: f32,
    #[comptime] renormalize: bool,
) {
    let vectors = items.len();
    let query = ABSOLUTE_POS;
    if query >= queries.len() {
        terminate!();
    }
    let scale = 1.0 / (max(queries[query].sqrt(), min_norm) * temperature);
    let (largest, sum) = softmax_sums(products, items, query * vectors, scale, min_norm);
    let mut kept = Vector::zeroed();
    for vector in 0..vectors {
        let at = query * vectors + vector;
        let similarity = scaled(products[at], items[vector], scale, min_norm);
        let weight = softmax(similarity, largest, sum);
        let weight = keep(weight, weight, cut);
        weights[at] = weight;
        kept += weight;
    }
    if comptime!(renormalize) {
        let kept = Vector::broadcast(sum_of_lanes(kept, products.vector_size()));
        for vector in 0..vectors {
            weights[query * vectors + vector] /= kept;
        }
    }
}

/// The cosines of a query and a vector of items, divided by the temperature. `scale` is 1 / (the
/// query's norm · the temperature).
#[cube]
pub(super) fn scaled<N: Size>(
    products: Vector<f32, N>,
    squares: Vector<f32, N>,
    scale: f32,
    min_norm: f32,
) -> Vector<f32, N> {
    products * Vector::broadcast(scale) / norms(squares, min_norm)
}

/// The norms of a vector of items.
#[cube]
pub(super) fn norms<N: Size>(squares: Vector<f32, N>, min_norm: f32) -> Vector<f32, N> {
    max(squares.sqrt(), Vector::broadcast(min_norm))
}

/// The largest value of [`scaled`] in the row that begins at `first`, and the sum of e^(value −
/// largest) over all values of the row.
#[cube]
pub(super) fn softmax_sums<N: Size>(
    products: &Tensor<Vector<f32, N>>,
    items: &Tensor<Vector<f32, N>>,
    first: usize,
    scale: f32,
    min_norm: f32,
) -> (f32, f32) {
    let vectors = items.len();
    let mut largest = scaled(products[first], items[0], scale, min_norm);
    for vector in 1..vectors {
        let similarity = scaled(products[first + vector], items[vector], scale, min_norm);
        largest = max(largest, similarity);
    }
    let mut largest_of_all = largest.extract(0usize);
    #[unroll]
    for lane in 1..products.vector_size() {
        largest_of_all = max(largest_of_all, largest.extract(lane));
    }
    let mut sum = Vector::zeroed();
    for vector in 0..vectors {
        let similarity = scaled(products[first + vector], items[vector], scale, min_norm);
        sum += (similarity - Vector::broadcast(largest_of_all)).exp();
    }
    (largest_of_all, sum_of_lanes(sum, products.vector_size()))
}

/// The weights of a vector of items before the shrinkage, from the results of [`softmax_sums`].
#[cube]
pub(super) fn softmax<N: Size>(
    similarity: Vector<f32, N>,
    largest: f32,
    sum: f32,
) -> Vector<f32, N> {
    (similarity - Vector::broadcast(largest)).exp() / Vector::broadcast(sum)
}

/// The values whose weights are not dropped by the shrinkage; 0 for the others.
#[cube]
pub(super) fn keep<N: Size>(
    values: Vector<f32, N>,
    weights: Vector<f32, N>,
    cut: f32,
) -> Vector<f32, N> {
    let dropped = weights.less_than(&Vector::broadcast(cut));
    select_many(dropped, Vector::zeroed(), values)
}

/// The sum of the values of a vector.
#[cube]
pub(super) fn sum_of_lanes<N: Size>(values: Vector<f32, N>, #[comptime] lanes: usize) -> f32 {
    let mut sum = values.extract(0usize);
    #[unroll]
    for lane in 1..lanes {
        sum += values.extract(lane);
    }
    sum
}
