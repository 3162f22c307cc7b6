//! Convolutions on GPUs, on maps with the channels last.
//!
//! Every unit (thread) computes a tile: some vectors of output channels for several neighbouring
//! pixels of a row. It reads each weight once for all these pixels, and each input value once for
//! all these vectors and for all windows of the tile that contain the value. Burn's own kernel
//! computes one pixel for each unit, and reads more values than it multiplies.

use burn_cubecl::cubecl::{self, prelude::*};
use burn_cubecl::ops::{permute, permute_nhwc_to_nchw};
use burn_cubecl::tensor::CubeTensor;

use super::launches::{Launch, bytes, list, plane};
use super::layout::{channels_last, contiguous, dims, empty, inverse, leaky_relu, units, vector};
use crate::kernel::Window;

/// The possible tiles of a unit, the largest first: a number of pixels, and a number of vectors of
/// output channels for each pixel. In a larger tile, fewer values are read for each product.
const TILES: [(usize, usize); 5] = [(8, 2), (8, 1), (4, 1), (2, 1), (1, 1)];

/// A tile is used only if the launch then has at least `PLANES` · p planes (warps) of p units each,
/// because GPUs with wide planes also run many of them. With p = 32 these are 32,768 units, two
/// planes for each scheduler of a large GPU. With p = 4, as on a CPU that emulates a GPU, these are
/// 512 units.
const PLANES: usize = 32;

/// The axes of weights `[O, I, k, k]` as the kernel reads them: `[k, k, I, O]`.
const WEIGHTS: [usize; 4] = [2, 3, 1, 0];

/// The same for weights `[I, O, k, k]` of a transposed convolution.
const TRANSPOSED_WEIGHTS: [usize; 4] = [2, 3, 0, 1];

/// The weights of a convolution or of a transposed convolution, copied into the memory layout that
/// the kernel reads, as a view with the original order of axes.
pub(super) fn arranged(weight: CubeTensor, transposed: bool) -> CubeTensor {
    let axes = if transposed {
        TRANSPOSED_WEIGHTS
    } else {
        WEIGHTS
    };
    permute(contiguous(permute(weight, &axes)), &inverse(&axes))
}

/// Convolution of `[B, I, H, W]` with weights `[O, I, k, k]` and bias `[O]`, then a leaky ReLU with
/// `slope` for negative values.
pub(super) fn convolution(
    x: CubeTensor,
    weight: CubeTensor,
    bias: Option<CubeTensor>,
    window: Window,
    slope: f32,
) -> CubeTensor {
    let [_, _, height, width] = dims(&x);
    let size = [height, width].map(|size| window.positions(size));
    let apart = [1, window.stride];
    launch(x, permute(weight, &WEIGHTS), bias, size, apart, |call| {
        // SAFETY: the kernel writes within the output and reads within the rest.
        #[expect(unsafe_code, reason = "checked, every access would be slower")]
        unsafe {
            convolution_kernel::launch_unchecked(
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
                call.has_bias,
                window.kernel,
                window.stride,
                window.padding,
                call.pixels,
                call.blocks,
            );
        }
    })
}

/// Transposed convolution of `[B, I, h, w]` with weights `[I, O, k, k]` and bias `[O]` to maps
/// `[B, O, H, W]` of `size` (H, W).
///
/// The stride must divide the kernel, so that every output pixel lies in the same number of
/// windows.
pub(super) fn transposed_convolution(
    x: CubeTensor,
    weight: CubeTensor,
    bias: Option<CubeTensor>,
    size: [usize; 2],
    window: Window,
) -> CubeTensor {
    let Window {
        kernel,
        stride,
        padding,
    } = window;
    assert!(kernel.is_multiple_of(stride), "{window:?}");
    let weight = permute(weight, &TRANSPOSED_WEIGHTS);
    launch(x, weight, bias, size, [stride, 1], |call| {
        // SAFETY: the kernel writes within the output and reads within the rest.
        #[expect(unsafe_code, reason = "checked, every access would be slower")]
        unsafe {
            transposed_convolution_kernel::launch_unchecked(
                &call.client,
                call.count,
                call.dim,
                call.inputs,
                call.outputs,
                call.input,
                call.weight,
                call.bias,
                call.output,
                call.has_bias,
                kernel,
                stride,
                padding,
                call.pixels,
                call.blocks,
            );
        }
    })
}

/// The launch arguments that both kernels have in common.
struct Call {
    client: Client,
    count: CubeCount,
    dim: CubeDim,
    /// Channels in a vector of the input.
    inputs: usize,
    /// Channels in a vector of the output.
    outputs: usize,
    input: TensorArg,
    weight: TensorArg,
    /// Ignored if there is no bias.
    bias: TensorArg,
    has_bias: bool,
    output: TensorArg,
    /// Number of pixels that a unit computes.
    pixels: usize,
    /// Number of vectors of output channels that a unit computes for each pixel.
    blocks: usize,
}

