//! The gradient of a loss with respect to the weights of a convolution or transposed convolution.

use pulp::{Simd, WithSimd};

use super::convolution;
use super::flat::Flat;
use super::row_tile::{Plan, RowTile, prepare};
use super::scratch::{Scratch, at_least, with_scratch};
use super::simd::{self, DOT_ROWS, dot_columns, dot_tile, slack};
use super::{Shape, Window};
use crate::kernel::parallel;

/// Pixels of a row tile. Each dot product ends with a sum over the lanes of its vectors; with this
/// many pixels that is a small part of the work.
const PIXELS: usize = 2048;

/// Number of partial sums. It does not depend on the number of threads, so that the order of
/// additions, and therefore the rounding, is the same on every machine.
const LANES: usize = 8;

/// The cross-correlation of maps `large`, `[B, L, H, W]` (`shape`), with maps `small`,
/// `[B, S, positions(H), positions(W)]`. The result is `[S, L, k, k]`.
///
/// For a convolution, `large` is the input and `small` is the gradient with respect to the output.
/// For a transposed convolution, `small` is the input and `large` is that gradient.
pub fn weight_gradient(large: &[f32], shape: Shape, small: &[f32], window: Window) -> Vec<f32> {
    let [batch, channels, ..] = shape;
    let plan = convolution::plan(shape, 0, window);
    let rows = small.len() / (batch * plan.rows * plan.columns);
    let columns = channels * plan.offsets.len();
    let small_maps = Flat {
        channels: rows,
        height: plan.rows,
        width: plan.columns,
        split: 1,
        padding: 0,
        stride: plan.input.stride,
    };
    let row_tiles = RowTile::cut(batch, plan.rows, plan.input.stride, PIXELS, batch);
    let lanes: Vec<&[RowTile]> = row_tiles.chunks(row_tiles.len().div_ceil(LANES)).collect();
    // If there are few row tiles, the rows of the result are divided among the tasks too.
    let groups = (LANES / lanes.len()).clamp(1, rows.div_ceil(DOT_ROWS));
    let rows_each = rows.div_ceil(groups).next_multiple_of(DOT_ROWS);
    let tasks: Vec<(&[RowTile], usize)> = (lanes.iter())
        .flat_map(|&lane| (0..rows).step_by(rows_each).map(move |row| (lane, row)))
        .collect();
    let sums = parallel::map(tasks, |(lane, first)| {
        let count = rows_each.min(rows - first);
        let mut sum = vec![0.0; count * columns];
        with_scratch(|scratch| {
            for &row_tile in lane {
                simd::dispatch(Job {
                    plan: &plan,
                    small_maps,
                    rows: first..first + count,
                    row_tile,
                    large,
                    small,
                    sum: &mut sum,
                    scratch,
                });
            }
        });
        (first, sum)
    });
    let mut total = vec![0.0; rows * columns];
    for (first, sum) in sums {
        for (total, value) in total[first * columns..].iter_mut().zip(sum) {
            *total += value;
        }
    }
    total
}

struct Job<'a> {
    plan: &'a Plan,
    small_maps: Flat,
    rows: std::ops::Range<usize>,
    row_tile: RowTile,
    large: &'a [f32],
    small: &'a [f32],
    sum: &'a mut [f32],
    scratch: &'a mut Scratch,
}

impl WithSimd for Job<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match dot_columns::<S>() {
            6 => self.run::<S, 6>(simd),
            _ => self.run::<S, 3>(simd),
        }
    }
}

impl Job<'_> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        let Self {
            plan,
            small_maps,
            rows,
            row_tile,
            large,
            small,
            sum,
            scratch,
        } = self;
        let stride = plan.input.stride;
        let segment = (row_tile.rows + plan.reach()) * stride;
        let plane_stride = row_tile.images * segment + stride + slack();
        let right = at_least(&mut scratch.input, plan.input.planes() * plane_stride);
        prepare(&plan.input, &row_tile, large, right, segment, plane_stride);

        let left_rows = rows.len().next_multiple_of(DOT_ROWS);
        let left = at_least(&mut scratch.output, left_rows * plane_stride);
        left.fill(0.0);
        let map = small_maps.height * small_maps.width;
        let some = Flat {
            channels: rows.len(),
            ..small_maps
        };
        for image in 0..row_tile.images {
            let start = ((row_tile.image + image) * small_maps.channels + rows.start) * map;
            let maps = &small[start..][..rows.len() * map];
            some.copy(
                maps,
                &mut left[image * segment..],
                plane_stride,
                row_tile.row,
                row_tile.rows,
            );
        }

        let pixels = (row_tile.images - 1) * segment + (row_tile.rows - 1) * stride + plan.columns;
        let columns = offsets_of_all_channels(plan, plane_stride);
        for (group, offsets) in columns.chunks(N).enumerate() {
            let padded: [u32; N] = std::array::from_fn(|j| offsets[j.min(offsets.len() - 1)]);
            for (block, left) in left.chunks_exact(DOT_ROWS * plane_stride).enumerate() {
                let dots = dot_tile::<S, N>(simd, left, plane_stride, right, padded, pixels);
                for (i, dots) in dots.iter().enumerate().take(rows.len() - block * DOT_ROWS) {
                    let row = (block * DOT_ROWS + i) * columns.len() + group * N;
                    for (sum, dot) in sum[row..].iter_mut().zip(dots).take(offsets.len()) {
                        *sum += dot;
                    }
                }
            }
        }
    }
}

/// The kernel offsets as indices in the planes of all channels, ordered by channel.
fn offsets_of_all_channels(plan: &Plan, plane_stride: usize) -> Vec<u32> {
    let channel_stride = plan.input.split * plan.input.split * plane_stride;
    let offsets = plan.offsets(plane_stride);
    let of_a_channel = |channel| {
        offsets
            .iter()
            .map(move |offset| (channel * channel_stride) as u32 + offset)
    };
    (0..plan.input.channels).flat_map(of_a_channel).collect()
}

/// The sum of each channel of maps `[B, C, H, W]` over batch and space, `[C]`. This is the gradient
/// with respect to a bias.
pub fn channel_sums(maps: &[f32], [batch, channels, height, width]: Shape) -> Vec<f32> {
    let size = height * width;
    let mut sums = vec![0.0; channels];
    for image in 0..batch {
        for (channel, sum) in sums.iter_mut().enumerate() {
            *sum += super::norm::sum(&maps[(image * channels + channel) * size..][..size]);
        }
    }
    sums
}
