//! 3×3 convolution with half the multiplications: Winograd's F(4, 3) along the columns
//! (Lavin and Gray, 2016, "Fast Algorithms for Convolutional Neural Networks").
//!
//! Four rows of results take six products of transformed rows instead of twelve of plain ones.
//! Along the rows nothing is transformed: there the vectors of pixels stay whole, and no value has
//! to change its place.

use pulp::{Simd, WithSimd};

use super::pack::{Packed, panels};
use super::scratch::{Scratch, at_least, with_scratch};
use super::simd::{self, Tile, VECTORS, channel_block, slack};
use super::strip::{Finish, Plan, Strip};
use crate::kernel::parallel;

/// Rows of results that are made together.
const ROWS: usize = 4;
/// Transformed rows they are made from.
const PARTS: usize = 6;
/// Values of a row that a window sees.
const TAPS: usize = 3;

/// Values of transformed rows a strip may have: about what a core's own cache holds.
const BUDGET: usize = 256 * 1024;
/// Fewer pixels than these are not worth fetching the weights for, twice as many as before.
const LEAST_PIXELS: usize = 48;
/// Columns of weights that are applied before the next block of channels has its turn.
const COLUMNS: usize = 192;

/// Whether a plan is a 3×3 convolution of a size that is worth the transformation.
pub(super) fn applies(plan: &Plan) -> bool {
    let is_plain = plan.input.split == 1 && plan.spread == 1 && plan.taps.len() == TAPS * TAPS;
    let depth = PARTS * (plan.input.channels + plan.output[0]);
    let is_shallow = plan.input.channels >= 4 && BUDGET / depth >= LEAST_PIXELS;
    is_plain && plan.reach() == TAPS - 1 && plan.rows >= ROWS && is_shallow
}

/// Transformed weights, one matrix `[O, I·3]` for each transformed row.
pub(super) struct Weights([Packed; PARTS]);

impl Weights {
    /// The weight (ky, kx) of output o and input i is `weights[rows[o] + channels[i] + taps[3·ky + kx]]`.
    pub(super) fn new(
        weights: &[f32],
        rows: &[usize],
        channels: &[usize],
        taps: [usize; TAPS * TAPS],
    ) -> Self {
        let columns = channels.len() * TAPS;
        let block = channel_block();
        let mut parts = [(); PARTS].map(|()| Packed::zeros(rows.len(), columns));
        let [p0, p1, p2, p3, p4, p5] = &mut parts;
        let [mut p0, mut p1, mut p2, mut p3, mut p4, mut p5] =
            [p0, p1, p2, p3, p4, p5].map(|part| panels(part));
        let panels: Vec<_> = (rows.chunks(block))
            .map_while(|rows| {
                let parts = [
                    p0.next()?,
                    p1.next()?,
                    p2.next()?,
                    p3.next()?,
                    p4.next()?,
                    p5.next()?,
                ];
                Some((rows, parts))
            })
            .collect();
        parallel::for_each(panels, |(rows, mut parts)| {
            for (index, &channel) in channels.iter().enumerate() {
                for x in 0..TAPS {
                    for (lane, &row) in rows.iter().enumerate() {
                        let [a, b, c] =
                            [0, 1, 2].map(|y| weights[row + channel + taps[TAPS * y + x]]);
                        let (even, odd) = (a + c, b);
                        let (far, near) = (a / 24.0 + c / 6.0, b / 12.0);
                        let values = [
                            a / 4.0,
                            -(even + odd) / 6.0,
                            -(even - odd) / 6.0,
                            far + near,
                            far - near,
                            c,
                        ];
                        for (part, value) in parts.iter_mut().zip(values) {
                            part[(index * TAPS + x) * block + lane] = value;
                        }
                    }
                }
            }
        });
        Self(parts)
    }
}

