//! The block-wise memory as one operation: divide the maps into queries, compute the addressing
//! weights, set small ones to zero, read the memory, assemble the maps (Eq. 1 and 2 of the paper).
//!
//! Queries are the columns of a matrix `[D, B·Q]`, so that the sums over one query are sums of rows.

use super::Shape;
use super::matmul::{Matrix, matmul};
use super::rows::square_sums;
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

/// Replaces every block of the maps `[B, C, H, W]` by the weighted sum of the memory items `[N, D]`
/// that it addresses.
pub fn recall(maps: &[f32], shape: Shape, items: &[f32], recall: Recall) -> Vec<f32> {
    let division = Division::new(shape, recall.blocks);
    let [dim, queries] = [division.dim, division.queries];
    let count = items.len() / dim;
    assert_eq!(items.len(), count * dim, "expected items of {dim} values");
    let inverse_norm = |squared: f32| 1.0 / squared.sqrt().max(recall.addressing.min_norm);
    let scales: Vec<f32> = square_sums(items, dim)
        .into_iter()
        .map(inverse_norm)
        .collect();

    let columns = division.divide(maps);
    let mut norms = vec![0.0f32; queries];
    for row in columns.chunks_exact(queries) {
        norms
            .iter_mut()
            .zip(row)
            .for_each(|(norm, &value)| *norm += value * value);
    }
    for norm in &mut norms {
        *norm = inverse_norm(*norm);
    }

    let items = Matrix::new(items, [count, dim]);
    let mut weights = matmul(items, Matrix::new(&columns, [dim, queries]));
    address(&mut weights, &norms, &scales, recall.addressing);
    let weights = Matrix::new(&weights, [count, queries]);
    division.assemble(&matmul(items.transposed(), weights))
}

/// Turns the dot products of items and queries, `[N, Q]`, into addressing weights, in place.
/// `norms` and `scales` are 1/norm of each query and each item.
#[inline(never)] // see `simd::apart`
fn address(products: &mut [f32], norms: &[f32], scales: &[f32], rule: AddressingRule) {
    let sums = if rule.temperature == 1.0 {
        powers(products, norms, scales)
    } else {
        tempered_powers(products, norms, scales, rule.temperature)
    };
    let mut kept = vec![0.0f32; norms.len()];
    for row in products.chunks_exact_mut(norms.len()) {
        for ((value, sum), kept) in row.iter_mut().zip(&sums).zip(&mut kept) {
            let weight = *value / sum;
            *value = if weight < rule.cut { 0.0 } else { weight };
            *kept += *value;
        }
    }
    if rule.renormalize {
        for row in products.chunks_exact_mut(norms.len()) {
            row.iter_mut()
                .zip(&kept)
                .for_each(|(value, kept)| *value /= kept);
        }
    }
}

/// Replaces dot products by e^cosine, and returns the sum for each query.
fn powers(products: &mut [f32], norms: &[f32], scales: &[f32]) -> Vec<f32> {
    let mut sums = vec![0.0f32; norms.len()];
    for (row, scale) in products.chunks_exact_mut(norms.len()).zip(scales) {
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
    norms: &[f32],
    scales: &[f32],
    temperature: f32,
) -> Vec<f32> {
    let mut largest = vec![f32::NEG_INFINITY; norms.len()];
    for (row, scale) in products.chunks_exact_mut(norms.len()).zip(scales) {
        for ((value, norm), largest) in row.iter_mut().zip(norms).zip(&mut largest) {
            *value *= scale * norm;
            *largest = largest.max(*value);
        }
    }
    let mut sums = vec![0.0f32; norms.len()];
    for row in products.chunks_exact_mut(norms.len()) {
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

    /// Maps to columns `[D, Q]`. The rows for one channel of the blocks are contiguous there,
    /// and one task writes them.
    #[inline(never)] // see `simd::apart`
    fn divide(&self, maps: &[f32]) -> Vec<f32> {
        let mut columns = vec![0.0; self.dim * self.queries];
        let channels = columns.chunks_mut(self.tall * self.wide * self.queries);
        parallel::for_each(channels.enumerate().collect(), |(channel, columns)| {
            for plane in (channel..self.planes).step_by(self.deep) {
                let maps = &maps[plane * self.plane_size()..][..self.plane_size()];
                self.visit(plane / self.deep, |pixel, value, query| {
                    columns[value * self.queries + query] = maps[pixel];
                });
            }
        });
        columns
    }

    /// Columns `[D, Q]` to maps. One task writes one plane.
    #[inline(never)] // see `simd::apart`
    fn assemble(&self, columns: &[f32]) -> Vec<f32> {
        let mut maps = vec![0.0; self.planes * self.plane_size()];
        let planes = maps.chunks_mut(self.plane_size());
        parallel::for_each(planes.enumerate().collect(), |(plane, map)| {
            let columns = &columns[plane % self.deep * self.tall * self.wide * self.queries..];
            self.visit(plane / self.deep, |pixel, value, query| {
                map[pixel] = columns[value * self.queries + query];
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
