//! Transposed convolution: each input value, times the kernel, is added to one window of the
//! output.

use std::borrow::Cow;

use super::flat::Flat;
use super::pack::Packed;
use super::row_tile::{Finish, KernelOffset, Plan};
use super::{Shape, Window, winograd};

/// Transposed convolution of `input` of `shape` `[B, I, h, w]` with `weights` `[I, O, k, k]`, plus
/// `bias` `[O]`, to maps `[B, O, H, W]` of `size` (H, W), for which `window` has h × w positions.
///
/// With the weights of a convolution and the gradient of its output as input, this is the gradient
/// of its input.
pub fn transposed_convolution(
    input: &[f32],
    shape: Shape,
    weights: &[f32],
    bias: Option<&[f32]>,
    size: [usize; 2],
    window: Window,
) -> Vec<f32> {
    let [batch, channels, height, width] = shape;
    let Window {
        kernel,
        stride: upscale,
        padding,
    } = window;
    assert_eq!(
        [height, width],
        size.map(|size| window.positions(size)),
        "{window:?} does not have {height}×{width} positions on {size:?}"
    );
    let outputs = weights.len() / (channels * kernel * kernel);
    // Row y = upscale·q + a of the padded output is a sum over j: input row q − j times the
    // kernel's row upscale·j + a.
    let reach = kernel.div_ceil(upscale);
    let first = padding / upscale;
    let counts = size.map(|size| (padding + size - 1) / upscale + 1 - first);
    // The first result that is kept reads the input from row `first − (reach − 1)` on. If that is
    // negative, the input needs this many zeros before its first row and column.
    let input_padding = (reach - 1).saturating_sub(first);
    let skip = first.saturating_sub(reach - 1);
    assert_eq!(
        skip, 0,
        "padding of a whole window and more is not supported"
    );
    let overhang = (counts[1] + reach - 1).saturating_sub(input_padding + width);
    let stride = counts[1].max(width + input_padding.max(overhang));
    let offsets: Vec<KernelOffset> = (0..reach)
        .flat_map(|row| {
            (0..reach).map(move |column| KernelOffset {
                plane: 0,
                row,
                column,
            })
        })
        .collect();
    let plan = Plan {
        batch,
        input: Flat {
            channels,
            height,
            width,
            split: 1,
            padding: input_padding,
            stride,
        },
        offsets,
        rows: counts[0],
        columns: counts[1],
        upscale,
        crop: padding - first * upscale,
        output: [outputs, size[0], size[1]],
    };
    let finish = Finish { bias, slope: None };
    if winograd::applies(&plan) {
        // With stride 1 this is a convolution with the kernel rotated by 180°.
        let rows: Vec<usize> = (0..outputs).map(|output| output * 9).collect();
        let columns: Vec<usize> = (0..9)
            .flat_map(|offset| (0..channels).map(move |channel| channel * outputs * 9 + 8 - offset))
            .collect();
        return winograd::run(&plan, input, &Packed::new(weights, &rows, &columns), finish);
    }
    let side = reach * upscale;
    let weights = widen(weights, kernel, side);
    let rows: Vec<usize> = (0..outputs)
        .flat_map(|output| (0..upscale).map(move |a| output * side + a))
        .flat_map(|row| (0..upscale).map(move |b| row * side + b))
        .collect();
    // The order is reversed: the kernel offset with the largest row reads the last input row,
    // which belongs to the smallest j.
    let columns: Vec<usize> = (plan.columns())
        .map(|(channel, offset)| {
            let (row, column) = (reach - 1 - offset / reach, reach - 1 - offset % reach);
            (channel * outputs * side + row * upscale) * side + column * upscale
        })
        .collect();
    let packed = Packed::new(&weights, &rows, &columns);
    plan.run(input, &packed, finish)
}

/// Kernels of `kernel` × `kernel` weights, filled up with zeros on the right and at the bottom to
/// `side` × `side`.
fn widen(weights: &[f32], kernel: usize, side: usize) -> Cow<'_, [f32]> {
    if kernel == side {
        return Cow::Borrowed(weights);
    }
    let mut wide = vec![0.0; weights.len() / (kernel * kernel) * side * side];
    for (index, row) in weights.chunks_exact(kernel).enumerate() {
        let start = (index / kernel * side + index % kernel) * side;
        wide[start..][..kernel].copy_from_slice(row);
    }
    Cow::Owned(wide)
}