pub(super) fn run(plan: &Plan, input: &[f32], weights: &Weights, finish: Finish) -> Vec<f32> {
    let [channels, ..] = plan.output;
    let depth = PARTS * (plan.input.channels + channels);
    let groups = plan.rows.div_ceil(ROWS);
    let each = (BUDGET / (depth * plan.input.stride)).clamp(1, groups);
    let strips: Vec<Strip> = (0..plan.batch)
        .flat_map(|image| {
            (0..groups).step_by(each).map(move |group| Strip {
                image,
                images: 1,
                row: group * ROWS,
                rows: (each * ROWS).min(plan.rows - group * ROWS),
            })
        })
        .collect();
    plan.share_out(strips, |strip, maps| {
        with_scratch(|scratch| {
            simd::dispatch(Job {
                plan,
                strip,
                input,
                weights,
                finish,
                maps,
                scratch,
            });
        });
    })
}

struct Job<'a> {
    plan: &'a Plan,
    strip: Strip,
    input: &'a [f32],
    weights: &'a Weights,
    finish: Finish<'a>,
    maps: Vec<&'a mut [f32]>,
    scratch: &'a mut Scratch,
}

impl WithSimd for Job<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            plan,
            strip,
            input,
            weights,
            finish,
            maps,
            scratch,
        } = self;
        let flat = &plan.input;
        let groups = strip.rows.div_ceil(ROWS);
        // Planes: part by part, channel by channel, one row for each group of rows.
        let plane = groups * flat.stride + flat.stride + slack();
        let planes = at_least(&mut scratch.input, PARTS * flat.channels * plane);
        let size = flat.height * flat.width;
        let zeros = vec![0.0; flat.width];
        for channel in 0..flat.channels {
            let map = &input[(strip.image * flat.channels + channel) * size..][..size];
            for group in 0..groups {
                let mut rows = [zeros.as_slice(); PARTS];
                for (i, row) in rows.iter_mut().enumerate() {
                    let y = strip.row + group * ROWS + i;
                    if y >= flat.lead && y - flat.lead < flat.height {
                        *row = &map[(y - flat.lead) * flat.width..][..flat.width];
                    }
                }
                let at = channel * plane + group * flat.stride;
                transform_input(
                    simd,
                    rows,
                    planes,
                    at,
                    flat.channels * plane,
                    flat.lead,
                    flat.stride,
                );
            }
        }
        for plane in planes.chunks_exact_mut(plane) {
            plane[groups * flat.stride..].fill(0.0);
        }

        let [channels, _, width] = plan.output;
        let out_plane = groups * flat.stride + slack();
        let block = channel_block();
        let out_part = channels.next_multiple_of(block) * out_plane;
        let results = at_least(&mut scratch.output, PARTS * out_part);
        let pixels = (groups - 1) * flat.stride + plan.columns;
        let mut offsets = Vec::with_capacity(flat.channels * TAPS);
        for channel in 0..flat.channels {
            for x in 0..TAPS {
                offsets.push((channel * plane + x) as u32);
            }
        }
        for start in (0..pixels).step_by(VECTORS * S::F32_LANES) {
            for part in 0..PARTS {
                let planes = &planes[part * flat.channels * plane..];
                let results = &mut results[part * out_part..][..out_part];
                for (chunk, offsets) in offsets.chunks(COLUMNS).enumerate() {
                    for (panel, results) in weights.0[part]
                        .panels()
                        .zip(results.chunks_exact_mut(block * out_plane))
                    {
                        let weights = &panel[chunk * COLUMNS * block..][..offsets.len() * block];
                        let tile = Tile {
                            weights,
                            offsets,
                            input: planes,
                            accumulate: chunk > 0,
                        };
                        tile.run(simd, results, out_plane, start, pixels - start);
                    }
                }
            }
        }

        for (channel, map) in maps.into_iter().enumerate() {
            let bias = finish.bias.map_or(0.0, |bias| bias[channel]);
            for (group, rows) in map.chunks_mut(ROWS * width).enumerate() {
                let mut sources = [&results[..0]; PARTS];
                for (part, source) in sources.iter_mut().enumerate() {
                    let start = part * out_part + channel * out_plane + group * flat.stride;
                    *source = &results[start..][..width];
                }
                transform_output(simd, sources, rows, width, bias, finish.slope);
            }
        }
    }
}

