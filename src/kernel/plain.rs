//! Default bodies of [`super::Kernels`], made of Burn's operations, for back ends without own
//! kernels.

use burn::backend::ops::{ConvOptions, ConvTransposeOptions};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata, get_or_init_device_settings};
use burn::tensor::Shape;

use super::{AddressingRule, Kernels, NormOptions, Window, correction};

/// [`super::Kernels::convolve`] with Burn's operations.
pub(super) fn convolve<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
    window: Window,
    slope: f32,
) -> FloatTensor<B> {
    let Window {
        stride, padding, ..
    } = window;
    let options = ConvOptions::new([stride; 2], [padding; 2], [1; 2], 1);
    leaky_relu::<B>(B::conv2d(x, weight, Some(bias), options), slope)
}

/// [`super::Kernels::convolve_transposed`] with Burn's operations.
pub(super) fn convolve_transposed<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
    window: Window,
) -> FloatTensor<B> {
    let Window {
        stride, padding, ..
    } = window;
    let options = ConvTransposeOptions::new([stride; 2], [padding; 2], [0; 2], [1; 2], 1);
    B::conv_transpose2d(x, weight, Some(bias), options)
}

/// [`super::Kernels::follow`] for the statistics of maps of this shape.
pub(super) fn follow_maps<B: Kernels>(
    [running_mean, running_variance]: [FloatTensor<B>; 2],
    [mean, variance]: [&FloatTensor<B>; 2],
    maps: &Shape,
    options: NormOptions,
) -> (FloatTensor<B>, FloatTensor<B>) {
    B::follow(
        running_mean,
        running_variance,
        mean.clone(),
        variance.clone(),
        options.momentum,
        correction(maps),
    )
}

/// [`super::Kernels::logistic_loss`] with Burn's operations.
pub(super) fn logistic_loss<B: Backend>(logits: FloatTensor<B>, sign: f32) -> FloatTensor<B> {
    let x = B::float_mul_scalar(logits, sign.into());
    // The power is at most 1, so it cannot overflow.
    let power = B::float_exp(B::float_neg(B::float_abs(x.clone())));
    B::float_mean(B::float_add(B::relu(x), B::float_log1p(power)))
}

/// The gradient of [`logistic_loss`] with respect to the logits.
#[cfg(feature = "learn")]
pub(super) fn logistic_loss_backward<B: Backend>(
    logits: FloatTensor<B>,
    sign: f32,
    gradient: FloatTensor<B>,
) -> FloatTensor<B> {
    let share = sign / logits.shape().num_elements() as f32;
    let slope = B::sigmoid(B::float_mul_scalar(logits, sign.into()));
    B::float_mul(slope, B::float_mul_scalar(gradient, share.into()))
}

/// The answers of a memory, and the values that their gradients need.
#[derive(Debug, Clone)]
pub(super) struct Answered<T> {
    /// The weighted sums of the items, `[Q, D]`.
    pub(super) answers: T,
    /// The weights of the items, `[Q, N]`.
    #[cfg(feature = "learn")]
    pub(super) weights: T,
    /// The dot products of queries and items, `[Q, N]`.
    #[cfg(feature = "learn")]
    pub(super) products: T,
    /// The sums of the squares of each query, `[Q, 1]`, and of each item, `[1, N]`.
    #[cfg(feature = "learn")]
    pub(super) squares: [T; 2],
    /// The items, `[D, N]`.
    #[cfg(feature = "learn")]
    pub(super) columns: T,
}

/// [`super::Kernels::answer`]. Back ends override the single operations that it calls.
pub(super) fn answer<B: Kernels>(
    queries: FloatTensor<B>,
    items: FloatTensor<B>,
    rule: AddressingRule,
) -> Answered<FloatTensor<B>> {
    let (of_queries, of_items) = B::square_sums(queries.clone(), items.clone());
    let squares = [of_queries, B::float_transpose(of_items)];
    let columns = B::transposed(items.clone());
    let products = B::matmul(queries, columns.clone());
    let [of_queries, of_items] = squares.clone();
    let weights = B::address(products.clone(), of_queries, of_items, rule);
    Answered {
        answers: B::matmul(weights.clone(), items),
        #[cfg(feature = "learn")]
        weights,
        #[cfg(feature = "learn")]
        products,
        #[cfg(feature = "learn")]
        squares,
        #[cfg(feature = "learn")]
        columns,
    }
}

