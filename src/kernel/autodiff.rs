//! Gradients of the kernels. On GPUs they are those of Burn's own operations.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, AutodiffBackend, Flex};

use super::cpu::{self, Shape};
use super::flex::{Plain, statistics, tensor};
use super::{Kernels, Window};

#[cfg(feature = "gpu")]
impl<C: CheckpointStrategy> Kernels for Autodiff<burn::backend::Cube, C> {}

impl<C: CheckpointStrategy> Kernels for Autodiff<Flex, C> {
    fn convolve(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        window: Window,
        slope: f32,
    ) -> FloatTensor<Self> {
        let (x, x_node) = x.into_parts();
        let (weight, weight_node) = weight.into_parts();
        let (bias, bias_node) = bias.into_parts();
        let prepared = Convolve
            .prepare::<C>([x_node, weight_node, bias_node])
            .compute_bound();
        match prepared.stateful() {
            OpsKind::Tracked(prepared) => {
                let output = Flex::convolve(x.clone(), weight.clone(), bias, window, slope);
                // The sign of the output says on which side of the bend it lies.
                let bent = (slope != 1.0).then(|| (output.clone(), slope));
                prepared.finish(
                    ConvolveState {
                        x,
                        weight,
                        window,
                        bent,
                    },
                    output,
                )
            }
            OpsKind::UnTracked(prepared) => {
                prepared.finish(Flex::convolve(x, weight, bias, window, slope))
            }
        }
    }

    fn convolve_transposed(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        window: Window,
    ) -> FloatTensor<Self> {
        let (x, x_node) = x.into_parts();
        let (weight, weight_node) = weight.into_parts();
        let (bias, bias_node) = bias.into_parts();
        let prepared = ConvolveTransposed
            .prepare::<C>([x_node, weight_node, bias_node])
            .compute_bound();
        match prepared.stateful() {
            OpsKind::Tracked(prepared) => {
                let output = Flex::convolve_transposed(x.clone(), weight.clone(), bias, window);
                prepared.finish((x, weight, window), output)
            }
            OpsKind::UnTracked(prepared) => {
                prepared.finish(Flex::convolve_transposed(x, weight, bias, window))
            }
        }
    }

    fn normalize_train(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f32,
        slope: f32,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let (x, x_node) = x.into_parts();
        let (gamma, gamma_node) = gamma.into_parts();
        let (beta, beta_node) = beta.into_parts();
        let prepared = Normalize
            .prepare::<C>([x_node, gamma_node, beta_node])
            .compute_bound();
        let (output, mean, variance) =
            Flex::normalize_train(x.clone(), gamma.clone(), beta.clone(), epsilon, slope);
        let output = match prepared.stateful() {
            OpsKind::Tracked(prepared) => {
                let (mean, variance) = (mean.clone(), variance.clone());
                prepared.finish(
                    NormalizeState {
                        x,
                        gamma,
                        beta,
                        mean,
                        variance,
                        epsilon,
                        slope,
                    },
                    output,
                )
            }
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        };
        (output, Self::from_inner(mean), Self::from_inner(variance))
    }