/// One group of rows to its six transformed ones, `part` apart from `at` on.
#[inline(always)]
fn transform_input<S: Simd>(
    simd: S,
    rows: [&[f32]; PARTS],
    planes: &mut [f32],
    at: usize,
    part: usize,
    lead: usize,
    stride: usize,
) {
    let width = rows[0].len();
    let lanes = S::F32_LANES;
    let (four, five, two) = (
        simd.splat_f32s(4.0),
        simd.splat_f32s(5.0),
        simd.splat_f32s(2.0),
    );
    for i in 0..PARTS {
        let row = &mut planes[at + i * part..][..stride];
        row[..lead].fill(0.0);
        row[lead + width..].fill(0.0);
    }
    let mut x = 0;
    while x < width {
        // The last vector may overlap the one before: the same values are written twice.
        let from = if x + lanes <= width {
            x
        } else {
            width.saturating_sub(lanes)
        };
        if width < lanes {
            break;
        }
        let mut d = [simd.splat_f32s(0.0); PARTS];
        for i in 0..PARTS {
            d[i] = S::as_simd_f32s(&rows[i][from..][..lanes]).0[0];
        }
        let even = simd.sub_f32s(d[4], simd.mul_f32s(four, d[2]));
        let odd = simd.sub_f32s(d[3], simd.mul_f32s(four, d[1]));
        let far = simd.sub_f32s(d[4], d[2]);
        let near = simd.mul_f32s(two, simd.sub_f32s(d[3], d[1]));
        let first = simd.mul_add_e_f32s(four, d[0], simd.sub_f32s(d[4], simd.mul_f32s(five, d[2])));
        let last = simd.mul_add_e_f32s(four, d[1], simd.sub_f32s(d[5], simd.mul_f32s(five, d[3])));
        let values = [
            first,
            simd.add_f32s(even, odd),
            simd.sub_f32s(even, odd),
            simd.add_f32s(far, near),
            simd.sub_f32s(far, near),
            last,
        ];
        for i in 0..PARTS {
            let target = &mut planes[at + i * part + lead + from..][..lanes];
            S::as_mut_simd_f32s(target).0[0] = values[i];
        }
        x += lanes;
    }
    if width < lanes {
        for x in 0..width {
            let d = [
                rows[0][x], rows[1][x], rows[2][x], rows[3][x], rows[4][x], rows[5][x],
            ];
            let (even, odd) = (d[4] - 4.0 * d[2], d[3] - 4.0 * d[1]);
            let (far, near) = (d[4] - d[2], 2.0 * (d[3] - d[1]));
            let first = 4.0 * d[0] + (d[4] - 5.0 * d[2]);
            let last = 4.0 * d[1] + (d[5] - 5.0 * d[3]);
            let values = [first, even + odd, even - odd, far + near, far - near, last];
            for i in 0..PARTS {
                planes[at + i * part + lead + x] = values[i];
            }
        }
    }
}

