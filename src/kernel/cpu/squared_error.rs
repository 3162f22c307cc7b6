//! The mean squared error and its gradient.

use super::CHUNK;
use crate::kernel::parallel;

/// The mean of the squared differences of two slices of the same length. It is summed in double
/// precision, because a large batch has more values than single precision has steps.
pub fn squared_error(x: &[f32], y: &[f32]) -> f32 {
    let chunks = x.chunks(CHUNK).zip(y.chunks(CHUNK)).collect();
    let sums: Vec<f64> = parallel::map(chunks, |(x, y): (&[f32], &[f32])| {
        let differences = x.iter().zip(y).map(|(x, y)| f64::from(x - y));
        differences.map(|difference| difference * difference).sum()
    });
    (sums.into_iter().sum::<f64>() / x.len() as f64) as f32
}

/// The gradient with respect to `x` of [`squared_error`], given the `gradient` with respect to its
/// result.
pub fn squared_error_backward(x: &[f32], y: &[f32], gradient: f32) -> Vec<f32> {
    let factor = 2.0 * gradient / x.len() as f32;
    let mut gradients = vec![0.0; x.len()];
    let chunks = gradients.chunks_mut(CHUNK).zip(x.chunks(CHUNK));
    let chunks = chunks.zip(y.chunks(CHUNK)).collect();
    parallel::for_each(chunks, |((gradients, x), y): ((&mut [f32], &[f32]), _)| {
        let pairs = x.iter().zip(y as &[f32]);
        for (gradient, (x, y)) in gradients.iter_mut().zip(pairs) {
            *gradient = (x - y) * factor;
        }
    });
    gradients
}
