//! The most expensive operations of the networks as our own kernels. They are added to Burn as a
//! back end extension.
//!
//! The trait `Kernels` has a default body, made of Burn's operations, for each operation. A back
//! end overrides the operations for which it has a faster kernel. The CPU back end overrides all
//! that take long there, and has kernels for the gradients too. The functions of this module call
//! the kernels of the back end that holds the tensors.
//!
//! ```
//! use burn::tensor::{Device, Distribution, Tensor};
//! use daad::kernel::{Window, convolve, max_pool};
//!
//! let device = Device::flex();
//! let window = Window { kernel: 3, stride: 1, padding: 1 };
//! let images = Tensor::<4>::random([2, 3, 16, 16], Distribution::Default, &device);
//! let weight = Tensor::<4>::random([8, 3, 3, 3], Distribution::Default, &device);
//! let maps = convolve(images, weight, Tensor::zeros([8], &device), window, 0.0); // with a ReLU
//! assert_eq!(maps.dims(), [2, 8, 16, 16]);
//! assert_eq!(max_pool(maps).dims(), [2, 8, 8, 8]);
//! ```

// Public so that no combination of features leaves parts of it unused; it is not part of the API.
#[doc(hidden)]
pub mod cpu;
#[cfg(feature = "cpu")]
mod flex;
#[cfg(feature = "gpu")]
mod gpu;
mod operations;
mod parallel;
mod plain;
mod recall;

#[cfg(feature = "learn")]
mod autodiff;
#[cfg(feature = "learn")]
mod gradients;
#[cfg(feature = "learn")]
mod recording;

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata, backend_extension};
use burn::tensor::Shape;

pub(crate) use cpu::Recall;
pub use cpu::{AdamStep, AddressingRule, Window};
#[cfg(feature = "gpu")]
pub use gpu::launches::{Launch, launches_of};
#[cfg(feature = "learn")]
pub(crate) use operations::arranged_maps;
pub use operations::{
    NormOptions, Normalized, adam, adam_all, address, answer, arranged, concatenate, convolve,
    convolve_transposed, logistic_loss, matmul, max_pool, normalize, normalize_train,
    squared_error,
};
pub(crate) use recall::recall;
#[cfg(feature = "learn")]
pub(crate) use recording::{Recording, recorded, replayed};

/// Runs `step`, which computes the gradients of networks and does not change their weights. Weights
/// that are copied into another memory layout are kept until the end of `step`, so that each is
/// copied only once.
#[cfg(feature = "learn")]
pub(crate) fn keeping_arranged<T>(step: impl FnOnce() -> T) -> T {
    #[cfg(feature = "gpu")]
    return gpu::keeping(step);
    #[cfg(not(feature = "gpu"))]
    step()
}

/// Operations on maps `[B, C, H, W]`. `slope` is that of a leaky ReLU for negative values: 0 is a
/// plain ReLU, 1 is the identity.
#[expect(
    clippy::type_complexity,
    reason = "the back ends' dispatch knows tuples of tensors, and no aliases of them"
)]
#[backend_extension(Flex: cfg(feature = "cpu"), Cube: cfg(feature = "gpu"), Autodiff: cfg(feature = "learn"))]
pub(crate) trait Kernels: Backend {
    /// Convolution with weights `[O, I, k, k]` and bias `[O]`, then a leaky ReLU.
    fn convolve(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        window: Window,
        slope: f32,
    ) -> FloatTensor<Self> {
        plain::convolve::<Self>(x, weight, bias, window, slope)
    }

    /// Transposed convolution with weights `[I, O, k, k]` and bias `[O]`.
    fn convolve_transposed(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        window: Window,
    ) -> FloatTensor<Self> {
        plain::convolve_transposed::<Self>(x, weight, bias, window)
    }

    /// Batch normalization with given statistics, then a leaky ReLU. All tensors but `x` are `[C]`.
    fn normalize(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        variance: FloatTensor<Self>,
        epsilon: f32,
        slope: f32,
    ) -> FloatTensor<Self> {
        let normal = Self::batch_norm(x, gamma, beta, mean, variance, f64::from(epsilon));
        plain::leaky_relu::<Self>(normal, slope)
    }

    /// Batch normalization with the statistics of the batch, then a leaky ReLU. Takes running mean
    /// and variance, `[C]`. Returns the new maps and, each `[C]` and without a gradient, the mean
    /// and biased variance of the batch and the running mean and variance after
    /// [`follow`](Self::follow).
    fn normalize_train(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        running_mean: FloatTensor<Self>,
        running_variance: FloatTensor<Self>,
        options: NormOptions,
    ) -> (
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
    ) {
        let shape = x.shape();
        let result = Self::batch_norm_train(x, gamma, beta, f64::from(options.epsilon));
        let maps = plain::leaky_relu::<Self>(result.output, options.slope);
        let (mean, variance) = (result.mean, result.variance);
        let running = [running_mean, running_variance];
        let (running_mean, running_variance) =
            plain::follow_maps::<Self>(running, [&mean, &variance], &shape, options);
        (maps, mean, variance, running_mean, running_variance)
    }

