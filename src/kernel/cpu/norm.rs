//! Batch normalization and leaky ReLU in one pass, which halves the memory traffic.

use pulp::{Simd, WithSimd};

use super::{Shape, simd};
use crate::kernel::parallel;

/// Statistics of every channel over batch and space.
#[derive(Debug, Clone, PartialEq)]
pub struct NormStatistics {
    /// `[C]`.
    pub mean: Vec<f32>,
    /// Biased variance, `[C]`.
    pub variance: Vec<f32>,
}

/// y = f(γ (x − mean)/√(variance + ε) + β), where f is a leaky ReLU with `slope` for negative
/// values. `maps` is `[B, C, H, W]`, γ and β are `[C]`.
pub fn norm_activation(
    maps: &[f32],
    shape: Shape,
    gamma: &[f32],
    beta: &[f32],
    statistics: &NormStatistics,
    epsilon: f32,
    slope: f32,
) -> Vec<f32> {
    let mut output = vec![0.0; maps.len()];
    parallel::for_each(by_channel(&mut output, shape), |(channel, targets)| {
        let line = Line::new(channel, gamma, beta, statistics, epsilon);
        simd::dispatch(Apply {
            line,
            slope,
            sources: planes(maps, shape, channel),
            targets,
        });
    });
    output
}

/// The same as [`norm_activation`], but with the statistics of `maps`, which are returned too.
pub fn norm_activation_train(
    maps: &[f32],
    shape: Shape,
    gamma: &[f32],
    beta: &[f32],
    epsilon: f32,
    slope: f32,
) -> (Vec<f32>, NormStatistics) {
    let mut output = vec![0.0; maps.len()];
    let moments = parallel::map(by_channel(&mut output, shape), |(channel, targets)| {
        // All three passes over a channel follow one another, so that it stays in the cache.
        let sources = planes(maps, shape, channel);
        let (mean, variance) = simd::dispatch(Moments { sources: &sources });
        let line = Line::from_moments(mean, variance, gamma[channel], beta[channel], epsilon);
        simd::dispatch(Apply {
            line,
            slope,
            sources,
            targets,
        });
        (mean, variance)
    });
    let (mean, variance) = moments.into_iter().unzip();
    (output, NormStatistics { mean, variance })
}

/// Gradients of a loss, computed by [`norm_activation_backward`].
#[derive(Debug, Clone, PartialEq)]
pub struct NormGradients {
    /// With respect to the maps, `[B, C, H, W]`.
    pub maps: Vec<f32>,
    /// With respect to γ, `[C]`.
    pub gamma: Vec<f32>,
    /// With respect to β, `[C]`.
    pub beta: Vec<f32>,
}

/// Gradients with respect to the inputs of [`norm_activation_train`], given the `gradient` with
/// respect to its output.
#[expect(
    clippy::too_many_arguments,
    reason = "the operands of the operation, none of them optional"
)]
pub fn norm_activation_backward(
    maps: &[f32],
    shape: Shape,
    gamma: &[f32],
    beta: &[f32],
    statistics: &NormStatistics,
    epsilon: f32,
    slope: f32,
    gradient: &[f32],
) -> NormGradients {
    let mut output = vec![0.0; maps.len()];
    let sums = parallel::map(by_channel(&mut output, shape), |(channel, targets)| {
        let line = Line::new(channel, gamma, beta, statistics, epsilon);
        let sources = planes(maps, shape, channel);
        let gradients = planes(gradient, shape, channel);
        simd::dispatch(Backward {
            line,
            slope,
            sources,
            gradients,
            targets,
        })
    });
    let (gamma, beta) = sums.into_iter().unzip();
    NormGradients {
        maps: output,
        gamma,
        beta,
    }
}

/// The gradient with respect to the input of a leaky ReLU with `slope` ≥ 0, given its `output` and
/// the `gradient` with respect to its output. The output has the sign of the input, so the input is
/// not needed.
pub fn leaky_relu_backward(output: &[f32], gradient: &[f32], slope: f32) -> Vec<f32> {
    let backward = |(&y, &g): (&f32, &f32)| if y > 0.0 { g } else { slope * g };
    output.iter().zip(gradient).map(backward).collect()
}

/// The normalization of one channel as a linear function: y = scale · x + shift.
#[derive(Clone, Copy)]
struct Line {
    mean: f32,
    /// 1/√(variance + ε).
    inverse: f32,
    scale: f32,
    shift: f32,
}

impl Line {
    fn new(channel: usize, gamma: &[f32], beta: &[f32], of: &NormStatistics, epsilon: f32) -> Self {
        Self::from_moments(
            of.mean[channel],
            of.variance[channel],
            gamma[channel],
            beta[channel],
            epsilon,
        )
    }

