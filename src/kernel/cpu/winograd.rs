//! 3×3 convolution with a quarter of the multiplications: Winograd's F(4×4, 3×3)
//! (Lavin and Gray, 2016, "Fast Algorithms for Convolutional Neural Networks").
//!
//! A tile of 4×4 results takes 36 products of transformed inputs and transformed weights, where
//! direct convolution takes 144. Each of these 36 products is called a *part*. The tiles are stored
//! next to each other, so that each part is one matrix product over all tiles: weights `[O, I]`
//! times inputs `[I, tiles]`.

use pulp::{Simd, WithSimd};

use super::pack::Packed;
use super::row_tile::{Finish, Plan, RowTile, Share};
use super::scratch::{Scratch, at_least, with_scratch};
use super::simd::{self, Tile, tile_width, vectors, vectors_mut};

/// Side of the kernel.
const KERNEL: usize = 3;
/// Side of a tile of results.
const SIDE: usize = 4;
/// Side of the input patch that a tile of results depends on. The transformed patch has the same
/// size.
const REACH: usize = SIDE + KERNEL - 1;
/// Number of products for one tile and one pair of channels.
const PARTS: usize = REACH * REACH;

/// Largest number of transformed input values in a row tile: 512 KiB of f32, about the size of a
/// core's second-level cache.
const BUDGET: usize = 128 * 1024;
/// Least number of tiles in a row tile, if the map has so many; it takes precedence over
/// [`BUDGET`]. The weights are transformed again for every row tile, which is slow if row tiles are
/// small.
const LEAST_TILES: usize = 64;
/// Largest number of transformed weights that are held at a time, so that they stay in the cache.
const WEIGHTS: usize = 32 * 1024;

/// Unused values between two parts. Without them, parts could start a power of two apart; such
/// addresses fall into the same cache set and evict each other.
const GAP: usize = 16;

/// Whether `plan` is a 3×3 convolution with stride 1, and large enough for the transformations to
/// pay off.
pub(super) fn applies(plan: &Plan) -> bool {
    let is_plain =
        plan.input.split == 1 && plan.upscale == 1 && plan.offsets.len() == KERNEL * KERNEL;
    let is_large = plan.input.channels >= 4 && plan.rows >= SIDE && plan.columns >= SIDE;
    is_plain && plan.reach() == KERNEL - 1 && is_large
}

/// Runs the convolution. `weights` are `[O, 9·I]`; the columns are ordered by kernel offset, then
/// by input channel.
pub(super) fn run(plan: &Plan, input: &[f32], weights: &Packed, finish: Finish) -> Vec<f32> {
    let across = plan.columns.div_ceil(SIDE);
    let down = plan.rows.div_ceil(SIDE);
    let within_budget = BUDGET / (PARTS * plan.input.channels * across);
    let each = within_budget.max(LEAST_TILES / across).clamp(1, down);
    let row_tiles: Vec<RowTile> = (0..plan.batch)
        .flat_map(|image| {
            (0..down).step_by(each).map(move |tile| RowTile {
                image,
                images: 1,
                row: tile * SIDE,
                rows: (each * SIDE).min(plan.rows - tile * SIDE),
            })
        })
        .collect();
    plan.share_out(row_tiles, |share| {
        with_scratch(|scratch| {
            simd::dispatch(Job {
                plan,
                share,
                input,
                weights,
                finish,
                scratch,
            });
        });
    })
}

struct Job<'a> {
    plan: &'a Plan,
    share: Share<'a>,
    input: &'a [f32],
    weights: &'a Packed,
    finish: Finish<'a>,
    scratch: &'a mut Scratch,
}

/// Layout of the transformed inputs of a row tile. Tiles are ordered row by row.
#[derive(Clone, Copy)]
struct Tiles {
    /// Tiles in a row.
    across: usize,
    /// Rows of tiles.
    down: usize,
    /// Distance from one channel of a part to the next, in values.
    stride: usize,
    /// Distance from one part to the next, in values.
    part: usize,
}