/// [`super::Kernels::address`] with Burn's operations.
pub(super) fn address<B: Backend>(
    products: FloatTensor<B>,
    queries: FloatTensor<B>,
    items: FloatTensor<B>,
    rule: AddressingRule,
) -> FloatTensor<B> {
    let norms = [queries, items].map(|squares| norm::<B>(squares, rule.min_norm));
    let weights = all_weights::<B>(similarities::<B>(products, &norms), rule);
    let kept = keep::<B>(weights.clone(), weights, rule);
    if rule.renormalize {
        // The sum is not zero, because at least the largest weight, which is 1/N or more, is left.
        let sum = B::float_sum_dim(kept.clone(), 1);
        B::float_div(kept, sum)
    } else {
        kept
    }
}

/// The gradients of [`address`] with respect to the dot products and to both sums of squares.
#[cfg(feature = "learn")]
pub(super) fn address_backward<B: Backend>(
    products: FloatTensor<B>,
    queries: FloatTensor<B>,
    items: FloatTensor<B>,
    rule: AddressingRule,
    gradient: FloatTensor<B>,
) -> [FloatTensor<B>; 3] {
    let norms = [queries, items].map(|squares| norm::<B>(squares, rule.min_norm));
    let similarities = similarities::<B>(products, &norms);
    let weights = all_weights::<B>(similarities.clone(), rule);
    // The gradient with respect to the weights before the shrinkage and the renormalization.
    let gradient = if rule.renormalize {
        let kept = keep::<B>(weights.clone(), weights.clone(), rule);
        let sum = B::float_sum_dim(kept.clone(), 1);
        let mean = B::float_sum_dim(B::float_mul(kept, gradient.clone()), 1);
        let mean = B::float_div(mean, sum.clone());
        B::float_div(B::float_sub(gradient, mean), sum)
    } else {
        gradient
    };
    let gradient = keep::<B>(gradient, weights.clone(), rule);
    // Through the softmax.
    let mean = B::float_sum_dim(B::float_mul(weights.clone(), gradient.clone()), 1);
    let gradient = B::float_mul(weights, B::float_sub(gradient, mean));
    let gradient = B::float_div_scalar(gradient, rule.temperature.into());
    // Through the cosine. A norm at its lower limit has no gradient.
    let shares = B::float_mul(gradient.clone(), similarities);
    let squares = |norm: &FloatTensor<B>, dim: usize| {
        let sum = B::float_sum_dim(shares.clone(), dim);
        let squared = B::float_mul(norm.clone(), norm.clone());
        let gradient = B::float_mul_scalar(B::float_div(sum, squared), (-0.5f32).into());
        let least = B::float_lower_equal_elem(norm.clone(), rule.min_norm.into(), bools::<B>(norm));
        B::float_mask_fill(gradient, least, 0.0f32.into())
    };
    let [queries, items] = [squares(&norms[0], 1), squares(&norms[1], 0)];
    let [of_query, of_item] = norms;
    let products = B::float_div(B::float_div(gradient, of_query), of_item);
    [products, queries, items]
}

/// The square root, but at least `least`.
fn norm<B: Backend>(squares: FloatTensor<B>, least: f32) -> FloatTensor<B> {
    B::float_sqrt(B::float_clamp_min(squares, (least * least).into()))
}

/// Cosines, `[Q, N]`, from dot products and the norms of queries and items.
fn similarities<B: Backend>(
    products: FloatTensor<B>,
    [queries, items]: &[FloatTensor<B>; 2],
) -> FloatTensor<B> {
    B::float_div(B::float_div(products, queries.clone()), items.clone())
}

/// The softmax over all items, before the shrinkage.
fn all_weights<B: Backend>(similarities: FloatTensor<B>, rule: AddressingRule) -> FloatTensor<B> {
    let scaled = match rule.temperature {
        1.0 => similarities,
        temperature => B::float_div_scalar(similarities, temperature.into()),
    };
    B::softmax(scaled, 1)
}

/// The values whose weights are not dropped by the shrinkage; 0 for the others.
fn keep<B: Backend>(
    values: FloatTensor<B>,
    weights: FloatTensor<B>,
    rule: AddressingRule,
) -> FloatTensor<B> {
    let kind = bools::<B>(&weights);
    let dropped = B::float_lower_elem(B::float_detach(weights), rule.cut.into(), kind);
    B::float_mask_fill(values, dropped, 0.0f32.into())
}

fn bools<B: Backend>(tensor: &FloatTensor<B>) -> burn::tensor::BoolDType {
    get_or_init_device_settings::<B>(&tensor.device()).bool_dtype
}

pub(super) fn leaky_relu<B: Backend>(x: FloatTensor<B>, slope: f32) -> FloatTensor<B> {
    match slope {
        1.0 => x,
        0.0 => B::relu(x),
        slope => B::leaky_relu(x, slope.into()),
    }
}