    fn from_moments(mean: f32, variance: f32, gamma: f32, beta: f32, epsilon: f32) -> Self {
        let inverse = 1.0 / (variance + epsilon).sqrt();
        let scale = gamma * inverse;
        Self {
            mean,
            inverse,
            scale,
            shift: beta - mean * scale,
        }
    }
}

/// The mutable planes of each channel, one for each image.
fn by_channel(
    maps: &mut [f32],
    [_, channels, height, width]: Shape,
) -> Vec<(usize, Vec<&mut [f32]>)> {
    let mut planes: Vec<(usize, Vec<&mut [f32]>)> =
        (0..channels).map(|channel| (channel, Vec::new())).collect();
    for (index, plane) in maps.chunks_exact_mut(height * width).enumerate() {
        planes[index % channels].1.push(plane);
    }
    planes
}

fn planes(maps: &[f32], [_, channels, height, width]: Shape, channel: usize) -> Vec<&[f32]> {
    maps.chunks_exact(height * width)
        .skip(channel)
        .step_by(channels)
        .collect()
}

/// Number of independent vector sums, so that additions need not wait for one another.
const SIDE: usize = 4;

/// N sums over all planes of a channel. A plane is summed in f32 vectors, and the sums of the
/// planes are added in f64, which limits the rounding error.
struct Totals<const N: usize>([f64; N]);

impl<const N: usize> Totals<N> {
    #[inline(always)]
    fn add<S: Simd>(&mut self, simd: S, sums: [[S::f32s; SIDE]; N]) {
        for (total, sums) in self.0.iter_mut().zip(sums) {
            let [a, b, c, d] = sums;
            let sum = simd.add_f32s(simd.add_f32s(a, b), simd.add_f32s(c, d));
            *total += f64::from(simd.reduce_sum_f32s(sum));
        }
    }
}

struct Moments<'a> {
    sources: &'a [&'a [f32]],
}

impl WithSimd for Moments<'_> {
    type Output = (f32, f32);

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> (f32, f32) {
        let count: usize = self.sources.iter().map(|plane| plane.len()).sum();
        let zero = [simd.splat_f32s(0.0); SIDE];
        let mut total = Totals([0.0]);
        for plane in self.sources {
            let (body, tail) = S::as_simd_f32s(plane);
            let mut sums = zero;
            for (i, &x) in body.iter().enumerate() {
                sums[i % SIDE] = simd.add_f32s(sums[i % SIDE], x);
            }
            total.add(simd, [sums]);
            total.0[0] += tail.iter().map(|&x| f64::from(x)).sum::<f64>();
        }
        let mean = (total.0[0] / count as f64) as f32;
        let center = simd.splat_f32s(mean);
        let mut total = Totals([0.0]);
        for plane in self.sources {
            let (body, tail) = S::as_simd_f32s(plane);
            let mut sums = zero;
            for (i, &x) in body.iter().enumerate() {
                let off = simd.sub_f32s(x, center);
                sums[i % SIDE] = simd.mul_add_e_f32s(off, off, sums[i % SIDE]);
            }
            total.add(simd, [sums]);
            total.0[0] += tail
                .iter()
                .map(|&x| f64::from((x - mean).powi(2)))
                .sum::<f64>();
        }
        (mean, (total.0[0] / count as f64) as f32)
    }
}

struct Apply<'a> {
    line: Line,
    slope: f32,
    sources: Vec<&'a [f32]>,
    targets: Vec<&'a mut [f32]>,
}

impl WithSimd for Apply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Line { scale, shift, .. } = self.line;
        let (a, b) = (simd.splat_f32s(scale), simd.splat_f32s(shift));
        let (zero, slope) = (simd.splat_f32s(0.0), simd.splat_f32s(self.slope));
        for (source, target) in self.sources.into_iter().zip(self.targets) {
            let (body, tail) = S::as_simd_f32s(source);
            let (target, target_tail) = S::as_mut_simd_f32s(target);
            for (target, &x) in target.iter_mut().zip(body) {
                let y = simd.mul_add_e_f32s(a, x, b);
                let positive = simd.greater_than_f32s(y, zero);
                *target = simd.select_f32s(positive, y, simd.mul_f32s(slope, y));
            }
            for (target, &x) in target_tail.iter_mut().zip(tail) {
                let y = scale * x + shift;
                *target = if y > 0.0 { y } else { self.slope * y };
            }
        }
    }
}

struct Backward<'a> {
    line: Line,
    slope: f32,
    sources: Vec<&'a [f32]>,
    gradients: Vec<&'a [f32]>,
    targets: Vec<&'a mut [f32]>,
}

