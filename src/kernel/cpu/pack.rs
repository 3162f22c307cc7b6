//! Weights in the order in which the tiles read them.

use super::simd::channel_block;
use crate::kernel::parallel;

/// A matrix `[rows, columns]` in blocks of rows, each block column by column; the last one is
/// filled up with rows of zeros.
pub(super) struct Packed {
    pub rows: usize,
    pub columns: usize,
    pub block: usize,
    values: Vec<f32>,
}

impl Packed {
    /// Of the matrix whose value (r, c) is `weights[rows[r] + columns[c]]`.
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

    /// Each `[columns, block]`.
    pub(super) fn panels(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.block * self.columns)
    }
}

/// The panels of a matrix, for writing.
pub(super) fn panels(packed: &mut Packed) -> std::slice::ChunksExactMut<'_, f32> {
    packed
        .values
        .chunks_exact_mut(packed.block * packed.columns)
}
