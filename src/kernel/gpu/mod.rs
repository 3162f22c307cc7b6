//! The kernels on GPUs, written in CubeCL: convolutions for scoring. The rest, gradients included,
//! is Burn's own.

mod convolution;

use burn::backend::DType;
use burn_cubecl::CubeBackend;
use burn_cubecl::tensor::CubeTensor;

use super::{Kernels, Window, plain};

impl Kernels for CubeBackend {
    fn convolve(
        x: CubeTensor,
        weight: CubeTensor,
        bias: CubeTensor,
        window: Window,
        slope: f32,
    ) -> CubeTensor {
        match x.dtype {
            DType::F32 => convolution::gather(x, weight, bias, window, slope),
            _ => plain::convolve::<Self>(x, weight, bias, window, slope),
        }
    }

    fn convolve_transposed(
        x: CubeTensor,
        weight: CubeTensor,
        bias: CubeTensor,
        window: Window,
    ) -> CubeTensor {
        match (x.dtype, window.padding) {
            (DType::F32, 0) if window.kernel == window.stride => {
                convolution::spread(x, weight, bias)
            }
            _ => plain::convolve_transposed::<Self>(x, weight, bias, window),
        }
    }
}
