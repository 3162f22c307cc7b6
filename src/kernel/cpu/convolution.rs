//! Convolution: each output value is the weighted sum of one window of the input.

use super::flat::Flat;
use super::pack::Packed;
use super::row_tile::{Finish, KernelOffset, Plan};
use super::{Shape, Window, winograd};

/// Convolves `input` of `shape` `[B, I, H, W]` with `weights` `[O, I, k, k]`, adds `bias` `[O]`,
/// and, if `slope` is given, applies a leaky ReLU with that slope for negative values. The result
/// is `[B, O, positions(H), positions(W)]`.
pub fn convolution(
    input: &[f32],
    shape: Shape,
    weights: &[f32],
    bias: Option<&[f32]>,
    slope: Option<f32>,
    window: Window,
) -> Vec<f32> {
    let [_, channels, _, _] = shape;
    let columns = channels * window.kernel * window.kernel;
    let outputs = weights.len() / columns;
    let plan = plan(shape, outputs, window);
    let rows: Vec<usize> = (0..outputs).map(|output| output * columns).collect();
    let finish = Finish { bias, slope };
    if winograd::applies(&plan) {
        let columns: Vec<usize> = (0..9)
            .flat_map(|offset| (0..channels).map(move |channel| channel * 9 + offset))
            .collect();
        return winograd::run(&plan, input, &Packed::new(weights, &rows, &columns), finish);
    }
    let offsets = plan.offsets.len();
    let columns: Vec<usize> = (plan.columns())
        .map(|(channel, offset)| channel * offsets + offset)
        .collect();
    let packed = Packed::new(weights, &rows, &columns);
    plan.run(input, &packed, finish)
}

/// The plan of a convolution: the memory layout of the input maps, which have `shape`, and the
/// kernel offsets at which `window` reads them.
pub(super) fn plan(
    [batch, channels, height, width]: Shape,
    outputs: usize,
    window: Window,
) -> Plan {
    let Window {
        kernel,
        stride: split,
        padding,
    } = window;
    let (rows, columns) = (window.positions(height), window.positions(width));
    // The window of the last position reaches past the end of its row. It must read zeros there;
    // these may be the left padding of the next row.
    let last = (columns - 1) * split + kernel - 1;
    let filled = (padding + width - 1) / split + 1;
    let stride = match split {
        1 => columns.max(width + padding.max((last + 1).saturating_sub(padding + width))),
        _ => columns.max(filled).max(last / split + 1),
    };
    let input = Flat {
        channels,
        height,
        width,
        split,
        padding,
        stride,
    };
    let offsets = (0..kernel)
        .flat_map(|y| {
            (0..kernel).map(move |x| KernelOffset {
                plane: (y % split) * split + x % split,
                row: y / split,
                column: x / split,
            })
        })
        .collect();
    Plan {
        batch,
        input,
        offsets,
        rows,
        columns,
        upscale: 1,
        crop: 0,
        output: [outputs, rows, columns],
    }
}