    /// Running mean and variance, `[C]`, moved by `momentum` towards the mean and the biased
    /// variance of a batch. `correction` makes that variance unbiased.
    fn follow(
        running_mean: FloatTensor<Self>,
        running_variance: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        variance: FloatTensor<Self>,
        momentum: f32,
        correction: f32,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let scale = |x: FloatTensor<Self>, by: f32| Self::float_mul_scalar(x, by.into());
        let moved = |running, batch| {
            Self::float_add(scale(running, 1.0 - momentum), scale(batch, momentum))
        };
        let unbiased = scale(variance, correction);
        (moved(running_mean, mean), moved(running_variance, unbiased))
    }

    /// Maximum over 2×2 pixels with stride 2.
    fn max_pool(x: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::max_pool2d(x, [2; 2], [2; 2], [0; 2], [1; 2], false)
    }

    /// Maps `[B, C, H, W]` and `[B, D, H, W]` to `[B, C + D, H, W]`.
    fn concatenate(first: FloatTensor<Self>, second: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::float_cat(vec![first, second], 1)
    }

    /// The weights of a convolution, `[O, I, k, k]`, or of a transposed convolution,
    /// `[I, O, k, k]`, in the memory layout that its kernel reads. The kernel copies weights in
    /// another layout at each call.
    fn arranged(weight: FloatTensor<Self>, transposed: bool) -> FloatTensor<Self> {
        let _ = transposed;
        weight
    }

    /// The sum of the squares of each row of two matrices: `[Q, C]` and `[N, C]` to `[Q, 1]` and
    /// `[N, 1]`, without a gradient.
    fn square_sums(
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let sums =
            |rows: FloatTensor<Self>| Self::float_sum_dim(Self::float_mul(rows.clone(), rows), 1);
        (sums(first), sums(second))
    }

    /// The transpose of the matrix `[R, C]`. It is also transposed in memory if
    /// [`matmul`](Self::matmul) would otherwise copy it at each call.
    fn transposed(matrix: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::float_transpose(matrix)
    }

    /// The product of matrices `[M, K]` and `[K, N]`, of which either may be a transposed view.
    fn matmul(lhs: FloatTensor<Self>, rhs: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::float_matmul(lhs, rhs)
    }

    /// The mean of the squared differences of two tensors of the same shape: `[1]`.
    fn squared_error(x: FloatTensor<Self>, y: FloatTensor<Self>) -> FloatTensor<Self> {
        let difference = Self::float_sub(x, y);
        Self::float_mean(Self::float_mul(difference.clone(), difference))
    }

    /// The maps in the memory layout that the kernels read, without a gradient. Each kernel copies
    /// maps in another layout.
    fn arranged_maps(maps: FloatTensor<Self>) -> FloatTensor<Self> {
        maps
    }

    /// The mean of log(1 + e^(sign·x)) over the logits x, `[B]`: `[1]`.
    fn logistic_loss(logits: FloatTensor<Self>, sign: f32) -> FloatTensor<Self> {
        plain::logistic_loss::<Self>(logits, sign)
    }

    /// The answers of a memory (Eq. 1 and 2): queries `[Q, D]` to weighted sums of the items
    /// `[N, D]`, `[Q, D]`.
    fn answer(
        queries: FloatTensor<Self>,
        items: FloatTensor<Self>,
        rule: AddressingRule,
    ) -> FloatTensor<Self> {
        plain::answer::<Self>(queries, items, rule).answers
    }

    /// The addressing weights of a memory (Eq. 1 and the shrinkage below Eq. 2), `[Q, N]`, from the
    /// dot products of queries and items, `[Q, N]`, and the sums of the squares of each query,
    /// `[Q, 1]`, and of each item, `[1, N]`.
    fn address(
        products: FloatTensor<Self>,
        queries: FloatTensor<Self>,
        items: FloatTensor<Self>,
        rule: AddressingRule,
    ) -> FloatTensor<Self> {
        plain::address::<Self>(products, queries, items, rule)
    }

    /// One step of Adam. Takes the values, the running means of the gradients (`first`) and of the
    /// squared gradients (`second`), all of one shape, and returns them updated.
    fn adam(
        value: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        step: AdamStep,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let AdamStep {
            beta_1,
            beta_2,
            step_size,
            second_scale,
            epsilon,
        } = step;
        let scale = |x: FloatTensor<Self>, by: f32| Self::float_mul_scalar(x, by.into());
        let squared = Self::float_mul(gradient.clone(), gradient.clone());
        let first = Self::float_add(scale(first, beta_1), scale(gradient, 1.0 - beta_1));
        let second = Self::float_add(scale(second, beta_2), scale(squared, 1.0 - beta_2));
        let root = scale(Self::float_sqrt(second.clone()), second_scale);
        let root = Self::float_add_scalar(root, epsilon.into());
        let change = scale(Self::float_div(first.clone(), root), step_size);
        (Self::float_sub(value, change), first, second)
    }
}

/// The factor that makes the biased variance of each channel of maps `[B, C, H, W]` unbiased: n /
/// (n − 1) for n values. For a single value it is 1, because that value has no unbiased variance.
fn correction(shape: &Shape) -> f32 {
    let [batch, _, height, width] = shape.dims();
    let count = (batch * height * width) as f64;
    (count / (count - 1.0).max(1.0)) as f32
}
