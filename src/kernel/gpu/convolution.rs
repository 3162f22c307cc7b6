//! Convolutions on GPUs, channels last.
//!
//! Every unit makes one vector of channels for several neighbouring pixels of a row, so that a
//! weight is read once for all of them, and a value of the input once for all windows that see it.
//! Burn's own makes one pixel, and reads more than it multiplies.

use burn_cubecl::cubecl::{self, calculate_cube_count_elemwise, prelude::*};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::ops::{permute, permute_nchw_to_nhwc, permute_nhwc_to_nchw};
use burn_cubecl::tensor::CubeTensor;

use crate::kernel::Window;

/// Pixels of a row that a unit makes, at most.
const PIXELS: usize = 4;

/// Convolution of `[B, I, H, W]` with `[O, I, k, k]` and bias `[O]`, then the rectifier.
pub(super) fn gather(
    x: CubeTensor,
    weight: CubeTensor,
    bias: CubeTensor,
    window: Window,
    slope: f32,
) -> CubeTensor {
    let [x, weight] = [permute_nchw_to_nhwc(x), permute(weight, &[2, 3, 1, 0])];
    let [_, height, width, _] = x.meta.shape().dims();
    let size = [height, width].map(|size| window.positions(size));
    launch(x, weight, bias, size, size[1], |call| {
        // SAFETY: the kernel writes within the output and reads within the rest.
        #[expect(unsafe_code, reason = "checked, every access would be slower")]
        unsafe {
            gather_kernel::launch_unchecked(
                &call.client,
                call.count,
                call.dim,
                call.inputs,
                call.outputs,
                call.input,
                call.weight,
                call.bias,
                call.output,
                slope,
                window.kernel,
                window.stride,
                window.padding,
                call.pixels,
            );
        }
    })
}

/// Transposed convolution of `[B, I, h, w]` with `[I, O, k, k]` and bias `[O]`, in steps of k: every
/// pixel becomes a window of its own.
pub(super) fn spread(x: CubeTensor, weight: CubeTensor, bias: CubeTensor) -> CubeTensor {
    let [x, weight] = [permute_nchw_to_nhwc(x), permute(weight, &[2, 3, 0, 1])];
    let [_, height, width, _] = x.meta.shape().dims();
    let [side, ..] = weight.meta.shape().dims::<4>();
    let size = [height, width].map(|size| size * side);
    launch(x, weight, bias, size, width, |call| {
        // SAFETY: the kernel writes within the output and reads within the rest.
        #[expect(unsafe_code, reason = "checked, every access would be slower")]
        unsafe {
            spread_kernel::launch_unchecked(
                &call.client,
                call.count,
                call.dim,
                call.inputs,
                call.outputs,
                call.input,
                call.weight,
                call.bias,
                call.output,
                side,
                call.pixels,
            );
        }
    })
}

/// What both kernels are told.
struct Call {
    client: Client,
    count: CubeCount,
    dim: CubeDim,
    /// Channels to a vector of the input, and of the output.
    inputs: usize,
    outputs: usize,
    input: TensorArg,
    weight: TensorArg,
    bias: TensorArg,
    output: TensorArg,
    /// Pixels that a unit makes.
    pixels: usize,
}

/// Maps `[B, H, W, I]` and weights `[k, k, I, O]` to maps `[B, O, H', W']` of a `size`. Units make
/// pixels of a row, out of `row` that can lie side by side.
fn launch(
    x: CubeTensor,
    weight: CubeTensor,
    bias: CubeTensor,
    size: [usize; 2],
    row: usize,
    run: impl FnOnce(Call),
) -> CubeTensor {
    let [x, weight, bias] = [x, weight, bias].map(into_contiguous);
    let [batch, _, _, inputs] = x.meta.shape().dims();
    let [_, _, _, outputs] = weight.meta.shape().dims();
    let [height, width] = size;
    let client = x.client.clone();
    let shape = [batch, height, width, outputs].into();
    let output = empty_device_contiguous_dtype(client.clone(), x.device.clone(), shape, x.dtype);

    let pixels = PIXELS.min(row.next_power_of_two());
    let in_a_row = row.div_ceil(pixels) * (width / row);
    let units = batch * height * in_a_row * (outputs / vector(outputs));
    let dim = CubeDim::new(&client, units);
    run(Call {
        count: calculate_cube_count_elemwise(&client, units, dim),
        client,
        dim,
        inputs: vector(inputs),
        outputs: vector(outputs),
        input: x.into_tensor_arg(),
        weight: weight.into_tensor_arg(),
        bias: bias.into_tensor_arg(),
        output: output.clone().into_tensor_arg(),
        pixels,
    });
    permute_nhwc_to_nchw(output)
}

/// Channels to a vector.
fn vector(channels: usize) -> usize {
    let sizes = [4, 2, 1];
    let fitting = sizes
        .into_iter()
        .find(|&size| channels.is_multiple_of(size));
    fitting.expect("one divides everything")
}