impl WithSimd for Job<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            plan,
            share,
            input,
            weights,
            finish,
            scratch,
        } = self;
        let Share {
            row_tile,
            outputs,
            mut maps,
        } = share;
        let (across, down) = (plan.columns.div_ceil(SIDE), row_tile.rows.div_ceil(SIDE));
        let channels = plan.input.channels;
        let stride = across * down + tile_width::<S>();
        let part = channels * stride + GAP;
        let tiles = Tiles {
            across,
            down,
            stride,
            part,
        };
        let values = at_least(&mut scratch.input, PARTS * part);
        let lines = &mut scratch.lines;
        simd::apart(
            simd,
            #[inline(always)]
            || transform_values(simd, plan, &row_tile, input, tiles, values, lines),
        );

        let block = weights.block;
        let weights_part = channels * block + GAP;
        let of_a_block = PARTS * weights_part;
        let blocks = (WEIGHTS / of_a_block).max(1);
        let transformed = at_least(&mut scratch.weights, blocks * of_a_block);
        let of_products = PARTS * block * tiles.stride;
        let products = at_least(&mut scratch.output, blocks * of_products);
        let panels: Vec<&[f32]> = (weights.panels())
            .skip(outputs.start / block)
            .take(outputs.len().div_ceil(block))
            .collect();
        for (group, panels) in panels.chunks(blocks).enumerate() {
            for (panel, transformed) in panels.iter().zip(transformed.chunks_exact_mut(of_a_block))
            {
                simd::apart(
                    simd,
                    #[inline(always)]
                    || transform_weights(simd, panel, weights_part, transformed),
                );
            }
            for index_part in 0..PARTS {
                let values = &values[index_part * part..];
                for index in 0..panels.len() {
                    let weights = &transformed[index * of_a_block + index_part * weights_part..];
                    let products =
                        &mut products[index * of_products + index_part * block * tiles.stride..];
                    let weights = &weights[..channels * block];
                    let tile = Tile::new(weights, &[0], values, tiles.stride, false);
                    tile.run(simd, products, tiles.stride, 0..across * down);
                }
            }
            let first = group * blocks * block;
            let maps = maps.iter_mut().skip(first).take(panels.len() * block);
            for (index, map) in maps.enumerate() {
                let (b, channel) = (index / block, index % block);
                let products = &products[b * of_products + channel * tiles.stride..];
                let bias = (finish.bias).map_or(0.0, |bias| bias[outputs.start + first + index]);
                let bias_and_slope = [bias, finish.slope.unwrap_or(1.0)];
                let (part, width) = (block * tiles.stride, plan.columns);
                let lines = &mut scratch.lines;
                simd::apart(
                    simd,
                    #[inline(always)]
                    || {
                        transform_products(
                            simd,
                            products,
                            part,
                            tiles,
                            bias_and_slope,
                            lines,
                            map,
                            width,
                        );
                    },
                );
            }
        }
    }
}

/// Transforms the input of every tile and channel and stores it in `values`,
/// `[part, channel, tile]`.
#[inline(always)]
fn transform_values<S: Simd>(
    simd: S,
    plan: &Plan,
    row_tile: &RowTile,
    input: &[f32],
    tiles: Tiles,
    values: &mut [f32],
    lines: &mut Vec<f32>,
) {
    let flat = &plan.input;
    let lanes = S::F32_LANES;
    let Tiles {
        across,
        down,
        stride,
        part,
    } = tiles;
    // A line is stored as four phases: phase k has every fourth value, from the k-th on.
    // Neighbouring tiles are four pixels apart, so that one vector holds the same value of
    // neighbouring tiles.
    let phase = (across + 1 + lanes).next_multiple_of(lanes);
    let line = SIDE * phase;
    let (lines, phases) = at_least(lines, 2 * REACH * line).split_at_mut(REACH * line);
    lines.fill(0.0);
    let size = flat.height * flat.width;
    for channel in 0..flat.channels {
        let map = &input[(row_tile.image * flat.channels + channel) * size..][..size];
        for row in 0..down {
            for (i, line) in lines.chunks_exact_mut(line).enumerate() {
                let y = row_tile.row + row * SIDE + i;
                let target = &mut line[flat.padding..][..flat.width];
                if y >= flat.padding && y - flat.padding < flat.height {
                    target.copy_from_slice(&map[(y - flat.padding) * flat.width..][..flat.width]);
                } else {
                    target.fill(0.0);
                }
            }
            for (line, phases) in lines.chunks_exact(line).zip(phases.chunks_exact_mut(line)) {
                part_by_four(line, phases, phase);
            }
            down_the_columns(simd, phases, line);
            for (i, phases) in phases.chunks_exact(line).enumerate() {
                let parts = &mut values[i * REACH * part..][..REACH * part];
                let start = channel * stride + row * across;
                along_the_row(simd, phases, phase, parts, part, start, across);
            }
        }
    }
}

