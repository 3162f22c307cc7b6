//! Block-wise memory in one piece: divide, address, shrink, read, assemble (Eq. 1 and 2).
//!
//! Queries lie side by side, value by value: `[D, B·Q]`. Both products with the memory are then
//! of the form that the tiles of convolutions have, with queries in place of pixels.

use pulp::{Simd, WithSimd};

use super::Shape;
use super::norm::norm_squared;
use super::pack::Packed;
use super::simd::{self, Tile, slack};
use crate::kernel::parallel;

/// What a memory does with its addressing weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recall {
    /// Blocks along the channels, the height and the width; each divides its axis.
    pub blocks: [usize; 3],
    /// Norms of queries are clamped from below.
    pub min_norm: f32,
    /// Weights below this are dropped.
    pub cut: f32,
    /// Whether those that are left are made to sum to one.
    pub renormalize: bool,
}

/// Columns of weights that are applied before the next block of rows has its turn.
const COLUMNS: usize = 96;

/// Replaces every block of the maps `[B, C, H, W]` by what the memory `[N, D]` makes of it.
pub fn recall(maps: &[f32], shape: Shape, items: &[f32], recall: Recall) -> Vec<f32> {
    let division = Division::new(shape, recall.blocks);
    let [dim, queries] = [division.dim, division.queries];
    let count = items.len() / dim;
    assert_eq!(items.len(), count * dim, "expected items of {dim} values");
    let scale = |item: &[f32]| 1.0 / norm_squared(item).sqrt().max(recall.min_norm);
    let scales: Vec<f32> = items.chunks_exact(dim).map(scale).collect();
    let stride = queries + slack();

    let mut columns = vec![0.0; dim * stride];
    division.visit(|pixel, value, query| columns[value * stride + query] = maps[pixel]);
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

    let rows: Vec<usize> = (0..count).map(|item| item * dim).collect();
    let values: Vec<usize> = (0..dim).collect();
    let mut weights = product(
        &Packed::new(items, &rows, &values),
        &columns,
        stride,
        queries,
    );
    address(&mut weights, stride, &norms, &scales, recall);

    let columns = product(
        &Packed::new(items, &values, &rows),
        &weights,
        stride,
        queries,
    );
    let mut output = vec![0.0; maps.len()];
    division.visit(|pixel, value, query| output[pixel] = columns[value * stride + query]);
    output
}

/// Products of queries and items, `[N, stride]`, to addressing weights.
fn address(products: &mut [f32], stride: usize, norms: &[f32], scales: &[f32], recall: Recall) {
    let mut sums = vec![0.0f32; norms.len()];
    for (row, scale) in products.chunks_exact_mut(stride).zip(scales) {
        for ((value, norm), sum) in row.iter_mut().zip(norms).zip(&mut sums) {
            // A cosine needs no shift to be safe from overflow.
            *value = (*value * scale * norm).exp();
            *sum += *value;
        }
    }
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

/// A matrix `[R, K]` times columns `[K, stride]`: `[R, stride]`, of which the first `pixels` values
/// of each row count.
fn product(matrix: &Packed, columns: &[f32], stride: usize, pixels: usize) -> Vec<f32> {
    let mut output = vec![0.0; matrix.rows.next_multiple_of(matrix.block) * stride];
    let panels: Vec<_> = matrix
        .panels()
        .zip(output.chunks_exact_mut(matrix.block * stride))
        .collect();
    parallel::for_each(panels, |(panel, output)| {
        simd::dispatch(Panel {
            panel,
            block: matrix.block,
            columns,
            output,
            stride,
            pixels,
        });
    });
    output.truncate(matrix.rows * stride);
    output
}

struct Panel<'a> {
    panel: &'a [f32],
    block: usize,
    columns: &'a [f32],
    output: &'a mut [f32],
    stride: usize,
    pixels: usize,
}

impl WithSimd for Panel<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            panel,
            block,
            columns,
            output,
            stride,
            pixels,
        } = self;
        for (chunk, weights) in panel.chunks(COLUMNS * block).enumerate() {
            let columns = &columns[chunk * COLUMNS * stride..];
            let tile = Tile::new(weights, &[0], columns, stride, chunk > 0);
            tile.run(simd, output, stride, 0..pixels);
        }
    }
}

/// Which value of which query every pixel is, in the order of [`crate::nn::divide`].
struct Division {
    shape: Shape,
    blocks: [usize; 3],
    /// Values of a query.
    dim: usize,
    /// Of all images.
    queries: usize,
}

impl Division {
    fn new(shape: Shape, blocks: [usize; 3]) -> Self {
        let [batch, channels, height, width] = shape;
        let size = channels * height * width;
        let count: usize = blocks.iter().product();
        Self {
            shape,
            blocks,
            dim: size / count,
            queries: batch * count,
        }
    }

    /// Calls `work` with every pixel's place in the maps, its place in its query, and the query.
    #[inline(always)]
    fn visit(&self, mut work: impl FnMut(usize, usize, usize)) {
        let [batch, channels, height, width] = self.shape;
        let [by_channel, by_row, by_column] = self.blocks;
        let (deep, tall, wide) = (channels / by_channel, height / by_row, width / by_column);
        let mut pixel = 0;
        for image in 0..batch {
            for channel in 0..channels {
                for y in 0..height {
                    let row =
                        ((image * by_channel + channel / deep) * by_row + y / tall) * by_column;
                    let value = (channel % deep * tall + y % tall) * wide;
                    for block in 0..by_column {
                        for x in 0..wide {
                            work(pixel, value + x, row + block);
                            pixel += 1;
                        }
                    }
                }
            }
        }
    }
}