impl WithSimd for Backward<'_> {
    /// The gradients with respect to γ and β.
    type Output = (f32, f32);

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> (f32, f32) {
        let Line {
            mean,
            inverse,
            scale,
            shift,
        } = self.line;
        let (a, b) = (simd.splat_f32s(scale), simd.splat_f32s(shift));
        let (zero, slope) = (simd.splat_f32s(0.0), simd.splat_f32s(self.slope));
        let center = simd.splat_f32s(mean);
        let leaky_relu_backward = |x: S::f32s, g: S::f32s| {
            let positive = simd.greater_than_f32s(simd.mul_add_e_f32s(a, x, b), zero);
            simd.select_f32s(positive, g, simd.mul_f32s(slope, g))
        };
        let leaky_relu_backward_one = |x: f32, g: f32| {
            if scale * x + shift > 0.0 {
                g
            } else {
                self.slope * g
            }
        };

        // Σ g and Σ g (x − mean).
        let mut total = Totals([0.0; 2]);
        let mut count = 0;
        for (source, gradient) in self.sources.iter().zip(&self.gradients) {
            count += source.len();
            let (body, tail) = S::as_simd_f32s(source);
            let (gradient, gradient_tail) = S::as_simd_f32s(gradient);
            let mut sums = [[zero; SIDE]; 2];
            for (i, (&x, &g)) in body.iter().zip(gradient).enumerate() {
                let g = leaky_relu_backward(x, g);
                sums[0][i % SIDE] = simd.add_f32s(sums[0][i % SIDE], g);
                sums[1][i % SIDE] =
                    simd.mul_add_e_f32s(g, simd.sub_f32s(x, center), sums[1][i % SIDE]);
            }
            total.add(simd, sums);
            for (&x, &g) in tail.iter().zip(gradient_tail) {
                let g = leaky_relu_backward_one(x, g);
                total.0[0] += f64::from(g);
                total.0[1] += f64::from(g * (x - mean));
            }
        }
        let [sum, moment] = total.0;

        // dx = scale · (g − Σg/n − (x − mean) · Σg(x − mean) · inverse² / n)
        let constant = (sum / count as f64) as f32;
        let factor = (moment * f64::from(inverse).powi(2) / count as f64) as f32;
        let (constants, factors) = (simd.splat_f32s(constant), simd.splat_f32s(factor));
        for ((source, gradient), target) in self
            .sources
            .into_iter()
            .zip(self.gradients)
            .zip(self.targets)
        {
            let (body, tail) = S::as_simd_f32s(source);
            let (gradient, gradient_tail) = S::as_simd_f32s(gradient);
            let (target, target_tail) = S::as_mut_simd_f32s(target);
            for ((target, &x), &g) in target.iter_mut().zip(body).zip(gradient) {
                let off = simd.mul_f32s(simd.sub_f32s(x, center), factors);
                let rest = simd.sub_f32s(simd.sub_f32s(leaky_relu_backward(x, g), constants), off);
                *target = simd.mul_f32s(a, rest);
            }
            for ((target, &x), &g) in target_tail.iter_mut().zip(tail).zip(gradient_tail) {
                *target = scale * (leaky_relu_backward_one(x, g) - constant - (x - mean) * factor);
            }
        }
        ((moment * f64::from(inverse)) as f32, sum as f32)
    }
}

/// The sum of `values`.
pub(super) fn sum(values: &[f32]) -> f32 {
    struct Sum<'a>(&'a [f32]);
    impl WithSimd for Sum<'_> {
        type Output = f32;
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) -> f32 {
            let (body, tail) = S::as_simd_f32s(self.0);
            let mut sums = [simd.splat_f32s(0.0); SIDE];
            for (i, &x) in body.iter().enumerate() {
                sums[i % SIDE] = simd.add_f32s(sums[i % SIDE], x);
            }
            let mut total = Totals([0.0]);
            total.add(simd, [sums]);
            (total.0[0] + tail.iter().map(|&x| f64::from(x)).sum::<f64>()) as f32
        }
    }
    simd::dispatch(Sum(values))
}

/// The sum of the squares of `values`.
pub(super) fn norm_squared(values: &[f32]) -> f32 {
    struct Squares<'a>(&'a [f32]);
    impl WithSimd for Squares<'_> {
        type Output = f32;
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) -> f32 {
            let (body, tail) = S::as_simd_f32s(self.0);
            let mut sums = [simd.splat_f32s(0.0); SIDE];
            for (i, &x) in body.iter().enumerate() {
                sums[i % SIDE] = simd.mul_add_e_f32s(x, x, sums[i % SIDE]);
            }
            let mut total = Totals([0.0]);
            total.add(simd, [sums]);
            (total.0[0] + tail.iter().map(|&x| f64::from(x * x)).sum::<f64>()) as f32
        }
    }
    simd::dispatch(Squares(values))
}