/// Prepares the arguments, calls `run` to launch the kernel, and returns its output `[B, O, H, W]`
/// of `size` (H, W), for maps `[B, I, h, w]` and weights `[k, k, I, O]`. The pixels of one unit are
/// `apart` columns from each other; the input columns that neighbouring pixels read are
/// `read_apart` columns from each other.
fn launch(
    x: CubeTensor,
    weight: CubeTensor,
    bias: Option<CubeTensor>,
    size: [usize; 2],
    [apart, read_apart]: [usize; 2],
    run: impl FnOnce(Call),
) -> CubeTensor {
    let (x, weight) = (channels_last(x), contiguous(weight));
    let ([batch, _, _, inputs], [kernel, _, _, outputs]) = (dims(&x), dims(&weight));
    let [height, width] = size;
    let client = x.client.clone();
    let output = empty(&x, [batch, height, width, outputs]);

    let row = width.div_ceil(apart);
    let vectors = outputs / vector(outputs);
    let rows = batch * height * apart;
    let count = |pixels, blocks| rows * row.div_ceil(pixels) * vectors / blocks;
    let enough = PLANES * plane(&client).pow(2);
    let fits = |&(pixels, blocks): &(usize, usize)| {
        vectors.is_multiple_of(blocks) && pixels <= row && count(pixels, blocks) >= enough
    };
    let (pixels, blocks) = TILES.into_iter().find(fits).unwrap_or((1, 1));
    let count = count(pixels, blocks);
    list(|| {
        let offsets = kernel / apart;
        let steps = offsets * inputs / vector(inputs);
        let columns = (pixels - 1) * read_apart + offsets;
        Launch {
            kernel: "convolution",
            units: count,
            flops: 2 * batch * height * width * outputs * inputs * offsets * offsets,
            bytes: bytes([&x, &weight, &output]),
            loads: steps * (columns + offsets * vector(inputs) * blocks),
            steps,
        }
    });
    let (count, dim) = units(&client, count);
    run(Call {
        count,
        client,
        dim,
        inputs: vector(inputs),
        outputs: vector(outputs),
        input: x.into_tensor_arg(),
        has_bias: bias.is_some(),
        bias: bias
            .map_or_else(|| weight.clone(), contiguous)
            .into_tensor_arg(),
        weight: weight.into_tensor_arg(),
        output: output.clone().into_tensor_arg(),
        pixels,
        blocks,
    });
    permute_nhwc_to_nchw(output)
}

/// Input `[B, H, W, I]`, weights `[k, k, I, O]`, bias `[O]`, output `[B, H', W', O]`.
#[cube(launch_unchecked)]
fn convolution_kernel<I: Size, O: Size>(
    input: &Tensor<Vector<f32, I>>,
    weight: &Tensor<Vector<f32, O>>,
    bias: &Tensor<Vector<f32, O>>,
    output: &mut Tensor<Vector<f32, O>>,
    slope: f32,
    #[comptime] has_bias: bool,
    #[comptime] kernel: usize,
    #[comptime] stride: usize,
    #[comptime] padding: usize,
    #[comptime] pixels: usize,
    #[comptime] blocks: usize,
) {
    let (height, width) = (input.shape(1), input.shape(2));
    let columns = output.shape(2);
    let vectors = output.shape(3) / output.vector_size();
    let tiles = columns.div_ceil(pixels);

    // The vectors of one unit are as far apart as possible, so that neighbouring units read
    // neighbouring vectors.
    let apart = vectors / blocks;
    let vector = ABSOLUTE_POS % apart;
    let tile = ABSOLUTE_POS / apart;
    let first = tile % tiles * pixels;
    let row = tile / tiles;
    let (image, y) = (row / output.shape(1), row % output.shape(1));
    if image >= output.shape(0) {
        terminate!();
    }

    // The input columns in the windows of these pixels.
    let reach = comptime!((pixels - 1) * stride + kernel);
    let mut inside = Array::<bool>::new(reach);
    let mut columns_at = Array::<usize>::new(reach);
    #[unroll]
    for column in 0..reach {
        let x = first * stride + column;
        inside[column] = x >= padding && x < width + padding;
        columns_at[column] = select(inside[column], x - padding, 0);
    }

    let mut sums = Array::<Vector<f32, O>>::new(comptime!(pixels * blocks));
    #[unroll]
    for pixel in 0..pixels {
        #[unroll]
        for block in 0..blocks {
            sums[pixel * blocks + block] = Vector::zeroed();
            if comptime!(has_bias) {
                sums[pixel * blocks + block] = bias[vector + block * apart];
            }
        }
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
                pixels,
                blocks,
                1usize,
                false,
            );
        }
    }

    #[unroll]
    for pixel in 0..pixels {
        if first + pixel < columns {
            let at = (row * columns + first + pixel) * vectors + vector;
            #[unroll]
            for block in 0..blocks {
                output[at + block * apart] = leaky_relu(sums[pixel * blocks + block], slope);
            }
        }
    }
}

