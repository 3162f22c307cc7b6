//! The operations that a back end needs for the gradients of [`Kernels`].

use burn::backend::TensorMetadata;
use burn::backend::tensor::FloatTensor;
use burn::tensor::Slice;

use super::{AddressingRule, Kernels, Window, plain};

/// Three operations are enough for all convolutions and their gradients. The gradient of a
/// [`convolution`](Self::convolution) with respect to its input is a
/// [`transposed_convolution`](Self::transposed_convolution), and the reverse. For both, the
/// gradient with respect to the weights is [`weight_gradient`](Self::weight_gradient).
pub(super) trait Gradients: Kernels {
    /// Convolution of maps `[B, I, H, W]` with weights `[O, I, k, k]`, without a bias.
    fn convolution(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        window: Window,
    ) -> FloatTensor<Self>;

    /// Transposed convolution of maps `[B, I, h, w]` with weights `[I, O, k, k]`, without a bias,
    /// to maps `[B, O, H, W]` of `size` (H, W).
    fn transposed_convolution(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        size: [usize; 2],
        window: Window,
    ) -> FloatTensor<Self>;

    /// The cross-correlation `[O, I, k, k]` of maps `large` `[B, I, H, W]` with maps `small`
    /// `[B, O, h, w]`, where h × w are the positions of `window` on the large maps. This is the
    /// gradient with respect to the weights: of a convolution if `large` is its input and `small`
    /// is the gradient with respect to its output; of a transposed convolution if they are
    /// exchanged.
    fn weight_gradient(
        large: FloatTensor<Self>,
        small: FloatTensor<Self>,
        window: Window,
    ) -> FloatTensor<Self>;

    /// The sum of each channel of maps `[B, C, H, W]` over batch and space, `[C]`: the gradient
    /// with respect to a bias.
    fn channel_sums(maps: FloatTensor<Self>) -> FloatTensor<Self>;

    /// The gradient with respect to the input of a leaky ReLU, given its `output` and the
    /// `gradient` with respect to its output.
    fn leaky_relu_backward(
        output: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        slope: f32,
    ) -> FloatTensor<Self>;

    /// The gradients with respect to the inputs of [`Kernels::normalize_train`], given the
    /// `gradient` with respect to its output.
    fn normalize_backward(
        normalization: Normalization<FloatTensor<Self>>,
        gradient: FloatTensor<Self>,
    ) -> NormalizationGradients<FloatTensor<Self>>;

    /// The gradient with respect to the input `x` of [`Kernels::max_pool`]. If several of the 2×2
    /// pixels have the maximum, the first one gets the gradient, as in PyTorch.
    fn max_pool_backward(x: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self>;

    /// The inverse of [`Kernels::concatenate`]: splits maps `[B, C + D, H, W]`, with C =
    /// `channels`, into `[B, C, H, W]` and `[B, D, H, W]`.
    fn split(maps: FloatTensor<Self>, channels: usize) -> [FloatTensor<Self>; 2] {
        let all = maps.shape()[1];
        let part = |from: usize, to: usize| {
            let every = Slice::full();
            Self::float_slice(maps.clone(), &[every, Slice::from(from..to), every, every])
        };
        [part(0, channels), part(channels, all)]
    }

    /// The gradient with respect to the logits of [`Kernels::logistic_loss`], given the `gradient`
    /// with respect to its output, `[1]`.
    fn logistic_loss_backward(
        logits: FloatTensor<Self>,
        sign: f32,
        gradient: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        plain::logistic_loss_backward::<Self>(logits, sign, gradient)
    }

    /// The gradients with respect to the three tensors of [`Kernels::address`], which are the first
    /// three arguments, given the `gradient` with respect to its output.
    fn address_backward(
        [products, queries, items]: [FloatTensor<Self>; 3],
        rule: AddressingRule,
        gradient: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 3] {
        plain::address_backward::<Self>(products, queries, items, rule, gradient)
    }

    /// The gradient with respect to the input `x` of [`Kernels::squared_error`], given the
    /// `gradient` with respect to its output, `[1]`. The gradient with respect to `y` is the same
    /// function with `x` and `y` exchanged.
    fn squared_error_backward(
        x: FloatTensor<Self>,
        y: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let shape = x.shape();
        let share = 2.0 / shape.num_elements() as f32;
        let gradient = Self::float_mul_scalar(gradient, share.into());
        let gradient = Self::float_reshape(gradient, vec![1; shape.num_dims()].into());
        Self::float_mul(Self::float_sub(x, y), gradient)
    }

    /// The sum of one or two gradients with respect to `x`, all `[R, C]`, and of the gradient that
    /// flows through the sums of the squares of the rows of `x`, given the gradient with respect to
    /// these sums, `[R, 1]`.
    fn add_square_gradient(
        gradient: FloatTensor<Self>,
        other: Option<FloatTensor<Self>>,
        x: FloatTensor<Self>,
        of_squares: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let gradient = match other {
            Some(other) => Self::float_add(gradient, other),
            None => gradient,
        };
        let doubled = Self::float_mul_scalar(of_squares, 2.0f32.into());
        Self::float_add(gradient, Self::float_mul(x, doubled))
    }
}

/// The inputs of a normalization and the statistics of the batch.
#[derive(Debug, Clone)]
pub(super) struct Normalization<T> {
    /// `[B, C, H, W]`.
    pub(super) x: T,
    /// `[C]`, like all further tensors.
    pub(super) gamma: T,
    pub(super) beta: T,
    pub(super) mean: T,
    pub(super) variance: T,
    pub(super) epsilon: f32,
    pub(super) slope: f32,
}

/// Gradients with respect to the normalization's input, γ and β.
#[derive(Debug)]
pub(super) struct NormalizationGradients<T> {
    pub(super) x: T,
    pub(super) gamma: T,
    pub(super) beta: T,
}