/// Applies Bᵀ to every column of six lines, in place.
#[expect(
    clippy::needless_range_loop,
    reason = "the index runs along six lines at once"
)]
#[inline(always)]
fn down_the_columns<S: Simd>(simd: S, lines: &mut [f32], line: usize) {
    let count = line / S::F32_LANES;
    let rows = vectors_mut::<S, REACH>(lines, line, count);
    for x in 0..count {
        let mut d = [simd.splat_f32s(0.0); REACH];
        for i in 0..REACH {
            d[i] = rows[i][x];
        }
        let d = transform(simd, d);
        for i in 0..REACH {
            rows[i][x] = d[i];
        }
    }
}

/// Applies Bᵀ along a line, which is given as four phases, and stores the results of one row of
/// tiles in six parts, from index `start` on.
#[inline(always)]
fn along_the_row<S: Simd>(
    simd: S,
    phases: &[f32],
    phase: usize,
    parts: &mut [f32],
    part: usize,
    start: usize,
    across: usize,
) {
    let count = across.div_ceil(S::F32_LANES);
    let length = count * S::F32_LANES;
    let mut sources: [&[S::f32s]; REACH] = [&[]; REACH];
    for k in 0..REACH {
        let source = &phases[k % SIDE * phase + k / SIDE..][..length];
        sources[k] = &S::as_simd_f32s(source).0[..count];
    }
    // The last vector may write into the next row of tiles, which is overwritten later.
    let targets = vectors_mut::<S, REACH>(&mut parts[start..], part, count);
    for x in 0..count {
        let mut d = [simd.splat_f32s(0.0); REACH];
        for k in 0..REACH {
            d[k] = sources[k][x];
        }
        let d = transform(simd, d);
        for k in 0..REACH {
            targets[k][x] = d[k];
        }
    }
}

/// Applies Aᵀ to the products of one output channel, whose parts are `part` values apart, adds the
/// bias, applies the leaky ReLU, and writes the rows of the map.
#[expect(
    clippy::too_many_arguments,
    reason = "the operands of the innermost step"
)]
#[inline(always)]
fn transform_products<S: Simd>(
    simd: S,
    products: &[f32],
    part: usize,
    tiles: Tiles,
    [bias, slope]: [f32; 2],
    lines: &mut Vec<f32>,
    map: &mut [f32],
    width: usize,
) {
    let lanes = S::F32_LANES;
    let zero = simd.splat_f32s(0.0);
    let (biases, slopes) = (simd.splat_f32s(bias), simd.splat_f32s(slope));
    let count = tiles.across.div_ceil(lanes);
    let phase = count * lanes;
    let lines = at_least(lines, SIDE * SIDE * phase);
    for (row, rows) in map.chunks_mut(SIDE * width).enumerate() {
        let sources = vectors::<S, PARTS>(&products[row * tiles.across..], part, count);
        let targets = vectors_mut::<S, { SIDE * SIDE }>(lines, phase, count);
        for x in 0..count {
            let mut columns = [[zero; REACH]; SIDE];
            for k in 0..REACH {
                let mut m = [zero; REACH];
                for i in 0..REACH {
                    m[i] = sources[i * REACH + k][x];
                }
                let sums = inverse_transform(simd, m);
                for i in 0..SIDE {
                    columns[i][k] = sums[i];
                }
            }
            for i in 0..SIDE {
                let sums = inverse_transform(simd, columns[i]);
                for k in 0..SIDE {
                    let value = simd.add_f32s(sums[k], biases);
                    let positive = simd.greater_than_f32s(value, zero);
                    let value = simd.select_f32s(positive, value, simd.mul_f32s(slopes, value));
                    targets[i * SIDE + k][x] = value;
                }
            }
        }
        let lines = lines.chunks_exact(SIDE * phase);
        for (row, lines) in rows.chunks_exact_mut(width).zip(lines) {
            join_four(lines, phase, row);
        }
    }
}

