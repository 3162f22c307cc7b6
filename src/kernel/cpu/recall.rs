//! The block-wise memory as one operation: divide the maps into queries, compute the addressing
//! weights, set small ones to zero, read the memory, assemble the maps (Eq. 1 and 2 of the paper).
//!
//! Queries are the columns of a matrix `[D, B·Q]`. Both products with the memory then have the form
//! that [`Tile`] computes for convolutions, with queries in place of pixels.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::Shape;
use super::norm::norm_squared;
use super::scratch::{at_least, with_scratch};
use super::simd::{self, Tile, channel_block, slack};
use crate::kernel::parallel;

/// Parameters of the block-wise memory.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recall {
    /// Number of blocks along the channels, the height and the width. Each must divide the size of
    /// its axis.
    pub blocks: [usize; 3],
    /// How items are weighted.
    pub addressing: AddressingRule,
}

/// How the items of a memory are weighted for a query.
///
/// ```
/// use daad::kernel::AddressingRule;
///
/// // As in the paper, for a memory of 500 items.
/// let cut = 1.0 / 500.0;
/// let rule = AddressingRule { min_norm: 1e-8, temperature: 1.0, cut, renormalize: false };
/// # assert!(rule.cut > rule.min_norm);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AddressingRule {
    /// Lower limit for the norms of queries and items, so that cosines are not divided by zero.
    pub min_norm: f32,
    /// Temperature of the softmax: cosines are divided by it.
    pub temperature: f32,
    /// Weights below this threshold are set to zero.
    pub cut: f32,
    /// Whether the remaining weights are divided by their sum.
    pub renormalize: bool,
}

/// Number of matrix columns that are applied before the next ones, so that they and the values that
/// they are multiplied by stay in the first-level cache.
const COLUMNS: usize = 96;
/// Number of blocks of rows to which these columns are applied.
const BLOCKS: usize = 16;

/// Replaces every block of the maps `[B, C, H, W]` by the weighted sum of the memory items `[N, D]`
/// that it addresses.
pub fn recall(maps: &[f32], shape: Shape, items: &[f32], recall: Recall) -> Vec<f32> {
    let division = Division::new(shape, recall.blocks);
    let [dim, queries] = [division.dim, division.queries];
    let count = items.len() / dim;
    assert_eq!(items.len(), count * dim, "expected items of {dim} values");
    let scale = |item: &[f32]| 1.0 / norm_squared(item).sqrt().max(recall.addressing.min_norm);
    let scales: Vec<f32> = items.chunks_exact(dim).map(scale).collect();
    let stride = queries + slack();

    let columns = division.divide(maps, stride);
    let mut norms = vec![0.0f32; queries];
    for row in columns.chunks_exact(stride) {
        norms
            .iter_mut()
            .zip(row)
            .for_each(|(norm, &value)| *norm += value * value);
    }
    for norm in &mut norms {
        *norm = 1.0 / norm.sqrt().max(recall.addressing.min_norm);
    }

    let addressing = Matrix {
        values: items,
        rows: count,
        columns: dim,
        steps: [dim, 1],
    };
    let mut weights = product(&addressing, &columns, stride, queries);
    address(&mut weights, stride, &norms, &scales, recall.addressing);

    let reading = Matrix {
        values: items,
        rows: dim,
        columns: count,
        steps: [1, dim],
    };
    let columns = product(&reading, &weights, stride, queries);
    division.assemble(&columns, stride)
}

/// Turns the dot products of items and queries, `[N, stride]`, into addressing weights, in place.
/// `norms` and `scales` are 1/norm of each query and each item.
#[inline(never)] // see `simd::apart`
fn address(
    products: &mut [f32],
    stride: usize,
    norms: &[f32],
    scales: &[f32],
    rule: AddressingRule,
) {
    let sums = if rule.temperature == 1.0 {
        powers(products, stride, norms, scales)
    } else {
        tempered_powers(products, stride, norms, scales, rule.temperature)
    };
    let mut kept = vec![0.0f32; norms.len()];
    for row in products.chunks_exact_mut(stride) {
        for ((value, sum), kept) in row.iter_mut().zip(&sums).zip(&mut kept) {
            let weight = *value / sum;
            *value = if weight < rule.cut { 0.0 } else { weight };
            *kept += *value;
        }
    }
    if rule.renormalize {
        for row in products.chunks_exact_mut(stride) {
            row.iter_mut()
                .zip(&kept)
                .for_each(|(value, kept)| *value /= kept);
        }
    }
}

