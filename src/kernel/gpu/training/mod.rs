//! Kernels that only training needs on GPUs: gradients, batch statistics, steps of Adam.

pub(super) mod adam;
mod addressing;
pub(super) mod kept;
mod leaky_relu;
pub(super) mod loss;
pub(super) mod norm;
mod pool;
mod sums;
pub(super) mod weight_gradient;

use burn::backend::TensorMetadata;
use burn::backend::ops::FloatTensorOps;
use burn_cubecl::CubeBackend;
use burn_cubecl::ops::numeric::zeros;
use burn_cubecl::tensor::CubeTensor;

use super::convolution;
use super::layout::dims;
use crate::kernel::gradients::{Gradients, Normalization, NormalizationGradients};
use crate::kernel::{AddressingRule, Window};

impl Gradients for CubeBackend {
    fn convolution(x: CubeTensor, weight: CubeTensor, window: Window) -> CubeTensor {
        convolution::convolution(x, weight, None, window, 1.0)
    }

    fn transposed_convolution(
        x: CubeTensor,
        weight: CubeTensor,
        size: [usize; 2],
        window: Window,
    ) -> CubeTensor {
        let (weight, window) = fitted(kept::arranged_once(weight), window);
        convolution::transposed_convolution(x, weight, None, size, window)
    }

    fn weight_gradient(large: CubeTensor, small: CubeTensor, window: Window) -> CubeTensor {
        weight_gradient::weight_gradient(large, small, window)
    }

    fn channel_sums(maps: CubeTensor) -> CubeTensor {
        sums::channel_sums(maps)
    }

    fn leaky_relu_backward(output: CubeTensor, gradient: CubeTensor, slope: f32) -> CubeTensor {
        leaky_relu::leaky_relu_backward(output, gradient, slope)
    }

    fn normalize_backward(
        normalization: Normalization<CubeTensor>,
        gradient: CubeTensor,
    ) -> NormalizationGradients<CubeTensor> {
        let [x, gamma, beta] = norm::normalize_backward(normalization, gradient);
        NormalizationGradients { x, gamma, beta }
    }

    fn split(maps: CubeTensor, channels: usize) -> [CubeTensor; 2] {
        super::channels::split(maps, channels)
    }

    fn max_pool_backward(x: CubeTensor, gradient: CubeTensor) -> CubeTensor {
        pool::max_pool_backward(x, gradient)
    }

    fn logistic_loss_backward(logits: CubeTensor, sign: f32, gradient: CubeTensor) -> CubeTensor {
        loss::logistic_loss_backward(logits, sign, gradient)
    }

    fn squared_error_backward(x: CubeTensor, y: CubeTensor, gradient: CubeTensor) -> CubeTensor {
        loss::squared_error_backward(x, y, gradient)
    }

    fn address_backward(
        operands: [CubeTensor; 3],
        rule: AddressingRule,
        gradient: CubeTensor,
    ) -> [CubeTensor; 3] {
        addressing::address_backward(operands, rule, gradient)
    }

    fn add_square_gradient(
        gradient: CubeTensor,
        other: Option<CubeTensor>,
        x: CubeTensor,
        of_squares: CubeTensor,
    ) -> CubeTensor {
        addressing::add_square_gradient(gradient, other, x, of_squares)
    }
}

/// The kernel, extended by zeros on the right and at the bottom so that the stride divides its
/// side, and the window of this kernel. The results do not change.
fn fitted(weight: CubeTensor, window: Window) -> (CubeTensor, Window) {
    let kernel = window.kernel.next_multiple_of(window.stride);
    if kernel == window.kernel {
        return (weight, window);
    }
    let [inputs, outputs, side, _] = dims(&weight);
    let shape = [inputs, outputs, kernel, kernel].into();
    let wider = zeros(weight.device.clone(), shape, weight.dtype());
    let inside = [inputs, outputs, side, side].map(|end| (0..end).into());
    let wider = CubeBackend::float_slice_assign(wider, &inside, weight);
    (wider, Window { kernel, ..window })
}