/// Transforms weights `[9, I, block]` to `[36, I, block]`: G g Gᵀ for each kernel g.
#[inline(always)]
fn transform_weights<S: Simd>(simd: S, panel: &[f32], part: usize, transformed: &mut [f32]) {
    let length = panel.len() / (KERNEL * KERNEL);
    let zero = simd.splat_f32s(0.0);
    let mut offsets = panel.chunks_exact(length);
    let offsets: [&[f32]; KERNEL * KERNEL] =
        std::array::from_fn(|_| offsets.next().expect("nine kernel offsets"));
    let mut parts = transformed.chunks_exact_mut(part);
    let parts: [&mut [f32]; PARTS] = std::array::from_fn(|_| parts.next().expect("36 parts"));
    for at in (0..length).step_by(S::F32_LANES) {
        // The last vector may overlap the one before, and writes the same values again.
        let at = at.min(length - S::F32_LANES);
        let mut columns = [[zero; KERNEL]; REACH];
        for x in 0..KERNEL {
            let mut column = [zero; KERNEL];
            for y in 0..KERNEL {
                column[y] = S::as_simd_f32s(&offsets[y * KERNEL + x][at..][..S::F32_LANES]).0[0];
            }
            let values = widen(simd, column);
            for i in 0..REACH {
                columns[i][x] = values[i];
            }
        }
        for i in 0..REACH {
            let values = widen(simd, columns[i]);
            for k in 0..REACH {
                let target = &mut parts[i * REACH + k][at..][..S::F32_LANES];
                S::as_mut_simd_f32s(target).0[0] = values[k];
            }
        }
    }
}

/// Multiplies three weights by the matrix G of the paper, which gives six values.
#[inline(always)]
fn widen<S: Simd>(simd: S, [a, b, c]: [S::f32s; KERNEL]) -> [S::f32s; REACH] {
    let times = |value, by: f32| simd.mul_f32s(value, simd.splat_f32s(by));
    let sum = times(simd.add_f32s(a, c), -1.0 / 6.0);
    let middle = times(b, 1.0 / 6.0);
    let far = simd.add_f32s(times(a, 1.0 / 24.0), times(c, 1.0 / 6.0));
    let near = times(b, 1.0 / 12.0);
    [
        times(a, 0.25),
        simd.sub_f32s(sum, middle),
        simd.add_f32s(sum, middle),
        simd.add_f32s(far, near),
        simd.sub_f32s(far, near),
        c,
    ]
}

/// Multiplies six inputs by the matrix Bᵀ of the paper, which gives six values.
#[inline(always)]
fn transform<S: Simd>(simd: S, d: [S::f32s; REACH]) -> [S::f32s; REACH] {
    let (two, four) = (simd.splat_f32s(2.0), simd.splat_f32s(4.0));
    let minus = |a, b| simd.sub_f32s(a, b);
    let even = minus(d[4], simd.mul_f32s(four, d[2]));
    let odd = minus(d[3], simd.mul_f32s(four, d[1]));
    let far = minus(d[4], d[2]);
    let near = simd.mul_f32s(two, minus(d[3], d[1]));
    // 4 d₀ − 5 d₂ + d₄ and 4 d₁ − 5 d₃ + d₅.
    let first = simd.mul_add_e_f32s(four, minus(d[0], d[2]), far);
    let last = simd.mul_add_e_f32s(four, minus(d[1], d[3]), minus(d[5], d[3]));
    [
        first,
        simd.add_f32s(even, odd),
        minus(even, odd),
        simd.add_f32s(far, near),
        minus(far, near),
        last,
    ]
}

/// Multiplies six products by the matrix Aᵀ of the paper, which gives four results.
#[inline(always)]
fn inverse_transform<S: Simd>(simd: S, m: [S::f32s; REACH]) -> [S::f32s; SIDE] {
    let [two, four, eight] = [2.0, 4.0, 8.0].map(|value| simd.splat_f32s(value));
    let (a, b) = (simd.add_f32s(m[1], m[2]), simd.sub_f32s(m[1], m[2]));
    let (c, d) = (simd.add_f32s(m[3], m[4]), simd.sub_f32s(m[3], m[4]));
    [
        simd.add_f32s(m[0], simd.add_f32s(a, c)),
        simd.mul_add_e_f32s(two, d, b),
        simd.mul_add_e_f32s(four, c, a),
        simd.mul_add_e_f32s(eight, d, simd.add_f32s(b, m[5])),
    ]
}

/// Splits a line into four phases: phase k gets every fourth value, from the k-th on.
#[inline(always)]
fn part_by_four(line: &[f32], phases: &mut [f32], phase: usize) {
    let (first, rest) = phases.split_at_mut(phase);
    let (second, rest) = rest.split_at_mut(phase);
    let (third, fourth) = rest.split_at_mut(phase);
    let targets = first.iter_mut().zip(second).zip(third).zip(fourth);
    for (values, (((a, b), c), d)) in line.chunks_exact(SIDE).zip(targets) {
        (*a, *b, *c, *d) = (values[0], values[1], values[2], values[3]);
    }
}

