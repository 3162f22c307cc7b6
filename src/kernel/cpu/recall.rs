//! Block-wise memory in one piece: divide, address, shrink, read, assemble (Eq. 1 and 2).
//!
//! Queries lie side by side, value by value: `[D, B·Q]`. Both products with the memory are then
//! of the form that the tiles of convolutions have, with queries in place of pixels.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::Shape;
use super::norm::norm_squared;
use super::scratch::{at_least, with_scratch};
use super::simd::{self, Tile, channel_block, slack};
use crate::kernel::parallel;

/// What a memory does with its addressing weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recall {
    /// Blocks along the channels, the height and the width; each divides its axis.
    pub blocks: [usize; 3],
    /// Norms of queries are clamped from below.
    pub min_norm: f32,
    /// What cosines are divided by before the softmax.
    pub temperature: f32,
    /// Weights below this are dropped.
    pub cut: f32,
    /// Whether those that are left are made to sum to one.
    pub renormalize: bool,
}

/// Columns of a matrix that are applied before the next ones have their turn, and blocks of rows
/// they are applied to: both, and what they are multiplied by, stay in the first-level cache.
const COLUMNS: usize = 96;
const BLOCKS: usize = 16;

/// Replaces every block of the maps `[B, C, H, W]` by what the memory `[N, D]` makes of it.
pub fn recall(maps: &[f32], shape: Shape, items: &[f32], recall: Recall) -> Vec<f32> {
    let division = Division::new(shape, recall.blocks);
    let [dim, queries] = [division.dim, division.queries];
    let count = items.len() / dim;
    assert_eq!(items.len(), count * dim, "expected items of {dim} values");
    let scale = |item: &[f32]| 1.0 / norm_squared(item).sqrt().max(recall.min_norm);
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
        *norm = 1.0 / norm.sqrt().max(recall.min_norm);
    }

    let addressing = Matrix {
        values: items,
        rows: count,
        columns: dim,
        steps: [dim, 1],
    };
    let mut weights = product(&addressing, &columns, stride, queries);
    address(&mut weights, stride, &norms, &scales, recall);

    let reading = Matrix {
        values: items,
        rows: dim,
        columns: count,
        steps: [1, dim],
    };
    let columns = product(&reading, &weights, stride, queries);
    division.assemble(&columns, stride)
}

/// Products of queries and items, `[N, stride]`, to addressing weights.
fn address(products: &mut [f32], stride: usize, norms: &[f32], scales: &[f32], recall: Recall) {
    let sums = if recall.temperature == 1.0 {
        powers(products, stride, norms, scales)
    } else {
        tempered_powers(products, stride, norms, scales, recall.temperature)
    };
    let mut kept = vec![0.0f32; norms.len()];
    for row in products.chunks_exact_mut(stride) {
        for ((value, sum), kept) in row.iter_mut().zip(&sums).zip(&mut kept) {
            let weight = *value / sum;
            *value = if weight < recall.cut { 0.0 } else { weight };
            *kept += *value;
        }
    }
    if recall.renormalize {
        for row in products.chunks_exact_mut(stride) {
            row.iter_mut()
                .zip(&kept)
                .for_each(|(value, kept)| *value /= kept);
        }
    }
}

/// Products to e^cosine, and their sum for each query.
fn powers(products: &mut [f32], stride: usize, norms: &[f32], scales: &[f32]) -> Vec<f32> {
    let mut sums = vec![0.0f32; norms.len()];
    for (row, scale) in products.chunks_exact_mut(stride).zip(scales) {
        for ((value, norm), sum) in row.iter_mut().zip(norms).zip(&mut sums) {
            // A cosine needs no shift to be safe from overflow.
            *value = exp_of_cosine(*value * scale * norm);
            *sum += *value;
        }
    }
    sums
}

/// Products to e^((cosine − largest) / temperature), and their sum for each query.
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

/// eˣ for x from −1 to 1 by its series, to the last digit or two: of whole vectors at a time,
/// unlike the library's.
#[inline(always)]
fn exp_of_cosine(x: f32) -> f32 {
    /// 1/n! from n = 10 down.
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

/// The memory, or its transpose, as it lies there.
struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    /// From a row to the next, and from a column to the next.
    steps: [usize; 2],
}

impl Matrix<'_> {
    /// Writes some columns of some rows in blocks of B rows, each block column by column.
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
        // Along the memory, whichever way that is.
        if column_step == 1 {
            for (block, packed) in packed.chunks_exact_mut(count).enumerate() {
                // Rows past the last are computed and left out: any will do.
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

/// A matrix `[R, K]` times columns `[K, stride]`: `[R, stride]`, of which the first `pixels` values
/// of each row count.
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
            match block {
                8 => matrix.pack::<8>(&rows, &chunk, packed),
                _ => matrix.pack::<4>(&rows, &chunk, packed),
            }
            let blocks = packed.chunks_exact(chunk.len() * block);
            for (weights, output) in blocks.zip(output.chunks_exact_mut(block * stride)) {
                let tile = Tile::new(weights, &[0], columns, stride, start > 0);
                tile.run(simd, output, stride, 0..pixels);
            }
        }
    }
}

/// Which value of which query every pixel is, in the order of [`crate::nn::divide`].
struct Division {
    /// Of all images: one channel of one image each.
    planes: usize,
    /// Blocks along the height and the width.
    blocks: [usize; 2],
    /// Channels, rows and columns of a block.
    deep: usize,
    tall: usize,
    wide: usize,
    /// Values of a query.
    dim: usize,
    /// Of all images.
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

    /// Maps to columns `[D, stride]`: what one channel of every block holds is written by one thread.
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

    /// Columns `[D, stride]` to maps: a plane is written by one thread.
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

    /// Calls `work` with every pixel of a plane, its place in the part that the plane has in its
    /// queries, and the query. Planes are grouped: those of a group make up the same queries.
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
    fn the_series_is_the_exponential() {
        for step in -1000..=1000 {
            let x = step as f32 / 1000.0;
            let (got, expected) = (exp_of_cosine(x), x.exp());
            let off = (got / expected - 1.0).abs();
            assert!(off <= 3e-7, "e^{x}: got {got}, expected {expected}");
        }
    }
}
