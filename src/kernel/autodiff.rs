//! [`Kernels`] with automatic differentiation, on every back end that implements [`Gradients`].

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients as Found;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, AutodiffBackend, TensorMetadata};

use super::gradients::{Gradients, Normalization};
use super::plain::{self, Answered};
use super::recording::{is_replayed, once};
use super::{AddressingRule, Kernels, NormOptions, Window};

impl<B: Gradients, C: CheckpointStrategy> Kernels for Autodiff<B, C> {
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
        let output = once(|| B::convolve(x.clone(), weight.clone(), bias, window, slope));
        match prepared.stateful() {
            OpsKind::Tracked(prepared) => {
                // The output has the sign of the leaky ReLU's input, which is all that its gradient
                // needs.
                let activation = (slope != 1.0).then(|| (output.clone(), slope));
                prepared.finish(
                    ConvolveState {
                        x,
                        weight,
                        window,
                        activation,
                    },
                    output,
                )
            }
            OpsKind::UnTracked(prepared) => prepared.finish(output),
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
        let output = once(|| B::convolve_transposed(x.clone(), weight.clone(), bias, window));
        match prepared.stateful() {
            OpsKind::Tracked(prepared) => prepared.finish((x, weight, window), output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }

    fn normalize_train(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        running_mean: FloatTensor<Self>,
        running_variance: FloatTensor<Self>,
        options: NormOptions,
    ) -> (
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
    ) {
        let (x, x_node) = x.into_parts();
        let (gamma, gamma_node) = gamma.into_parts();
        let (beta, beta_node) = beta.into_parts();
        let prepared = Normalize
            .prepare::<C>([x_node, gamma_node, beta_node])
            .compute_bound();
        let [running_mean, running_variance] =
            [running_mean, running_variance].map(|running| running.into_parts().0);
        let is_known = is_replayed();
        let (output, mean, variance, moved_mean, moved_variance) = once(|| {
            B::normalize_train(
                x.clone(),
                gamma.clone(),
                beta.clone(),
                running_mean.clone(),
                running_variance.clone(),
                options,
            )
        });
        // The recorded pass has already updated the running statistics, so they must be updated
        // again from their current values.
        let (moved_mean, moved_variance) = if is_known {
            let running = [running_mean, running_variance];
            plain::follow_maps::<B>(running, [&mean, &variance], &x.shape(), options)
        } else {
            (moved_mean, moved_variance)
        };
        let output = match prepared.stateful() {
            OpsKind::Tracked(prepared) => {
                let (mean, variance) = (mean.clone(), variance.clone());
                prepared.finish(
                    Normalization {
                        x,
                        gamma,
                        beta,
                        mean,
                        variance,
                        epsilon: options.epsilon,
                        slope: options.slope,
                    },
                    output,
                )
            }
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        };
        (
            output,
            Self::from_inner(mean),
            Self::from_inner(variance),
            Self::from_inner(moved_mean),
            Self::from_inner(moved_variance),
        )
    }

    fn concatenate(first: FloatTensor<Self>, second: FloatTensor<Self>) -> FloatTensor<Self> {
        let (first, first_node) = first.into_parts();
        let (second, second_node) = second.into_parts();
        let prepared = Concatenate
            .prepare::<C>([first_node, second_node])
            .compute_bound();
        let channels = first.shape()[1];
        let output = once(|| B::concatenate(first, second));
        match prepared.stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(channels, output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }

    fn max_pool(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let (x, x_node) = x.into_parts();
        let output = once(|| B::max_pool(x.clone()));
        match MaxPool.prepare::<C>([x_node]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(x, output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }

    fn logistic_loss(logits: FloatTensor<Self>, sign: f32) -> FloatTensor<Self> {
        let (logits, node) = logits.into_parts();
        let output = once(|| B::logistic_loss(logits.clone(), sign));
        match LogisticLoss.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish((logits, sign), output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }

    fn squared_error(x: FloatTensor<Self>, y: FloatTensor<Self>) -> FloatTensor<Self> {
        let (x, x_node) = x.into_parts();
        let (y, y_node) = y.into_parts();
        let output = once(|| B::squared_error(x.clone(), y.clone()));
        let prepared = SquaredError.prepare::<C>([x_node, y_node]).compute_bound();
        match prepared.stateful() {
            OpsKind::Tracked(prepared) => prepared.finish([x, y], output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }

    fn arranged_maps(maps: FloatTensor<Self>) -> FloatTensor<Self> {
        let (maps, _) = maps.into_parts();
        Self::from_inner(B::arranged_maps(maps))
    }

    fn answer(
        queries: FloatTensor<Self>,
        items: FloatTensor<Self>,
        rule: AddressingRule,
    ) -> FloatTensor<Self> {
        let (queries, queries_node) = queries.into_parts();
        let (items, items_node) = items.into_parts();
        let answered = once(|| plain::answer::<B>(queries.clone(), items.clone(), rule));
        let nodes = [queries_node, items_node];
        match Answer.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let answers = answered.answers.clone();
                prepared.finish(([queries, items], answered, rule), answers)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(answered.answers),
        }
    }
}

#[derive(Debug)]
struct Convolve;

#[derive(Debug, Clone)]
struct ConvolveState<T> {
    x: T,
    weight: T,
    window: Window,
    /// Output and slope of the leaky ReLU, if there is one.
    activation: Option<(T, f32)>,
}

impl<B: Gradients> Backward<B, 3> for Convolve {
    type State = ConvolveState<FloatTensor<B>>;

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Found, _: &mut Checkpointer) {
        let [x_node, weight_node, bias_node] = ops.parents;
        let mut gradient = grads.consume::<B>(&ops.node);
        let ConvolveState {
            x,
            weight,
            window,
            activation,
        } = ops.state;
        if let Some((output, slope)) = activation {
            gradient = B::leaky_relu_backward(output, gradient, slope);
        }
        if let Some(node) = x_node {
            let [_, _, height, width] = x.shape().dims();
            let maps = B::transposed_convolution(gradient.clone(), weight, [height, width], window);
            grads.register::<B>(node.id, maps);
        }
        if let Some(node) = weight_node {
            let weights = B::weight_gradient(x, gradient.clone(), window);
            grads.register::<B>(node.id, weights);
        }
        if let Some(node) = bias_node {
            grads.register::<B>(node.id, B::channel_sums(gradient));
        }
    }
}

#[derive(Debug)]
struct ConvolveTransposed;

impl<B: Gradients> Backward<B, 3> for ConvolveTransposed {
    type State = (FloatTensor<B>, FloatTensor<B>, Window);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Found, _: &mut Checkpointer) {
        let [x_node, weight_node, bias_node] = ops.parents;
        let gradient = grads.consume::<B>(&ops.node);
        let (x, weight, window) = ops.state;
        if let Some(node) = x_node {
            grads.register::<B>(node.id, B::convolution(gradient.clone(), weight, window));
        }
        if let Some(node) = weight_node {
            let weights = B::weight_gradient(gradient.clone(), x, window);
            grads.register::<B>(node.id, weights);
        }
        if let Some(node) = bias_node {
            grads.register::<B>(node.id, B::channel_sums(gradient));
        }
    }
}

#[derive(Debug)]
struct Normalize;

impl<B: Gradients> Backward<B, 3> for Normalize {
    type State = Normalization<FloatTensor<B>>;

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Found, _: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        let gradients = B::normalize_backward(ops.state, gradient);
        let gradients = [gradients.x, gradients.gamma, gradients.beta];
        for (node, gradient) in ops.parents.into_iter().zip(gradients) {
            if let Some(node) = node {
                grads.register::<B>(node.id, gradient);
            }
        }
    }
}

#[derive(Debug)]
struct Concatenate;

impl<B: Gradients> Backward<B, 2> for Concatenate {
    type State = usize;

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Found, _: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        let parts = B::split(gradient, ops.state);
        for (node, part) in ops.parents.into_iter().zip(parts) {
            if let Some(node) = node {
                grads.register::<B>(node.id, part);
            }
        }
    }
}

#[derive(Debug)]
struct MaxPool;

impl<B: Gradients> Backward<B, 1> for MaxPool {
    type State = FloatTensor<B>;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Found, _: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        if let [Some(node)] = ops.parents {
            grads.register::<B>(node.id, B::max_pool_backward(ops.state, gradient));
        }
    }
}

#[derive(Debug)]
struct LogisticLoss;

impl<B: Gradients> Backward<B, 1> for LogisticLoss {
    type State = (FloatTensor<B>, f32);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Found, _: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        let (logits, sign) = ops.state;
        if let [Some(node)] = ops.parents {
            grads.register::<B>(node.id, B::logistic_loss_backward(logits, sign, gradient));
        }
    }
}

#[derive(Debug)]
struct SquaredError;

impl<B: Gradients> Backward<B, 2> for SquaredError {
    type State = [FloatTensor<B>; 2];

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Found, _: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        let [x, y] = ops.state;
        let [x_node, y_node] = ops.parents;
        if let Some(node) = x_node {
            let of_x = B::squared_error_backward(x.clone(), y.clone(), gradient.clone());
            grads.register::<B>(node.id, of_x);
        }
        if let Some(node) = y_node {
            grads.register::<B>(node.id, B::squared_error_backward(y, x, gradient));
        }
    }
}