/// Replaces dot products by e^cosine, and returns the sum for each query.
fn powers(products: &mut [f32], stride: usize, norms: &[f32], scales: &[f32]) -> Vec<f32> {
    let mut sums = vec![0.0f32; norms.len()];
    for (row, scale) in products.chunks_exact_mut(stride).zip(scales) {
        for ((value, norm), sum) in row.iter_mut().zip(norms).zip(&mut sums) {
            // A cosine is at most 1, so the softmax cannot overflow and needs no shift by the
            // maximum.
            *value = exp_of_cosine(*value * scale * norm);
            *sum += *value;
        }
    }
    sums
}

/// Replaces dot products by e^((cosine − largest) / temperature), and returns the sum for each
/// query.
fn tempered_powers(
    products: &mut [f32],
    stride: usize,
    norms: &[f32],
    scales: &[f32],
    temperature: f32,
) -> Vec<f32> {
    let mut largest = vec![f32::NEG_INFINITY; norms.len()];
    for (row, scale) in products.chunks_exact_mut(stride).zip(scales) {
        for ((value, norm), largest) in row.iter_mut().zip(norms).zip(&mut largest) {
            *value *= scale * norm;
            *largest = largest.max(*value);
        }
    }
    let mut sums = vec![0.0f32; norms.len()];
    for row in products.chunks_exact_mut(stride) {
        for ((value, largest), sum) in row.iter_mut().zip(&largest).zip(&mut sums) {
            *value = ((*value - largest) / temperature).exp();
            *sum += *value;
        }
    }
    sums
}

/// eˣ for −1 ≤ x ≤ 1 as a Taylor polynomial, with a relative error of at most 3e-7. Unlike
/// `f32::exp`, it is compiled to vector instructions.
#[inline(always)]
fn exp_of_cosine(x: f32) -> f32 {
    /// 1/n! for n from 10 down to 0.
    const TERMS: [f32; 11] = {
        let mut terms = [1.0; 11];
        let mut n = 1;
        while n <= 10 {
            terms[10 - n] = terms[11 - n] / n as f32;
            n += 1;
        }
        terms
    };
    TERMS.iter().fold(0.0, |sum, term| sum * x + term)
}

/// The memory items as a matrix, or its transpose, without a copy.
struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    /// Distance from one row to the next, and from one column to the next, in values.
    steps: [usize; 2],
}

impl Matrix<'_> {
    /// Copies the given rows and columns to `packed`, in blocks of B rows. Each block is stored
    /// column by column.
    #[inline(always)]
    fn pack<const B: usize>(
        &self,
        rows: &Range<usize>,
        columns: &Range<usize>,
        packed: &mut [f32],
    ) {
        let [row_step, column_step] = self.steps;
        let count = columns.len();
        let first = rows.start * row_step + columns.start * column_step;
        let (packed, _) = packed.as_chunks_mut::<B>();
        // Both branches read contiguous values: along a row here, along a column below.
        if column_step == 1 {
            for (block, packed) in packed.chunks_exact_mut(count).enumerate() {
                // Results of rows past the last are not used, so any row can fill up the block.
                let sources: [&[f32]; B] = std::array::from_fn(|lane| {
                    let row = (block * B + lane).min(rows.len() - 1);
                    &self.values[first + row * row_step..][..count]
                });
                for (column, values) in packed.iter_mut().enumerate() {
                    for lane in 0..B {
                        values[lane] = sources[lane][column];
                    }
                }
                if (block + 1) * B >= rows.len() {
                    break;
                }
            }
        } else {
            for column in 0..count {
                let values = &self.values[first + column * column_step..][..rows.len()];
                let (blocks, rest) = values.as_chunks::<B>();
                for (index, values) in blocks.iter().enumerate() {
                    packed[index * count + column] = *values;
                }
                if !rest.is_empty() {
                    packed[blocks.len() * count + column][..rest.len()].copy_from_slice(rest);
                }
            }
        }
    }
}

/// The product of a matrix `[R, K]` and `columns` `[K, stride]`, `[R, stride]`. Only the first
/// `pixels` values of each row are valid.
fn product(matrix: &Matrix, columns: &[f32], stride: usize, pixels: usize) -> Vec<f32> {
    let block = channel_block();
    let rows_each = BLOCKS * block;
    let mut output = vec![0.0; matrix.rows.next_multiple_of(block) * stride];
    let tasks: Vec<_> = (0..matrix.rows)
        .step_by(rows_each)
        .map(|row| row..matrix.rows.min(row + rows_each))
        .zip(output.chunks_mut(rows_each * stride))
        .collect();
    parallel::for_each(tasks, |(rows, output)| {
        with_scratch(|scratch| {
            simd::dispatch(Rows {
                matrix,
                rows,
                block,
                columns,
                output,
                stride,
                pixels,
                packed: at_least(&mut scratch.weights, COLUMNS * rows_each),
            });
        });
    });
    output.truncate(matrix.rows * stride);
    output
}

