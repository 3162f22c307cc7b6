//! Operations on the rows of matrices.

use super::CHUNK;
use super::norm::norm_squared;
use crate::kernel::parallel;

/// The sum of the squares of each row of a matrix `[R, C]`, `[R]`.
pub fn square_sums(matrix: &[f32], columns: usize) -> Vec<f32> {
    let tasks = matrix.chunks(rows_each(columns) * columns).collect();
    let sums = parallel::map(tasks, |rows: &[f32]| {
        let sums = rows.chunks_exact(columns).map(norm_squared);
        sums.collect::<Vec<_>>()
    });
    sums.concat()
}

/// The sum of one or two gradients with respect to a matrix, all `[R, C]`, and of the gradient that
/// flows through [`square_sums`], given the gradient with respect to these sums, `[R]`.
pub fn add_square_gradient(
    gradient: &[f32],
    other: Option<&[f32]>,
    matrix: &[f32],
    of_sums: &[f32],
) -> Vec<f32> {
    let columns = matrix.len() / of_sums.len();
    let each = rows_each(columns);
    let mut sum = vec![0.0; matrix.len()];
    let tasks = sum.chunks_mut(each * columns).enumerate().collect();
    parallel::for_each(tasks, |(task, sum): (usize, &mut [f32])| {
        let first = task * each;
        for (row, sum) in (first..).zip(sum.chunks_exact_mut(columns)) {
            let part = row * columns..(row + 1) * columns;
            let factor = 2.0 * of_sums[row];
            let gradients = gradient[part.clone()].iter().zip(&matrix[part.clone()]);
            for (sum, (gradient, value)) in sum.iter_mut().zip(gradients) {
                *sum = gradient + factor * value;
            }
            if let Some(other) = other {
                for (sum, other) in sum.iter_mut().zip(&other[part]) {
                    *sum += other;
                }
            }
        }
    });
    sum
}

fn rows_each(columns: usize) -> usize {
    CHUNK.div_ceil(columns)
}