#[derive(Debug)]
struct Answer;

impl<B: Gradients> Backward<B, 2> for Answer {
    type State = (
        [FloatTensor<B>; 2],
        Answered<FloatTensor<B>>,
        AddressingRule,
    );

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Found, _: &mut Checkpointer) {
        let [queries_node, items_node] = ops.parents;
        let gradient = grads.consume::<B>(&ops.node);
        let ([queries, items], answered, rule) = ops.state;
        let [of_queries, of_items] = answered.squares;
        let of_weights = B::matmul(gradient.clone(), answered.columns);
        let operands = [answered.products, of_queries, of_items];
        let [of_products, of_queries, of_items] = B::address_backward(operands, rule, of_weights);
        if let Some(node) = queries_node {
            let by_products = B::matmul(of_products.clone(), items.clone());
            let sum = B::add_square_gradient(by_products, None, queries.clone(), of_queries);
            grads.register::<B>(node.id, sum);
        }
        if let Some(node) = items_node {
            let by_sums = B::matmul(B::float_transpose(answered.weights), gradient);
            let by_products = B::matmul(B::float_transpose(of_products), queries);
            let of_items = B::float_transpose(of_items);
            let sum = B::add_square_gradient(by_sums, Some(by_products), items, of_items);
            grads.register::<B>(node.id, sum);
        }
    }
}
