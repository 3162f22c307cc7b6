//! Weights copied into the order in which [`super::simd::Tile`] reads them.

use super::simd::channel_block;
use crate::kernel::parallel;

/// A matrix `[rows, columns]` in blocks of `block` rows. Each block is stored column by column. The
/// last block is filled up with rows of zeros.
pub(super) struct Packed {
    pub rows: usize,
    pub columns: usize,
    pub block: usize,
    values: Vec<f32>,
}

impl Packed {
    /// Packs the matrix whose value (r, c) is `weights[rows[r] + columns[c]]`.
    pub(super) fn new(weights: &[f32], rows: &[usize], columns: &[usize]) -> Self {
        let block = channel_block();
        let mut packed = Self::zeros(rows.len(), columns.len());
        let panels: Vec<_> = rows.chunks(block).zip(panels(&mut packed)).collect();
        parallel::for_each(panels, |(rows, panel)| {
            for (&column, values) in columns.iter().zip(panel.chunks_exact_mut(block)) {
                for (&row, value) in rows.iter().zip(values) {
                    *value = weights[row + column];
                }
            }
        });
        packed
    }

    pub(super) fn zeros(rows: usize, columns: usize) -> Self {
        let block = channel_block();
        let values = vec![0.0; rows.next_multiple_of(block) * columns];
        Self {
            rows,
            columns,
            block,
            values,
        }
    }

    /// The blocks of rows, each `[columns, block]`.
    pub(super) fn panels(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.block * self.columns)
    }
}

/// The same as [`Packed::panels`], but mutable.
pub(super) fn panels(packed: &mut Packed) -> std::slice::ChunksExactMut<'_, f32> {
    packed
        .values
        .chunks_exact_mut(packed.block * packed.columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_block_is_filled_up_with_zeros() {
        let block = channel_block();
        // One row more than fits into a block; row r, column c holds 10 r + c + 1.
        let count = block + 1;
        let weights: Vec<f32> = (0..count * 10).map(|index| index as f32 + 1.0).collect();
        let rows: Vec<usize> = (0..count).map(|row| row * 10).collect();
        let packed = Packed::new(&weights, &rows, &[0, 7]);
        let column = |rows: std::ops::Range<usize>, column: usize| {
            rows.map(move |row| (row * 10 + column + 1) as f32)
        };
        let first: Vec<f32> = column(0..block, 0).chain(column(0..block, 7)).collect();
        let mut last = vec![0.0; 2 * block];
        last[0] = (block * 10 + 1) as f32;
        last[block] = (block * 10 + 8) as f32;
        assert_eq!(packed.panels().collect::<Vec<_>>(), [first, last]);
    }
}
