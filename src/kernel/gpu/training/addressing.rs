//! The gradients of the addressing weights on GPUs: a unit (thread) for each query.

use burn_cubecl::cubecl::{self, prelude::*};
use burn_cubecl::ops::reshape;
use burn_cubecl::tensor::CubeTensor;

use super::sums::sum_rows;
use crate::kernel::AddressingRule;
use crate::kernel::gpu::addressing::{keep, norms, scaled, softmax, softmax_sums, sum_of_lanes};
use crate::kernel::gpu::launches::{Launch, bytes, list, list_elementwise};
use crate::kernel::gpu::layout::{contiguous, dims, empty, units, vector};

/// The gradients with respect to dot products, `[Q, N]`, and to the sums of squares of queries,
/// `[Q, 1]`, and items, `[1, N]`. See
/// [`Gradients::address_backward`](crate::kernel::gradients::Gradients::address_backward).
pub(super) fn address_backward(
    tensors: [CubeTensor; 3],
    rule: AddressingRule,
    gradient: CubeTensor,
) -> [CubeTensor; 3] {
    let [products, queries, items] = tensors.map(contiguous);
    let gradient = contiguous(gradient);
    let shape @ [rows, columns] = dims(&products);
    let [of_products, of_squares] = [(); 2].map(|()| empty(&products, shape));
    let of_queries = empty(&products, [rows, 1]);
    let client = products.client.clone();
    list(|| Launch {
        kernel: "address_backward",
        units: rows,
        flops: 30 * rows * columns,
        bytes: bytes([&products, &gradient, &of_products, &of_squares]),
        loads: 10 * columns / vector(columns),
        steps: 4 * columns / vector(columns),
    });
    let (count, dim) = units(&client, rows);
    // SAFETY: the kernel writes within the outputs and reads within the rest.
    #[expect(unsafe_code, reason = "checked, every access would be slower")]
    unsafe {
        address_backward_kernel::launch_unchecked(
            &client,
            count,
            dim,
            vector(columns),
            products.into_tensor_arg(),
            queries.into_tensor_arg(),
            items.into_tensor_arg(),
            gradient.into_tensor_arg(),
            of_products.clone().into_tensor_arg(),
            of_queries.clone().into_tensor_arg(),
            of_squares.clone().into_tensor_arg(),
            rule.min_norm,
            rule.temperature,
            rule.cut,
            rule.renormalize,
        );
    }
    let of_items = reshape(sum_rows(of_squares), [1, columns].into());
    [of_products, of_queries, of_items]
}

