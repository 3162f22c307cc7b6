//! The methods of [`Kernels`] as functions of Burn's [`Tensor`].

use burn::backend::Dispatch;
use burn::tensor::Tensor;

use super::{AdamStep, AddressingRule, Kernels, Window};

/// Convolution of maps `[B, I, H, W]` with weights `[O, I, k, k]` and bias `[O]`, then a leaky ReLU
/// with `slope` for negative values: 0 is a plain ReLU, 1 is the identity.
pub fn convolve(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    window: Window,
    slope: f32,
) -> Tensor<4> {
    let [x, weight, bias] = [
        x.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
    ];
    Tensor::from_dispatch(Dispatch::convolve(x, weight, bias, window, slope))
}

/// Transposed convolution of maps `[B, I, h, w]` with weights `[I, O, k, k]` and bias `[O]`.
pub fn convolve_transposed(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    window: Window,
) -> Tensor<4> {
    let [x, weight, bias] = [
        x.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
    ];
    Tensor::from_dispatch(Dispatch::convolve_transposed(x, weight, bias, window))
}

/// Batch normalization of `[B, C, H, W]` with given statistics `[C]`, then a leaky ReLU.
pub fn normalize(
    x: Tensor<4>,
    [gamma, beta]: [Tensor<1>; 2],
    [mean, variance]: [Tensor<1>; 2],
    epsilon: f32,
    slope: f32,
) -> Tensor<4> {
    let [gamma, beta, mean, variance] = [gamma, beta, mean, variance].map(Tensor::into_dispatch);
    let normal = Dispatch::normalize(
        x.into_dispatch(),
        gamma,
        beta,
        mean,
        variance,
        epsilon,
        slope,
    );
    Tensor::from_dispatch(normal)
}

/// The results of [`normalize_train`].
#[derive(Debug, Clone)]
pub struct Normalized {
    /// The normalized maps, `[B, C, H, W]`.
    pub output: Tensor<4>,
    /// Mean of the batch, `[C]`, without a gradient.
    pub mean: Tensor<1>,
    /// Biased variance of the batch, `[C]`, without a gradient.
    pub variance: Tensor<1>,
}

/// Batch normalization of `[B, C, H, W]` with the statistics of the batch, then a leaky ReLU.
pub fn normalize_train(
    x: Tensor<4>,
    [gamma, beta]: [Tensor<1>; 2],
    epsilon: f32,
    slope: f32,
) -> Normalized {
    let [gamma, beta] = [gamma, beta].map(Tensor::into_dispatch);
    let (output, mean, variance) =
        Dispatch::normalize_train(x.into_dispatch(), gamma, beta, epsilon, slope);
    Normalized {
        output: Tensor::from_dispatch(output),
        mean: Tensor::from_dispatch(mean),
        variance: Tensor::from_dispatch(variance),
    }
}

/// Running mean and variance, `[C]`, moved by `momentum` towards mean and biased variance of a batch
/// of `count` values a channel. As in PyTorch, the running variance follows the unbiased one; a
/// single value has none, and its variance of 0 is taken.
pub fn follow(
    [running_mean, running_variance]: [Tensor<1>; 2],
    [mean, variance]: [Tensor<1>; 2],
    momentum: f32,
    count: usize,
) -> [Tensor<1>; 2] {
    let count = count as f64;
    let correction = count / (count - 1.0).max(1.0);
    let (mean, variance) = Dispatch::follow(
        running_mean.into_dispatch(),
        running_variance.into_dispatch(),
        mean.into_dispatch(),
        variance.into_dispatch(),
        momentum,
        correction as f32,
    );
    [mean, variance].map(Tensor::from_dispatch)
}

/// Maximum over 2×2 pixels with stride 2: `[B, C, H, W]` to `[B, C, H/2, W/2]`.
pub fn max_pool(x: Tensor<4>) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::max_pool(x.into_dispatch()))
}

/// Maps `[B, C, H, W]` and `[B, D, H, W]` to `[B, C + D, H, W]`.
pub fn concatenate(first: Tensor<4>, second: Tensor<4>) -> Tensor<4> {
    let [first, second] = [first, second].map(Tensor::into_dispatch);
    Tensor::from_dispatch(Dispatch::concatenate(first, second))
}

/// The weights of a convolution, `[O, I, k, k]`, or of a transposed one, `[I, O, k, k]`, in the order
/// of axes in memory that its kernel reads: for networks whose weights do not change any more.
pub fn arranged(weight: Tensor<4>, transposed: bool) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::arranged(weight.into_dispatch(), transposed))
}

/// The product of matrices `[M, K]` and `[K, N]`; it has no gradient.
pub fn matmul(lhs: Tensor<2>, rhs: Tensor<2>) -> Tensor<2> {
    Tensor::from_dispatch(Dispatch::matmul(lhs.into_dispatch(), rhs.into_dispatch()))
}

/// The mean of log(1 + e^(sign·x)) over the logits x, `[B]`: the cross-entropy for a label of "real"
/// if the sign is −1, of "fake" if it is 1.
pub fn logistic_loss(logits: Tensor<1>, sign: f32) -> Tensor<1> {
    Tensor::from_dispatch(Dispatch::logistic_loss(logits.into_dispatch(), sign))
}

/// The answers of a memory: queries `[Q, D]` to weighted sums of the items `[N, D]`, `[Q, D]`. Which
/// items are dropped has no gradient.
pub fn answer(queries: Tensor<2>, items: Tensor<2>, rule: AddressingRule) -> Tensor<2> {
    let [queries, items] = [queries, items].map(Tensor::into_dispatch);
    Tensor::from_dispatch(Dispatch::answer(queries, items, rule))
}

/// The addressing weights of a memory, `[Q, N]`, from the dot products of queries and items, `[Q, N]`,
/// and the sums of the squares of each query, `[Q, 1]`, and of each item, `[1, N]`.
pub fn address(
    products: Tensor<2>,
    queries: Tensor<2>,
    items: Tensor<2>,
    rule: AddressingRule,
) -> Tensor<2> {
    let [products, queries, items] = [products, queries, items].map(Tensor::into_dispatch);
    Tensor::from_dispatch(Dispatch::address(products, queries, items, rule))
}

/// One step of Adam. Takes the values, the running means of the gradients and of the squared
/// gradients, and the gradient, all of one shape. Returns the new values and means.
pub fn adam<const D: usize>(
    [value, first, second]: [Tensor<D>; 3],
    gradient: Tensor<D>,
    step: AdamStep,
) -> [Tensor<D>; 3] {
    let [value, first, second] = [value, first, second].map(Tensor::into_dispatch);
    let (value, first, second) =
        Dispatch::adam(value, first, second, gradient.into_dispatch(), step);
    [value, first, second].map(Tensor::from_dispatch)
}
