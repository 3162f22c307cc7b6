//! Products of matrices.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::scratch::{at_least, with_scratch};
use super::simd::{self, Tile, channel_block, tile_width};
use crate::kernel::parallel;

/// Columns of the left matrix that are applied before the next ones, so that the copies of both
/// matrices stay in the first-level cache.
const DEPTH: usize = 192;
/// Largest number of rows of a task: each copy of the right matrix serves that many.
const ROWS: usize = 256;
/// Largest number of columns of a task: each copy of the left matrix serves that many.
const COLUMNS: usize = 512;
/// Tasks for each thread, if the product is large enough, so that all threads end at about the same
/// time.
const TASKS: usize = 2;
/// Columns that are transposed at the same time.
const LANES: usize = 4;

/// A matrix `[rows, columns]` whose rows or whose columns are contiguous.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    /// Distance from one row to the next, and from one column to the next, in values. One of them
    /// is 1.
    steps: [usize; 2],
}

impl<'a> Matrix<'a> {
    /// The matrix with these rows, one after the other.
    ///
    /// # Panics
    ///
    /// If the number of values is not that of the matrix.
    pub fn new(values: &'a [f32], [rows, columns]: [usize; 2]) -> Self {
        assert_eq!(values.len(), rows * columns, "values of a matrix");
        Self {
            values,
            rows,
            columns,
            steps: [columns, 1],
        }
    }

    /// The transpose, without a copy.
    #[must_use]
    pub const fn transposed(self) -> Self {
        let [row_step, column_step] = self.steps;
        Self {
            values: self.values,
            rows: self.columns,
            columns: self.rows,
            steps: [column_step, row_step],
        }
    }

    /// Copies the given rows of the W columns from `first` on to `packed`, row by row. If the
    /// matrix ends before, the values of the missing columns are arbitrary.
    #[inline(always)]
    fn pack<const W: usize>(&self, rows: &Range<usize>, first: usize, packed: &mut [f32]) {
        let [row_step, column_step] = self.steps;
        let width = W.min(self.columns - first);
        let packed = &mut packed.as_chunks_mut::<W>().0[..rows.len()];
        // Both branches read contiguous values: along a row here, along a column below.
        if column_step == 1 {
            for (row, packed) in rows.clone().zip(packed) {
                let values = &self.values[row * row_step + first..][..width];
                match values.first_chunk() {
                    Some(values) => *packed = *values,
                    None => packed[..width].copy_from_slice(values),
                }
            }
        } else {
            for lane in (0..width).step_by(LANES) {
                let mut sources: [&[f32]; LANES] = [&[]; LANES];
                for (i, source) in sources.iter_mut().enumerate() {
                    let column = first + (lane + i).min(width - 1);
                    *source = &self.values[column * column_step + rows.start..][..rows.len()];
                }
                for (row, packed) in packed.iter_mut().enumerate() {
                    let packed = &mut packed.as_chunks_mut::<LANES>().0[lane / LANES];
                    for i in 0..LANES {
                        packed[i] = sources[i][row];
                    }
                }
            }
        }
    }
}

/// The product of matrices `[M, K]` and `[K, N]`: `[M, N]`, row by row. The results do not depend
/// on the number of threads.
///
/// # Panics
///
/// If the left matrix has not as many columns as the right one has rows.
pub fn matmul(lhs: Matrix, rhs: Matrix) -> Vec<f32> {
    assert_eq!(lhs.columns, rhs.rows, "inner sides of a product");
    let (rows, columns) = (lhs.rows, rhs.columns);
    let mut product = vec![0.0; rows * columns];
    if product.is_empty() || lhs.columns == 0 {
        return product;
    }
    let tasks = TASKS * parallel::threads();
    let by_rows = rows.div_ceil(ROWS);
    let by_columns = columns.div_ceil(COLUMNS).max(tasks.div_ceil(by_rows));
    let columns_each = columns
        .div_ceil(by_columns)
        .next_multiple_of(columns_of_a_panel());
    let by_rows = by_rows.max(tasks.div_ceil(columns.div_ceil(columns_each)));
    let rows_each = rows.div_ceil(by_rows).next_multiple_of(channel_block());

    let mut parts = Vec::new();
    for first in (0..rows).step_by(rows_each) {
        for column in (0..columns).step_by(columns_each) {
            parts.push(Part {
                lhs,
                rhs,
                rows: first..rows.min(first + rows_each),
                columns: column..columns.min(column + columns_each),
                product: Vec::new(),
            });
        }
    }
    let in_a_row = columns.div_ceil(columns_each);
    for (row, values) in product.chunks_exact_mut(columns).enumerate() {
        let parts = &mut parts[row / rows_each * in_a_row..];
        for (part, values) in parts.iter_mut().zip(values.chunks_mut(columns_each)) {
            part.product.push(values);
        }
    }
    parallel::for_each(parts, simd::dispatch);
    product
}

