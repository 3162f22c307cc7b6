//! [`Kernels`] on the CPU: the functions of [`cpu`], called with the memory of Burn's `flex`
//! tensors.

#[cfg(feature = "learn")]
mod gradients;

use burn::backend::flex::FlexTensor;
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::TensorData;

use super::cpu::{self, NormStatistics, Shape};
use super::{AdamStep, Kernels, NormOptions, Recall, Window, plain};

impl Kernels for Flex {
    fn convolve(
        x: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        window: Window,
        slope: f32,
    ) -> FlexTensor {
        let (x, weight, bias) = (Plain::from(x), Plain::from(weight), Plain::from(bias));
        let [batch, _, height, width] = x.shape();
        let slope = (slope != 1.0).then_some(slope);
        let maps = cpu::convolution(
            x.values(),
            x.shape(),
            weight.values(),
            Some(bias.values()),
            slope,
            window,
        );
        let size = [height, width].map(|size| window.positions(size));
        tensor(maps, [batch, bias.values().len(), size[0], size[1]])
    }

    fn convolve_transposed(
        x: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        window: Window,
    ) -> FlexTensor {
        let (x, weight, bias) = (Plain::from(x), Plain::from(weight), Plain::from(bias));
        let [batch, _, height, width] = x.shape();
        let size = [height, width].map(|size| window.span(size));
        let maps = cpu::transposed_convolution(
            x.values(),
            x.shape(),
            weight.values(),
            Some(bias.values()),
            size,
            window,
        );
        tensor(maps, [batch, bias.values().len(), size[0], size[1]])
    }

    fn normalize(
        x: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        mean: FlexTensor,
        variance: FlexTensor,
        epsilon: f32,
        slope: f32,
    ) -> FlexTensor {
        let [x, gamma, beta] = [x, gamma, beta].map(Plain::from);
        let statistics = statistics(mean, variance);
        let (gamma, beta) = (gamma.values(), beta.values());
        let maps = cpu::norm_activation(
            x.values(),
            x.shape(),
            gamma,
            beta,
            &statistics,
            epsilon,
            slope,
        );
        tensor(maps, x.shape())
    }

    fn normalize_train(
        x: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        running_mean: FlexTensor,
        running_variance: FlexTensor,
        options: NormOptions,
    ) -> (FlexTensor, FlexTensor, FlexTensor, FlexTensor, FlexTensor) {
        let shape = x.shape();
        let [x, gamma, beta] = [x, gamma, beta].map(Plain::from);
        let (maps, NormStatistics { mean, variance }) = cpu::norm_activation_train(
            x.values(),
            x.shape(),
            gamma.values(),
            beta.values(),
            options.epsilon,
            options.slope,
        );
        let channels = [mean.len()];
        let (mean, variance) = (tensor(mean, channels), tensor(variance, channels));
        let running = [running_mean, running_variance];
        let (running_mean, running_variance) =
            plain::follow_maps::<Self>(running, [&mean, &variance], &shape, options);
        let maps = tensor(maps, x.shape());
        (maps, mean, variance, running_mean, running_variance)
    }

    fn max_pool(x: FlexTensor) -> FlexTensor {
        let x = Plain::from(x);
        let [batch, channels, height, width] = x.shape();
        tensor(
            cpu::max_pool(x.values(), x.shape()),
            [batch, channels, height / 2, width / 2],
        )
    }

    fn square_sums(first: FlexTensor, second: FlexTensor) -> (FlexTensor, FlexTensor) {
        let sums = |matrix: FlexTensor| {
            let [rows, columns] = matrix.shape().dims();
            let sums = cpu::square_sums(Plain::from(matrix).values(), columns);
            tensor(sums, [rows, 1])
        };
        (sums(first), sums(second))
    }

    fn matmul(lhs: FlexTensor, rhs: FlexTensor) -> FlexTensor {
        let ([rows, _], [_, columns]) = (lhs.shape().dims(), rhs.shape().dims());
        let (lhs, rhs) = (Dense::from(lhs), Dense::from(rhs));
        tensor(cpu::matmul(lhs.matrix(), rhs.matrix()), [rows, columns])
    }

    fn squared_error(x: FlexTensor, y: FlexTensor) -> FlexTensor {
        let [x, y] = [x, y].map(Plain::from);
        tensor(vec![cpu::squared_error(x.values(), y.values())], [1])
    }

    fn adam(
        mut value: FlexTensor,
        mut first: FlexTensor,
        mut second: FlexTensor,
        gradient: FlexTensor,
        step: AdamStep,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let gradient = Plain::from(gradient);
        for tensor in [&mut value, &mut first, &mut second] {
            *tensor = tensor.to_contiguous();
        }
        // This updates in place; the memory is copied only if another tensor shares it.
        let [values, first_values, second_values] =
            [&mut value, &mut first, &mut second].map(FlexTensor::storage_mut::<f32>);
        cpu::adam(values, first_values, second_values, gradient.values(), step);
        (value, first, second)
    }
}

pub(super) fn recall(maps: FlexTensor, items: FlexTensor, recall: Recall) -> FlexTensor {
    let [maps, items] = [maps, items].map(Plain::from);
    let output = cpu::recall(maps.values(), maps.shape(), items.values(), recall);
    tensor(output, maps.shape())
}

/// A tensor with contiguous values.
struct Plain(FlexTensor);

impl From<FlexTensor> for Plain {
    fn from(tensor: FlexTensor) -> Self {
        Self(tensor.to_contiguous())
    }
}

impl Plain {
    fn values(&self) -> &[f32] {
        self.0.as_slice().expect("contiguous f32 values")
    }

    fn shape(&self) -> Shape {
        self.0.shape().dims()
    }
}

/// A matrix that is stored row by row or column by column.
struct Dense {
    rows: Plain,
    /// Whether `rows` are the columns of the matrix.
    is_transposed: bool,
}

impl From<FlexTensor> for Dense {
    fn from(matrix: FlexTensor) -> Self {
        let transpose = matrix.transpose(0, 1);
        let is_transposed = !matrix.is_contiguous() && transpose.is_contiguous();
        let rows = if is_transposed { transpose } else { matrix };
        Self {
            rows: Plain::from(rows),
            is_transposed,
        }
    }
}

impl Dense {
    fn matrix(&self) -> cpu::Matrix<'_> {
        let rows = cpu::Matrix::new(self.rows.values(), self.rows.0.shape().dims());
        if self.is_transposed {
            rows.transposed()
        } else {
            rows
        }
    }
}

fn statistics(mean: FlexTensor, variance: FlexTensor) -> NormStatistics {
    let [mean, variance] = [mean, variance].map(|tensor| Plain::from(tensor).values().to_vec());
    NormStatistics { mean, variance }
}

fn tensor(values: Vec<f32>, shape: impl Into<burn::tensor::Shape>) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}