    fn max_pool(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let (x, x_node) = x.into_parts();
        let output = Flex::max_pool(x.clone());
        match MaxPool.prepare::<C>([x_node]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(x, output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }
}

#[derive(Debug)]
struct Convolve;

#[derive(Debug, Clone)]
struct ConvolveState {
    x: FlexTensor,
    weight: FlexTensor,
    window: Window,
    /// The output and the slope of the rectifier, if there is one.
    bent: Option<(FlexTensor, f32)>,
}

impl Backward<Flex, 3> for Convolve {
    type State = ConvolveState;

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [x_node, weight_node, bias_node] = ops.parents;
        let mut gradient = Plain::from(grads.consume::<Flex>(&ops.node));
        let ConvolveState {
            x,
            weight,
            window,
            bent,
        } = ops.state;
        if let Some((output, slope)) = bent {
            let bent = cpu::bend_back(Plain::from(output).values(), gradient.values(), slope);
            gradient = Plain::from(tensor(bent, gradient.shape()));
        }
        let (x, weight) = (Plain::from(x), Plain::from(weight));
        if let Some(node) = x_node {
            let [_, _, height, width] = x.shape();
            let size = [height, width];
            let maps = cpu::scatter(
                gradient.values(),
                gradient.shape(),
                weight.values(),
                None,
                size,
                window,
            );
            grads.register::<Flex>(node.id, tensor(maps, x.shape()));
        }
        if let Some(node) = weight_node {
            let values = cpu::weight_gradient(x.values(), x.shape(), gradient.values(), window);
            grads.register::<Flex>(node.id, tensor(values, weight.shape()));
        }
        if let Some(node) = bias_node {
            grads.register::<Flex>(node.id, channel_sums(&gradient));
        }
    }
}

#[derive(Debug)]
struct ConvolveTransposed;

impl Backward<Flex, 3> for ConvolveTransposed {
    type State = (FlexTensor, FlexTensor, Window);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [x_node, weight_node, bias_node] = ops.parents;
        let gradient = Plain::from(grads.consume::<Flex>(&ops.node));
        let (x, weight, window) = ops.state;
        let (x, weight) = (Plain::from(x), Plain::from(weight));
        if let Some(node) = x_node {
            let maps = cpu::gather(
                gradient.values(),
                gradient.shape(),
                weight.values(),
                None,
                None,
                window,
            );
            grads.register::<Flex>(node.id, tensor(maps, x.shape()));
        }
        if let Some(node) = weight_node {
            let values =
                cpu::weight_gradient(gradient.values(), gradient.shape(), x.values(), window);
            grads.register::<Flex>(node.id, tensor(values, weight.shape()));
        }
        if let Some(node) = bias_node {
            grads.register::<Flex>(node.id, channel_sums(&gradient));
        }
    }
}

#[derive(Debug)]
struct Normalize;

#[derive(Debug, Clone)]
struct NormalizeState {
    x: FlexTensor,
    gamma: FlexTensor,
    beta: FlexTensor,
    mean: FlexTensor,
    variance: FlexTensor,
    epsilon: f32,
    slope: f32,
}

impl Backward<Flex, 3> for Normalize {
    type State = NormalizeState;

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [x_node, gamma_node, beta_node] = ops.parents;
        let gradient = Plain::from(grads.consume::<Flex>(&ops.node));
        let NormalizeState {
            x,
            gamma,
            beta,
            mean,
            variance,
            epsilon,
            slope,
        } = ops.state;
        let [x, gamma, beta] = [x, gamma, beta].map(Plain::from);
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
        let shape: Shape = x.shape();
        let channels = [shape[1]];
        if let Some(node) = x_node {
            grads.register::<Flex>(node.id, tensor(gradients.maps, shape));
        }
        if let Some(node) = gamma_node {
            grads.register::<Flex>(node.id, tensor(gradients.gamma, channels));
        }
        if let Some(node) = beta_node {
            grads.register::<Flex>(node.id, tensor(gradients.beta, channels));
        }
    }
}

#[derive(Debug)]
struct MaxPool;

impl Backward<Flex, 1> for MaxPool {
    type State = FlexTensor;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = Plain::from(grads.consume::<Flex>(&ops.node));
        let x = Plain::from(ops.state);
        if let [Some(node)] = ops.parents {
            let maps = cpu::max_pool_backward(x.values(), x.shape(), gradient.values());
            grads.register::<Flex>(node.id, tensor(maps, x.shape()));
        }
    }
}

fn channel_sums(maps: &Plain) -> FlexTensor {
    let sums = cpu::channel_sums(maps.values(), maps.shape());
    let channels = [sums.len()];
    tensor(sums, channels)
}
