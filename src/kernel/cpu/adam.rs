//! Adam (Kingma and Ba, 2015) in one pass over the memory.

use crate::kernel::parallel;

/// One step's constants.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamStep {
    /// Decay of the mean of gradients.
    pub beta_1: f32,
    /// Decay of the mean of squared gradients.
    pub beta_2: f32,
    /// Learning rate over (1 − β₁ᵗ).
    pub step_size: f32,
    /// 1/√(1 − β₂ᵗ).
    pub second_scale: f32,
    /// Added to the root.
    pub epsilon: f32,
}

/// Values that one task moves.
const CHUNK: usize = 64 * 1024;

/// Moves `values` and the running means `first` and `second` by `gradient`, all of one length.
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