/// Columns of the right matrix in one panel, the unit in which it is copied. It is a multiple of the
/// width of a [`Tile`].
const fn panel_width<S: Simd>() -> usize {
    let width = tile_width::<S>();
    if width < 8 { 8 } else { width }
}

/// The value of [`panel_width`] for this processor.
fn columns_of_a_panel() -> usize {
    struct Width;
    impl WithSimd for Width {
        type Output = usize;
        fn with_simd<S: Simd>(self, _simd: S) -> usize {
            panel_width::<S>()
        }
    }
    simd::dispatch(Width)
}

/// Some rows and columns of the product.
struct Part<'a> {
    lhs: Matrix<'a>,
    rhs: Matrix<'a>,
    rows: Range<usize>,
    columns: Range<usize>,
    /// The part's values of each row.
    product: Vec<&'a mut [f32]>,
}

impl WithSimd for Part<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match panel_width::<S>() {
            48 => self.run::<S, 8, 48>(simd),
            24 => self.run::<S, 4, 24>(simd),
            _ => self.run::<S, 4, 8>(simd),
        }
    }
}

impl Part<'_> {
    /// B is the number of rows of a block of the left matrix, W the number of columns of a panel of
    /// the right one.
    #[inline(always)]
    fn run<S: Simd, const B: usize, const W: usize>(self, simd: S) {
        let Self {
            lhs,
            rhs,
            rows,
            columns,
            product,
        } = self;
        let turned = lhs.transposed();
        let stride = columns.len().next_multiple_of(W);
        let height = rows.len().next_multiple_of(B);
        with_scratch(|scratch| {
            let results = at_least(&mut scratch.output, height * stride);
            let blocks = at_least(&mut scratch.weights, height * DEPTH);
            let panel = at_least(&mut scratch.input, W * DEPTH);
            for start in (0..lhs.columns).step_by(DEPTH) {
                let depth = start..lhs.columns.min(start + DEPTH);
                let blocks = &mut blocks[..height * depth.len()];
                let panel = &mut panel[..W * depth.len()];
                simd::apart(
                    simd,
                    #[inline(always)]
                    || {
                        let blocks = blocks.chunks_exact_mut(B * depth.len());
                        for (row, block) in rows.clone().step_by(B).zip(blocks) {
                            turned.pack::<B>(&depth, row, block);
                        }
                    },
                );
                for (at, column) in (0..).step_by(W).zip(columns.clone().step_by(W)) {
                    simd::apart(
                        simd,
                        #[inline(always)]
                        || rhs.pack::<W>(&depth, column, panel),
                    );
                    let valid = W.min(columns.end - column);
                    let results = results.chunks_exact_mut(B * stride);
                    for (block, results) in blocks.chunks_exact(B * depth.len()).zip(results) {
                        let tile = Tile::new(block, &[0], panel, W, start > 0);
                        tile.run(simd, &mut results[at..], stride, 0..valid);
                    }
                }
            }
            for (values, results) in product.into_iter().zip(results.chunks_exact(stride)) {
                values.copy_from_slice(&results[..values.len()]);
            }
        });
    }
}