/// The tensors have the same names as in [`address_backward`]. `of_squares`, `[Q, N]`, is the
/// contribution of each query to the gradient with respect to the sum of the squares of each item.
#[cube(launch_unchecked)]
fn address_backward_kernel<N: Size>(
    products: &Tensor<Vector<f32, N>>,
    queries: &Tensor<f32>,
    items: &Tensor<Vector<f32, N>>,
    gradient: &Tensor<Vector<f32, N>>,
    of_products: &mut Tensor<Vector<f32, N>>,
    of_queries: &mut Tensor<f32>,
    of_squares: &mut Tensor<Vector<f32, N>>,
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
    let first = query * vectors;
    let root = queries[query].sqrt();
    let norm = max(root, min_norm);
    let scale = 1.0 / (norm * temperature);
    let (largest, sum) = softmax_sums(products, items, first, scale, min_norm);

    // Sums over the kept weights and over their products with the gradient. Dropped weights have no
    // gradient.
    let mut kept = Vector::zeroed();
    let mut along = Vector::zeroed();
    for vector in 0..vectors {
        let similarity = scaled(products[first + vector], items[vector], scale, min_norm);
        let weight = softmax(similarity, largest, sum);
        let weight = keep(weight, weight, cut);
        kept += weight;
        along += weight * gradient[first + vector];
    }
    let kept = sum_of_lanes(kept, products.vector_size());
    let along = sum_of_lanes(along, products.vector_size());
    // With renormalization, the gradient with respect to a kept weight is (gradient − mean) / kept,
    // and the products of these gradients with the weights sum to zero.
    let mut mean = 0.0f32;
    let mut divisor = 1.0f32;
    let mut centre = along;
    if comptime!(renormalize) {
        mean = along / kept;
        divisor = kept;
        centre = 0.0f32;
    }

    let mut shares = Vector::zeroed();
    for vector in 0..vectors {
        let at = first + vector;
        let similarity = scaled(products[at], items[vector], scale, min_norm);
        let weight = softmax(similarity, largest, sum);
        let flowing = (gradient[at] - Vector::broadcast(mean)) / Vector::broadcast(divisor);
        let flowing = keep(flowing, weight, cut);
        // The gradient with respect to the cosine divided by the temperature.
        let of_scaled = weight * (flowing - Vector::broadcast(centre));
        let item_norms = norms(items[vector], min_norm);
        of_products[at] = of_scaled * Vector::broadcast(scale) / item_norms;
        // Both norms divide the cosine. A norm at its lower limit has no gradient.
        let share = of_scaled * similarity * Vector::broadcast(-0.5f32);
        shares += share;
        let least = items[vector]
            .sqrt()
            .less_equal(&Vector::broadcast(min_norm));
        let of_item = share / (item_norms * item_norms);
        of_squares[at] = select_many(least, Vector::zeroed(), of_item);
    }
    of_queries[query] = select(
        root <= min_norm,
        0.0,
        sum_of_lanes(shares, products.vector_size()) / (norm * norm),
    );
}

/// See [`Gradients::add_square_gradient`](crate::kernel::gradients::Gradients::add_square_gradient).
pub(super) fn add_square_gradient(
    gradient: CubeTensor,
    other: Option<CubeTensor>,
    x: CubeTensor,
    of_squares: CubeTensor,
) -> CubeTensor {
    let has_other = other.is_some();
    let other = other.unwrap_or_else(|| gradient.clone());
    let [gradient, other, x, of_squares] = [gradient, other, x, of_squares].map(contiguous);
    let shape @ [rows, columns] = dims(&x);
    let output = empty(&x, shape);
    let client = x.client.clone();
    let count = rows * columns / vector(columns);
    list_elementwise("add_square_gradient", count, [&gradient, &x, &output], 2);
    let (count, dim) = units(&client, count);
    // SAFETY: the kernel writes within the output and reads within the rest.
    #[expect(unsafe_code, reason = "checked, every access would be slower")]
    unsafe {
        add_square_gradient_kernel::launch_unchecked(
            &client,
            count,
            dim,
            vector(columns),
            gradient.into_tensor_arg(),
            other.into_tensor_arg(),
            x.into_tensor_arg(),
            of_squares.into_tensor_arg(),
            output.clone().into_tensor_arg(),
            has_other,
        );
    }
    output
}

/// Both gradients, x and output `[R, C]`, `of_squares` `[R, 1]`.
#[cube(launch_unchecked)]
fn add_square_gradient_kernel<N: Size>(
    gradient: &Tensor<Vector<f32, N>>,
    other: &Tensor<Vector<f32, N>>,
    x: &Tensor<Vector<f32, N>>,
    of_squares: &Tensor<f32>,
    output: &mut Tensor<Vector<f32, N>>,
    #[comptime] has_other: bool,
) {
    if ABSOLUTE_POS >= output.len() {
        terminate!();
    }
    let vectors = x.shape(1) / x.vector_size();
    let slope = 2.0 * of_squares[ABSOLUTE_POS / vectors];
    let mut sum = gradient[ABSOLUTE_POS];
    if comptime!(has_other) {
        sum += other[ABSOLUTE_POS];
    }
    output[ABSOLUTE_POS] = sum + x[ABSOLUTE_POS] * Vector::broadcast(slope);
}
