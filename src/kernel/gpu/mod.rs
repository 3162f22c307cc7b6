//! [`Kernels`] on GPUs, written in CubeCL, for scoring and training.
//!
//! As on the CPU, three functions are enough for all convolutions and their gradients, see
//! [`super::cpu`]. Tensors have the shape `[B, C, H, W]`, but the kernels store them with the
//! channels last in memory, so that a vector holds several channels of one pixel.

mod addressing;
mod channels;
mod convolution;
pub(super) mod launches;
mod layout;
mod matmul;
mod pool;
#[cfg(feature = "learn")]
mod training;

use burn::backend::DType;
use burn_cubecl::CubeBackend;
use burn_cubecl::ops::{permute, permute_nhwc_to_nchw};
use burn_cubecl::tensor::CubeTensor;

#[cfg(feature = "learn")]
use super::{AdamStep, NormOptions};
use super::{AddressingRule, Kernels, Window, plain};
#[cfg(feature = "learn")]
pub(super) use training::{adam::adam, kept::keeping};

impl Kernels for CubeBackend {
    fn convolve(
        x: CubeTensor,
        weight: CubeTensor,
        bias: CubeTensor,
        window: Window,
        slope: f32,
    ) -> CubeTensor {
        match x.dtype {
            DType::F32 => convolution::convolution(x, weight, Some(bias), window, slope),
            _ => plain::convolve::<Self>(x, weight, bias, window, slope),
        }
    }

    fn convolve_transposed(
        x: CubeTensor,
        weight: CubeTensor,
        bias: CubeTensor,
        window: Window,
    ) -> CubeTensor {
        let is_divided = window.kernel.is_multiple_of(window.stride);
        match x.dtype {
            DType::F32 if is_divided => {
                let [_, _, height, width] = layout::dims(&x);
                let size = [height, width].map(|size| window.span(size));
                convolution::transposed_convolution(x, weight, Some(bias), size, window)
            }
            _ => plain::convolve_transposed::<Self>(x, weight, bias, window),
        }
    }

    #[cfg(feature = "learn")]
    fn normalize_train(
        x: CubeTensor,
        gamma: CubeTensor,
        beta: CubeTensor,
        running_mean: CubeTensor,
        running_variance: CubeTensor,
        options: NormOptions,
    ) -> (CubeTensor, CubeTensor, CubeTensor, CubeTensor, CubeTensor) {
        let running = [running_mean, running_variance];
        let (output, statistics) = training::norm::normalize(x, [gamma, beta], running, options);
        let [mean, variance, running_mean, running_variance] = statistics;
        (output, mean, variance, running_mean, running_variance)
    }

    #[cfg(feature = "learn")]
    fn follow(
        running_mean: CubeTensor,
        running_variance: CubeTensor,
        mean: CubeTensor,
        variance: CubeTensor,
        momentum: f32,
        correction: f32,
    ) -> (CubeTensor, CubeTensor) {
        let running = [running_mean, running_variance];
        training::norm::follow(running, [mean, variance], [momentum, correction])
    }

    fn max_pool(x: CubeTensor) -> CubeTensor {
        pool::max_pool(x)
    }

    fn concatenate(first: CubeTensor, second: CubeTensor) -> CubeTensor {
        channels::concatenate(first, second)
    }

    fn arranged(weight: CubeTensor, transposed: bool) -> CubeTensor {
        convolution::arranged(weight, transposed)
    }

    fn square_sums(first: CubeTensor, second: CubeTensor) -> (CubeTensor, CubeTensor) {
        addressing::square_sums([first, second])
    }

    fn transposed(matrix: CubeTensor) -> CubeTensor {
        layout::contiguous(permute(matrix, &[1, 0]))
    }

    #[cfg(feature = "learn")]
    fn squared_error(x: CubeTensor, y: CubeTensor) -> CubeTensor {
        training::loss::squared_error(x, y)
    }

    fn arranged_maps(maps: CubeTensor) -> CubeTensor {
        permute_nhwc_to_nchw(layout::channels_last(maps))
    }

    fn matmul(lhs: CubeTensor, rhs: CubeTensor) -> CubeTensor {
        matmul::matmul(lhs, rhs)
    }

    #[cfg(feature = "learn")]
    fn logistic_loss(logits: CubeTensor, sign: f32) -> CubeTensor {
        training::loss::logistic_loss(logits, sign)
    }

    fn address(
        products: CubeTensor,
        queries: CubeTensor,
        items: CubeTensor,
        rule: AddressingRule,
    ) -> CubeTensor {
        addressing::address([products, queries, items], rule)
    }

    #[cfg(feature = "learn")]
    fn adam(
        value: CubeTensor,
        first: CubeTensor,
        second: CubeTensor,
        gradient: CubeTensor,
        step: AdamStep,
    ) -> (CubeTensor, CubeTensor, CubeTensor) {
        let state = vec![[value, first, second]];
        let [moved] = adam(state, vec![vec![gradient]], step)
            .try_into()
            .expect("one of one");
        moved.into()
    }
}