/// Input `[B, h, w, I]`, weights `[k, k, I, O]`, bias `[O]`, output `[B, H, W, O]`. A unit computes
/// pixels of a row that are one stride apart, because these use the same columns of the kernel.
#[cube(launch_unchecked)]
fn transposed_convolution_kernel<I: Size, O: Size>(
    input: &Tensor<Vector<f32, I>>,
    weight: &Tensor<Vector<f32, O>>,
    bias: &Tensor<Vector<f32, O>>,
    output: &mut Tensor<Vector<f32, O>>,
    #[comptime] has_bias: bool,
    #[comptime] kernel: usize,
    #[comptime] stride: usize,
    #[comptime] padding: usize,
    #[comptime] pixels: usize,
    #[comptime] blocks: usize,
) {
    let (height, width) = (input.shape(1), input.shape(2));
    let columns = output.shape(2);
    let vectors = output.shape(3) / output.vector_size();
    let tiles = columns.div_ceil(stride).div_ceil(pixels);
    // Number of windows that contain a pixel, along one axis. Each has the pixel at another kernel
    // offset; these offsets are a stride apart.
    let offsets = comptime!(kernel / stride);

    let apart = vectors / blocks;
    let vector = ABSOLUTE_POS % apart;
    let rest = ABSOLUTE_POS / apart;
    let phase = rest % stride;
    let tile = rest / stride;
    let first = tile % tiles * pixels;
    let row = tile / tiles;
    let (image, y) = (row / output.shape(1), row % output.shape(1));
    if image >= output.shape(0) {
        terminate!();
    }

    // The input columns whose windows contain these pixels. The first of them may be before column
    // 0.
    let reach = comptime!(pixels + offsets - 1);
    let last_offset = comptime!(offsets - 1);
    let (kx, nearest) = ((phase + padding) % stride, (phase + padding) / stride);
    let mut inside = Array::<bool>::new(reach);
    let mut columns_at = Array::<usize>::new(reach);
    #[unroll]
    for column in 0..reach {
        let x = first + nearest + column;
        inside[column] = x >= last_offset && x < width + last_offset;
        columns_at[column] = select(inside[column], x - last_offset, 0);
    }

    let mut sums = Array::<Vector<f32, O>>::new(comptime!(pixels * blocks));
    #[unroll]
    for pixel in 0..pixels {
        #[unroll]
        for block in 0..blocks {
            sums[pixel * blocks + block] = Vector::zeroed();
            if comptime!(has_bias) {
                sums[pixel * blocks + block] = bias[vector + block * apart];
            }
        }
    }
    let (ky, nearest) = ((y + padding) % stride, (y + padding) / stride);
    for offset in 0..offsets {
        if nearest >= offset && nearest < height + offset {
            let line = (image * height + nearest - offset) * width;
            add_products(
                input,
                weight,
                &mut sums,
                &inside,
                &columns_at,
                line,
                (ky + offset * stride) * kernel + kx,
                vector,
                offsets,
                1usize,
                pixels,
                blocks,
                // The weights are read in reverse order: in a window that starts further left, the
                // pixel is further right.
                stride,
                true,
            );
        }
    }

    #[unroll]
    for pixel in 0..pixels {
        let x = (first + pixel) * stride + phase;
        if x < columns {
            let at = (row * columns + x) * vectors + vector;
            #[unroll]
            for block in 0..blocks {
                output[at + block * apart] = sums[pixel * blocks + block];
            }
        }
    }
}

/// Adds to every pixel's sum the products of one input row and one row of the kernel. Pixel p uses
/// `offsets` input columns from `p · stride` on, and as many weights: those with the index `offset`
/// and every further `step`, in this order or `reversed`.
#[cube]
fn add_products<I: Size, O: Size>(
    input: &Tensor<Vector<f32, I>>,
    weight: &Tensor<Vector<f32, O>>,
    sums: &mut Array<Vector<f32, O>>,
    inside: &Array<bool>,
    columns_at: &Array<usize>,
    line: usize,
    offset: usize,
    vector: usize,
    #[comptime] offsets: usize,
    #[comptime] stride: usize,
    #[comptime] pixels: usize,
    #[comptime] blocks: usize,
    #[comptime] step: usize,
    #[comptime] reversed: bool,
) {
    let lanes = input.vector_size();
    let channels = input.shape(3) / lanes;
    let vectors = weight.shape(3) / weight.vector_size();
    let reach = columns_at.len();
    let apart = vectors / blocks;
    let mut values = Array::<Vector<f32, I>>::new(reach);
    for channel in 0..channels {
        #[unroll]
        for column in 0..reach {
            let value = input[(line + columns_at[column]) * channels + channel];
            values[column] = select(inside[column], value, Vector::zeroed());
        }
        #[unroll]
        for kx in 0..offsets {
            let place = comptime!((if reversed { offsets - 1 - kx } else { kx }) * step);
            #[unroll]
            for lane in 0..lanes {
                let at = ((offset + place) * channels + channel) * lanes + lane;
                #[unroll]
                for block in 0..blocks {
                    let weight = weight[at * vectors + vector + block * apart];
                    #[unroll]
                    for pixel in 0..pixels {
                        let value = values[pixel * stride + kx].extract(lane);
                        sums[pixel * blocks + block] += weight * Vector::broadcast(value);
                    }
                }
            }
        }
    }
}
