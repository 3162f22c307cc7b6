//! The gradient of convolutions with respect to their weights on GPUs.
//!
//! A unit (thread) computes one row of the kernel for one vector of input channels and one vector
//! of output channels, summed over some lines (rows of pixels) of the maps. If there are few
//! channels, this gives too few units, so the lines are divided into parts. Each part has its own
//! sums, which are added up afterwards.

use burn_cubecl::cubecl::{self, prelude::*};
use burn_cubecl::ops::{permute, reshape};
use burn_cubecl::tensor::CubeTensor;

use super::sums::sum_rows;
use crate::kernel::Window;
use crate::kernel::gpu::launches::{Launch, bytes, list};
use crate::kernel::gpu::layout::{channels_last, dims, empty, units, vector};

/// Number of units that keep a large GPU busy.
const UNITS: usize = 64 * 1024;

/// The gradient `[O, I, k, k]` from maps `large` `[B, I, H, W]` and maps `small` `[B, O, h, w]`,
/// where h × w are the positions of `window` on the large maps. See [`Gradients::weight_gradient`].
///
/// [`Gradients::weight_gradient`]: crate::kernel::gradients::Gradients::weight_gradient
pub(in crate::kernel::gpu) fn weight_gradient(
    large: CubeTensor,
    small: CubeTensor,
    window: Window,
) -> CubeTensor {
    let (large, small) = (channels_last(large), channels_last(small));
    let ([_, _, _, inputs], [batch, height, width, outputs]) = (dims(&large), dims(&small));
    let Window {
        kernel,
        stride,
        padding,
    } = window;
    let at_once = kernel * (inputs / vector(inputs)) * (outputs / vector(outputs));
    let lines = batch * height;
    let lines_each = lines.div_ceil((UNITS / at_once).clamp(1, lines));
    let parts = lines.div_ceil(lines_each);

    let columns = kernel * kernel * inputs * outputs;
    let sums = empty(&large, [parts, columns]);
    let client = large.client.clone();
    // Pixels that are processed at a time; more would need more registers than a unit has.
    let pixels = if stride == 1 { 4 } else { 2 };
    list(|| {
        let steps = lines_each * width.div_ceil(pixels);
        Launch {
            kernel: "weight_gradient",
            units: parts * at_once,
            flops: 2 * lines * width * columns,
            bytes: bytes([&large, &small, &sums]),
            loads: steps * ((pixels - 1) * stride + kernel + pixels),
            steps,
        }
    });
    let (count, dim) = units(&client, parts * at_once);
    // SAFETY: the kernel writes within the output and reads within the rest.
    #[expect(unsafe_code, reason = "checked, every access would be slower")]
    unsafe {
        weight_gradient_kernel::launch_unchecked(
            &client,
            count,
            dim,
            vector(inputs),
            vector(outputs),
            large.into_tensor_arg(),
            small.into_tensor_arg(),
            sums.clone().into_tensor_arg(),
            lines_each,
            kernel,
            stride,
            padding,
            pixels,
        );
    }
    let sums = reshape(sum_rows(sums), [kernel, kernel, inputs, outputs].into());
    permute(sums, &[3, 2, 0, 1])
}

/// Maps `[B, H, W, I]` and `[B, h, w, O]`, output `[parts, k, k, I, O]`.
#[cube(launch_unchecked)]
fn weight_gradient_kernel<I: Size, O: Size>(
    large: &Tensor<Vector<f32, I>>,
    small: &Tensor<Vector<f32, O>>,
    output: &mut Tensor<Vector<f32, O>>,
    lines_each: usize,
    #[comptime] kernel: usize,
    #[comptime] stride: usize,
    #[comptime] padding: usize,
    #[comptime] pixels: usize,
) {
    let lanes = large.vector_size();
    let (height, width) = (large.shape(1), large.shape(2));
    let columns = small.shape(2);
    let inputs = large.shape(3) / lanes;
    let outputs = small.shape(3) / small.vector_size();

    let o = ABSOLUTE_POS % outputs;
    let rest = ABSOLUTE_POS / outputs;
    let i = rest % inputs;
    let rest = rest / inputs;
    let ky = rest % kernel;
    let part = rest / kernel;
    let first = part * lines_each;
    let lines = small.shape(0) * small.shape(1);
    if first >= lines {
        terminate!();
    }

    let mut sums = Array::<Vector<f32, O>>::new(comptime!(kernel * lanes));
    #[unroll]
    for kx in 0..kernel {
        #[unroll]
        for lane in 0..lanes {
            sums[kx * lanes + lane] = Vector::zeroed();
        }
    }
    let reach = comptime!((pixels - 1) * stride + kernel);
    let mut values = Array::<Vector<f32, I>>::new(reach);
    for line in first..min(first + lines_each, lines) {
        let (image, y) = (line / small.shape(1), line % small.shape(1) * stride + ky);
        if y >= padding && y < height + padding {
            let row = (image * height + y - padding) * width;
            for tile in 0..columns.div_ceil(pixels) {
                let first = tile * pixels;
                #[unroll]
                for column in 0..reach {
                    let x = first * stride + column;
                    let inside = x >= padding && x < width + padding;
                    let value = large[(row + select(inside, x - padding, 0)) * inputs + i];
                    values[column] = select(inside, value, Vector::zeroed());
                }
                #[unroll]
                for pixel in 0..pixels {
                    let inside = first + pixel < columns;
                    let at = line * columns + select(inside, first + pixel, 0);
                    let gradient = select(inside, small[at * outputs + o], Vector::zeroed());
                    #[unroll]
                    for kx in 0..kernel {
                        #[unroll]
                        for lane in 0..lanes {
                            let value = values[pixel * stride + kx].extract(lane);
                            sums[kx * lanes + lane] += gradient * Vector::broadcast(value);
                        }
                    }
                }
            }
        }
    }

    #[unroll]
    for kx in 0..kernel {
        #[unroll]
        for lane in 0..lanes {
            let offset = (part * kernel + ky) * kernel + kx;
            let at = (offset * inputs + i) * lanes + lane;
            output[at * outputs + o] = sums[kx * lanes + lane];
        }
    }
}