/// The inverse of [`part_by_four`] for the values of one row; further values are ignored.
#[inline(always)]
fn join_four(phases: &[f32], phase: usize, row: &mut [f32]) {
    let (first, rest) = phases.split_at(phase);
    let (second, rest) = rest.split_at(phase);
    let (third, fourth) = rest.split_at(phase);
    let whole = row.len() / SIDE;
    let mut quads = row.chunks_exact_mut(SIDE);
    let sources = first.iter().zip(second).zip(third).zip(fourth);
    for (values, (((&a, &b), &c), &d)) in quads.by_ref().zip(sources) {
        values.copy_from_slice(&[a, b, c, d]);
    }
    for (k, value) in quads.into_remainder().iter_mut().enumerate() {
        *value = phases[k * phase + whole];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::cpu::{Window, convolution};

    const CHANNELS: usize = 5;

    /// Convolves maps `[1, 5, rows + 2, width + 2]` with weights `[O, 5, 3, 3]`.
    fn convolved(maps: &[f32], weights: &[f32], rows: usize, width: usize) -> Vec<f32> {
        let window = Window {
            kernel: 3,
            stride: 1,
            padding: 0,
        };
        let outputs = weights.len() / (CHANNELS * 9);
        let plan = convolution::plan([1, CHANNELS, rows + 2, width + 2], outputs, window);
        assert!(applies(&plan));
        let starts: Vec<usize> = (0..outputs).map(|output| output * CHANNELS * 9).collect();
        let columns: Vec<usize> = (0..9)
            .flat_map(|offset| (0..CHANNELS).map(move |channel| channel * 9 + offset))
            .collect();
        let weights = Packed::new(weights, &starts, &columns);
        run(&plan, maps, &weights, Finish::default())
    }

    #[test]
    fn six_rows_of_six_columns_become_four_of_four() {
        // All columns are equal, in the second channel; the other channels are zero.
        let column = [1.0, 2.0, 3.0, 5.0, 8.0, 4.0];
        let mut maps = [0.0; CHANNELS * 36];
        for (row, value) in column.into_iter().enumerate() {
            maps[36 + row * 6..][..6].fill(value);
        }
        let mut weights = [9.0; CHANNELS * 9];
        #[rustfmt::skip]
        weights[9..18].copy_from_slice(&[
            0.0,  1.0, 0.0,
            0.0, 10.0, 0.0,
            0.0, -1.0, 0.0,
        ]);
        // The first value is 1·1 + 10·2 − 1·3.
        let expected = [18.0, 27.0, 45.0, 81.0];
        let results = convolved(&maps, &weights, 4, 4);
        assert_eq!(results.len(), 16);
        for (index, got) in results.into_iter().enumerate() {
            let expected = expected[index / 4];
            assert!((got - expected).abs() < 1e-3, "{got} and {expected}");
        }
    }

    #[test]
    fn any_number_of_rows_and_columns_is_that_of_direct_sums() {
        let value = |index: usize| ((index * 37 + 11) % 23) as f32 / 23.0 - 0.5;
        let outputs = 3;
        let weights: Vec<f32> = (0..outputs * CHANNELS * 9).map(value).collect();
        for rows in 4..10 {
            for width in [4, 5, 15, 16, 17, 50, 66] {
                let size = (rows + 2) * (width + 2);
                let maps: Vec<f32> = (0..CHANNELS * size).map(value).collect();
                let results = convolved(&maps, &weights, rows, width);
                assert_eq!(results.len(), outputs * rows * width);
                for (index, got) in results.into_iter().enumerate() {
                    let (output, pixel) = (index / (rows * width), index % (rows * width));
                    let corner = pixel / width * (width + 2) + pixel % width;
                    let terms = (0..CHANNELS * 9).map(|i| {
                        let (channel, offset) = (i / 9, i % 9);
                        let at = corner + offset / 3 * (width + 2) + offset % 3;
                        weights[output * CHANNELS * 9 + i] * maps[channel * size + at]
                    });
                    let expected: f32 = terms.sum();
                    assert!(
                        (got - expected).abs() < 1e-4,
                        "{index} of {rows}×{width}: got {got}, expected {expected}"
                    );
                }
            }
        }
    }
}