/// Six rows of products to up to four rows of results.
#[inline(always)]
fn transform_output<S: Simd>(
    simd: S,
    sources: [&[f32]; PARTS],
    rows: &mut [f32],
    width: usize,
    bias: f32,
    slope: Option<f32>,
) {
    let lanes = S::F32_LANES;
    let count = rows.len() / width;
    let biases = simd.splat_f32s(bias);
    let (two, four, eight) = (
        simd.splat_f32s(2.0),
        simd.splat_f32s(4.0),
        simd.splat_f32s(8.0),
    );
    let zero = simd.splat_f32s(0.0);
    let slopes = simd.splat_f32s(slope.unwrap_or(1.0));
    if width >= lanes {
        let mut x = 0;
        while x < width {
            let from = if x + lanes <= width { x } else { width - lanes };
            let mut m = [zero; PARTS];
            for i in 0..PARTS {
                m[i] = S::as_simd_f32s(&sources[i][from..][..lanes]).0[0];
            }
            let (a, b) = (simd.add_f32s(m[1], m[2]), simd.sub_f32s(m[1], m[2]));
            let (c, d) = (simd.add_f32s(m[3], m[4]), simd.sub_f32s(m[3], m[4]));
            let (a, b) = (simd.add_f32s(a, biases), simd.add_f32s(b, biases));
            let mut values = [
                simd.add_f32s(m[0], simd.add_f32s(a, c)),
                simd.mul_add_e_f32s(two, d, b),
                simd.mul_add_e_f32s(four, c, a),
                simd.mul_add_e_f32s(eight, d, simd.add_f32s(b, m[5])),
            ];
            if slope.is_some() {
                for value in &mut values {
                    let positive = simd.greater_than_f32s(*value, zero);
                    *value = simd.select_f32s(positive, *value, simd.mul_f32s(slopes, *value));
                }
            }
            for i in 0..count {
                S::as_mut_simd_f32s(&mut rows[i * width + from..][..lanes]).0[0] = values[i];
            }
            x += lanes;
        }
        return;
    }
    for x in 0..width {
        let m = [
            sources[0][x],
            sources[1][x],
            sources[2][x],
            sources[3][x],
            sources[4][x],
            sources[5][x],
        ];
        let (a, b) = (m[1] + m[2] + bias, m[1] - m[2] + bias);
        let (c, d) = (m[3] + m[4], m[3] - m[4]);
        let values = [
            m[0] + (a + c),
            b + 2.0 * d,
            a + 4.0 * c,
            (b + m[5]) + 8.0 * d,
        ];
        for i in 0..count {
            let value = values[i];
            rows[i * width + x] =
                slope.map_or(
                    value,
                    |slope| if value > 0.0 { value } else { slope * value },
                );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::cpu::{Window, gather};

    /// Results of a map `[1, 1, rows + 2, width + 2]` with rows `a`, `b` and `c` of weights.
    fn convolved(map: &[f32], weights: [f32; 9], rows: usize, width: usize) -> Vec<f32> {
        let window = Window {
            kernel: 3,
            stride: 1,
            padding: 0,
        };
        let plan = gather::plan([1, 1, rows + 2, width + 2], 1, window);
        let weights = Weights::new(&weights, &[0], &[0], std::array::from_fn(|tap| tap));
        run(&plan, map, &weights, Finish::default())
    }

    #[test]
    fn six_rows_of_one_column_become_four() {
        #[rustfmt::skip]
        let map = [
            0.0, 1.0, 0.0,
            0.0, 2.0, 0.0,
            0.0, 3.0, 0.0,
            0.0, 5.0, 0.0,
            0.0, 8.0, 0.0,
            0.0, 4.0, 0.0,
        ];
        #[rustfmt::skip]
        let weights = [
            9.0,  1.0, 9.0,
            9.0, 10.0, 9.0,
            9.0, -1.0, 9.0,
        ];
        // The first is 1·1 + 10·2 − 1·3.
        let expected = [18.0, 27.0, 45.0, 81.0];
        for (got, expected) in convolved(&map, weights, 4, 1).iter().zip(expected) {
            assert!((got - expected).abs() < 1e-4, "{got} and {expected}");
        }
    }

    #[test]
    fn any_number_of_rows_and_columns_is_that_of_direct_sums() {
        let weights = [3.0, -1.0, 2.0, 0.5, 4.0, -2.0, 1.0, -3.0, 1.5];
        for rows in 1..10 {
            for width in [1, 2, 15, 16, 17, 50] {
                let value = |index: usize| ((index * 37 + 11) % 23) as f32 - 11.0;
                let map: Vec<f32> = (0..(rows + 2) * (width + 2)).map(value).collect();
                let results = convolved(&map, weights, rows, width);
                assert_eq!(results.len(), rows * width);
                for (index, got) in results.into_iter().enumerate() {
                    let corner = index / width * (width + 2) + index % width;
                    let taps = weights.iter().enumerate();
                    let expected: f32 = taps
                        .map(|(tap, weight)| weight * map[corner + tap / 3 * (width + 2) + tap % 3])
                        .sum();
                    assert!(
                        (got - expected).abs() < 1e-3,
                        "{index} of {rows}×{width}: got {got}, expected {expected}"
                    );
                }
            }
        }
    }
}
