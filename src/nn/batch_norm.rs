//! Batch normalization over `[B, C, H, W]` with PyTorch's running statistics.
//!
//! NOTE: Burn's batch normalization keeps a running mean of the *biased* variance. PyTorch, and
//! therefore the paper's code, divides by n − 1; with the few values of a bottleneck map, the
//! difference is visible.

use burn::module::{Module, Param, RunningState};
use burn::tensor::{Device, Tensor};

use super::parameter::{ones, running, set, zeros};
use crate::kernel::{NormOptions, normalize, normalize_train};

const EPSILON: f32 = 1e-5;
const MOMENTUM: f32 = 0.1;

/// Normalizes each channel, then scales and shifts it.
///
/// On an autodiff device it uses the statistics of the batch and updates the running statistics
/// with them. On other devices it uses the running statistics.
#[derive(Module, Debug)]
pub(crate) struct BatchNorm {
    weight: Param<Tensor<1>>,
    bias: Param<Tensor<1>>,
    running_mean: RunningState<Tensor<1>>,
    running_var: RunningState<Tensor<1>>,
}

impl BatchNorm {
    /// Scale 1, shift 0, running mean 0 and variance 1 for each of `channels`.
    pub(crate) fn new(channels: usize, device: &Device) -> Self {
        Self {
            weight: ones([channels], device),
            bias: zeros([channels], device),
            running_mean: running(Tensor::zeros([channels], device)),
            running_var: running(Tensor::ones([channels], device)),
        }
    }

    /// Normalizes `[B, C, H, W]`, followed by a leaky ReLU with `slope`; the shape does not change.
    pub(crate) fn forward(&self, x: Tensor<4>, slope: f32) -> Tensor<4> {
        let line = [self.weight.val(), self.bias.val()];
        if !x.device().is_autodiff() {
            let statistics = [self.running_mean.value(), self.running_var.value()];
            return normalize(x, line, statistics, EPSILON, slope);
        }
        let options = NormOptions {
            epsilon: EPSILON,
            momentum: MOMENTUM,
            slope,
        };
        let running = [&self.running_mean, &self.running_var];
        let result = normalize_train(x, line, running.map(RunningState::value), options);
        for (running, moved) in running.into_iter().zip(result.running) {
            set(running, moved);
        }
        result.output
    }

    /// The normalization by the running statistics as scale and shift per channel, each `[C]`.
    pub(crate) fn line(&self) -> (Tensor<1>, Tensor<1>) {
        let deviation = self.running_var.value().add_scalar(EPSILON).sqrt();
        let scale = self.weight.val() / deviation;
        let shift = self.bias.val() - self.running_mean.value() * scale.clone();
        (scale, shift)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_running_variance_follows_the_unbiased_one() {
        let device = Device::flex().autodiff();
        let norm = BatchNorm::new(1, &device);
        // Values 1 and 3: mean 2, unbiased variance 2.
        let x = Tensor::<1>::from_floats([1.0, 3.0], &device).reshape([2, 1, 1, 1]);
        let output = norm
            .forward(x, 1.0)
            .into_data()
            .try_to_vec::<f32>()
            .unwrap();
        assert!((output[0] + 1.0).abs() < 1e-4 && (output[1] - 1.0).abs() < 1e-4);
        let mean: f32 = norm.running_mean.value().into_scalar();
        let variance: f32 = norm.running_var.value().into_scalar();
        assert!((mean - 0.2).abs() < 1e-6, "{mean}");
        assert!((variance - (0.9 + 0.1 * 2.0)).abs() < 1e-6, "{variance}");
    }
}
