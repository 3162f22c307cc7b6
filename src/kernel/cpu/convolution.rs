//! Convolution: every window of the input becomes one value of each output channel.

use super::flat::Flat;
use super::pack::Packed;
use super::row_tile::{Finish, KernelOffset, Plan};
use super::{Shape, Window, winograd};

/// Convolves `input` of `shape` `[B, I, H, W]` with `weights` `[O, I, k, k]`, adds `bias` `[O]`,
/// and bends what is below zero to `slope` times as much, where one is given:
/// `[B, O, positions(H), positions(W)]`.
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

/// The layout in which `window` reads maps of `shape`, and where its values lie there.
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
    // A window must find zeros past the last value of a row, be it the next row's.
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
