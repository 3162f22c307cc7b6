//! What the gradients of the kernels are made of.

use burn::backend::tensor::FloatTensor;

use super::{Kernels, Window};

/// Every convolution and every gradient of one is a [`convolution`](Self::convolution), a
/// [`transposed_convolution`](Self::transposed_convolution) or a [`weight_gradient`](Self::weight_gradient): a convolution
/// gathers, and its gradient with regard to the input scatters; a transposed convolution is the
/// other way round.
pub(super) trait Gradients: Kernels {
    /// From maps `[B, I, H, W]` and weights `[O, I, k, k]` the convolution without bias.
    fn convolution(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        window: Window,
    ) -> FloatTensor<Self>;

    /// From maps `[B, I, h, w]` and weights `[I, O, k, k]` maps `[B, O, H, W]` of a `size`.
    fn transposed_convolution(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        size: [usize; 2],
        window: Window,
    ) -> FloatTensor<Self>;

    /// From maps `[B, I, H, W]`, and `[B, O, h, w]` for the windows' positions on them, what each
    /// pair of channels has in common at each place of the window: `[O, I, k, k]`.
    fn weight_gradient(
        large: FloatTensor<Self>,
        small: FloatTensor<Self>,
        window: Window,
    ) -> FloatTensor<Self>;

    /// From maps `[B, C, H, W]` the sum of each channel, `[C]`.
    fn channel_sums(maps: FloatTensor<Self>) -> FloatTensor<Self>;

    /// The gradient with regard to the input of a leaky ReLU, from the gradient of its output and the output.
    fn leaky_relu_backward(
        output: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        slope: f32,
    ) -> FloatTensor<Self>;

    /// Of [`Kernels::normalize_train`].
    fn normalize_backward(
        normalization: Normalization<FloatTensor<Self>>,
        gradient: FloatTensor<Self>,
    ) -> NormalizationGradients<FloatTensor<Self>>;

    /// The gradient of [`Kernels::max_pool`] goes to the first of the largest.
    fn max_pool_backward(x: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self>;
}

/// What went into a normalization, and its statistics.
#[derive(Debug, Clone)]
pub(super) struct Normalization<T> {
    /// `[B, C, H, W]`.
    pub(super) x: T,
    /// `[C]`, as all the others.
    pub(super) gamma: T,
    pub(super) beta: T,
    pub(super) mean: T,
    pub(super) variance: T,
    pub(super) epsilon: f32,
    pub(super) slope: f32,
}

/// With regard to its input, γ and β.
#[derive(Debug)]
pub(super) struct NormalizationGradients<T> {
    pub(super) x: T,
    pub(super) gamma: T,
    pub(super) beta: T,
}
