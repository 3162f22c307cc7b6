//! Gradients on the CPU.

use burn::backend::flex::FlexTensor;
use burn::backend::{Flex, TensorMetadata};

use super::{Plain, statistics, tensor};
use crate::kernel::gradients::{Gradients, Normalization, NormalizationGradients};
use crate::kernel::{Window, cpu};

impl Gradients for Flex {
    fn convolution(x: FlexTensor, weight: FlexTensor, window: Window) -> FlexTensor {
        let (x, weight) = (Plain::from(x), Plain::from(weight));
        let maps = cpu::convolution(x.values(), x.shape(), weight.values(), None, None, window);
        let [batch, _, height, width] = x.shape();
        let [height, width] = [height, width].map(|size| window.positions(size));
        let [outputs, ..] = weight.shape();
        tensor(maps, [batch, outputs, height, width])
    }

    fn transposed_convolution(
        x: FlexTensor,
        weight: FlexTensor,
        size: [usize; 2],
        window: Window,
    ) -> FlexTensor {
        let (x, weight) = (Plain::from(x), Plain::from(weight));
        let maps =
            cpu::transposed_convolution(x.values(), x.shape(), weight.values(), None, size, window);
        let ([batch, ..], [_, outputs, ..]) = (x.shape(), weight.shape());
        let [height, width] = size;
        tensor(maps, [batch, outputs, height, width])
    }

    fn weight_gradient(large: FlexTensor, small: FlexTensor, window: Window) -> FlexTensor {
        let (large, small) = (Plain::from(large), Plain::from(small));
        let values = cpu::weight_gradient(large.values(), large.shape(), small.values(), window);
        let ([_, inputs, ..], [_, outputs, ..]) = (large.shape(), small.shape());
        tensor(values, [outputs, inputs, window.kernel, window.kernel])
    }

    fn channel_sums(maps: FlexTensor) -> FlexTensor {
        let maps = Plain::from(maps);
        let sums = cpu::channel_sums(maps.values(), maps.shape());
        let channels = [sums.len()];
        tensor(sums, channels)
    }

    fn leaky_relu_backward(output: FlexTensor, gradient: FlexTensor, slope: f32) -> FlexTensor {
        let (output, gradient) = (Plain::from(output), Plain::from(gradient));
        let input_gradient = cpu::leaky_relu_backward(output.values(), gradient.values(), slope);
        tensor(input_gradient, gradient.shape())
    }

    fn normalize_backward(
        normalization: Normalization<FlexTensor>,
        gradient: FlexTensor,
    ) -> NormalizationGradients<FlexTensor> {
        let Normalization {
            x,
            gamma,
            beta,
            mean,
            variance,
            epsilon,
            slope,
        } = normalization;
        let [x, gamma, beta, gradient] = [x, gamma, beta, gradient].map(Plain::from);
        let gradients = cpu::norm_activation_backward(
            x.values(),
            x.shape(),
            gamma.values(),
            beta.values(),
            &statistics(mean, variance),
            epsilon,
            slope,
            gradient.values(),
        );
        let channels = [gradients.gamma.len()];
        NormalizationGradients {
            x: tensor(gradients.maps, x.shape()),
            gamma: tensor(gradients.gamma, channels),
            beta: tensor(gradients.beta, channels),
        }
    }

    fn max_pool_backward(x: FlexTensor, gradient: FlexTensor) -> FlexTensor {
        let (x, gradient) = (Plain::from(x), Plain::from(gradient));
        let maps = cpu::max_pool_backward(x.values(), x.shape(), gradient.values());
        tensor(maps, x.shape())
    }

    fn squared_error_backward(x: FlexTensor, y: FlexTensor, gradient: FlexTensor) -> FlexTensor {
        let shape = x.shape();
        let [x, y, gradient] = [x, y, gradient].map(Plain::from);
        let gradient = gradient.values()[0];
        let gradients = cpu::squared_error_backward(x.values(), y.values(), gradient);
        tensor(gradients, shape)
    }

    fn add_square_gradient(
        gradient: FlexTensor,
        other: Option<FlexTensor>,
        x: FlexTensor,
        of_squares: FlexTensor,
    ) -> FlexTensor {
        let shape = x.shape();
        let [gradient, x, of_squares] = [gradient, x, of_squares].map(Plain::from);
        let other = other.map(Plain::from);
        let sum = cpu::add_square_gradient(
            gradient.values(),
            other.as_ref().map(Plain::values),
            x.values(),
            of_squares.values(),
        );
        tensor(sum, shape)
    }
}
