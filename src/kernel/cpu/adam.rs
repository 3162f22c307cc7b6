//! Adam (Kingma and Ba, 2015) in one pass over the parameters, because memory bandwidth limits it.

use super::CHUNK;
use crate::kernel::parallel;

/// Constants of one step t, with the bias corrections already applied.
///
/// ```
/// use daad::kernel::AdamStep;
///
/// let (learning_rate, beta_1, beta_2, step) = (2e-4f32, 0.5f32, 0.999f32, 10);
/// let constants = AdamStep {
///     beta_1,
///     beta_2,
///     step_size: learning_rate / (1.0 - beta_1.powi(step)),
///     second_scale: 1.0 / (1.0 - beta_2.powi(step)).sqrt(),
///     epsilon: 1e-8,
/// };
/// assert!(constants.step_size > learning_rate);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamStep {
    /// Decay rate of the mean of the gradients.
    pub beta_1: f32,
    /// Decay rate of the mean of the squared gradients.
    pub beta_2: f32,
    /// Learning rate / (1 − β₁ᵗ).
    pub step_size: f32,
    /// 1/√(1 − β₂ᵗ).
    pub second_scale: f32,
    /// Added to the square root in the denominator.
    pub epsilon: f32,
}

/// Updates `values` in place with one step, and also the running means of the gradients (`first`)
/// and of the squared gradients (`second`). All slices have the same length.
pub fn adam(
    values: &mut [f32],
    first: &mut [f32],
    second: &mut [f32],
    gradient: &[f32],
    step: AdamStep,
) {
    let chunks: Vec<_> = (values.chunks_mut(CHUNK))
        .zip(first.chunks_mut(CHUNK))
        .zip(second.chunks_mut(CHUNK))
        .zip(gradient.chunks(CHUNK))
        .collect();
    parallel::for_each(chunks, |(((values, first), second), gradient)| {
        let AdamStep {
            beta_1,
            beta_2,
            step_size,
            second_scale,
            epsilon,
        } = step;
        for (((value, m), v), &g) in values.iter_mut().zip(first).zip(second).zip(gradient) {
            *m = beta_1 * *m + (1.0 - beta_1) * g;
            *v = beta_2 * *v + (1.0 - beta_2) * g * g;
            *value -= step_size * *m / (v.sqrt() * second_scale + epsilon);
        }
    });
}