struct Rows<'a> {
    matrix: &'a Matrix<'a>,
    rows: Range<usize>,
    block: usize,
    columns: &'a [f32],
    output: &'a mut [f32],
    stride: usize,
    pixels: usize,
    packed: &'a mut [f32],
}

impl WithSimd for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            matrix,
            rows,
            block,
            columns,
            output,
            stride,
            pixels,
            packed,
        } = self;
        for start in (0..matrix.columns).step_by(COLUMNS) {
            let chunk = start..matrix.columns.min(start + COLUMNS);
            let columns = &columns[start * stride..];
            simd::apart(
                simd,
                #[inline(always)]
                || match block {
                    8 => matrix.pack::<8>(&rows, &chunk, packed),
                    _ => matrix.pack::<4>(&rows, &chunk, packed),
                },
            );
            let blocks = packed.chunks_exact(chunk.len() * block);
            for (weights, output) in blocks.zip(output.chunks_exact_mut(block * stride)) {
                let tile = Tile::new(weights, &[0], columns, stride, start > 0);
                tile.run(simd, output, stride, 0..pixels);
            }
        }
    }
}

/// The mapping between pixels of maps and values of queries, in the order of [`crate::nn::divide`].
struct Division {
    /// Number of planes in the batch; a plane is one channel of one image.
    planes: usize,
    /// Number of blocks along the height and the width.
    blocks: [usize; 2],
    /// Channels of a block.
    deep: usize,
    /// Rows of a block.
    tall: usize,
    /// Columns of a block.
    wide: usize,
    /// Number of values of a query.
    dim: usize,
    /// Number of queries in the batch.
    queries: usize,
}

impl Division {
    fn new([batch, channels, height, width]: Shape, blocks: [usize; 3]) -> Self {
        let [by_channel, rows, columns] = blocks;
        let (deep, tall, wide) = (channels / by_channel, height / rows, width / columns);
        Self {
            planes: batch * channels,
            blocks: [rows, columns],
            deep,
            tall,
            wide,
            dim: deep * tall * wide,
            queries: batch * by_channel * rows * columns,
        }
    }

    /// Maps to columns `[D, stride]`. The rows for one channel of the blocks are contiguous there,
    /// and one task writes them.
    #[inline(never)] // see `simd::apart`
    fn divide(&self, maps: &[f32], stride: usize) -> Vec<f32> {
        let mut columns = vec![0.0; self.dim * stride];
        let channels = columns.chunks_mut(self.tall * self.wide * stride);
        parallel::for_each(channels.enumerate().collect(), |(channel, columns)| {
            for plane in (channel..self.planes).step_by(self.deep) {
                let maps = &maps[plane * self.plane_size()..][..self.plane_size()];
                self.visit(plane / self.deep, |pixel, value, query| {
                    columns[value * stride + query] = maps[pixel];
                });
            }
        });
        columns
    }

    /// Columns `[D, stride]` to maps. One task writes one plane.
    #[inline(never)] // see `simd::apart`
    fn assemble(&self, columns: &[f32], stride: usize) -> Vec<f32> {
        let mut maps = vec![0.0; self.planes * self.plane_size()];
        let planes = maps.chunks_mut(self.plane_size());
        parallel::for_each(planes.enumerate().collect(), |(plane, map)| {
            let columns = &columns[plane % self.deep * self.tall * self.wide * stride..];
            self.visit(plane / self.deep, |pixel, value, query| {
                map[pixel] = columns[value * stride + query];
            });
        });
        maps
    }

    fn plane_size(&self) -> usize {
        let [rows, columns] = self.blocks;
        rows * self.tall * columns * self.wide
    }

    /// Calls `work(pixel, value, query)` for every pixel of a plane. `value` is the index of the
    /// pixel among the query's values that come from this plane. `group` is the index of the plane
    /// divided by the number of channels in a block: planes of the same group belong to the same
    /// queries.
    #[inline(always)]
    fn visit(&self, group: usize, mut work: impl FnMut(usize, usize, usize)) {
        let [rows, columns] = self.blocks;
        let mut pixel = 0;
        for y in 0..rows * self.tall {
            let query = (group * rows + y / self.tall) * columns;
            let value = y % self.tall * self.wide;
            for block in 0..columns {
                for x in 0..self.wide {
                    work(pixel, value + x, query + block);
                    pixel += 1;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_of_cosine_equals_exp() {
        for step in -1000..=1000 {
            let x = step as f32 / 1000.0;
            let (got, expected) = (exp_of_cosine(x), x.exp());
            let off = (got / expected - 1.0).abs();
            assert!(off <= 3e-7, "e^{x}: got {got}, expected {expected}");
        }
    }
}