/// Input `[B, H, W, I]`, weights `[k, k, I, O]`, bias `[O]`, output `[B, H', W', O]`.
#[cube(launch_unchecked)]
fn gather_kernel<I: Size, O: Size>(
    input: &Tensor<Vector<f32, I>>,
    weight: &Tensor<Vector<f32, O>>,
    bias: &Tensor<Vector<f32, O>>,
    output: &mut Tensor<Vector<f32, O>>,
    slope: f32,
    #[comptime] kernel: usize,
    #[comptime] stride: usize,
    #[comptime] padding: usize,
    #[comptime] pixels: usize,
) {
    let (height, width) = (input.shape(1), input.shape(2));
    let columns = output.shape(2);
    let vectors = output.shape(3) / output.vector_size();
    let tiles = columns.div_ceil(pixels);

    let vector = ABSOLUTE_POS % vectors;
    let tile = ABSOLUTE_POS / vectors;
    let first = tile % tiles * pixels;
    let row = tile / tiles;
    let (image, y) = (row / output.shape(1), row % output.shape(1));
    if image >= output.shape(0) {
        terminate!();
    }

    // The columns that the windows of these pixels see.
    let reach = comptime!((pixels - 1) * stride + kernel);
    let mut inside = Array::<bool>::new(reach);
    let mut columns_at = Array::<usize>::new(reach);
    #[unroll]
    for column in 0..reach {
        let x = first * stride + column;
        inside[column] = x >= padding && x < width + padding;
        columns_at[column] = select(inside[column], x - padding, 0);
    }

    let mut sums = Array::<Vector<f32, O>>::new(pixels);
    #[unroll]
    for pixel in 0..pixels {
        sums[pixel] = bias[vector];
    }
    for ky in 0..kernel {
        let at = y * stride + ky;
        if at >= padding && at < height + padding {
            let line = (image * height + at - padding) * width;
            add_products(
                input,
                weight,
                &mut sums,
                &inside,
                &columns_at,
                line,
                ky * kernel,
                vector,
                kernel,
                stride,
            );
        }
    }

    #[unroll]
    for pixel in 0..pixels {
        if first + pixel < columns {
            let sum = sums[pixel];
            let positive = sum.greater_than(&Vector::zeroed());
            let at = (row * columns + first + pixel) * vectors + vector;
            output[at] = select_many(positive, sum, sum * Vector::broadcast(slope));
        }
    }
}

/// Input `[B, h, w, I]`, weights `[k, k, I, O]`, bias `[O]`, output `[B, k·h, k·w, O]`.
#[cube(launch_unchecked)]
fn spread_kernel<I: Size, O: Size>(
    input: &Tensor<Vector<f32, I>>,
    weight: &Tensor<Vector<f32, O>>,
    bias: &Tensor<Vector<f32, O>>,
    output: &mut Tensor<Vector<f32, O>>,
    #[comptime] side: usize,
    #[comptime] pixels: usize,
) {
    let width = input.shape(2);
    let vectors = output.shape(3) / output.vector_size();
    let tiles = width.div_ceil(pixels);

    let vector = ABSOLUTE_POS % vectors;
    let rest = ABSOLUTE_POS / vectors;
    let kx = rest % side;
    let tile = rest / side;
    let first = tile % tiles * pixels;
    let row = tile / tiles;
    if row >= output.shape(0) * output.shape(1) {
        terminate!();
    }

    let mut inside = Array::<bool>::new(pixels);
    let mut columns_at = Array::<usize>::new(pixels);
    let mut sums = Array::<Vector<f32, O>>::new(pixels);
    #[unroll]
    for pixel in 0..pixels {
        inside[pixel] = first + pixel < width;
        columns_at[pixel] = select(inside[pixel], first + pixel, 0);
        sums[pixel] = bias[vector];
    }
    // The output's rows are as many times as high as the input's, so this is across images.
    let (line, ky) = (row / side * width, row % side);
    let tap = ky * side + kx;
    add_products(
        input,
        weight,
        &mut sums,
        &inside,
        &columns_at,
        line,
        tap,
        vector,
        1usize,
        1usize,
    );

    #[unroll]
    for pixel in 0..pixels {
        if inside[pixel] {
            let x = (first + pixel) * side + kx;
            output[(row * width * side + x) * vectors + vector] = sums[pixel];
        }
    }
}

/// Adds to every pixel's sum what one line of the input gives it: `taps` columns from `stride` times
/// the pixel on, times as many weights from the `tap`-th on.
#[cube]
fn add_products<I: Size, O: Size>(
    input: &Tensor<Vector<f32, I>>,
    weight: &Tensor<Vector<f32, O>>,
    sums: &mut Array<Vector<f32, O>>,
    inside: &Array<bool>,
    columns_at: &Array<usize>,
    line: usize,
    tap: usize,
    vector: usize,
    #[comptime] taps: usize,
    #[comptime] stride: usize,
) {
    let lanes = input.vector_size();
    let channels = input.shape(3) / lanes;
    let vectors = weight.shape(3) / weight.vector_size();
    let reach = columns_at.len();
    let pixels = sums.len();
    let mut values = Array::<Vector<f32, I>>::new(reach);
    for channel in 0..channels {
        #[unroll]
        for column in 0..reach {
            let value = input[(line + columns_at[column]) * channels + channel];
            values[column] = select(inside[column], value, Vector::zeroed());
        }
        #[unroll]
        for kx in 0..taps {
            #[unroll]
            for lane in 0..lanes {
                let at = ((tap + kx) * channels + channel) * lanes + lane;
                let weight = weight[at * vectors + vector];
                #[unroll]
                for pixel in 0..pixels {
                    let value = values[pixel * stride + kx].extract(lane);
                    sums[pixel] += weight * Vector::broadcast(value);
                }
            }
        }
    }
}
